//! Answers about single bundles, paths, and what was done.

use std::fmt::Write as _;

use stateless_update::client::{
    Autoupdate, BundleInfo, Cleaned, Configured, Due, Effect, Explanation, Exported, HashDump, MirrorState, PathState,
    Recovery, Status,
};
use stateless_update::manifest::{Ending, HistoryEntry};
use stateless_update::overlay::Model;
use stateless_update::types::{Difference, Seen};

use super::super::common::numbers::{bytes, count, counted, duration};
use super::super::outcome::Wanted;
use super::{COLUMNS, fitted, layers, listed, plain, status};

/// Keys and values, then what was asked for beyond them.
pub(super) fn of_bundle(info: &BundleInfo, with_dependencies: bool) -> String {
    let state = match (info.installed, info.explicit) {
        (false, _) => "not installed",
        (true, true) => "installed",
        (true, false) => "included",
    };
    let files = counted(info.file_count, "file", "files");
    let size = |here: u64, new: u64| match info.installed || here == new {
        true => bytes(here),
        false => format!("{}, {} with all that would come along", bytes(here), bytes(new)),
    };
    let mut lines = vec![
        ("name", info.name.to_string()),
        ("release", info.version.to_string()),
        ("title", fitted(&info.title, usize::MAX)),
        ("description", fitted(&info.description, usize::MAX)),
        ("status", format!("{}, {state}", status(info.status))),
        ("on disk", format!("{files}, {}", size(info.disk_bytes, info.new_disk_bytes))),
        ("download", size(info.download_bytes, info.new_download_bytes)),
        ("includes", listed(&info.includes)),
        ("recommends", listed(&info.also_add)),
    ];
    if with_dependencies {
        lines.push(("brings", listed(&info.dependencies)));
        lines.push(("needed by", listed(&info.needed_by)));
    }
    let mut text = String::new();
    for (key, value) in lines.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "{key:<11}  {}", plain(&value));
    }
    for path in info.files.iter().flatten() {
        let _ = writeln!(text, "{path}");
    }
    text
}

/// A line for each transition, in UTC, the newest last; bundles and errors below it.
pub(super) fn of_history(entries: &[HistoryEntry]) -> String {
    let mut text = String::new();
    for entry in entries {
        let time = jiff::Timestamp::from_second(entry.time).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let step = match entry.from {
            Some(from) if from != entry.to => format!("{from} -> {}", entry.to),
            _ => entry.to.to_string(),
        };
        let outcome = match entry.outcome {
            Ending::Done => "done",
            Ending::Staged => "staged",
            Ending::Failed => "failed",
        };
        let (when, wire, took) =
            (time.strftime("%Y-%m-%d %H:%M"), bytes(entry.download_bytes), duration(entry.duration_ms));
        let _ = writeln!(text, "{when}  {:<13}  {step:<10}  {outcome:<6}  {wire:>9}  {took}", entry.command);
        if entry.from.is_some() {
            for (sign, bundles) in [("+", &entry.bundles_added), ("-", &entry.bundles_removed)] {
                for bundle in bundles {
                    let _ = writeln!(text, "    {sign} {bundle}");
                }
            }
        }
        if let Some(error) = &entry.error {
            let _ = writeln!(text, "    {}", fitted(error, COLUMNS - 4));
        }
    }
    if text.is_empty() { "no transitions are remembered\n".to_owned() } else { text }
}

/// As `sha256sum` writes it; what has no digest says what it is.
pub(super) fn of_hashdump(found: &HashDump) -> String {
    let path = &found.path;
    match (&found.sha256, &found.target) {
        (Some(digest), _) => format!("{digest}  {path}\n"),
        (None, Some(target)) => format!("symlink to {}  {path}\n", plain(target)),
        (None, None) => format!("{}  {path}\n", found.kind),
    }
}

/// What went, or would go.
pub(super) fn of_cleaned(cleaned: &Cleaned) -> String {
    if cleaned.removed.is_empty() {
        return "nothing to clean\n".to_owned();
    }
    let names: Vec<&str> = cleaned.removed.iter().map(|part| part.name).collect();
    let files: u64 = cleaned.removed.iter().map(|part| part.files).sum();
    let verb = if cleaned.dry_run { "would remove" } else { "removed" };
    let unit = if files == 1 { "file" } else { "files" };
    format!("{verb} {}: {} {unit}, {}\n", names.join(" and "), count(files), bytes(cleaned.bytes))
}

/// Whether something was left to finish.
pub(super) fn of_recovery(recovery: Recovery) -> String {
    let Recovery { version, changed } = recovery;
    match changed {
        true => format!("recovered: the switch to release {version} is finished\n"),
        false => format!("nothing to recover: this machine has release {version}\n"),
    }
}

/// Where content and metadata come from.
pub(super) fn of_mirror(state: &MirrorState) -> String {
    let mirror = state.mirror.as_deref().unwrap_or("none");
    format!("mirror  {}\norigin  {}\n", plain(mirror), state.origin.join(", "))
}

/// Whether the machine updates itself, and by what.
pub(super) fn of_autoupdate(state: &Autoupdate) -> String {
    let now = if state.changed { "now " } else { "" };
    let mut text = match state.enabled {
        true => format!("automatic updates are {now}on: daily, by stateless-update.timer\n"),
        false => format!("automatic updates are {now}off\n"),
    };
    for unit in &state.units {
        let _ = writeln!(text, "  /{unit}");
    }
    text
}

