//! `bundle-add`, `bundle-remove`, `bundle-list`.

use serde_json::json;

use crate::machine::{Machine, error};
use crate::world::world;

#[test]
fn adding_brings_what_is_included() {
    let machine = Machine::installed(10, &[]);
    let result = machine.succeeds(["bundle-add", "openstack-compute"]).result;
    machine.assert_holds(10, &["openstack-compute"]);
    assert_eq!((&result["from"], &result["to"], &result["changed"]), (&10.into(), &10.into(), &true.into()));
    let names = result["bundles"].to_string();
    assert!(names.contains("python3-basic"), "{names}");
}

#[test]
fn several_at_once_and_once_again() {
    let machine = Machine::installed(20, &[]);
    machine.succeeds(["bundle-add", "python3-basic", "editors"]);
    machine.assert_holds(20, &["python3-basic", "editors"]);
    let again = machine.succeeds(["bundle-add", "editors"]);
    assert_eq!(again.result["changed"], false);
}

#[test]
fn optional_bundles_come_unless_skipped() {
    let machine = Machine::installed(20, &[]);
    let twin = machine.twin();
    machine.succeeds(["bundle-add", "web-server"]);
    machine.assert_holds(20, &["web-server", "editors"]);
    twin.succeeds(["bundle-add", "web-server", "--skip-optional"]);
    twin.assert_holds(20, &["web-server"]);
}

#[test]
fn removing_takes_what_nothing_else_needs() {
    let machine = Machine::installed(20, &["openstack-compute", "editors"]);
    let removed = machine.succeeds(["bundle-remove", "openstack-compute"]).result;
    assert_eq!(removed["bundles_removed"], json!(["openstack-compute", "python3-basic"]));
    machine.assert_holds(20, &["editors"]);

    let machine = Machine::installed(20, &["openstack-compute", "python3-basic"]);
    machine.succeeds(["bundle-remove", "openstack-compute"]);
    machine.assert_holds(20, &["python3-basic"]);
}

#[test]
fn what_goes_with_a_bundle_is_named() {
    let machine = Machine::installed(20, &["openstack-compute", "editors"]);
    let remove = ["bundle-remove", "python3-basic", "--recursive"];
    let planned = machine.succeeds(["bundle-remove", "python3-basic", "--recursive", "--dry-run"]).result;
    assert_eq!(planned["bundles_removed"], json!(["openstack-compute", "python3-basic"]));
    let shown = world().programs.shown(&machine.root, remove).expect("it starts").success().expect("removed");
    assert!(shown.stdout.starts_with("removed openstack-compute, python3-basic at release 20"), "{}", shown.stdout);
    machine.assert_holds(20, &["editors"]);
    assert_eq!(machine.succeeds(["bundle-remove", "--orphans"]).result["bundles_removed"], json!([]));
    assert_eq!(machine.succeeds(["rollback"]).result["bundles_removed"], json!([]));
}

#[test]
fn an_unknown_bundle_is_refused_with_a_suggestion() {
    let machine = Machine::installed(10, &[]);
    for command in ["bundle-add", "bundle-remove"] {
        let before = machine.usr();
        let outcome = machine.client([command, "opnstack-compute"]);
        assert!([2, 3].contains(&outcome.code), "{}", outcome.told());
        assert_eq!(before, machine.usr());
        let told = error(&outcome).expect("an error event").to_string();
        let suggested = told.replace("opnstack-compute", "").contains("openstack-compute");
        assert!(suggested || command == "bundle-remove", "no suggestion: {told}");
    }
}

#[test]
fn what_is_not_installed_is_told_as_such() {
    let machine = Machine::installed(20, &["openstack-compute"]);
    for (bundle, told) in [("editors", "editors is not installed"), ("python3-basic", "was not asked for by name")] {
        let refused = machine.refuses(2, ["bundle-remove", bundle]);
        assert!(refused.told().contains(told), "{bundle}: {}", refused.told());
    }
    let refused = machine.refuses(2, ["bundle-remove", "editors", "--recursive"]);
    assert!(refused.told().contains("is not installed"), "{}", refused.told());
}

#[test]
fn the_list_tells_what_is_installed_and_what_there_is() {
    let machine = Machine::installed(20, &["openstack-compute"]);
    let list = |arguments: &[&str]| {
        let result = machine.client(arguments).success().expect("a list").result;
        let bundles = result["bundles"].as_array().expect("a list").clone();
        bundles
            .into_iter()
            .map(|bundle| (bundle["name"].as_str().expect("a name").to_owned(), bundle))
            .collect::<Vec<_>>()
    };
    let mut names: Vec<_> = list(&["bundle-list"]).into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["openstack-compute", "os-core", "python3-basic"]);
    let all = list(&["bundle-list", "--all"]);
    assert_eq!(all.len(), 5);
    let editors = &all.iter().find(|(name, _)| name == "editors").expect("editors").1;
    assert_eq!((&editors["installed"], &editors["status"]), (&false.into(), &"experimental".into()));
    assert_eq!(editors["title"], "Editors");
}
