//! The command line: names and help texts. What they mean to the library is in `requests`.

mod config;
mod export;
mod options;
mod search;
mod tuf_client;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};

use super::common::Shown;
pub(crate) use config::{Config, ConfigCommand, FactoryReset, Set};
pub(crate) use export::Export;
pub(crate) use options::{
    Autoupdate, BundleAdd, BundleInfo, BundleList, BundleRemove, Clean, Completions, Mirror, OnePath, OsInstall,
    Repair, Rollback, Status, Update, Verify,
};
pub(crate) use search::{CommandNotFound, Search, SearchFile};
pub(crate) use tuf_client::{TufClient, TufVerb};

const EXAMPLES: &str = "\
Examples:
  stateless-update check-update
  stateless-update update
  stateless-update update --prefer bytes      # behind a slow or metered line
  stateless-update update --memory 64M        # on a small machine
  stateless-update bundle-add openstack-compute
  stateless-update --root /mnt/machine --url https://example.org/os diagnose

Exit codes:
  0    done
  1    a plain no: no update, differences found
  2    usage
  3    the origin cannot be reached or lacks something
  4    trust or integrity refused
  5    local disk or filesystem
  6    another run is at work
  70   a bug
  130  ended by Ctrl-C: 128 and the signal's number
  143  ended by SIGTERM";

/// Keeps the operating system's /usr at one published version: signed, atomic, by binary deltas.
#[derive(Debug, Parser)]
#[command(name = "stateless-update", version, max_term_width = 100)]
#[command(override_usage = "stateless-update [OPTIONS] <COMMAND>", after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options of every command, before or after its name.
#[derive(Clone, Debug, Group)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The root of the machine to work on
    #[arg(short = 'p', long, global = true, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,
    /// Read the publication here instead of where the machine's record says: an https: or file: URL, a directory, or a file
    /// that `export` wrote; repeat it for mirrors, asked in order (URLs after the command replace those before it)
    #[arg(short = 'u', long, global = true, value_name = "URL")]
    pub(crate) url: Vec<String>,
    /// The first root of trust, for an empty root
    #[arg(long, global = true, value_name = "ROOT.json")]
    pub(crate) trust: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shown: Shown,
    /// Answer every question with yes; nothing is asked but on a terminal
    #[arg(short = 'y', long, global = true)]
    pub(crate) yes: bool,
    /// Threads for hashing, patching and decompressing; 0 for one per processor
    #[arg(long, global = true, value_name = "N", default_value_t = 0)]
    pub(crate) jobs: usize,
    /// What is dearer: with bytes, large files are also taken apart and compressed again, which takes many seconds and
    /// hundreds of MiB of memory for each
    #[arg(long, global = true, value_name = "WHAT", default_value = "time")]
    pub(crate) prefer: Dearer,
    /// The most memory for decoding, such as 64M or 1G: what takes more is fetched in another way, and less is done at once
    #[arg(long, global = true, value_name = "SIZE", value_parser = size)]
    pub(crate) memory: Option<u64>,
    /// Requests under way at once
    #[arg(short = 'W', long, global = true, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) max_parallel_downloads: u16,
    /// Further tries of a request that failed, at each mirror
    #[arg(short = 'r', long, global = true, value_name = "N", default_value_t = 3)]
    pub(crate) max_retries: u32,
    /// Pause before the first further try; it doubles from one to the next
    #[arg(short = 'd', long, global = true, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub(crate) retry_delay: Duration,
    /// Give a mirror up from which nothing comes for so long
    #[arg(long, global = true, value_name = "SECONDS", default_value = "30", value_parser = some_seconds)]
    pub(crate) timeout: Duration,
    /// Do not run scripts after the switch (this version has none)
    #[arg(short = 'N', long, global = true)]
    pub(crate) no_scripts: bool,
    /// Do not touch the boot loader after the switch (this version never does)
    #[arg(short = 'b', long, global = true)]
    pub(crate) no_boot_update: bool,
    /// Allow http: to other machines (to this one it always is, and from an origin that was allowed before)
    #[arg(long, global = true)]
    pub(crate) allow_insecure_http: bool,
    /// Accept metadata that has expired, for a machine whose clock cannot be trusted
    #[arg(short = 'I', long, global = true)]
    pub(crate) ignore_time: bool,
}

