//! What a command came to when it did its work, its exit code, and its fields in the JSON result.

use std::collections::BTreeSet;

use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::{Map, Value, json};
use stateless_update::client::{
    Autoupdate, AutoupdateRequest, BundleInfo, BundleMatch, BundleRow, Cleaned, ClientError, Diagnosis, Due,
    Explanation, Exported, FileMatch, HashDump, Info, MirrorState, MissingCommand, Mode, Reset, Status, Transition,
    UpdateCheck,
};
use stateless_update::manifest::HistoryEntry;
use stateless_update::types::{BundleName, Version};

use super::args::{Args, Completions};
use super::common::dist::Files;
use super::common::{Answer, PROGRAM, Weight};
use super::config::Answered;
use super::sentences;

/// The answer of a command.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// `info`.
    Info(Info),
    /// `check-update`.
    Check(UpdateCheck),
    /// All commands that change the machine.
    Change(Change),
    /// `bundle-list`.
    Bundles {
        /// The bundles.
        rows: Vec<BundleRow>,
        /// Whether a person wants to see how ready they are.
        with_status: bool,
    },
    /// `diagnose`.
    Diagnosis(Diagnosis),
    /// `bundle-info`.
    Bundle {
        /// The bundle.
        info: BundleInfo,
        /// Whether a person wants to see what comes with it.
        with_dependencies: bool,
    },
    /// `search`.
    BundlesFound {
        /// The bundles.
        found: Vec<BundleMatch>,
        /// What was looked for.
        term: String,
    },
    /// `search-file`.
    FilesFound {
        /// The bundles and paths.
        matches: Vec<FileMatch>,
        /// What was looked for.
        term: String,
    },
    /// `command-not-found`.
    MissingCommand(MissingCommand),
    /// `history`.
    History(Vec<HistoryEntry>),
    /// `hashdump`.
    HashDump(HashDump),
    /// `clean`.
    Cleaned(Cleaned),
    /// `explain`.
    Explanation(Explanation),
    /// `mirror`.
    Mirror(MirrorState),
    /// `export`.
    Exported(Exported),
    /// `autoupdate`.
    Autoupdate {
        /// What was asked.
        request: AutoupdateRequest,
        /// What is.
        state: Autoupdate,
    },
    /// `status`.
    Status {
        /// All of it.
        found: Status,
        /// What of it answers the question.
        wanted: Wanted,
    },
    /// `config`.
    Config(Answered),
    /// `factory-reset`.
    Reset(Reset),
    /// `completions`.
    Completions {
        /// The shell.
        shell: Shell,
        /// What it is to read.
        script: String,
    },
    /// `dist-files`.
    DistFiles(Files),
    /// It was done, and there is nothing to say about it.
    Done,
}

/// What `status` is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Everything.
    All,
    /// Which services need a restart.
    Services,
    /// Which reboot is due.
    Reboot,
}

/// A change of the machine.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// What was asked.
    pub(crate) deed: Deed,
    /// How far it was to go.
    pub(crate) mode: Mode,
    /// What came of it.
    pub(crate) transition: Transition,
}

/// What a change was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// `update`.
    Update,
    /// `os-install`.
    Install,
    /// `bundle-add` of these.
    Add(BTreeSet<BundleName>),
    /// `bundle-remove` of these.
    Remove(BTreeSet<BundleName>),
    /// `repair`.
    Repair,
    /// `rollback`.
    Rollback,
}

