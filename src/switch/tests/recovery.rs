//! Recovery when people have gone on working since a run died.

use super::*;

/// What the administrator does to one of his paths.
type Change = fn(&Path);

/// What he does in the live tree after a run has died.
const CHANGES: &[(&str, Change)] = &[
    ("nothing", |_| {}),
    ("removed", |path| remove(path)),
    ("another directory", |path| {
        remove(path);
        write(&path.join("after"), "after");
    }),
    ("another file", |path| {
        remove(path);
        write(path, "after");
    }),
    ("a symlink", |path| {
        remove(path);
        symlink("/nowhere", path).expect("linked");
    }),
    ("a file added", |path| {
        if path.is_dir() {
            write(&path.join("after"), "after");
        }
    }),
    ("written into", |path| {
        if path.is_file() {
            write(path, "after");
        }
    }),
    ("its parent removed", |path| remove(path.parent().expect("a parent"))),
    ("a file as its parent", |path| {
        let parent = path.parent().expect("a parent");
        remove(parent);
        write(parent, "after");
    }),
    ("a symlink as its parent", |path| {
        let parent = path.parent().expect("a parent");
        remove(parent);
        symlink("share", parent).expect("linked");
    }),
];

#[test]
fn recovery_ends_whatever_was_done_since_and_loses_nothing() {
    // What is his, a file in it, and what he last did there before the exchange.
    let places = [
        ("local/bin/mine", "local/bin/mine", "local/bin/mine"),
        ("local/go", "local/go/bin/go", "local/go/late"),
        ("src/linux", "src/linux/Makefile", "src/linux/late"),
        ("local/bin/fresh", "local/bin/fresh", "local/bin/fresh"),
    ];
    for (place, file, last) in places {
        for (what, change) in CHANGES {
            let site = Site::new();
            let deed = |usr: &Path| {
                write(&usr.join(last).with_extension("part"), "last");
                fs::rename(usr.join(last).with_extension("part"), usr.join(last)).expect("renamed");
            };
            let end = Some(Checkpoint::Exchanged);
            let meddler = Meddler { at: Checkpoint::TreesSynced, deed: &deed, end, usr: &site.usr };
            assert!(catch_unwind(AssertUnwindSafe(|| site.transit(&meddler))).is_err(), "it is killed");
            let path = site.usr.join(place);
            change(&path);
            let told = format!("{place}, {what}");
            let after = fs::read_to_string(path.join("after")).or_else(|_| fs::read_to_string(&path));
            let after = after.ok().filter(|after| after == "after");

            let warnings = Warnings::default();
            let recovered = recover(&site.machine, &warnings).unwrap_or_else(|error| panic!("{told}: {error:?}"));
            assert!(recovered.is_some(), "{told}");
            assert!(recover(&site.machine, &Silent).expect("recovered").is_none(), "{told}: nothing is left to do");
            let warned = !warnings.told().is_empty();
            let live = site.file(Slot::Live, last);
            assert_eq!(live.as_deref() != Some("last"), warned, "{told}: told where it lies, and only then");
            if let Some(after) = after {
                let found = site.file(Slot::Live, Path::new(place).join("after")).or(site.file(Slot::Live, place));
                assert_eq!(found, Some(after), "{told}: lost what was made since");
            }
            if ["nothing", "removed"].contains(what) {
                assert!(site.file(Slot::Live, file).is_some() && !warned, "{told}: the real one is there again");
            }
            // Two transitions clear every tree that was there.
            for _ in 0..2 {
                site.transit(&Silent).unwrap_or_else(|error| panic!("{told}: a transition after it: {error:?}"));
            }
            let warnings = warnings.told();
            let of_this = warnings.iter().find(|warning| warning.starts_with(&format!("usr/{place} ")));
            let rescued = of_this.map(|warning| site.told_place(warning));
            let beneath = Path::new(last).strip_prefix(place).expect("it is in there");
            let found = match &rescued {
                Some(rescued) => {
                    fs::read_to_string(rescued.components().chain(beneath.components()).collect::<PathBuf>())
                }
                None => fs::read_to_string(site.usr.join(last)),
            };
            let found = found.unwrap_or_else(|error| panic!("{told}: lost what was there at the exchange: {error}"));
            assert_eq!(found, "last", "{told}");
        }
    }
}

#[test]
fn a_recovery_that_is_killed_keeps_what_it_rescues() {
    let site = Site::new();
    let deed = |usr: &Path| write(&usr.join("local/go/late"), "last");
    let end = Some(Checkpoint::Exchanged);
    let meddler = Meddler { at: Checkpoint::TreesSynced, deed: &deed, end, usr: &site.usr };
    assert!(catch_unwind(AssertUnwindSafe(|| site.transit(&meddler))).is_err(), "it is killed");
    ["local/bin/mine", "local/go", "local/gone", "src/linux"].iter().for_each(|path| {
        remove(&site.usr.join(path));
        write(&site.usr.join(path), "after");
    });
    for end in [Checkpoint::Rescued, Checkpoint::Rescued, Checkpoint::LiveTimed, Checkpoint::SettledSynced] {
        let meddler = Meddler { at: Checkpoint::Exchanged, deed: &|_| {}, end: Some(end), usr: &site.usr };
        let ended = catch_unwind(AssertUnwindSafe(|| recover(&site.machine, &meddler).expect("it goes well")));
        assert!(ended.is_err(), "it is killed at {end:?}");
    }
    assert!(recover(&site.machine, &Silent).expect("recovered").is_some());
    site.transit(&Silent).and_then(|()| site.transit(&Silent)).expect("settled");
    let mut rescued = Vec::new();
    for place in fs::read_dir(site.usr.with_file_name(HOME).join(RESCUED)).expect("listed") {
        let inner = fs::read_dir(place.expect("an entry").path()).expect("listed");
        rescued.extend(inner.map(|entry| entry.expect("an entry").path()));
    }
    rescued.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
    let holds = |at: usize, path: &str| fs::read_to_string(rescued[at].join(path)).ok();
    assert_eq!(rescued.len(), 4, "{rescued:?}");
    assert_eq!([holds(0, "late"), holds(1, "file"), holds(2, "Makefile")].map(Option::unwrap), ["last", "old", "old"]);
    assert_eq!(fs::read_to_string(&rescued[3]).expect("a file"), "old");
    assert_eq!(site.file(Slot::Live, "local/go").as_deref(), Some("after"));
}