/// What the file is good for.
pub(super) fn of_export(exported: &Exported) -> String {
    let to = exported.to;
    let leads = match (exported.from, &exported.bundles) {
        (_, None) => format!("the publication up to release {to}"),
        (Some(from), Some(_)) => format!("what leads from release {from} to {to}"),
        (None, Some(_)) => format!("what installs release {to}"),
    };
    let bundles = match &exported.bundles {
        Some(bundles) => format!(" with {}", counted(bundles.len() as u64, "bundle", "bundles")),
        None => String::new(),
    };
    let (file, files) = (&exported.file, counted(exported.files, "file", "files"));
    format!("wrote {leads}{bundles} to {file}: {files}, {}\n", bytes(exported.bytes))
}

/// All that `status` found, or the words of it that scripts ask for, one a line.
pub(super) fn of_status(found: &Status, wanted: Wanted) -> String {
    match (wanted, found.due) {
        (Wanted::All, _) => of_whole_status(found),
        (Wanted::Services, _) => found.services.iter().map(|unit| format!("{}\n", plain(unit))).collect(),
        (Wanted::Reboot, Due::SoftReboot) => "soft-reboot\n".to_owned(),
        (Wanted::Reboot, Due::Reboot) => "reboot\n".to_owned(),
        (Wanted::Reboot, Due::None | Due::Services) => String::new(),
    }
}

/// Keys and values, a line for each process that is stale, and the reasons.
fn of_whole_status(found: &Status) -> String {
    let version = |version: Option<stateless_update::types::Version>| match version {
        Some(version) => version.to_string(),
        None => "none".to_owned(),
    };
    let due = match found.due {
        Due::None => "nothing: what runs is what is installed",
        Due::Services => "restart services",
        Due::SoftReboot => "soft reboot",
        Due::Reboot => "reboot",
    };
    let lines = [
        ("live", found.live.to_string()),
        ("previous", version(found.previous)),
        ("pending", version(found.pending)),
        ("due", due.to_owned()),
    ];
    let mut text = String::new();
    for (key, value) in lines {
        let _ = writeln!(text, "{key:<8}  {value}");
    }
    for reason in &found.reasons {
        let _ = writeln!(text, "  because {}", plain(reason));
    }
    for process in &found.stale {
        let first = process.paths.first().map_or("", String::as_str);
        let more = match process.paths.len() {
            0 | 1 => String::new(),
            paths => format!(" and {} more", paths - 1),
        };
        let unit = process.unit.as_deref().unwrap_or("-");
        let line = format!("{:>8}  {unit}  {first}{more}", process.pid);
        let _ = writeln!(text, "{}", plain(&line));
    }
    text
}

/// Keys and values.
pub(super) fn of_explanation(found: &Explanation) -> String {
    let version = found.version;
    let release = match (found.kind, found.since) {
        (Some(kind), Some(since)) => format!("{version} has a {kind}, whose content came with {since}"),
        (Some(kind), None) => format!("{version} has a {kind}"),
        (None, _) => format!("{version} has nothing there in the bundles of this machine"),
    };
    let here = match found.state {
        PathState::Owned(Seen::Same) => "as the release has it".to_owned(),
        PathState::Owned(Seen::Missing) => "missing".to_owned(),
        PathState::Absent => "nothing".to_owned(),
        PathState::Unowned => "something that no bundle has".to_owned(),
        // The only word in the plural.
        PathState::Owned(Seen::Differs(Difference::Attributes)) => "other attributes".to_owned(),
        PathState::Owned(Seen::Differs(difference)) => format!("another {}", difference.name()),
    };
    let next = found
        .next
        .as_ref()
        .map(|next| format!("{} by the update to {}: {}", next.action.name(), next.version, next.reason));
    let lines = [
        ("path", found.path.to_string()),
        ("release", release),
        ("bundles", listed(&found.bundles)),
        ("here", here),
        ("override", found.override_path.clone().unwrap_or_default()),
        ("effect", found.configuration.as_ref().map(effect).unwrap_or_default()),
        ("next", next.unwrap_or_else(|| "no newer release is known".to_owned())),
    ];
    let mut text = String::new();
    for (key, value) in lines.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "{key:<8}  {}", plain(&value));
    }
    if let Some(Configured { overrides, .. }) = &found.configuration
        && !overrides.is_empty()
    {
        text.push_str(&layers::of_changes(overrides));
    }
    text
}

/// What overrides leave of a file of defaults, and by which rule.
fn effect(found: &Configured) -> String {
    let Configured { app, model, .. } = found;
    let rule = match model {
        Model::Opaque => "a file in /etc takes the place of the shipped one",
        Model::Uapi => "of files of one name only the highest is read, then per option the later wins",
        _ => "per option the later file wins",
    };
    let told = match (found.effect, found.overrides.len()) {
        (Effect::None, _) => "all of it is in force".to_owned(),
        (Effect::Whole, _) => "none of it is in force".to_owned(),
        (Effect::Options, number) => {
            format!("all of it but {} is in force", counted(number as u64, "option", "options"))
        }
    };
    format!("{told} ({app} is {}: {rule})", model.name())
}

#[cfg(test)]
#[path = "told_tests.rs"]
mod tests;
