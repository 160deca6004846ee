//! Answers in words. All texts end with a line feed.

mod found;
mod layers;
mod told;

use std::fmt::Write as _;

use stateless_update::client::{BundleRow, Diagnosis, Info, Mode, Transition, UpdateCheck};
use stateless_update::manifest::Status;
use stateless_update::types::Visible;

use super::common::dist;
use super::common::numbers::{bytes, count, counted, duration};
use super::common::told::wrapped;
use super::outcome::{Change, Deed, Outcome, is_clean};

/// No line of a table is longer.
const COLUMNS: usize = 80;

/// The answer for a person.
pub(crate) fn of(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Info(info) => of_info(info),
        Outcome::Check(check) => of_check(check),
        Outcome::Change(change) => of_change(change),
        Outcome::Recovery(recovery) => told::of_recovery(*recovery),
        Outcome::Bundles { rows, with_status } => of_bundles(rows, *with_status),
        Outcome::Diagnosis(diagnosis) => of_diagnosis(diagnosis),
        Outcome::Bundle { info, with_dependencies } => told::of_bundle(info, *with_dependencies),
        Outcome::BundlesFound { found, term } => found::of_bundles(found, term),
        Outcome::FilesFound { matches, term } => found::of_files(matches, term),
        Outcome::MissingCommand(missing) => found::of_command(missing),
        Outcome::History(entries) => told::of_history(entries),
        Outcome::HashDump(found) => told::of_hashdump(found),
        Outcome::Cleaned(cleaned) => told::of_cleaned(cleaned),
        Outcome::Explanation(explanation) => told::of_explanation(explanation),
        Outcome::Mirror(mirror) => told::of_mirror(mirror),
        Outcome::Exported(exported) => told::of_export(exported),
        Outcome::Autoupdate { state, .. } => told::of_autoupdate(state),
        Outcome::Status { found, wanted } => told::of_status(found, *wanted),
        Outcome::Config(answered) => layers::of(answered),
        Outcome::Reset(reset) => layers::of_reset(reset),
        Outcome::Completions { script, .. } => script.clone(),
        Outcome::DistFiles(files) => dist::listed(files),
        Outcome::Done => String::new(),
    }
}

fn of_check(check: &UpdateCheck) -> String {
    let UpdateCheck { current, latest, available, download_bytes } = check;
    if *available {
        let size = bytes(*download_bytes);
        format!("release {latest} is available, this machine has {current}: {size} to download\n")
    } else {
        format!("no update: this machine has release {current}, the newest is {latest}\n")
    }
}

fn of_change(change: &Change) -> String {
    let Change { deed, mode, transition } = change;
    let is_idle = is_idle(*mode, transition);
    let told = match mode {
        _ if is_idle => told_of_nothing(deed, transition),
        Mode::DryRun => told_ahead(deed, transition),
        Mode::DownloadOnly => {
            format!("release {} is fetched and staged, the next update switches to it", transition.to)
        }
        Mode::Run => told_after(deed, transition),
    };
    let wire = match transition.requests {
        0 => "nothing to download".to_owned(),
        requests => format!("{} in {}", bytes(transition.download_bytes), counted(requests, "request", "requests")),
    };
    let mut parts = Vec::new();
    if !is_idle {
        let Transition { files_added, files_changed, files_removed, .. } = transition;
        let added = counted(*files_added, "file added", "files added");
        parts.push(format!("{told}:"));
        parts.push(format!("{added}, {} changed, {} removed;", count(*files_changed), count(*files_removed)));
    } else {
        parts.push(format!("{told};"));
    }
    parts.extend([format!("{wire};"), duration(transition.duration_ms)]);
    filled(&parts)
}

/// Whether there was nothing to do. What is only fetched and staged never counts as changed.
fn is_idle(mode: Mode, transition: &Transition) -> bool {
    let Transition { from, to, files_added, files_changed, files_removed, .. } = transition;
    match mode {
        Mode::Run | Mode::DryRun => !transition.changed,
        Mode::DownloadOnly => *from == Some(*to) && files_added + files_changed + files_removed == 0,
    }
}

/// The parts of a sentence in lines that fit, all but the first indented. Lines end between parts; within one only where it
/// is longer than a line.
fn filled(parts: &[String]) -> String {
    const INDENT: &str = "  ";
    let pieces = parts.iter().flat_map(|part| {
        let fits = INDENT.len() + part.chars().count() <= COLUMNS;
        if fits { vec![part.as_str()] } else { part.split(' ').collect() }
    });
    wrapped(pieces, 0, COLUMNS, INDENT) + "\n"
}

/// `updated from 10 to 20`.
fn told_after(deed: &Deed, transition: &Transition) -> String {
    let to = transition.to;
    match (deed, transition.from) {
        (Deed::Update, Some(from)) if from != to => format!("updated from {from} to {to}"),
        (Deed::Update, _) => format!("brought back to release {to}"),
        (Deed::Install, _) => format!("installed release {to} with {}", bundles(transition)),
        (Deed::Add(names), _) => format!("added {} at release {to}", listed(names)),
        (Deed::Remove(_), _) if transition.bundles_removed.is_empty() => format!("brought back to release {to}"),
        (Deed::Remove(_), _) => format!("removed {} at release {to}", listed(&transition.bundles_removed)),
        (Deed::Repair, _) => format!("repaired release {to}"),
        (Deed::Rollback, Some(from)) => format!("rolled back from {from} to {to}"),
        (Deed::Rollback, None) => format!("rolled back to {to}"),
    }
}

