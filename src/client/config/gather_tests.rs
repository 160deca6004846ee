//! Tests of what is found of programs, and of what is told to be left out.

use std::fs;
use std::path::Path;

use super::*;
use crate::report::Silent;

/// A root with these files.
fn root(files: &[&str]) -> tempfile::TempDir {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    for file in files {
        let path = temporary.path().join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, "").expect("written");
    }
    temporary
}

fn opened(path: &Path) -> Directory {
    Directory::open_path(path).expect("it opens")
}

#[test]
fn a_program_with_two_names_is_found_once() {
    let temporary = root(&["usr/lib/systemd/logind.conf", "usr/share/defaults/systemd-logind/x"]);
    let root = opened(temporary.path());
    let gatherer = Gatherer::new(&root, &Silent);
    let found = gatherer.all().expect("listed");
    assert_eq!(found.map(|(name, _)| name).collect::<Vec<_>>(), ["systemd-logind"]);
}
