//! Answers of searches.

use std::fmt::Write as _;

use stateless_update::client::{BundleMatch, FileMatch, MissingCommand};

use super::super::common::numbers::bytes;
use super::{COLUMNS, fitted, plain};

/// So many programs of a bundle are told; there is `--json` for the rest.
const PROGRAMS: usize = 4;

/// A line for each bundle as `bundle-list` has it, and where the term was found where that is not its name.
pub(super) fn of_bundles(found: &[BundleMatch], term: &str) -> String {
    let names = found.iter().map(|found| found.name.as_str().len()).max().unwrap_or_default();
    let mut text = String::new();
    for found in found {
        let state = if found.installed { "installed" } else { "-" };
        let line = format!("{:<names$}  {state:<9}  {:>8}", found.name.as_str(), bytes(found.disk_bytes));
        let room = COLUMNS.saturating_sub(line.chars().count() + 2);
        let _ = writeln!(text, "{}", format!("{line}  {}", fitted(&found.title, room)).trim_end());
        let programs: Vec<&str> =
            found.matched.iter().map(String::as_str).filter(|place| place.contains('/')).collect();
        for path in programs.iter().take(PROGRAMS) {
            let _ = writeln!(text, "    {}", plain(path));
        }
        if programs.len() > PROGRAMS {
            let _ = writeln!(text, "    and {} more programs", programs.len() - PROGRAMS);
        }
    }
    or_nothing(text, term)
}

/// A line for each bundle and path.
pub(super) fn of_files(found: &[FileMatch], term: &str) -> String {
    let names = found.iter().map(|found| found.bundle.as_str().len()).max().unwrap_or_default();
    let mut text = String::new();
    for found in found {
        let state = if found.installed { "installed" } else { "-" };
        let path = found.path.as_str();
        let _ = writeln!(text, "{:<names$}  {state:<9}  {}", found.bundle.as_str(), plain(path));
    }
    or_nothing(text, term)
}

/// What a shell says in place of its own words.
pub(super) fn of_command(missing: &MissingCommand) -> String {
    let command = plain(&missing.command);
    let mut text = match missing.bundles.len() {
        0 => return format!("no bundle is known that has the command {command}\n"),
        1 => format!("{command}: command not found; it comes with a bundle:\n"),
        _ => format!("{command}: command not found; it comes with any of these bundles:\n"),
    };
    for bundle in &missing.bundles {
        let _ = writeln!(text, "  stateless-update bundle-add {bundle}");
    }
    text
}

fn or_nothing(text: String, term: &str) -> String {
    if text.is_empty() { format!("nothing found for {}\n", plain(term)) } else { text }
}