/// `would update from 10 to 20`.
fn told_ahead(deed: &Deed, transition: &Transition) -> String {
    let to = transition.to;
    match (deed, transition.from) {
        (Deed::Update, Some(from)) if from != to => format!("would update from {from} to {to}"),
        (Deed::Update, _) => format!("would stay at release {to}"),
        (Deed::Install, _) => format!("would install release {to} with {}", bundles(transition)),
        (Deed::Add(names), _) => format!("would add {} at release {to}", listed(names)),
        (Deed::Remove(_), _) if transition.bundles_removed.is_empty() => format!("would stay at release {to}"),
        (Deed::Remove(_), _) => format!("would remove {} at release {to}", listed(&transition.bundles_removed)),
        (Deed::Repair, _) => format!("would repair release {to}"),
        (Deed::Rollback, Some(from)) => format!("would roll back from {from} to {to}"),
        (Deed::Rollback, None) => format!("would roll back to {to}"),
    }
}

fn told_of_nothing(deed: &Deed, transition: &Transition) -> String {
    let to = transition.to;
    match deed {
        Deed::Update | Deed::Install | Deed::Rollback => format!("nothing to do: this machine has release {to}"),
        Deed::Add(names) => format!("nothing to do: release {to} of this machine has {}", listed(names)),
        Deed::Remove(names) if names.is_empty() => "nothing to do: no bundle is here that nothing needs".to_owned(),
        Deed::Remove(names) => format!("nothing to do: nobody asked for {}", listed(names)),
        Deed::Repair => format!("nothing to do: what was checked is as in release {to}"),
    }
}

fn bundles(transition: &Transition) -> String {
    counted(transition.bundles.len() as u64, "bundle", "bundles")
}

fn listed<'a>(names: impl IntoIterator<Item = &'a stateless_update::types::BundleName>) -> String {
    names.into_iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn of_info(info: &Info) -> String {
    let (asked, included): (Vec<_>, Vec<_>) = info.bundles.iter().partition(|(_, explicit)| *explicit);
    let names = |bundles: Vec<&(_, bool)>| match bundles.len() {
        0 => "none".to_owned(),
        _ => listed(bundles.into_iter().map(|(name, _)| name)),
    };
    let lines = [
        ("version", info.version.to_string()),
        ("previous", info.previous.map_or("none kept".to_owned(), |version| version.to_string())),
        ("bundles", names(asked)),
        ("included", names(included)),
        ("origin", if info.origin.is_empty() { "none".to_owned() } else { info.origin.join(", ") }),
        ("trust root", info.trust_root.to_string()),
        ("layout", info.layout.clone()),
        ("switch", info.switch_method.clone()),
    ];
    let mut text = String::new();
    for (key, value) in lines {
        let _ = writeln!(text, "{key:<10}  {value}");
    }
    text
}

/// A table of names, what they are here, how ready they are if that is wanted, and titles cut to fit.
fn of_bundles(rows: &[BundleRow], with_status: bool) -> String {
    if rows.is_empty() {
        return "no bundles\n".to_owned();
    }
    let width = |cells: &dyn Fn(&BundleRow) -> usize| rows.iter().map(cells).max().unwrap_or_default();
    let (names, states) = (width(&|row| row.name.as_str().len()), width(&|row| state(row).len()));
    let statuses = if with_status { width(&|row| status(row.status).len()) } else { 0 };
    let mut text = String::new();
    for row in rows {
        let mut line = format!("{:<names$}  {:<states$}", row.name.as_str(), state(row));
        if with_status {
            let _ = write!(line, "  {:<statuses$}", status(row.status));
        }
        let room = COLUMNS.saturating_sub(line.chars().count() + 2);
        let _ = write!(line, "  {}", fitted(&row.title, room));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn state(row: &BundleRow) -> &'static str {
    match (row.installed, row.explicit) {
        (false, _) => "-",
        (true, true) => "installed",
        (true, false) => "included",
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::Experimental => "experimental",
        Status::Deprecated => "deprecated",
    }
}

/// A name or a value on one line, with control characters escaped.
fn plain(text: &str) -> String {
    Visible(text).to_string()
}

/// Prose on one line, or as much of it as has room and dots. Control characters are blanks: they mean nothing there.
fn fitted(text: &str, room: usize) -> String {
    let mut letters: Vec<char> = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if letters.len() > room {
        letters.truncate(room.saturating_sub(3));
        letters.extend("...".chars().take(room));
    }
    letters.into_iter().collect()
}

fn of_diagnosis(diagnosis: &Diagnosis) -> String {
    let Diagnosis { checked, missing, mismatched, extra, duration_ms } = diagnosis;
    let mut text = String::new();
    for path in missing {
        let _ = writeln!(text, "missing     {}", plain(path));
    }
    for (path, reason) in mismatched {
        let _ = writeln!(text, "mismatched  {} ({reason})", plain(path));
    }
    for path in extra {
        let _ = writeln!(text, "extra       {}", plain(path));
    }
    let found = if is_clean(diagnosis) {
        "all are as the release has them".to_owned()
    } else {
        let (missing, mismatched, extra) = (missing.len(), mismatched.len(), extra.len());
        format!(
            "{} missing, {} mismatched, {} extra",
            count(missing as u64),
            count(mismatched as u64),
            count(extra as u64)
        )
    };
    let _ = writeln!(text, "checked {}: {found}; {}", counted(*checked, "entry", "entries"), duration(*duration_ms));
    text
}

#[cfg(test)]
#[path = "sentences_tests.rs"]
mod tests;
