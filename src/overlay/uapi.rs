//! Which files count by the UAPI Configuration Files Specification
//! (<https://uapi-group.org/specifications/specs/configuration_files_specification/>), as systemd reads them.
//!
//! - Directories are ordered: `/usr` is beneath `/run`, which is beneath `/etc`.
//! - Of a main file only that of the highest directory counts, whole; the others are not read.
//! - Drop-ins, `NAME.d/*.conf`, count beside it, also without it. Of those with one base name only that of the highest
//!   directory counts. They are read after the main file, sorted by base name, wherever they lie.
//! - A symlink to `/dev/null` or an empty file in a higher directory so takes a lower file away: it masks it.
//!
//! `cargo xtask oracle uapi` compares it with `systemd-analyze cat-config`.

use std::collections::BTreeMap;

use super::{Content, Side, Snapshot};
use crate::types::split_path;

/// How names of drop-ins end, whatever the format of the files.
pub(super) const SUFFIX: &str = ".conf";

/// The files that count for a main file and its directory of drop-ins, in the order in which they are read. Masks are
/// left out. `directories` are the lowest first.
pub(super) fn select<'a>(
    snapshot: &'a Snapshot,
    directories: &[(&str, Side)],
    names: &[String],
) -> Vec<(&'a str, &'a [u8], Side)> {
    let mut counting = Vec::new();
    for name in names {
        if name.ends_with(".d") {
            // A later directory's file takes the place of an earlier one's.
            let mut by_name = BTreeMap::new();
            for (directory, side) in directories {
                for (path, content) in drop_ins(snapshot, &format!("{directory}/{name}"), SUFFIX) {
                    by_name.insert(base_name(path), (path, content, *side));
                }
            }
            counting.extend(by_name.into_values());
        } else {
            let main = directories.iter().rev().find_map(|(directory, side)| {
                let (path, content) = snapshot.get_key_value(&format!("{directory}/{name}"))?;
                Some((path.as_str(), content, *side))
            });
            counting.extend(main);
        }
    }
    counting.into_iter().filter_map(|(path, content, side)| Some((path, content.bytes()?, side))).collect()
}

/// The drop-ins in a directory, sorted by base name, masks included; hidden files are none.
pub(super) fn drop_ins<'a>(
    snapshot: &'a Snapshot,
    directory: &str,
    suffix: &'a str,
) -> impl Iterator<Item = (&'a str, &'a Content)> {
    let beneath = format!("{directory}/");
    let from = snapshot.range(beneath.clone()..).take_while({
        let beneath = beneath.clone();
        move |(path, _)| path.starts_with(&beneath)
    });
    from.filter(move |(path, _)| {
        let name = &path[beneath.len()..];
        !name.contains('/') && !name.starts_with('.') && name.ends_with(suffix)
    })
    .map(|(path, content)| (path.as_str(), content))
}

fn base_name(path: &str) -> &str {
    split_path(path).1
}
