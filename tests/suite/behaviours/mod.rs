//! What users of such systems rely on: a test each, whose name says it. Most are on two releases made for that ([`changes`]).
//!
//! | what users rely on | test |
//! |---|---|
//! | a missing pack falls back to objects | `releases::a_missing_pack_falls_back_to_objects` |
//! | a corrupt object aborts and is named | `releases::a_corrupt_object_aborts_and_is_named` |
//! | a bundle removed upstream is reported and dropped | `bundles::a_bundle_removed_upstream_is_reported_and_dropped` |
//! | a bundle newly included by another is installed | `bundles::a_bundle_newly_included_by_another_is_installed` |
//! | `os-core` is always installed | `bundles::os_core_is_always_installed` |
//! | optional bundles come with `bundle-add`, not with `update`, and their absence is no fault | `bundles::optional_bundles_come_with_bundle_add_not_with_update_and_their_absence_is_no_fault` |
//! | an update to the same version changes nothing | `releases::an_update_to_the_same_version_changes_nothing` |
//! | an older release is refused unless asked for by `--version`, and one below the floor always | `releases::an_older_release_is_refused_unless_asked_for_and_one_below_the_floor_always` |
//! | a file becomes a directory, a directory a file, a symlink either, and a symlink to `.` | `tree::every_kind_of_entry_becomes_every_other` |
//! | only mode, owner or attributes change | `tree::only_mode_owner_or_attributes_change_and_no_content_is_fetched` |
//! | names with spaces, newlines, quotes, leading dashes and non-ASCII | `tree::names_of_every_kind_are_names` |
//! | a file of two bundles survives the removal of one | `bundles::a_file_of_two_bundles_survives_the_removal_of_one` |
//! | removal of a bundle that others need lists them as a tree | `bundles::removal_of_a_bundle_that_others_need_lists_them_as_a_tree` |
//! | `diagnose --file` is that path and what is beneath it, nothing with the same prefix | `verify::diagnose_file_is_that_path_and_what_is_beneath_it_and_nothing_with_the_same_prefix` |
//! | `--picky` lists what no bundle owns and leaves `/usr/local`, `/usr/src` and mount points alone | `verify::picky_lists_what_no_bundle_owns_and_leaves_local_src_and_mount_points_alone` |
//! | `repair`, then `diagnose` is always clean | `verify::repair_then_diagnose_is_always_clean` |
//! | a mirror that is behind is used for content and told | `mirrors::a_mirror_that_is_behind_is_used_for_content_and_told` |
//! | a mirror that is behind does not hide an origin with a damaged block | `mirrors::a_mirror_that_is_behind_does_not_hide_an_origin_with_a_damaged_block` |
//! | a stale mirror never causes an override of the administrator's to be deleted | `mirrors::a_stale_mirror_never_causes_an_override_to_be_deleted` |
//! | an update over every release begins at the floor | `releases::an_update_over_every_release_begins_at_the_floor` |
//! | state survives `rm -rf /etc /var`, explicit bundles apart from included ones | `releases::state_survives_the_loss_of_etc_and_var` |

mod bundles;
mod changes;
mod mirrors;
mod releases;
mod tree;
mod verify;

/// The files of this module that hold the tests.
const FILES: [(&str, &str); 5] = [
    ("bundles", include_str!("bundles.rs")),
    ("mirrors", include_str!("mirrors.rs")),
    ("releases", include_str!("releases.rs")),
    ("tree", include_str!("tree.rs")),
    ("verify", include_str!("verify.rs")),
];

#[test]
fn the_table_names_every_test_of_these_files_once() {
    let rows = include_str!("mod.rs").lines().filter_map(|line| line.strip_prefix("//! | "));
    let last_cell = |row: &str| row.trim_end_matches(" |").rsplit('`').nth(1).map(str::to_owned);
    let mut named: Vec<String> = rows.filter_map(last_cell).filter(|name| name.contains("::")).collect();
    let tests = |(module, text): &(&str, &'static str)| -> Vec<String> {
        let names = text.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split('(').next());
        names.map(|name| format!("{module}::{name}")).collect()
    };
    let mut written: Vec<String> = FILES.iter().flat_map(tests).collect();
    named.sort();
    written.sort();
    assert_eq!(named, written);
}
