//! Answers about configuration layers.

use std::fmt::Write as _;

use stateless_update::client::{AppRow, Edited, Finding, Redundant, Reset, Restored, SavedOverrides, ShownValue};
use stateless_update::overlay::{Change, ChangeKind};

use super::super::common::numbers::{bytes, counted};
use super::super::config::Answered;
use super::plain;

/// What stands in place of a secret.
const SECRET: &str = "(secret)";

/// The answer for a person.
pub(super) fn of(answered: &Answered) -> String {
    match answered {
        Answered::List(apps) => of_apps(apps),
        Answered::Show { file: Some(text), .. } => text.clone(),
        Answered::Show { shown, with_origin, .. } => {
            shown.values.iter().map(|value| of_value(value, *with_origin)).collect()
        }
        Answered::Diff(changes) => of_changes(changes),
        Answered::Check(findings) => of_findings(findings),
        Answered::Redundant(found) => of_redundant(found),
        Answered::Get { value: Some(value), .. } => of_values(value),
        Answered::Get { app, option, value: None } => format!("nothing sets {} of {app}\n", plain(option)),
        Answered::Set(edited) => of_set(edited),
        Answered::Unset(edited) => of_unset(edited),
        Answered::Save(saved) => of_saved(saved),
        Answered::Restore(restored) => of_restored(restored),
        Answered::Argv(arguments) => format!("{}\n", arguments.arguments.join(" ")),
    }
}

/// What went, or would go.
pub(super) fn of_reset(reset: &Reset) -> String {
    let mut text = String::new();
    for path in &reset.kept {
        let _ = writeln!(text, "keeps    {}", plain(path));
    }
    if reset.dry_run {
        for path in &reset.removed {
            let _ = writeln!(text, "removes  {}", plain(path));
        }
    }
    let verb = if reset.dry_run { "would remove" } else { "removed" };
    let files = counted(reset.files, "file", "files");
    let _ = writeln!(text, "{verb} {files}, {}; the next start is with defaults", bytes(reset.bytes));
    text
}

fn of_apps(apps: &[AppRow]) -> String {
    let width = apps.iter().map(|app| app.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for app in apps {
        let guessed = if app.declared { "" } else { " (guessed)" };
        let model = format!("{}{guessed}", app.model.unwrap_or("?"));
        let overrides = match (&app.error, &app.overrides[..]) {
            (Some(error), _) => format!("cannot be read: {}", plain(error)),
            (None, []) => "no overrides".to_owned(),
            (None, [one]) => plain(one),
            (None, several) => format!("{} files of overrides", several.len()),
        };
        let _ = writeln!(text, "{:<width$}  {model:<18}  {overrides}", plain(&app.name));
    }
    if text.is_empty() { "no program has defaults here\n".to_owned() } else { text }
}

fn of_value(value: &ShownValue, with_origin: bool) -> String {
    let mut text = String::new();
    let told = match &value.values {
        Some(values) => values.iter().map(|one| plain(one)).collect::<Vec<_>>().join(", "),
        None => SECRET.to_owned(),
    };
    let _ = writeln!(text, "{} = {told}", name(&value.section, &value.key));
    if with_origin {
        if let Some(origin) = &value.origin {
            let _ = writeln!(text, "    from {}:{}", plain(&origin.file), origin.line);
        }
        for one in &value.overrides {
            let told = one.value.as_deref().map_or(SECRET.to_owned(), plain);
            let _ = writeln!(text, "    overrides {told} of {}:{}", plain(&one.file), one.line);
        }
    }
    text
}

/// The values alone, a line each, for scripts.
fn of_values(value: &ShownValue) -> String {
    match &value.values {
        Some(values) => values.iter().map(|one| format!("{}\n", printable(one))).collect(),
        None => format!("{SECRET}\n"),
    }
}

pub(super) fn of_changes(changes: &[Change]) -> String {
    let mut text = String::new();
    for change in changes {
        let option = name(&change.section, &change.key);
        let _ = writeln!(text, "{:<15}  {} {option}", of_kind(change.kind), plain(&change.app));
        let told = |value: &Option<String>| match value {
            _ if change.secret => SECRET.to_owned(),
            // A file that is one value is told by the beginning of its digest.
            Some(value) if change.section.is_empty() && value.starts_with("sha256:") => {
                plain(&value[..value.len().min(19)])
            }
            Some(value) => plain(value),
            None => "nothing".to_owned(),
        };
        let _ = write!(text, "{:17}default {}, yours {}", "", told(&change.default), told(&change.override_value));
        if change.next_default.is_some() || change.kind == ChangeKind::Orphaned {
            let _ = write!(text, ", then {}", told(&change.next_default));
        }
        if let (Some(file), Some(line)) = (&change.file, change.line) {
            let _ = write!(text, " (/{}:{line})", plain(file));
        }
        text.push('\n');
    }
    if text.is_empty() { "no overrides\n".to_owned() } else { text }
}

fn of_kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Override => "override",
        ChangeKind::Redundant => "redundant",
        ChangeKind::DefaultChanged => "default-changed",
        ChangeKind::Conflict => "conflict",
        ChangeKind::Unknown => "unknown",
        ChangeKind::Orphaned => "orphaned",
        ChangeKind::Deprecated => "deprecated",
    }
}

