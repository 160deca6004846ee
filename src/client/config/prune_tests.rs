//! Tests of what is pruned, and of how long that takes.

use std::time::{Duration, Instant};

use super::*;
use crate::overlay::{App, ChangeKind, Content, Declaration, Snapshot, differences};
use crate::report::Warnings;

/// A program of these files.
fn loaded(declared: &str, files: &[(&str, String)]) -> Loaded {
    let app = App::new("x", Some(Declaration::parse("d", declared.as_bytes()).expect(declared)));
    let file = |(path, text): &(&str, String)| ((*path).to_owned(), Content::File(text.clone().into_bytes()));
    Loaded::new(app, files.iter().map(file).collect::<Snapshot>()).expect("it is read")
}

/// Paths with texts; none for a file that goes.
type Texts = Vec<(String, Option<String>)>;

/// What is left of the files, the number of overrides that went, and what was told.
fn pruned(loaded: &Loaded) -> (Texts, usize, Vec<String>) {
    let mut changes = differences(loaded.view(), None);
    changes.retain(|change| change.kind == ChangeKind::Redundant);
    let warned = Warnings::default();
    let edits = prunable(loaded, &mut changes, &warned).expect("it is pruned");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let edits = edits.into_iter().map(|(path, bytes)| (path, bytes.map(text))).collect();
    (edits, changes.len(), warned.told())
}

const LISTED: &str = "model = 'oslo'\noptions = 'x.conf'";

#[test]
fn an_override_that_refers_to_what_its_default_refers_to_is_pruned() {
    let list = "[DEFAULT]\n#base = /usr\n\n#path = $base/x\n\n# (multi valued)\n#m = a\n#m = $base\n";
    let own = "[DEFAULT]\npath = $base/x\nm = a\nm = $base\nbase = /srv\n";
    let files = [("usr/share/defaults/x/x.conf", list.to_owned()), ("etc/x/x.conf", own.to_owned())];
    let (edits, gone, told) = pruned(&loaded(LISTED, &files));
    assert_eq!(edits, [("etc/x/x.conf".to_owned(), Some("[DEFAULT]\nbase = /srv\n".to_owned()))]);
    assert_eq!((gone, told), (2, Vec::new()));
}

/// So many options, each with a former name.
const MANY: usize = 600;

#[test]
fn many_overrides_are_not_tried_one_by_one() {
    let option = |number: usize| format!("# Deprecated group/name - [A]/f{number}\n#o{number}=1\n\n");
    let list = format!("[A]\n{}", (0..MANY).map(option).collect::<String>());
    let lines = |value: u8| (0..MANY).map(|n| format!("o{n}={value}\n")).collect::<String>();
    let shipped = format!("[A]\nother=1\nmore=1\n{}", lines(2));
    // It hides a file that says more, so what it repeats of it is needed, and a drop-in that says it again is not.
    let drop_in = "[A]\nother=1\n".to_owned();
    let own = format!("[A]\n{}", lines(2));
    let files = [
        ("usr/share/defaults/x/list.conf", list),
        ("usr/lib/x/x.conf", shipped),
        ("usr/lib/x/x.conf.d/05.conf", drop_in.clone()),
        ("etc/x/x.conf", own),
        ("etc/x/x.conf.d/10.conf", drop_in),
    ];
    let loaded = loaded("model = 'uapi'\noptions = 'list.conf'", &files);
    let began = Instant::now();
    let (edits, gone, told) = pruned(&loaded);
    let took = began.elapsed();
    // A minute, when each change made the names of all options anew.
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(edits, [("etc/x/x.conf.d/10.conf".to_owned(), None)]);
    assert_eq!((gone, told.len()), (1, MANY));
    assert!(told[0].contains("stays: its file takes the place"), "{}", told[0]);
}
