//! Tests of the sentences.

use stateless_update::types::{BundleName, Version};

use super::*;

fn version(number: u32) -> Version {
    Version::new(number).expect("not zero")
}

fn name(text: &str) -> BundleName {
    text.parse().expect("a name")
}

fn transition(from: Option<u32>, to: u32) -> Transition {
    Transition {
        from: from.map(version),
        to: version(to),
        bundles: vec![name("os-core"), name("web-server")],
        bundles_removed: vec![name("a"), name("b")],
        changed: true,
        files_added: 4074,
        files_changed: 1290,
        files_removed: 4064,
        download_bytes: 30_100_000,
        requests: 12,
        disk_peak_bytes: 0,
        duration_ms: 9_800,
        dry_run: false,
    }
}

#[test]
fn changes_are_told_in_a_sentence() {
    let tail = " 4,074 files added, 1,290 changed, 4,064 removed; 30.1 MB in 12 requests; 9.8 s\n";
    let added = || Deed::Add([name("web-server")].into());
    // What goes is more than what was named.
    let removed = || Deed::Remove([name("b")].into());
    let cases = [
        (Deed::Update, Mode::Run, Some(10), "updated from 10 to 20"),
        (Deed::Update, Mode::Run, Some(20), "brought back to release 20"),
        (Deed::Update, Mode::DryRun, Some(10), "would update from 10 to 20"),
        (Deed::Update, Mode::DryRun, Some(20), "would stay at release 20"),
        (
            Deed::Update,
            Mode::DownloadOnly,
            Some(10),
            "release 20 is fetched and staged, the next update switches to it",
        ),
        (Deed::Install, Mode::Run, None, "installed release 20 with 2 bundles"),
        (Deed::Install, Mode::DryRun, None, "would install release 20 with 2 bundles"),
        (added(), Mode::Run, Some(20), "added web-server at release 20"),
        (added(), Mode::DryRun, Some(20), "would add web-server at release 20"),
        (removed(), Mode::Run, Some(20), "removed a, b at release 20"),
        (removed(), Mode::DryRun, Some(20), "would remove a, b at release 20"),
        (Deed::Repair, Mode::Run, Some(20), "repaired release 20"),
        (Deed::Repair, Mode::DryRun, Some(20), "would repair release 20"),
        (Deed::Rollback, Mode::Run, Some(30), "rolled back from 30 to 20"),
        (Deed::Rollback, Mode::DryRun, Some(30), "would roll back from 30 to 20"),
    ];
    for (deed, mode, from, head) in cases {
        let change = Change { deed, mode, transition: transition(from, 20) };
        let text = of(&Outcome::Change(change));
        assert_eq!(text.replace("\n  ", " "), format!("{head}:{tail}"));
        assert!(text.lines().all(|line| line.len() <= COLUMNS), "{text}");
    }
}

#[test]
fn sentences_break_between_their_parts() {
    let told = |deed| of(&Outcome::Change(Change { deed, mode: Mode::Run, transition: transition(Some(10), 20) }));
    let wanted = "\
updated from 10 to 20: 4,074 files added, 1,290 changed, 4,064 removed;
  30.1 MB in 12 requests; 9.8 s
";
    assert_eq!(told(Deed::Update), wanted);
    let names = (0..20).map(|number| name(&format!("bundle-{number:02}"))).collect();
    let wanted = "\
added bundle-00, bundle-01, bundle-02, bundle-03, bundle-04, bundle-05,
  bundle-06, bundle-07, bundle-08, bundle-09, bundle-10, bundle-11, bundle-12,
  bundle-13, bundle-14, bundle-15, bundle-16, bundle-17, bundle-18, bundle-19 at
  release 20: 4,074 files added, 1,290 changed, 4,064 removed;
  30.1 MB in 12 requests; 9.8 s
";
    assert_eq!(told(Deed::Add(names)), wanted);
}