fn of_findings(findings: &[Finding]) -> String {
    let mut text = String::new();
    for found in findings {
        let _ = writeln!(text, "{:<10}  {}:{}: {}", found.kind, plain(&found.file), found.line, plain(&found.message));
    }
    if text.is_empty() { "nothing is wrong\n".to_owned() } else { text }
}

fn of_redundant(found: &Redundant) -> String {
    if found.changes.is_empty() {
        return "no override says what the default says\n".to_owned();
    }
    let mut text = String::new();
    for change in &found.changes {
        let place = match (&change.file, change.line) {
            (Some(file), Some(line)) => format!("/{}:{line}", plain(file)),
            _ => String::new(),
        };
        let _ = writeln!(text, "{} {}  {place}", plain(&change.app), name(&change.section, &change.key));
    }
    for file in &found.pruned {
        let _ = writeln!(text, "pruned {}", plain(file));
    }
    text
}

fn of_set(edited: &Edited) -> String {
    match &edited.files[..] {
        [] => format!("{} is set as it was\n", option(edited)),
        files => format!("{} is set in {}\n", option(edited), plain(&files.join(", "))),
    }
}

fn of_unset(edited: &Edited) -> String {
    match &edited.files[..] {
        [] => format!("{} is not overridden\n", option(edited)),
        files => format!("{} no longer overrides {}\n", plain(&files.join(", ")), option(edited)),
    }
}

fn option(edited: &Edited) -> String {
    format!("{} {}", plain(&edited.app), name(&edited.section, &edited.key))
}

fn of_saved(saved: &SavedOverrides) -> String {
    let mut text: String = saved.paths.iter().map(|path| format!("{}\n", plain(path))).collect();
    let files = counted(saved.paths.len() as u64, "file", "files");
    let _ = writeln!(text, "saved {files} to {}, {}; secrets are in it", plain(&saved.file), bytes(saved.bytes));
    text
}

fn of_restored(restored: &Restored) -> String {
    let mut text: String = restored.restored.iter().map(|path| format!("{}\n", plain(path))).collect();
    let files = counted(restored.restored.len() as u64, "file", "files");
    let _ = writeln!(text, "restored {files}, {} were there already", restored.unchanged.len());
    text
}

fn name(section: &str, key: &str) -> String {
    if section.is_empty() { plain(key) } else { format!("[{}] {}", plain(section), plain(key)) }
}

/// As it is, without control characters other than line feeds.
fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() && letter != '\n' && letter != '\t' { ' ' } else { letter })
        .collect()
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
