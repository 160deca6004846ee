//! Tests of the JSON that scripts see.

use std::io::Write;
use std::sync::Arc;

use stateless_update::report::Step;

use super::super::{Answer, Failure, Weight};
use super::*;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The lines that a run writes.
fn lines(command: &'static str, progress: bool, run: impl FnOnce(&Json)) -> Vec<Value> {
    let paper = Paper::default();
    run(&Json::new(Answers::to(Box::new(paper.clone())), command, progress));
    let text = String::from_utf8(paper.0.lock().expect("no panic").clone()).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn a_run_is_start_events_and_one_result() {
    let events = lines("update", true, |json| {
        json.start();
        json.report(Event::Progress { step: Step::Download, done: 0, total: 9 });
        json.report(Event::Progress { step: Step::Download, done: 3, total: 9 });
        json.report(Event::Progress { step: Step::Download, done: 9, total: 9 });
        json.report(Event::Note("not for scripts".to_owned()));
        json.report(Event::Warning("careful".to_owned()));
        assert_eq!(json.end(&Err(Failure::bug("oh".to_owned()))), 70);
        assert_eq!(json.end(&Err(Failure::usage("late".to_owned()))), 70);
        json.report(Event::Warning("too late".to_owned()));
    });
    let progress = |done| json!({ "event": "progress", "step": "download", "done": done, "total": 9, "unit": "bytes" });
    let hint = events[4]["hint"].clone();
    let wanted = [
        json!({ "event": "start", "command": "update", "version": env!("CARGO_PKG_VERSION") }),
        progress(0),
        progress(9),
        json!({ "event": "warning", "message": "careful" }),
        json!({ "event": "error", "kind": "bug", "message": "a bug: oh", "causes": [], "hint": hint }),
        json!({ "event": "result", "command": "update", "ok": false, "exit_code": 70 }),
    ];
    assert_eq!(events, wanted);

    let silent = lines("update", false, |json| {
        json.report(Event::Progress { step: Step::Download, done: 0, total: 9 });
    });
    assert!(silent.is_empty());
}

#[test]
fn a_result_has_the_fields_of_the_answer() {
    let fields = Map::from_iter([("current".to_owned(), 10.into())]);
    let answer = Answer { text: String::new(), fields, exit_code: 1, weight: Weight::Story };
    let told = lines("check-update", true, |json| assert_eq!(json.end(&Ok(answer)), 1));
    let wanted = json!({ "event": "result", "command": "check-update", "ok": false, "exit_code": 1, "current": 10 });
    assert_eq!(told, [wanted]);
    let told = lines("x", true, |json| assert_eq!(json.text("help"), 0));
    assert_eq!(told, [json!({ "event": "result", "command": "x", "ok": true, "exit_code": 0, "text": "help" })]);
}

#[test]
fn a_result_knows_of_the_lines_that_got_lost() {
    /// Refuses the first line.
    struct Full(Paper, bool);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if std::mem::take(&mut self.1) {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            self.0.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let paper = Paper::default();
    let json = Json::new(Answers::to(Box::new(Full(paper.clone(), true))), "info", false);
    json.start();
    assert_eq!(json.text("it is so"), 5);
    let written = paper.0.lock().expect("no panic").clone();
    let told: Value = serde_json::from_slice(&written).expect("one line");
    assert_eq!((&told["exit_code"], &told["ok"]), (&json!(5), &json!(false)));
}
