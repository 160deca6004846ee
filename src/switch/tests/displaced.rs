//! A new tree that has something of its own where the administrator has something.

use super::*;

/// A release that has a symlink in place of the directory `local` of the site's.
fn linked(site: &Site) -> Tree {
    let mut entries = site.tree.filtered(|entry| !entry.path.as_str().starts_with("usr/local/")).entries().to_vec();
    let local = entries.iter_mut().find(|entry| entry.path.as_str() == "usr/local").expect("it has one");
    local.kind = Kind::Symlink { target: "share".into() };
    Tree::from_sorted(entries).expect("a tree")
}

/// All files in `rescued` beneath its numbered directories, with their contents.
fn rescued(site: &Site) -> Vec<(String, String)> {
    let top = site.usr.with_file_name(HOME).join(RESCUED);
    let (mut files, mut left) = (Vec::new(), vec![top.clone()]);
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                left.push(path);
            } else {
                let beneath: PathBuf = path.strip_prefix(&top).expect("it is in there").iter().skip(1).collect();
                files.push((beneath.display().to_string(), fs::read_to_string(path).expect("read")));
            }
        }
    }
    files.sort();
    files
}

fn pairs(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())).collect()
}

#[test]
fn what_is_displaced_is_rescued_whenever_a_run_ends() {
    use Checkpoint::{
        BroughtBack, Exchanged, FormerPlaced, FormerTimed, JournalWritten, LiveTimed, Rescued, SettledSynced,
    };
    let his =
        pairs(&[("fresh", "new"), ("go/bin/go", "old"), ("go/late", "new"), ("gone/file", "old"), ("mine", "old")]);
    let ends = [JournalWritten, Exchanged, LiveTimed, Rescued, FormerTimed, BroughtBack, FormerPlaced, SettledSynced];
    for end in ends.map(Some).into_iter().chain([None]) {
        let site = Site::new();
        let linked = linked(&site);
        // After the last look at what goes along.
        let deed = |usr: &Path| ["local/fresh", "local/go/late"].iter().for_each(|path| write(&usr.join(path), "new"));
        let meddler = Meddler { at: Checkpoint::TreesSynced, deed: &deed, end, usr: &site.usr };
        let run = || site.transit_between(&site.tree, &linked, &meddler).expect("it is settled");
        assert_eq!(catch_unwind(AssertUnwindSafe(run)).is_err(), end.is_some(), "{end:?}");
        if end.is_some() {
            let meddler = Meddler { at: Exchanged, deed: &|_| {}, end: Some(Rescued), usr: &site.usr };
            let killed = catch_unwind(AssertUnwindSafe(|| recover(&site.machine, &meddler).expect("it goes well")));
            assert_eq!(killed.is_err(), end != Some(JournalWritten), "{end:?}: the recovery is killed, too");
            recover(&site.machine, &Silent).expect("recovered");
        }
        if end == Some(JournalWritten) {
            site.transit_between(&site.tree, &linked, &Silent).expect("it is settled");
        }
        assert_eq!(rescued(&site), his, "{end:?}");
        // Two transitions clear every tree that was there.
        for (from, to) in [(&linked, &site.tree), (&site.tree, &linked), (&linked, &site.tree)] {
            site.transit_between(from, to, &Silent).expect("it is settled");
            assert_eq!(site.file(Slot::Live, "src/linux/Makefile").as_deref(), Some("old"), "{end:?}");
        }
        assert_eq!(rescued(&site), his, "{end:?}");
    }
}

#[test]
fn what_is_rescued_takes_the_place_of_nothing() {
    let site = Site::new();
    for path in ["local/go", "local/gone"] {
        remove(&site.usr.join(path));
    }
    let mine = site.usr.join("local/bin/mine");
    // Another name of the same inode, and what somebody has put where that would go.
    fs::hard_link(&mine, site.usr.join("local/mine")).expect("linked");
    let number = fs::metadata(&mine).expect("it is there").ino().to_string();
    write(&site.usr.with_file_name(HOME).join(RESCUED).join(number).join("mine"), "put there");
    let warnings = Warnings::default();
    site.transit_between(&site.tree, &linked(&site), &warnings).expect("it is settled");
    let contents: Vec<_> =
        warnings.told().iter().map(|warning| fs::read_to_string(site.told_place(warning)).ok()).collect();
    assert_eq!(contents, [Some("old".to_owned()), Some("old".to_owned())], "both are where they were told to be");
    assert_eq!(rescued(&site), pairs(&[("mine", "old"), ("mine", "old"), ("mine", "put there")]));
}
