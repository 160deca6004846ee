//! The face for scripts: one JSON object a line on stdout, nothing else. The shapes are
//! `manifests-schema/cli-event.schema.json`.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use stateless_update::report::{Event, Reporter};

use super::face::{Ending, exit_code};
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
    out: Box<dyn Write + Send>,
    steps: Steps,
    ended: bool,
}

impl Json {
    /// Writes to `out` about `command`.
    pub(crate) fn new(out: Box<dyn Write + Send>, command: &'static str, progress: bool) -> Self {
        let state = State { out, steps: Steps::new(PAUSE), ended: false };
        Self { command, progress, state: Mutex::new(state) }
    }

    /// Ends with a text that was asked for: help, or the version.
    pub(crate) fn text(&self, text: &str) {
        let fields = [("text".to_owned(), text.into())].into_iter().collect();
        self.with(|state| state.end(self.command, 0, fields));
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

    /// The last word. Says whether it was the first call; all others are ignored.
    pub(crate) fn end(&self, ending: &Ending) -> bool {
        let mut first = false;
        self.with(|state| {
            first = true;
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
            state.end(self.command, exit_code(ending), fields);
        });
        first
    }

    fn with(&self, work: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.ended {
            work(&mut state);
        }
    }
}

impl State {
    /// Writes a line. A reader that is gone does not stop the work.
    fn write(&mut self, line: &Value) {
        let _ = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }

    /// Writes the result, after which nothing is written any more.
    fn end(&mut self, command: &str, exit_code: u8, fields: Map<String, Value>) {
        let mut line = Map::new();
        line.insert("event".to_owned(), "result".into());
        line.insert("command".to_owned(), command.into());
        line.insert("ok".to_owned(), (exit_code == 0).into());
        line.insert("exit_code".to_owned(), exit_code.into());
        line.extend(fields);
        self.write(&line.into());
        self.ended = true;
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
