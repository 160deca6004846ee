//! The face for scripts: one JSON object a line on stdout, nothing else. The shapes are
//! `manifests-schema/cli-event.schema.json`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use stateless_update::report::{Event, Reporter};

use super::answer::{Ending, exit_code};
use super::answers::Answers;
use super::steps::Steps;

/// Time between two progress events of a step.
const PAUSE: Duration = Duration::from_millis(250);

/// Writes events as they come.
pub(crate) struct Json {
    command: &'static str,
    progress: bool,
    state: Mutex<State>,
}

struct State {
    out: Answers,
    steps: Steps,
    /// The exit code, once the run has ended.
    ended: Option<u8>,
}

impl Json {
    /// Writes to `out` about `command`.
    pub(crate) fn new(out: Answers, command: &'static str, progress: bool) -> Self {
        let state = State { out, steps: Steps::new(PAUSE), ended: None };
        Self { command, progress, state: Mutex::new(state) }
    }

    /// Ends with a text that was asked for: help, or the version. Gives the exit code.
    pub(crate) fn text(&self, text: &str) -> u8 {
        let fields = [("text".to_owned(), text.into())].into_iter().collect();
        self.state().end(self.command, 0, fields)
    }

    /// Writes an event.
    pub(crate) fn line(&self, line: &Value) {
        self.with(|state| state.write(line));
    }

    /// The run begins.
    pub(crate) fn start(&self) {
        let version = env!("CARGO_PKG_VERSION");
        self.line(&json!({ "event": "start", "command": self.command, "version": version }));
    }

    /// The last word. Gives the exit code; only the first call counts, and says what later ones give.
    pub(crate) fn end(&self, ending: &Ending) -> u8 {
        let mut state = self.state();
        if let Some(code) = state.ended {
            return code;
        }
        let fields = match ending {
            Ok(answer) => answer.fields.clone(),
            Err(failure) => {
                state.write(&json!({
                    "event": "error",
                    "kind": failure.kind.name,
                    "message": failure.message,
                    "causes": failure.causes,
                    "hint": failure.hint,
                }));
                Map::new()
            }
        };
        state.end(self.command, exit_code(ending), fields)
    }

    fn with(&self, work: impl FnOnce(&mut State)) {
        let mut state = self.state();
        if state.ended.is_none() {
            work(&mut state);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Writes a line.
    fn write(&mut self, line: &Value) {
        self.out.say(&format!("{line}\n"));
    }

    /// Writes the result, after which nothing is written any more. Gives the exit code.
    fn end(&mut self, command: &str, exit_code: u8, fields: Map<String, Value>) -> u8 {
        // The lines before this one count too.
        let exit_code = self.out.code(exit_code);
        let mut line = Map::new();
        line.insert("event".to_owned(), "result".into());
        line.insert("command".to_owned(), command.into());
        line.insert("ok".to_owned(), (exit_code == 0).into());
        line.insert("exit_code".to_owned(), exit_code.into());
        line.extend(fields);
        self.write(&line.into());
        *self.ended.insert(self.out.ends_aloud(exit_code))
    }
}

impl Reporter for Json {
    fn report(&self, event: Event) {
        self.with(|state| match event {
            Event::Progress { step, done, total } if self.progress => {
                if state.steps.goes_on(Instant::now(), step, done, total).is_some() {
                    let (step, unit) = (step.name(), step.unit().name());
                    let line = json!({ "event": "progress", "step": step, "done": done, "total": total, "unit": unit });
                    state.write(&line);
                }
            }
            Event::Warning(message) => state.write(&json!({ "event": "warning", "message": message })),
            Event::Progress { .. } | Event::Note(_) => {}
        });
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