/// What `--prefer` may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dearer {
    /// Do not take long, whatever it weighs
    Time,
    /// Fetch as little as can be
    Bytes,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Version, bundles, origin, trust root, layout, switch method
    #[command(after_help = "Examples:\n  stateless-update info\n  stateless-update info --json --root /mnt/machine")]
    Info,
    /// Is there a newer release, and how much is it for this machine
    #[command(after_help = "Exit code 0: there is one; 1: there is none.\n\n\
        Examples:\n  stateless-update check-update && stateless-update update")]
    CheckUpdate,
    /// Move the machine to the newest or the given release
    #[command(
        after_help = "Examples:\n  stateless-update update\n  stateless-update update --version 20 --dry-run\n  \
        stateless-update update --download   # the next update switches"
    )]
    Update(Update),
    /// Make a machine in an empty --root
    #[command(
        after_help = "Examples:\n  stateless-update os-install -p /mnt -u https://os.example --trust root.json\n  \
        stateless-update os-install -p /mnt -u os --trust root.json --bundle git"
    )]
    OsInstall(OsInstall),
    /// Subscribe to bundles and install them
    #[command(after_help = "Examples:\n  stateless-update bundle-add openstack-compute\n  \
        stateless-update bundle-add web-server --dry-run")]
    BundleAdd(BundleAdd),
    /// Unsubscribe from bundles and remove what nothing else needs
    #[command(after_help = "Examples:\n  stateless-update bundle-remove web-server\n  \
        stateless-update bundle-remove python3-basic --recursive --dry-run")]
    BundleRemove(BundleRemove),
    /// What is installed or to be had
    #[command(after_help = "Examples:\n  stateless-update bundle-list --all --status\n  \
        stateless-update bundle-list --has-dep python3-basic")]
    BundleList(BundleList),
    /// One bundle: title, sizes, what comes with it
    #[command(after_help = "Examples:\n  stateless-update bundle-info openstack-compute --dependencies\n  \
        stateless-update bundle-info web-server --version 20 --files")]
    BundleInfo(BundleInfo),
    /// Which bundles are about something: by name, title, description and programs
    #[command(
        after_help = "Exit code 0: there are some; 1: there are none. The index of the release is fetched once and kept.\n\n\
        Examples:\n  stateless-update search openstack\n  stateless-update search editor --order size"
    )]
    Search(Search),
    /// Which bundle has a path
    #[command(
        after_help = "TERM is an absolute path, a pattern such as `*.so.1` or `bin/py*`, or a part of a path. Exit code \
        0: there are some; 1: there are none. The index of the release is fetched once and kept.\n\n\
        Examples:\n  stateless-update search-file /usr/bin/git\n  stateless-update search-file 'libssl.so*' --library\n  \
        stateless-update search-file '^/usr/bin/py.*3$' --regexp --top 5"
    )]
    SearchFile(SearchFile),
    /// Which bundle has a command, for shells: asks no network
    #[command(
        after_help = "It knows the index that the last search has kept. `completions SHELL --command-not-found` \
        writes what a shell needs to ask. Exit code 0: there is a bundle; 1: there is none.\n\n\
        Examples:\n  stateless-update command-not-found git"
    )]
    CommandNotFound(CommandNotFound),
    /// Does the tree match the release
    #[command(after_help = "Exit code 0: it does; 1: there are differences.\n\n\
        Examples:\n  stateless-update diagnose\n  stateless-update diagnose --full-verify --picky\n  \
        stateless-update diagnose --file /usr/bin/env")]
    Diagnose(Verify),
    /// Make the tree match the release
    #[command(after_help = "Examples:\n  stateless-update repair\n  stateless-update repair --full-verify --dry-run")]
    Repair(Repair),
    /// Go back to the kept previous tree; needs no network
    #[command(after_help = "Examples:\n  stateless-update rollback --dry-run\n  stateless-update rollback")]
    Rollback(Rollback),
    /// Finish a switch that was cut off, and nothing else
    #[command(after_help = "Every command that changes the machine does this first, and so does \
        stateless-update-recover.service at boot, before services start.\n\n\
        Examples:\n  stateless-update recover")]
    Recover,
    /// Past transitions with bytes, time and outcome
    #[command(after_help = "Examples:\n  stateless-update history\n  stateless-update history --json")]
    History,
    /// The digest of a path as manifests have it
    #[command(
        name = "hashdump",
        after_help = "Symlinks are told, not followed.\n\n\
        Examples:\n  stateless-update hashdump /usr/bin/env\n  stateless-update hashdump usr/bin/env --root /mnt/machine"
    )]
    HashDump(OnePath),
    /// Where a path comes from, whether an override hides it, and what the next update does to it
    #[command(after_help = "Examples:\n  stateless-update explain /usr/share/defaults/etc/ssh/sshd_config\n  \
        stateless-update explain usr/bin/env --json")]
    Explain(OnePath),
    /// Remove what is kept only to be faster the next time
    #[command(
        after_help = "Removed is the store of what was fetched and not yet used; with --all also what is known of the \
        content of files, and the search index. The trees, the trust, the journal and the history are never touched.\n\n\
        Examples:\n  stateless-update clean --dry-run\n  stateless-update clean --all"
    )]
    Clean(Clean),
    /// Another place to read content from
    #[command(
        after_help = "Content comes from the mirror, and from the origin where the mirror lacks it; what is newest is \
        asked of the origin first. The setting lies beside the trees: nothing but --unset removes it. --url goes around \
        it.\n\nExamples:\n  stateless-update mirror --set https://mirror.example.org/os\n  stateless-update mirror \
        --unset"
    )]
    Mirror(Mirror),
    /// Write the publication, or what one step takes, into one file for machines without network
    #[command(
        after_help = "The file is read with `--url FILE`, and trusted no more than any origin. Alone, everything is \
        written.\n\nExamples:\n  stateless-update export /media/stick/os.tar\n  stateless-update export \
        /media/stick/step.tar --this-machine\n  stateless-update export step.tar --from 10 --bundle web-server\n  \
        stateless-update update --url /media/stick/step.tar"
    )]
    Export(Export),
    /// Whether the machine updates itself daily, by a timer of systemd
    #[command(after_help = "Exit code 0: it does; 1: it does not.\n\n\
        Examples:\n  stateless-update autoupdate\n  stateless-update autoupdate --enable")]
    Autoupdate(Autoupdate),
    /// Releases here, what still runs from an old tree, what is due because of that
    #[command(
        after_help = "Due is one of none, services, soft-reboot, reboot. Only root sees the processes of others.\n\n\
        Examples:\n  stateless-update status\n  stateless-update status --json\n  \
        stateless-update status --needs-restart | xargs -r systemctl restart\n  \
        due=$(stateless-update status --needs-reboot) && systemctl \"$due\""
    )]
    Status(Status),
    /// The configuration of programs: defaults under overrides, and what updates do to them
    #[command(after_help = "Examples:\n  stateless-update config list\n  \
        stateless-update config show nova --origin\n  stateless-update config diff --to 20\n  \
        stateless-update config set nova DEFAULT.debug true")]
    Config(Config),
    /// Back to defaults: empty /etc and /var
    #[command(
        after_help = "All that lies in /etc and /var is removed, apart from what --keep names and from mount points; /usr, its \
        trees, the mirror and the history stay. On a terminal it asks first; on the running system it needs --yes. \
        `config save` keeps the overrides elsewhere.\n\n\
        Examples:\n  stateless-update factory-reset --preview\n  \
        stateless-update factory-reset --yes --keep /etc/machine-id"
    )]
    FactoryReset(FactoryReset),
    /// Write completions for a shell to stdout
    #[command(after_help = "Examples:\n  stateless-update completions bash >>~/.bash_completion\n  \
        stateless-update completions zsh >~/.zfunc/_stateless-update\n  \
        stateless-update completions bash --command-not-found >>~/.bashrc")]
    Completions(Completions),
    /// Manual pages and completions, for `cargo xtask dist`
    #[command(hide = true)]
    DistFiles,
    /// The verbs of the TUF client conformance suite; exit code 1 for any failure
    #[command(hide = true)]
    TufClient(TufClient),
}

