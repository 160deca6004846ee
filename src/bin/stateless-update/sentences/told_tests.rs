//! Tests of answers about single bundles, paths, and what was done.

use std::collections::BTreeSet;

use stateless_update::client::{CleanedPart, NextStep, PathAction, Stale};
use stateless_update::disk::Manager;
use stateless_update::overlay::{Change, ChangeKind};
use stateless_update::types::{BundleName, Version};

use super::*;

fn version(number: u32) -> Version {
    Version::new(number).expect("not zero")
}

fn names(texts: &[&str]) -> BTreeSet<BundleName> {
    texts.iter().map(|text| text.parse().expect("a name")).collect()
}

#[test]
fn recovery_says_whether_there_was_something_to_finish() {
    let told = |changed| of_recovery(Recovery { version: version(20), changed });
    assert_eq!(told(true), "recovered: the switch to release 20 is finished\n");
    assert_eq!(told(false), "nothing to recover: this machine has release 20\n");
}

#[test]
fn history_has_a_line_for_each_transition() {
    let mut done = HistoryEntry::new(0, "update", Some(version(10)), version(20), Ending::Done);
    (done.download_bytes, done.duration_ms) = (30_100_000, 9_800);
    done = done.with_bundles(&names(&["a", "b"]), &names(&["b", "c"]));
    let failed = HistoryEntry::new(60, "bundle-remove", Some(version(20)), version(20), Ending::Failed);
    let failed = failed.with_error(&format!("{}\x1b[31m", "too long ".repeat(20)));
    let wanted = "\
1970-01-01 00:00  update         10 -> 20    done      30.1 MB  9.8 s
    + c
    - a
1970-01-01 00:01  bundle-remove  20          failed        0 B  0 ms
";
    let text = of_history(&[done, failed]);
    assert!(text.starts_with(wanted), "{text}");
    assert!(text.lines().all(|line| line.len() <= COLUMNS && !line.contains('\x1b')), "{text}");
    assert_eq!(of_history(&[]), "no transitions are remembered\n");
}

#[test]
fn status_says_what_is_due_and_why() {
    let stale = |pid, unit: Option<&str>, paths: &[&str]| Stale {
        pid,
        unit: unit.map(Into::into),
        manager: Manager::System,
        paths: paths.iter().copied().map(Into::into).collect(),
    };
    let status = Status {
        live: version(20),
        previous: Some(version(10)),
        pending: None,
        stale: vec![stale(7, Some("ssh.service"), &["usr/bin/sshd", "usr/lib/x"]), stale(81, None, &["usr/bin/vi"])],
        services: ["ssh.service".to_owned()].into(),
        due: Due::Services,
        reasons: vec!["ssh.service runs from an old tree".to_owned(), "process 81 runs from an old tree".to_owned()],
    };
    let wanted = "\
live      20
previous  10
pending   none
due       restart services
  because ssh.service runs from an old tree
  because process 81 runs from an old tree
       7  ssh.service  usr/bin/sshd and 1 more
      81  -  usr/bin/vi
";
    assert_eq!(of_status(&status, Wanted::All), wanted);
    assert_eq!(of_status(&status, Wanted::Services), "ssh.service\n");
    let reboots = [Due::None, Due::Services, Due::SoftReboot, Due::Reboot].map(|due| {
        let status = Status { due, services: BTreeSet::new(), ..status.clone() };
        assert_eq!(of_status(&status, Wanted::Services), "");
        of_status(&status, Wanted::Reboot)
    });
    assert_eq!(reboots, ["", "", "soft-reboot\n", "reboot\n"]);
}

fn overridden() -> Change {
    let text = |text: &str| Some(text.to_owned());
    Change {
        app: "x".to_owned(),
        section: "s".to_owned(),
        key: "k".to_owned(),
        kind: ChangeKind::Override,
        default: text("1"),
        override_value: text("2"),
        next_default: None,
        secret: false,
        file: text("etc/x/x.conf"),
        line: Some(3),
    }
}

#[test]
fn explanations_are_keys_and_values() {
    let known = Explanation {
        path: "usr/lib/a".parse().expect("a path"),
        version: version(20),
        bundles: names(&["a", "b"]).into_iter().collect(),
        kind: Some("file"),
        since: Some(version(10)),
        state: PathState::Owned(Seen::Differs(Difference::Mode)),
        override_path: Some("etc/a".to_owned()),
        configuration: Some(Configured {
            app: "x".to_owned(),
            model: Model::Oslo,
            effect: Effect::Options,
            overrides: vec![overridden()],
        }),
        next: Some(NextStep {
            version: version(30),
            action: PathAction::Keep,
            reason: "release 30 has the same".to_owned(),
        }),
    };
    let wanted = "\
path      usr/lib/a
release   20 has a file, whose content came with 10
bundles   a, b
here      another mode
override  etc/a
effect    all of it but 1 option is in force (x is oslo: per option the later file wins)
next      keep by the update to 30: release 30 has the same
override         x [s] k
                 default 1, yours 2 (/etc/x/x.conf:3)
";
    assert_eq!(of_explanation(&known), wanted);
    let left = |effect| {
        let configuration =
            known.configuration.clone().map(|found| Configured { effect, model: Model::Opaque, ..found });
        of_explanation(&Explanation { configuration, ..known.clone() })
    };
    assert!(left(Effect::Whole).contains("effect    none of it is in force (x is opaque: a file in /etc takes"));
    assert!(left(Effect::None).contains("effect    all of it is in force ("));
    let nothing = Explanation {
        bundles: Vec::new(),
        kind: None,
        since: None,
        state: PathState::Absent,
        override_path: None,
        configuration: None,
        next: None,
        ..known
    };
    let wanted = "\
path      usr/lib/a
release   20 has nothing there in the bundles of this machine
here      nothing
next      no newer release is known
";
    assert_eq!(of_explanation(&nothing), wanted);
}

#[test]
fn cleaning_says_what_went() {
    let part = |name, files, bytes| CleanedPart { name, files, bytes };
    let mut cleaned = Cleaned { removed: vec![part("store", 1, 10)], bytes: 10, dry_run: true };
    assert_eq!(of_cleaned(&cleaned), "would remove store: 1 file, 10 B\n");
    cleaned = Cleaned { removed: vec![part("store", 2, 10), part("fingerprints", 1, 2)], bytes: 12, dry_run: false };
    assert_eq!(of_cleaned(&cleaned), "removed store and fingerprints: 3 files, 12 B\n");
    cleaned.removed.clear();
    assert_eq!(of_cleaned(&cleaned), "nothing to clean\n");
}
