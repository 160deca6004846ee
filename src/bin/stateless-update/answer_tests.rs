//! Tests of what results carry.

use stateless_update::client::{Mode, UpdateCheck};
use stateless_update::manifest::Status;

use super::super::outcome::{Change, Deed};
use super::*;

fn result(outcome: Outcome) -> Value {
    let mut fields = outcome.fields();
    fields.insert("exit_code".to_owned(), outcome.exit_code().into());
    fields.into()
}

fn version(number: u32) -> Version {
    Version::new(number).expect("not zero")
}

fn name(text: &str) -> BundleName {
    text.parse().expect("a name")
}

#[test]
fn results_have_the_fields_of_the_contract() {
    let check = UpdateCheck { current: version(10), latest: version(20), available: true, download_bytes: 7 };
    assert_eq!(
        result(Outcome::Check(check.clone())),
        json!({ "exit_code": 0,
                "current": 10, "latest": 20, "available": true, "download_bytes": 7 })
    );
    let none = result(Outcome::Check(UpdateCheck { available: false, ..check }));
    assert_eq!((&none["exit_code"], &none["available"]), (&json!(1), &json!(false)));

    let info = Info {
        version: version(20),
        bundles: vec![(name("os-core"), false)],
        origin: vec!["https://a/os".to_owned()],
        trust_root: 3,
        layout: "ext4".to_owned(),
        switch_method: "exchange".to_owned(),
        previous: None,
    };
    assert_eq!(
        result(Outcome::Info(info)),
        json!({ "exit_code": 0, "version": 20,
                "bundles": [{ "name": "os-core", "explicit": false }], "origin": ["https://a/os"],
                "trust_root": 3, "layout": "ext4", "switch_method": "exchange", "previous": null })
    );

    let row = BundleRow {
        name: name("a"),
        installed: true,
        explicit: false,
        status: Status::Deprecated,
        title: "A".to_owned(),
    };
    assert_eq!(
        result(Outcome::Bundles { rows: vec![row], with_status: false }),
        json!({ "exit_code": 0, "bundles":
                [{ "name": "a", "installed": true, "explicit": false, "status": "deprecated", "title": "A" }] })
    );

    let diagnosis = Diagnosis {
        checked: 3,
        missing: vec!["usr/a".to_owned()],
        mismatched: vec![("usr/b".to_owned(), "mode".to_owned())],
        extra: vec!["usr/c".to_owned()],
        duration_ms: 5,
    };
    assert_eq!(
        result(Outcome::Diagnosis(diagnosis)),
        json!({ "exit_code": 1, "checked": 3,
                "missing": ["usr/a"], "mismatched": ["usr/b"], "reasons": { "usr/b": "mode" },
                "extra": ["usr/c"], "duration_ms": 5 })
    );
    assert_eq!(result(Outcome::Diagnosis(Diagnosis::default()))["exit_code"], 0);
}

#[test]
fn every_change_has_the_same_fields() {
    let mut transition = Transition {
        from: None,
        to: version(20),
        bundles: vec![name("os-core")],
        bundles_removed: vec![name("editors")],
        changed: true,
        files_added: 1,
        files_changed: 2,
        files_removed: 3,
        download_bytes: 4,
        requests: 5,
        disk_peak_bytes: 6,
        duration_ms: 7,
        dry_run: false,
    };
    let mut wanted = json!({ "exit_code": 0, "from": null,
        "to": 20, "bundles": ["os-core"], "bundles_removed": ["editors"], "changed": true,
        "files_added": 1, "files_changed": 2, "files_removed": 3,
        "download_bytes": 4, "requests": 5, "disk_peak_bytes": 6, "duration_ms": 7 });
    let change = |mode, transition: &Transition| {
        let transition = transition.clone();
        result(Outcome::Change(Change { deed: Deed::Install, mode, transition }))
    };
    assert_eq!(change(Mode::Run, &transition), wanted);
    transition.dry_run = true;
    transition.from = Some(version(10));
    wanted["dry_run"] = true.into();
    wanted["from"] = 10.into();
    assert_eq!(change(Mode::DryRun, &transition), wanted);
    // With --quiet, what would be done is told, and what was done is not.
    for (mode, weight) in [(Mode::Run, Weight::Story), (Mode::DryRun, Weight::Asked)] {
        let outcome = Outcome::Change(Change { deed: Deed::Install, mode, transition: transition.clone() });
        assert_eq!(outcome.answer().weight, weight, "{mode:?}");
    }
}
