//! `config` and its subcommands, and `factory-reset`.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand};
use stateless_update::types::Version;

/// `config`.
#[derive(Debug, Group)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

/// What to do with configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Programs with defaults here, how they combine them with overrides, and the files of the overrides
    #[command(after_help = "Examples:\n  stateless-update config list")]
    List,
    /// The values that a program reads in the end
    #[command(after_help = "Examples:\n  stateless-update config show nova --origin\n  \
        stateless-update config show nova --effective >nova.conf   # as one file\n\nSecrets are never shown.")]
    Show(Show),
    /// What overrides do to defaults, now or in another release
    #[command(after_help = "Kinds: override, redundant (says what the default says), default-changed, conflict (the \
        default changes and cannot come through), unknown, orphaned (its default is gone), deprecated.\n\n\
        Examples:\n  stateless-update config diff nova\n  stateless-update config diff --to 20   # before updating")]
    Diff(Diff),
    /// Look for lines that cannot be read, and for unknown and deprecated options
    #[command(after_help = "Exit code 0: nothing was found; 1: something was.\n\n\
        Examples:\n  stateless-update config check\n  stateless-update config check nova --json")]
    Check(OneOrAll),
    /// Overrides that say what the default says
    #[command(after_help = "Examples:\n  stateless-update config redundant\n  \
        stateless-update config redundant nova --prune")]
    Redundant(Redundant),
    /// The value of one option
    #[command(after_help = "Exit code 1: nothing sets it. A secret is not shown.\n\n\
        Examples:\n  stateless-update config get nova DEFAULT.debug\n  \
        stateless-update config get nova database.max_retries")]
    Get(OneOption),
    /// Override one option, by a small file beneath /etc
    #[command(
        after_help = "A value of - is read from standard input, so that a secret is in no list of processes; one that \
        begins with - follows a --. To OpenStack services $ stands for an option, and $$ is a dollar sign.\n\n\
        Examples:\n  stateless-update config set nova DEFAULT.debug true\n  \
        stateless-update config set nova keystone_authtoken.password - <password"
    )]
    Set(Set),
    /// Take an override away
    #[command(after_help = "Examples:\n  stateless-update config unset nova DEFAULT.debug")]
    Unset(OneOption),
    /// Write the overrides alone into a file
    #[command(
        after_help = "The file is a tar archive with a manifest. It has the secrets in it and only its owner may \
        read it.\n\nExamples:\n  stateless-update config save overrides.tar"
    )]
    Save(OneFile),
    /// Put saved overrides back
    #[command(after_help = "Examples:\n  stateless-update config restore overrides.tar --root /mnt/machine")]
    Restore(OneFile),
    /// The arguments that give an OpenStack service its files in the right order
    #[command(after_help = "Examples:\n  nova-compute $(stateless-update config argv nova)")]
    Argv(OneApp),
}

/// One program.
#[derive(Debug, Group)]
pub(crate) struct OneApp {
    /// The program, such as nova
    #[arg(value_name = "APP")]
    pub(crate) app: String,
}

/// One program, or all.
#[derive(Debug, Group)]
pub(crate) struct OneOrAll {
    /// Only this program
    #[arg(value_name = "APP")]
    pub(crate) app: Option<String>,
}

/// Options of `config show`.
#[derive(Debug, Group)]
pub(crate) struct Show {
    /// The program, such as nova
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    /// As one file from which the program would read the same, but for secrets
    #[arg(long)]
    pub(crate) effective: bool,
    /// With the file and line that each value comes from, and what it overrides
    #[arg(long)]
    pub(crate) origin: bool,
}

/// Options of `config diff`.
#[derive(Debug, Group)]
pub(crate) struct Diff {
    /// Only this program
    #[arg(value_name = "APP")]
    pub(crate) app: Option<String>,
    /// What the update to this release does to overrides
    #[arg(long, value_name = "V")]
    pub(crate) to: Option<Version>,
}

/// Options of `config redundant`.
#[derive(Debug, Group)]
pub(crate) struct Redundant {
    /// Only this program
    #[arg(value_name = "APP")]
    pub(crate) app: Option<String>,
    /// Take them away
    #[arg(long)]
    pub(crate) prune: bool,
}

/// One option of a program.
#[derive(Debug, Group)]
pub(crate) struct OneOption {
    /// The program, such as nova
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    /// The option; without a section that of DEFAULT, or of none
    #[arg(value_name = "SECTION.KEY")]
    pub(crate) option: String,
}

/// Options of `config set`.
#[derive(Debug, Group)]
pub(crate) struct Set {
    #[command(flatten)]
    pub(crate) option: OneOption,
    /// The value; several for an option that accumulates; - for what standard input has
    #[arg(required = true, value_name = "VALUE", allow_negative_numbers = true)]
    pub(crate) values: Vec<String>,
}

/// A file of whoever runs the program.
#[derive(Debug, Group)]
pub(crate) struct OneFile {
    /// The archive
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Options of `factory-reset`.
#[derive(Debug, Group)]
pub(crate) struct FactoryReset {
    /// Only say what would be removed
    #[arg(long, visible_alias = "dry-run")]
    pub(crate) preview: bool,
    /// Keep this path beneath /etc or /var, with all in it; may be repeated
    #[arg(long, value_name = "PATH")]
    pub(crate) keep: Vec<String>,
}

impl ConfigCommand {
    /// The name in results.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::List => "config list",
            Self::Show(_) => "config show",
            Self::Diff(_) => "config diff",
            Self::Check(_) => "config check",
            Self::Redundant(_) => "config redundant",
            Self::Get(_) => "config get",
            Self::Set(_) => "config set",
            Self::Unset(_) => "config unset",
            Self::Save(_) => "config save",
            Self::Restore(_) => "config restore",
            Self::Argv(_) => "config argv",
        }
    }
}