impl Outcome {
    /// The completions for a shell, made from the definition of the command line, or its hook for missing commands.
    pub(crate) fn script(options: &Completions) -> Result<Self, ClientError> {
        let shell = options.shell;
        let script = match (options.command_not_found, shell) {
            (false, _) => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Args::command(), PROGRAM, &mut script);
                String::from_utf8_lossy(&script).into_owned()
            }
            (true, Shell::Bash) => include_str!("hooks/command-not-found.bash").to_owned(),
            (true, Shell::Zsh) => include_str!("hooks/command-not-found.zsh").to_owned(),
            (true, _) => return Err(ClientError::NoHook { shell: shell.to_string() }),
        };
        Ok(Self::Completions { shell, script })
    }

    /// The answer for whoever asked.
    pub(crate) fn answer(&self) -> Answer {
        let weight = match self {
            Self::Check(_)
            | Self::Change(_)
            | Self::Diagnosis(_)
            | Self::Cleaned(_)
            | Self::Exported(_)
            | Self::Reset(_)
            | Self::Done => Weight::Story,
            _ => Weight::Asked,
        };
        Answer { text: sentences::of(self), fields: self.fields(), exit_code: self.exit_code(), weight }
    }

    /// 0, or 1 for a plain "no".
    fn exit_code(&self) -> u8 {
        match self {
            Self::Check(check) => u8::from(!check.available),
            Self::Diagnosis(diagnosis) => u8::from(!is_clean(diagnosis)),
            Self::Config(answered) => answered.exit_code(),
            Self::BundlesFound { found, .. } => u8::from(found.is_empty()),
            Self::FilesFound { matches, .. } => u8::from(matches.is_empty()),
            Self::Autoupdate { request, state } => u8::from(*request == AutoupdateRequest::Show && !state.enabled),
            Self::MissingCommand(missing) => u8::from(missing.bundles.is_empty()),
            Self::Status { found, wanted: Wanted::Services } => u8::from(found.services.is_empty()),
            Self::Status { found, wanted: Wanted::Reboot } => u8::from(found.due < Due::SoftReboot),
            _ => 0,
        }
    }

    /// The fields of the result beyond those of every result.
    fn fields(&self) -> Map<String, Value> {
        let value = match self {
            Self::Info(info) => of_info(info),
            Self::Check(check) => json!({
                "current": check.current,
                "latest": check.latest,
                "available": check.available,
                "download_bytes": check.download_bytes,
            }),
            Self::Change(change) => of_transition(&change.transition),
            Self::Bundles { rows, .. } => json!({ "bundles": rows.iter().map(of_row).collect::<Vec<_>>() }),
            Self::Diagnosis(diagnosis) => of_diagnosis(diagnosis),
            Self::Bundle { info, .. } => json!(info),
            Self::BundlesFound { found, .. } => json!({ "bundles": found }),
            Self::FilesFound { matches, .. } => json!({ "matches": matches }),
            Self::MissingCommand(missing) => json!(missing),
            Self::History(entries) => json!({ "transitions": entries }),
            Self::HashDump(found) => json!(found),
            Self::Cleaned(cleaned) => json!(cleaned),
            Self::Explanation(explanation) => json!(explanation),
            Self::Mirror(mirror) => json!(mirror),
            Self::Exported(exported) => json!(exported),
            Self::Autoupdate { state, .. } => json!(state),
            Self::Status { found, .. } => json!(found),
            Self::Config(answered) => answered.fields(),
            Self::Reset(reset) => json!(reset),
            Self::Completions { shell, script } => json!({ "shell": shell.to_string(), "script": script }),
            Self::DistFiles(files) => json!({ "files": files }),
            Self::Done => json!({}),
        };
        match value {
            Value::Object(fields) => fields,
            _ => unreachable!("all of them are objects"),
        }
    }
}

/// Whether the tree matches.
pub(crate) fn is_clean(diagnosis: &Diagnosis) -> bool {
    diagnosis.missing.is_empty() && diagnosis.mismatched.is_empty() && diagnosis.extra.is_empty()
}

fn of_info(info: &Info) -> Value {
    let bundle = |(name, explicit): &(BundleName, bool)| json!({ "name": name, "explicit": explicit });
    json!({
        "version": info.version,
        "bundles": info.bundles.iter().map(bundle).collect::<Vec<_>>(),
        "origin": info.origin,
        "trust_root": info.trust_root,
        "layout": info.layout,
        "switch_method": info.switch_method,
        "previous": info.previous,
    })
}

fn of_transition(transition: &Transition) -> Value {
    let mut value = json!({
        "from": transition.from.map(Version::number),
        "to": transition.to,
        "bundles": transition.bundles,
        "changed": transition.changed,
        "files_added": transition.files_added,
        "files_changed": transition.files_changed,
        "files_removed": transition.files_removed,
        "download_bytes": transition.download_bytes,
        "requests": transition.requests,
        "disk_peak_bytes": transition.disk_peak_bytes,
        "duration_ms": transition.duration_ms,
    });
    if transition.dry_run {
        value["dry_run"] = true.into();
    }
    value
}

fn of_row(row: &BundleRow) -> Value {
    json!({
        "name": row.name,
        "installed": row.installed,
        "explicit": row.explicit,
        "status": row.status,
        "title": row.title,
    })
}

fn of_diagnosis(diagnosis: &Diagnosis) -> Value {
    let paths: Vec<_> = diagnosis.mismatched.iter().map(|(path, _)| path).collect();
    let reasons: Map<_, _> =
        diagnosis.mismatched.iter().map(|(path, reason)| (path.clone(), reason.as_str().into())).collect();
    json!({
        "checked": diagnosis.checked,
        "missing": diagnosis.missing,
        "mismatched": paths,
        "reasons": reasons,
        "extra": diagnosis.extra,
        "duration_ms": diagnosis.duration_ms,
    })
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