#[test]
fn nothing_to_do_is_told_too() {
    let idle = Transition { changed: false, requests: 1, download_bytes: 312, ..transition(Some(20), 20) };
    let change = |deed, transition: &Transition| {
        of(&Outcome::Change(Change { deed, mode: Mode::Run, transition: transition.clone() }))
    };
    let tail = "; 312 B in 1 request; 9.8 s\n";
    assert_eq!(change(Deed::Update, &idle), format!("nothing to do: this machine has release 20{tail}"));
    assert_eq!(change(Deed::Repair, &idle), format!("nothing to do: what was checked is as in release 20{tail}"));
    let orphans = change(Deed::Remove([].into()), &idle);
    assert_eq!(orphans, format!("nothing to do: no bundle is here that nothing needs{tail}"));
    // What a dry run or a download does not do is told in the same words.
    let none = Transition { files_added: 0, files_changed: 0, files_removed: 0, ..idle.clone() };
    for (deed, mode) in [
        (Deed::Repair, Mode::DryRun),
        (Deed::Add([name("web-server")].into()), Mode::DryRun),
        (Deed::Remove([].into()), Mode::DryRun),
        (Deed::Update, Mode::DryRun),
        (Deed::Update, Mode::DownloadOnly),
    ] {
        let text = of(&Outcome::Change(Change { deed: deed.clone(), mode, transition: none.clone() }));
        assert_eq!(text, change(deed, &none));
    }
    let offline = Transition { requests: 0, ..idle };
    let text = change(Deed::Rollback, &offline);
    assert!(text.ends_with("; nothing to download; 9.8 s\n"), "{text}");
}

#[test]
fn checks_say_both_releases() {
    let check = |latest, available, download_bytes| {
        of(&Outcome::Check(UpdateCheck { current: version(10), latest: version(latest), available, download_bytes }))
    };
    assert_eq!(check(20, true, 30_100_000), "release 20 is available, this machine has 10: 30.1 MB to download\n");
    assert_eq!(check(10, false, 0), "no update: this machine has release 10, the newest is 10\n");
}

#[test]
fn info_is_keys_and_values() {
    let info = Info {
        version: version(20),
        bundles: vec![(name("os-core"), false), (name("web-server"), true)],
        origin: vec!["https://a/os".to_owned(), "https://b/os".to_owned()],
        trust_root: 3,
        layout: "directory on ext4".to_owned(),
        switch_method: "one exchange".to_owned(),
        previous: Some(version(10)),
    };
    let wanted = "\
version     20
previous    10
bundles     web-server
included    os-core
origin      https://a/os, https://b/os
trust root  3
layout      directory on ext4
switch      one exchange
";
    assert_eq!(of(&Outcome::Info(info)), wanted);
}

#[test]
fn bundles_are_a_table_of_80_columns() {
    let row = |text: &str, installed, explicit, title: &str| BundleRow {
        name: name(text),
        installed,
        explicit,
        status: if installed { Status::Active } else { Status::Experimental },
        title: title.to_owned(),
    };
    let rows = vec![
        row("os-core", true, false, "The core"),
        row("openstack-compute", true, true, &"Very long ".repeat(12)),
        row("x", false, false, "Evil \x1b[31m"),
    ];
    let wanted = "\
os-core            included   active        The core
openstack-compute  installed  active        Very long Very long Very long Ver...
x                  -          experimental  Evil  [31m
";
    let text = of(&Outcome::Bundles { rows: rows.clone(), with_status: true });
    assert_eq!(text, wanted);
    assert!(of(&Outcome::Bundles { rows, with_status: false }).lines().all(|line| line.len() <= 80));
    let long = vec![row(&"n".repeat(64), true, true, "A title")];
    assert!(of(&Outcome::Bundles { rows: long, with_status: true }).lines().all(|line| line.len() <= 90));
    assert_eq!(of(&Outcome::Bundles { rows: Vec::new(), with_status: true }), "no bundles\n");
}

#[test]
fn differences_are_listed_and_summed_up() {
    let diagnosis = Diagnosis {
        checked: 50_519,
        missing: vec!["usr/bin/a".to_owned()],
        mismatched: vec![("usr/bin/b".to_owned(), "content, mode".to_owned())],
        extra: vec!["usr/bin/c".to_owned()],
        duration_ms: 1_200,
    };
    let wanted = "\
missing     usr/bin/a
mismatched  usr/bin/b (content, mode)
extra       usr/bin/c
checked 50,519 entries: 1 missing, 1 mismatched, 1 extra; 1.2 s
";
    assert_eq!(of(&Outcome::Diagnosis(diagnosis)), wanted);
    let clean = Diagnosis { checked: 1, ..Diagnosis::default() };
    assert_eq!(of(&Outcome::Diagnosis(clean)), "checked 1 entry: all are as the release has them; 0 ms\n");
}