impl Command {
    /// The name in results.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::CheckUpdate => "check-update",
            Self::Update(_) => "update",
            Self::OsInstall(_) => "os-install",
            Self::BundleAdd(_) => "bundle-add",
            Self::BundleRemove(_) => "bundle-remove",
            Self::BundleList(_) => "bundle-list",
            Self::Search(_) => "search",
            Self::SearchFile(_) => "search-file",
            Self::CommandNotFound(_) => "command-not-found",
            Self::Diagnose(_) => "diagnose",
            Self::Repair(_) => "repair",
            Self::Rollback(_) => "rollback",
            Self::Recover => "recover",
            Self::BundleInfo(_) => "bundle-info",
            Self::History => "history",
            Self::HashDump(_) => "hashdump",
            Self::Clean(_) => "clean",
            Self::Explain(_) => "explain",
            Self::Mirror(_) => "mirror",
            Self::Export(_) => "export",
            Self::Autoupdate(_) => "autoupdate",
            Self::Status(_) => "status",
            Self::Config(config) => config.command.name(),
            Self::FactoryReset(_) => "factory-reset",
            Self::Completions(_) => "completions",
            Self::DistFiles => "dist-files",
            Self::TufClient(_) => "tuf-client",
        }
    }
}

/// Seconds, also fractions of one.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds is wanted".to_owned())?;
    if (0.0..=3600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("0 to 3600 seconds are possible".to_owned())
    }
}

/// The same, and not none.
fn some_seconds(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        Duration::ZERO => Err("more than nothing is wanted".to_owned()),
        duration => Ok(duration),
    }
}

/// A number of bytes, or of KiB, MiB or GiB with `K`, `M` or `G` behind it.
fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.split_at_checked(text.len().saturating_sub(1)) {
        Some((number, "K" | "k")) => (number, 1 << 10),
        Some((number, "M" | "m")) => (number, 1 << 20),
        Some((number, "G" | "g")) => (number, 1 << 30),
        _ => (text, 1),
    };
    let number: Option<u64> = number.parse().ok();
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or("a number is wanted, with K, M, G or nothing behind it".into())
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
