//! What a run shows of itself: lines for a person, or JSON for a script.

use stateless_update::report::{Ahead, Event, Reporter};

use super::answers::Answers;
use super::human::Human;
use super::json::Json;
use super::{Ending, Shown};

/// Shows one run, from any thread.
pub(crate) enum Face {
    /// To a person.
    Human(Human),
    /// To a script.
    Json(Json),
}

impl Face {
    /// The face that the options ask for.
    pub(crate) fn of(shown: &Shown, command: &'static str) -> Self {
        let progress = !shown.no_progress && !shown.quiet;
        if shown.json {
            Self::Json(Json::new(Answers::on_stdout(), command, progress))
        } else {
            Self::Human(Human::of_terminal(shown.quiet, shown.verbose, progress))
        }
    }

    /// The same, which asks a person before anything is changed, where there is one to ask.
    #[allow(dead_code, reason = "the publisher asks nothing")]
    pub(crate) fn asking(shown: &Shown, command: &'static str) -> Self {
        match Self::of(shown, command) {
            Self::Human(human) => Self::Human(human.asking()),
            json => json,
        }
    }

    /// The run begins.
    pub(crate) fn start(&self) {
        if let Self::Json(json) = self {
            json.start();
        }
    }

    /// The last word. Gives the exit code; only the first call counts, and says what later ones give.
    pub(crate) fn end(&self, ending: &Ending) -> u8 {
        match self {
            Self::Human(human) => human.end(ending),
            Self::Json(json) => json.end(ending),
        }
    }
}

impl Reporter for Face {
    fn report(&self, event: Event) {
        match self {
            Self::Human(human) => human.report(event),
            Self::Json(json) => json.report(event),
        }
    }

    fn agrees(&self, ahead: &Ahead) -> bool {
        match self {
            Self::Human(human) => human.agrees(ahead),
            Self::Json(_) => true,
        }
    }
}
