//! What a command that did its work has to say, and how a run ended.

use serde_json::{Map, Value};

use super::Failure;

/// The answer of a command.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// For a person.
    pub(crate) text: String,
    /// For a script: the fields of the result beyond those of every result.
    pub(crate) fields: Map<String, Value>,
    /// What the process ends with: 0, unless the answer is a plain "no" or worse.
    pub(crate) exit_code: u8,
    /// Whether a person who wants quiet wants it.
    pub(crate) weight: Weight,
}

/// What `--quiet` leaves of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// All of it: it is what was asked for.
    Asked,
    /// Nothing: it is the story of what was done, which the exit code tells as well.
    Story,
}

/// How a run ended. An answer may still be a plain "no".
pub(crate) type Ending = Result<Answer, Failure>;

/// What the process ends with, if what there is to say can be said.
pub(super) fn exit_code(ending: &Ending) -> u8 {
    match ending {
        Ok(answer) => answer.exit_code,
        Err(failure) => failure.kind.exit_code,
    }
}
