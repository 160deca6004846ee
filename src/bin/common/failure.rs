//! What is told of a command that failed: what, why, and what to do.

use std::error::Error;

/// A failure, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What kind of failure it is.
    pub(crate) kind: FailureKind,
    /// What happened.
    pub(crate) message: String,
    /// Why, from the nearest to the deepest cause.
    pub(crate) causes: Vec<String>,
    /// What to do.
    pub(crate) hint: Option<String>,
}

/// A kind of failure, the same in both programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FailureKind {
    /// Its name in the JSON error.
    pub(crate) name: &'static str,
    /// What the process ends with.
    pub(crate) exit_code: u8,
}

impl FailureKind {
    /// What was asked for cannot be.
    pub(crate) const USAGE: Self = Self { name: "usage", exit_code: 2 };
    /// Trust or integrity.
    pub(crate) const REFUSED: Self = Self { name: "refused", exit_code: 4 };
    /// The local disk or system.
    pub(crate) const LOCAL: Self = Self { name: "local", exit_code: 5 };
    /// Another run is at work.
    pub(crate) const LOCKED: Self = Self { name: "locked", exit_code: 6 };
    /// The program is wrong.
    pub(crate) const BUG: Self = Self { name: "bug", exit_code: 70 };
}

impl Failure {
    /// What to do about a bug.
    pub(crate) const REPORT: &str = "please report this with the command and the output of STATELESS_UPDATE_LOG=debug";

    /// An error of the library.
    pub(crate) fn of(kind: FailureKind, error: &dyn Error, hint: &str) -> Self {
        Self { kind, message: error.to_string(), causes: causes(error), hint: Some(hint.to_owned()) }
    }

    /// The command line, or the environment, says what cannot be.
    pub(crate) fn usage(message: String) -> Self {
        let hint = format!("`{} --help` says what is possible", super::PROGRAM);
        Self { kind: FailureKind::USAGE, message, causes: Vec::new(), hint: Some(hint) }
    }

    /// The system refuses something that the program itself needs.
    pub(crate) fn local(message: String, error: &dyn Error) -> Self {
        let mut causes = causes(error);
        causes.insert(0, error.to_string());
        Self { kind: FailureKind::LOCAL, message, causes, hint: None }
    }

    /// A signal ended the run. Shells show such ends as 128 and the signal's number.
    pub(crate) fn interrupted(signal: &str, number: u8) -> Self {
        Self {
            kind: FailureKind { name: "interrupted", exit_code: 128 + number },
            message: format!("interrupted by {signal}"),
            causes: Vec::new(),
            hint: Some("run the command again: it goes on from what is done, or begins anew".to_owned()),
        }
    }

    /// The program is wrong.
    pub(crate) fn bug(message: String) -> Self {
        let (message, hint) = (format!("a bug: {message}"), Some(Self::REPORT.to_owned()));
        Self { kind: FailureKind::BUG, message, causes: Vec::new(), hint }
    }
}

/// The chain of sources, without those that only repeat what is above them.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut said = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if said.last() != Some(&text) {
            said.push(text);
        }
        next = cause.source();
    }
    said.split_off(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Link>>,
    }

    #[test]
    fn causes_are_told_once_each() {
        let link = |text, source: Option<Link>| Link { text, source: source.map(Box::new) };
        let error = link("top", Some(link("top", Some(link("middle", Some(link("bottom", None)))))));
        assert_eq!(causes(&error), ["middle", "bottom"]);
    }
}
