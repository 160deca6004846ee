//! What formats have of their own: options that add up, masks, names with dots, tables, lines that are passed over.

use super::*;

#[test]
fn a_mask_is_one_by_whatever_way_it_leads_to_null() {
    let machine = machine(&[("usr/lib/systemd/journald.conf", "[Journal]\nStorage=auto\n")]);
    let shown = || machine.succeeds(["config", "show", "systemd-journald"]).result["values"].clone();
    assert_ne!(shown(), json!([]));
    fs::create_dir_all(machine.path("etc/systemd")).expect("made");
    let mask = machine.path("etc/systemd/journald.conf");
    for target in ["/dev/null", "../../dev/null", "../../etc/../dev//null", "other"] {
        symlink(target, &mask).expect("linked");
        if target == "other" {
            symlink("../../dev/null", machine.path("etc/systemd/other")).expect("linked");
        }
        assert_eq!(shown(), json!([]), "{target}");
        fs::remove_file(&mask).expect("removed");
    }
}

#[test]
fn update_tells_of_a_default_behind_a_symlink() {
    let machine = machine(&[("etc/web/current.conf", "mine\n")]);
    let wanted = "web current.conf conflicts";
    for outcome in [machine.succeeds(["update", "--dry-run"]), machine.succeeds(["update"])] {
        let told = warnings(&outcome);
        assert!(told.iter().any(|text| text.contains(wanted)), "{told:?}");
    }
}
