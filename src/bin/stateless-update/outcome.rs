//! What a command came to when it did its work.

use std::collections::BTreeSet;

use clap::CommandFactory as _;
use clap_complete::Shell;
use stateless_update::client::{
    Autoupdate, AutoupdateRequest, BundleInfo, BundleMatch, BundleRow, Cleaned, ClientError, Diagnosis, Explanation,
    Exported, FileMatch, HashDump, Info, MirrorState, MissingCommand, Mode, Recovery, Reset, Status, Transition,
    UpdateCheck,
};
use stateless_update::manifest::HistoryEntry;
use stateless_update::types::BundleName;

use super::args::{Args, Completions};
use super::common::PROGRAM;
use super::common::dist::Files;
use super::config::Answered;

/// The answer of a command.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// `info`.
    Info(Info),
    /// `check-update`.
    Check(UpdateCheck),
    /// All commands that change the machine.
    Change(Change),
    /// `recover`.
    Recovery(Recovery),
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
}

/// Whether the tree matches.
pub(crate) fn is_clean(diagnosis: &Diagnosis) -> bool {
    diagnosis.missing.is_empty() && diagnosis.mismatched.is_empty() && diagnosis.extra.is_empty()
}
