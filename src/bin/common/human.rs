//! The face for a person: answers on stdout, everything else on stderr.

use std::io::{IsTerminal as _, Write, stderr, stdin};
use std::sync::{Mutex, MutexGuard, PoisonError};

use stateless_update::report::{Ahead, Event, Reporter};
use stateless_update::types::Visible;

use super::answer::exit_code;
use super::answers::Answers;
use super::numbers::{bytes, count, counted};
use super::paint::Paint;
use super::progress::Progress;
use super::told::{columns, told, wrapped};
use super::{Ending, Failure, Weight};

/// Writes as things happen.
pub(crate) struct Human {
    quiet: bool,
    verbose: bool,
    asks: bool,
    paint: Paint,
    /// How wide the terminal is, if it is one.
    columns: Option<usize>,
    state: Mutex<State>,
}

/// What a run writes to.
pub(crate) struct State {
    out: Answers,
    aside: Box<dyn Write + Send>,
    progress: Option<Progress>,
    /// A question stands on the last line, without its answer.
    asked: bool,
    /// The exit code, once the run has ended.
    ended: Option<u8>,
}

impl Human {
    /// Writes to the terminal, or whatever stdout and stderr are.
    pub(crate) fn of_terminal(quiet: bool, verbose: bool, progress: bool) -> Self {
        let progress = progress.then(Progress::on_stderr);
        let state = State { out: Answers::on_stdout(), aside: Box::new(stderr()), progress, asked: false, ended: None };
        Self { quiet, verbose, asks: false, paint: Paint::of(&stderr()), columns: columns(), state: Mutex::new(state) }
    }

    /// The same, which asks before anything is changed, where a person is at both ends.
    pub(crate) fn asking(self) -> Self {
        Self { asks: !self.quiet && stdin().is_terminal() && stderr().is_terminal(), ..self }
    }

    /// The last word. Gives the exit code; only the first call counts, and says what later ones give.
    pub(crate) fn end(&self, ending: &Ending) -> u8 {
        let mut state = self.state();
        if let Some(code) = state.ended {
            return code;
        }
        state.leave_question();
        if let Some(progress) = &mut state.progress {
            progress.clear();
        }
        match ending {
            Ok(answer) if self.quiet && answer.weight == Weight::Story => {}
            Ok(answer) => state.say(&answer.text),
            Err(failure) => state.aside(&self.failure(failure)),
        }
        let (code, lost) = state.out.ends(exit_code(ending));
        if let Some(lost) = lost {
            state.aside(&self.failure(&lost));
        }
        *state.ended.insert(code)
    }

    /// Does something with the streams, unless the run has ended.
    pub(crate) fn with(&self, work: impl FnOnce(&mut State)) {
        let mut state = self.state();
        if state.ended.is_none() {
            work(&mut state);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self, failure: &Failure) -> String {
        let Failure { message, causes, hint, .. } = failure;
        let mut text = self.line("error:", Paint::red, message);
        for cause in causes {
            text.push_str(&self.line("  because:", |_, label| label.to_owned(), cause));
        }
        if let Some(hint) = hint {
            text.push_str(&self.line("  hint:", Paint::cyan, hint));
        }
        text
    }

    /// A label and what it is for.
    fn line(&self, label: &str, paint: impl Fn(Paint, &str) -> String, message: &str) -> String {
        format!("{} {}\n", paint(self.paint, label), told(label.len() + 1, message, self.columns))
    }
}

impl State {
    /// Writes to stdout.
    pub(crate) fn say(&mut self, text: &str) {
        self.out.say(text);
    }

    /// Ends the line of a question that got no answer.
    fn leave_question(&mut self) {
        if std::mem::take(&mut self.asked) {
            self.aside("\n");
        }
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
            Event::Warning(message) => state.aside(&self.line("warning:", Paint::yellow, &message)),
            Event::Note(message) if self.verbose => state.aside(&format!("{}\n", told(0, &message, self.columns))),
            Event::Note(_) => {}
        });
    }

    fn agrees(&self, ahead: &Ahead) -> bool {
        if !self.asks {
            return true;
        }
        self.with(|state| {
            state.aside(&format!("{}\nGo on? [y/N] ", summary(ahead, self.columns)));
            state.asked = true;
        });
        let mut answer = String::new();
        // Whoever closes the input has not agreed.
        let read = stdin().read_line(&mut answer).is_ok();
        self.with(|state| match answer.ends_with('\n') {
            true => state.asked = false,
            false => state.leave_question(),
        });
        read && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }
}

/// A line for each thing that a person may want to say no to.
fn summary(ahead: &Ahead, columns: Option<usize>) -> String {
    const INDENT: &str = "            ";
    let [added, changed, removed] = ahead.files;
    let files = counted(added, "file added", "files added");
    let lines = [
        ("removes", ahead.bundles_removed.join(", ")),
        ("changes", format!("{files}, {} changed, {} removed", count(changed), count(removed))),
        ("keeps", Visible(&ahead.kept.join(", ")).to_string()),
        ("download", ahead.download_bytes.map(bytes).unwrap_or_default()),
        ("space", ahead.disk_bytes.map(|most| format!("{} while it is under way", bytes(most))).unwrap_or_default()),
        ("then", ahead.then.to_owned()),
    ];
    let mut text = format!("Ahead: {}", ahead.step);
    for (label, told) in lines.iter().filter(|(_, told)| !told.is_empty()) {
        let told = wrapped(told.split(' '), INDENT.len(), columns.unwrap_or(usize::MAX), INDENT);
        text.push_str(&format!("\n  {label:<8}  {told}"));
    }
    text
}

#[cfg(test)]
#[path = "human_tests.rs"]
mod tests;
