//! Tests of what a person sees.

use std::sync::Arc;

use stateless_update::report::Step;

use super::super::{Answer, FailureKind};
use super::*;

/// A stream that can be read afterwards.
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

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
    }
}

/// What a run with these options writes to stdout and stderr.
fn seen(quiet: bool, verbose: bool, progress: bool, ending: &Ending) -> (String, String) {
    let (out, aside) = (Paper::default(), Paper::default());
    let progress = progress.then(Progress::lines);
    let state = State {
        out: Answers::to(Box::new(out.clone())),
        aside: Box::new(aside.clone()),
        progress,
        asked: false,
        ended: None,
    };
    let human = Human { quiet, verbose, asks: false, paint: Paint::None, columns: None, state: Mutex::new(state) };
    human.report(Event::Note("looking".to_owned()));
    human.report(Event::Warning("owners are not set".to_owned()));
    human.report(Event::Progress { step: Step::Download, done: 0, total: 2000 });
    human.report(Event::Progress { step: Step::Download, done: 2000, total: 2000 });
    let code = human.end(ending);
    assert_eq!(human.end(&Err(Failure::bug("late".to_owned()))), code, "only the first end counts");
    human.report(Event::Warning("too late".to_owned()));
    (out.text(), aside.text())
}

fn answer(weight: Weight) -> Ending {
    Ok(Answer { text: "no update\n".to_owned(), fields: serde_json::Map::new(), exit_code: 1, weight })
}

#[test]
fn options_decide_what_is_seen() {
    let text = "no update\n";
    let (warning, note, line) = ("warning: owners are not set\n", "looking\n", "downloaded 2.0 kB\n");
    let cases = [
        ((false, false, true), Weight::Story, text, [warning, line].concat()),
        ((false, true, true), Weight::Story, text, [note, warning, line].concat()),
        ((false, false, false), Weight::Story, text, warning.to_owned()),
        ((true, false, false), Weight::Story, "", warning.to_owned()),
        ((true, false, false), Weight::Asked, text, warning.to_owned()),
    ];
    for ((quiet, verbose, progress), weight, out, aside) in cases {
        assert_eq!(seen(quiet, verbose, progress, &answer(weight)), (out.to_owned(), aside));
    }
}

#[test]
fn failures_are_told_with_causes_and_hint() {
    let failure = Failure {
        kind: FailureKind { name: "unreachable", exit_code: 3 },
        message: "cannot connect to https://example.org/os/metadata/timestamp.json".to_owned(),
        causes: vec!["dns error".to_owned(), "no such name".to_owned()],
        hint: Some("check the network".to_owned()),
    };
    let wanted = "warning: owners are not set\n\
                  error: cannot connect to https://example.org/os/metadata/timestamp.json\n  \
                  because: dns error\n  because: no such name\n  hint: check the network\n";
    assert_eq!(seen(true, false, false, &Err(failure)), (String::new(), wanted.to_owned()));
}

#[test]
fn messages_keep_terminals_and_lines_in_order() {
    let message = "\x1b[2Jno bundle\nerror: all is lost\r".to_owned();
    let failure = Failure { kind: FailureKind::LOCAL, causes: vec![message.clone()], hint: None, message };
    let (_, aside) = seen(true, false, false, &Err(failure));
    let shown = "\\u{1b}[2Jno bundle\n    error: all is lost\\r\n";
    assert_eq!(aside, format!("warning: owners are not set\nerror: {shown}  because: {shown}"));
}

#[test]
fn colours_surround_words_only() {
    assert_eq!(Paint::Colours.red("error:"), "\x1b[1;31merror:\x1b[0m");
    assert_eq!(Paint::None.red("error:"), "error:");
}
