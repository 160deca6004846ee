//! The face for a person: answers on stdout, everything else on stderr.

use std::io::{Write, stderr, stdout};
use std::sync::{Mutex, PoisonError};

use stateless_update::report::{Event, Reporter};

use super::paint::Paint;
use super::progress::Progress;
use super::{Ending, Failure, Weight};

/// Writes as things happen.
pub(crate) struct Human {
    quiet: bool,
    verbose: bool,
    paint: Paint,
    state: Mutex<State>,
}

/// What a run writes to.
pub(crate) struct State {
    out: Box<dyn Write + Send>,
    aside: Box<dyn Write + Send>,
    progress: Option<Progress>,
    ended: bool,
}

impl Human {
    /// Writes to the terminal, or whatever stdout and stderr are.
    pub(crate) fn of_terminal(quiet: bool, verbose: bool, progress: bool) -> Self {
        let progress = progress.then(Progress::on_stderr);
        let state = State { out: Box::new(stdout()), aside: Box::new(stderr()), progress, ended: false };
        Self { quiet, verbose, paint: Paint::of(&stderr()), state: Mutex::new(state) }
    }

    /// The last word. Says whether it was the first call; all others are ignored.
    pub(crate) fn end(&self, ending: &Ending) -> bool {
        let mut first = false;
        self.with(|state| {
            first = true;
            if let Some(progress) = &mut state.progress {
                progress.clear();
            }
            match ending {
                Ok(answer) if self.quiet && answer.weight == Weight::Story => {}
                Ok(answer) => state.say(&answer.text),
                Err(failure) => state.aside(&self.failure(failure)),
            }
            state.ended = true;
        });
        first
    }

    /// Does something with the streams, unless the run has ended.
    pub(crate) fn with(&self, work: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.ended {
            work(&mut state);
        }
    }

    fn failure(&self, failure: &Failure) -> String {
        let Failure { message, causes, hint, .. } = failure;
        let mut text = format!("{} {message}\n", self.paint.red("error:"));
        for cause in causes {
            text.push_str(&format!("  because: {cause}\n"));
        }
        if let Some(hint) = hint {
            text.push_str(&format!("  {} {hint}\n", self.paint.cyan("hint:")));
        }
        text
    }
}

impl State {
    /// Writes to stdout. A reader that is gone has what it wanted.
    pub(crate) fn say(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }

    /// Writes to stderr, above the bars. There is nobody to tell when that fails.
    fn aside(&mut self, text: &str) {
        let aside = &mut self.aside;
        let mut write = || drop(aside.write_all(text.as_bytes()).and_then(|()| aside.flush()));
        match &self.progress {
            Some(progress) => progress.aside(write),
            None => write(),
        }
    }
}

impl Reporter for Human {
    fn report(&self, event: Event) {
        self.with(|state| match event {
            Event::Progress { step, done, total } => {
                let ended = state.progress.as_mut().and_then(|progress| progress.take(step, done, total));
                if let Some(line) = ended {
                    state.aside(&format!("{line}\n"));
                }
            }
            Event::Warning(message) => state.aside(&format!("{} {message}\n", self.paint.yellow("warning:"))),
            Event::Note(message) if self.verbose => state.aside(&format!("{message}\n")),
            Event::Note(_) => {}
        });
    }
}

#[cfg(test)]
#[path = "human_tests.rs"]
mod tests;
