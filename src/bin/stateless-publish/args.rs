//! The command line: names and help texts.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use stateless_update::trust::{Resign, Role};
use stateless_update::types::Version;

use super::common::Shown;

const EXAMPLES: &str = "\
Examples:
  stateless-publish init os
  stateless-publish release os --version 10 --definitions bundles --trees t/10
  stateless-publish check os
  stateless-publish serve os --listen 127.0.0.1:8080

Machines are given os/metadata/1.root.json as their root of trust.

Exit codes:
  0    done
  2    usage, or input that cannot be published
  4    the publication or its signatures are not what they must be
  5    local disk or filesystem
  6    another run is at work
  70   a bug
  130  ended by Ctrl-C: 128 and the signal's number
  143  ended by SIGTERM";

/// Turns trees into a signed publication that stateless-update installs from and updates to.
#[derive(Debug, Parser)]
#[command(name = "stateless-publish", version, after_help = EXAMPLES, max_term_width = 100, subcommand_required = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command, before or after its name.
#[derive(Clone, Debug, Group)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    #[command(flatten)]
    pub(crate) shown: Shown,
    /// Threads for hashing, matching and compressing; 0 for one per processor
    #[arg(long, global = true, value_name = "N", default_value_t = 0)]
    pub(crate) jobs: usize,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an empty publication with its root of trust
    #[command(after_help = "Examples:\n  stateless-publish init /srv/os\n  \
        stateless-publish init /srv/os --keys ~/keys/os")]
    Init(Init),
    /// Publish a release from DIR/<bundle>/usr/... or DIR/<bundle>.tar
    #[command(
        after_help = "The definitions say what the release consists of; a tree without a definition is left out, \
        with a warning, but not that of a bundle which the release before has.\n\
        Without root, trees in directories are published as owned by 0:0. Trees in archives keep owners, modes, times and \
        attributes; the last example makes one. Where other owners are needed, make tree and archive under fakeroot, and \
        leave out --owner and --group.\n\
        With SOURCE_DATE_EPOCH set, the release is published and signed at that time and no time in it is later: the \
        same input and keys then give the same bytes.\n\n\
        Exit code 0: it is published; 4: it is, but clients refuse it, because its metadata has ended by now (not with \
        SOURCE_DATE_EPOCH set).\n\n\
        Examples:\n  stateless-publish release os --version 8 --definitions bundles --trees t/8\n  \
        stateless-publish release os --version 9 --definitions b --trees t --floor 8\n  \
        tar --xattrs --format=pax --owner=0 --group=0 -cf os-core.tar -C tree usr"
    )]
    Release(Release),
    /// Prove a publication complete and consistent, from its metadata down to every byte
    #[command(after_help = "Exit code 0: it is; 4: there are findings.\n\n\
        Examples:\n  stateless-publish check /srv/os\n  stateless-publish check /srv/os --trust root.json --json")]
    Check(Check),
    /// Drop old releases, and nothing that a newer one needs
    #[command(
        after_help = "Nothing is signed and no keys are needed. Whatever lies in REPO's manifests, objects, packs, releases and \
        search and is of no release that stays is removed, also what a run that was killed has left.\n\
        Machines at a release that was dropped can still update: by the packs that newer releases have from it, else anew. \
        Before that they cannot repair, search or add bundles. Nothing leads back to it, and `release --deltas` makes packs \
        from releases that are there.\n\n\
        Examples:\n  stateless-publish prune /srv/os --keep 10 --dry-run\n  \
        stateless-publish prune /srv/os --keep 10"
    )]
    Prune(Prune),
    /// Trust metadata
    #[command(
        subcommand,
        after_help = "Examples:\n  stateless-publish keys refresh /srv/os\n  \
        stateless-publish keys rotate /srv/os --new-keys ~/keys/os-2"
    )]
    Keys(Keys),
    /// A plain static file server, for trials
    #[command(after_help = "The first line on stdout is `listening on http://ADDR/`.\n\n\
        Examples:\n  stateless-publish serve /srv/os\n  \
        stateless-publish serve /srv/os --listen 127.0.0.1:0 --log requests.log")]
    Serve(Serve),
    /// Manual pages and completions, for `cargo xtask dist`
    #[command(hide = true)]
    DistFiles,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Sign trust metadata again before it ends: a daily job for cron
    #[command(
        after_help = "Metadata ends: the timestamp after a week, the snapshot after four, targets after half a year, the \
        root after two years. Once any of them has ended, clients refuse the publication.\n\
        Unless --what says otherwise, the timestamp is signed again, and whatever else is due (a third of its life is \
        left, at most a month) if the keys' directory has the key for it, neither encrypted nor closed to this user. What \
        is due and was not signed is told, with the command that does it.\n\n\
        Exit code 0: clients take what is published; 4: it was signed, but they refuse it, because something else has \
        ended.\n\n\
        Examples:\n  stateless-publish keys refresh /srv/os\n  \
        stateless-publish keys refresh /srv/os --keys ~/keys/os --what snapshot\n  \
        stateless-publish keys refresh /srv/os --keys /media/offline/os --what root"
    )]
    Refresh(Refresh),
    /// Replace the keys, because they are old or were stolen
    #[command(
        after_help = "Clients follow, from whichever root of trust they have; there is no moment in which they are \
        refused. (If the publication was once signed with a time far ahead, machines that saw it follow at the end.) A \
        run that was cut off is gone on with by the same command. The old keys are of no use afterwards: `release` and \
        `keys refresh` need --keys NEW.\n\
        To keep some of the keys, copy them into the new directory, and make the others, as the last example does.\n\n\
        Examples:\n  stateless-publish keys rotate /srv/os --new-keys ~/keys/os-2\n  \
        stateless-publish keys rotate os --keys ~/keys/os --new-keys ~/keys/os-2\n  \
        openssl genpkey -algorithm ED25519 -out ~/keys/os-2/timestamp.pem"
    )]
    Rotate(Rotate),
}

/// Where a publication and its keys are.
#[derive(Clone, Debug, Group)]
pub(crate) struct Place {
    /// The publication's directory
    #[arg(value_name = "REPO", value_parser = directory())]
    pub(crate) site: PathBuf,
    /// The directory with the private keys; beside the publication, as REPO.keys, unless given
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
}

/// Options of `init`.
#[derive(Debug, Group)]
pub(crate) struct Init {
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Options of `release`.
#[derive(Debug, Group)]
pub(crate) struct Release {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The release's number, higher than all before
    #[arg(long, value_name = "V")]
    pub(crate) version: Version,
    /// The bundle definitions, DIR/<bundle>.toml
    #[arg(long, value_name = "DIR")]
    pub(crate) definitions: PathBuf,
    /// The trees, each as DIR/<bundle>/usr/... or as DIR/<bundle>.tar
    #[arg(long, value_name = "DIR")]
    pub(crate) trees: PathBuf,
    /// From how many releases before to make a pack
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) deltas: usize,
    /// No client goes below this release any more; stays as it is unless given, at first it is V
    #[arg(long, value_name = "V")]
    pub(crate) floor: Option<Version>,
    /// How hard to compress, for everything (objects at most 9): packs by LZMA2 from 19 on, below it by zstd of that level,
    /// which is faster, for trials
    #[arg(long, value_name = "L", value_parser = clap::value_parser!(i32).range(1..=22))]
    pub(crate) level: Option<i32>,
    /// How hard to compress packs from nothing, which take most of the time: 19 unless given, or as --level says
    #[arg(long, value_name = "L", value_parser = clap::value_parser!(i32).range(1..=22))]
    pub(crate) level_from_nothing: Option<i32>,
}

/// Options of `check`.
#[derive(Debug, Group)]
pub(crate) struct Check {
    /// The publication's directory
    #[arg(value_name = "REPO", value_parser = directory())]
    pub(crate) site: PathBuf,
    /// The root of trust that machines are given; the publication's own first root unless given
    #[arg(long, value_name = "ROOT.json")]
    pub(crate) trust: Option<PathBuf>,
}

/// Options of `prune`.
#[derive(Debug, Group)]
pub(crate) struct Prune {
    /// The publication's directory
    #[arg(value_name = "REPO", value_parser = directory())]
    pub(crate) site: PathBuf,
    /// How many releases stay, the newest
    #[arg(long, value_name = "N")]
    pub(crate) keep: NonZeroUsize,
    /// Only tell what would be dropped
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Options of `keys refresh`.
#[derive(Debug, Group)]
pub(crate) struct Refresh {
    #[command(flatten)]
    pub(crate) place: Place,
    /// What to sign again, with all that refers to it
    #[arg(long, value_name = "ROLE", default_value = "due")]
    pub(crate) what: What,
}

/// Options of `keys rotate`.
#[derive(Debug, Group)]
pub(crate) struct Rotate {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The directory with the keys that replace them; made, with new keys in it, unless it has keys
    #[arg(long, value_name = "DIR")]
    pub(crate) new_keys: PathBuf,
}

/// A role of trust metadata.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum What {
    /// The timestamp, and what ends soon and has its key there
    Due,
    /// Lives days; signed with the timestamp's key alone
    Timestamp,
    /// Lives weeks
    Snapshot,
    /// Lives months
    Targets,
    /// Lives two years; signed with the root's key alone
    Root,
}

/// Options of `serve`.
#[derive(Debug, Group)]
pub(crate) struct Serve {
    /// The publication's directory
    #[arg(value_name = "REPO", value_parser = directory())]
    pub(crate) site: PathBuf,
    /// Where to listen; port 0 for any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Write a line per request here: METHOD URI STATUS BODY_BYTES
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
}

impl Command {
    /// The name in results.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Release(_) => "release",
            Self::Check(_) => "check",
            Self::Prune(_) => "prune",
            Self::Keys(Keys::Refresh(_)) => "keys refresh",
            Self::Keys(Keys::Rotate(_)) => "keys rotate",
            Self::Serve(_) => "serve",
            Self::DistFiles => "dist-files",
        }
    }
}

impl Place {
    /// The directory with the private keys.
    pub(crate) fn keys(&self) -> PathBuf {
        self.keys.clone().unwrap_or_else(|| stateless_update::publish::default_keys(&self.site))
    }
}

/// A directory. What looks like a URL is none: it would be made beneath the working directory.
fn directory() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.to_string_lossy().contains("://") {
        true => Err("object stores are not supported yet; give a directory"),
        false => Ok(path),
    })
}

impl From<What> for Resign {
    fn from(what: What) -> Self {
        match what {
            What::Due => Self::Due,
            What::Timestamp => Self::From(Role::Timestamp),
            What::Snapshot => Self::From(Role::Snapshot),
            What::Targets => Self::From(Role::Targets),
            What::Root => Self::From(Role::Root),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::common::check_examples;
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
        check_examples(&Args::command());
    }

    #[test]
    fn a_publication_is_a_directory() {
        let options = ["check", "serve", "init", "prune --keep 1", "keys refresh", "keys rotate --new-keys n"];
        for line in options.into_iter().chain(["release --version 1 --definitions d --trees t"]) {
            let parse = |site| Args::try_parse_from(format!("x {line} {site}").split(' '));
            let error = parse("s3://bucket/x").expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains("object stores are not supported yet; give a directory"), "{error}");
            parse("./s3:/bucket").unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}
