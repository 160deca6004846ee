//! The options of each command.

use clap::Args as Group;
use stateless_update::types::{BundleName, TreePath, Version};

/// Options of `update`.
#[derive(Debug, Group)]
pub(crate) struct Update {
    /// Go to this release instead of the newest; needed to go to an older one
    #[arg(long, value_name = "V")]
    pub(crate) version: Option<Version>,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Fetch and stage, but do not switch
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) download: bool,
    /// Go over every release on the way, one after the other
    #[arg(long, conflicts_with_all = ["dry_run", "download"])]
    pub(crate) incremental: bool,
    /// Hash every file first, not only those that seem to have changed
    #[arg(long)]
    pub(crate) full_verify: bool,
}

/// Options of `os-install`.
#[derive(Debug, Group)]
pub(crate) struct OsInstall {
    /// Install this release instead of the newest
    #[arg(long, value_name = "V")]
    pub(crate) version: Option<Version>,
    /// Install this bundle too; may be repeated
    #[arg(long = "bundle", value_name = "B")]
    pub(crate) bundles: Vec<BundleName>,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Options of `bundle-add`.
#[derive(Debug, Group)]
pub(crate) struct BundleAdd {
    /// The bundles
    #[arg(required = true, value_name = "B")]
    pub(crate) bundles: Vec<BundleName>,
    /// Leave out what the bundles only recommend
    #[arg(long)]
    pub(crate) skip_optional: bool,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Options of `bundle-remove`.
#[derive(Debug, Group)]
pub(crate) struct BundleRemove {
    /// The bundles
    #[arg(required_unless_present = "orphans", value_name = "B")]
    pub(crate) bundles: Vec<BundleName>,
    /// Also remove bundles that include one of them
    #[arg(long, visible_alias = "force")]
    pub(crate) recursive: bool,
    /// Accepted for scripts, also without a bundle: what nothing needs any more always goes
    #[arg(long)]
    pub(crate) orphans: bool,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Options of `bundle-list`.
#[derive(Debug, Group)]
pub(crate) struct BundleList {
    /// All bundles of the release, installed or not
    #[arg(long)]
    pub(crate) all: bool,
    /// Show how ready each bundle is: active, experimental, deprecated
    #[arg(long)]
    pub(crate) status: bool,
    /// What comes with this bundle
    #[arg(long, value_name = "B", conflicts_with_all = ["all", "has_dep", "orphans"])]
    pub(crate) deps: Option<BundleName>,
    /// Which installed bundles (with --all: of the release) include this one
    #[arg(long, value_name = "B", conflicts_with = "orphans")]
    pub(crate) has_dep: Option<BundleName>,
    /// Installed bundles that were not asked for and that no other needs: none, since every transition removes them
    #[arg(long, conflicts_with = "all")]
    pub(crate) orphans: bool,
}

/// Options of `diagnose`, and of `repair` among others.
#[derive(Debug, Group)]
pub(crate) struct Verify {
    /// Hash nothing: compare what is there, its sizes, modes, owners and times alone
    #[arg(long, conflicts_with = "full_verify")]
    pub(crate) quick: bool,
    /// Hash every file, not only those that seem to have changed
    #[arg(long)]
    pub(crate) full_verify: bool,
    /// List every file that no bundle has, also those in a directory that no bundle has; usr/local, usr/src and mount
    /// points are left alone
    #[arg(long)]
    pub(crate) picky: bool,
    /// Only files of these bundles
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) bundles: Vec<BundleName>,
    /// Only this path and what lies beneath it
    #[arg(long, value_name = "PATH", value_parser = tree_path)]
    pub(crate) file: Option<TreePath>,
}

/// Options of `repair`.
#[derive(Debug, Group)]
pub(crate) struct Repair {
    #[command(flatten)]
    pub(crate) verify: Verify,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Options of `bundle-info`.
#[derive(Debug, Group)]
pub(crate) struct BundleInfo {
    /// The bundle
    #[arg(value_name = "B")]
    pub(crate) bundle: BundleName,
    /// As this release has it, instead of the installed one
    #[arg(long, value_name = "V")]
    pub(crate) version: Option<Version>,
    /// List its files and symlinks
    #[arg(long)]
    pub(crate) files: bool,
    /// List all that comes with it, and what it comes with here
    #[arg(long)]
    pub(crate) dependencies: bool,
}

/// Options of `hashdump` and `explain`.
#[derive(Debug, Group)]
pub(crate) struct OnePath {
    /// The path beneath the root: /usr/bin/env or usr/bin/env
    #[arg(value_name = "PATH", value_parser = tree_path)]
    pub(crate) path: TreePath,
}

/// Options of `clean`.
#[derive(Debug, Group)]
pub(crate) struct Clean {
    /// Also forget which files are known to be right, so that the next run hashes all of them, and the search index
    #[arg(long)]
    pub(crate) all: bool,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Options of `mirror`.
#[derive(Debug, Group)]
pub(crate) struct Mirror {
    /// Read content here first: an https: or file: URL, or a path
    #[arg(long, value_name = "URL", conflicts_with = "unset")]
    pub(crate) set: Option<String>,
    /// Read everything from the origin again
    #[arg(long)]
    pub(crate) unset: bool,
}

/// Options of `autoupdate`.
#[derive(Debug, Group)]
pub(crate) struct Autoupdate {
    /// Turn it on
    #[arg(long, conflicts_with = "disable")]
    pub(crate) enable: bool,
    /// Turn it off
    #[arg(long)]
    pub(crate) disable: bool,
}

/// Options of `completions`.
#[derive(Debug, Group)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
    /// In place of completions, what makes bash or zsh say which bundle has a command that is not there
    #[arg(long)]
    pub(crate) command_not_found: bool,
}

/// Options of `status`.
#[derive(Debug, Group)]
pub(crate) struct Status {
    /// Write only the services that run from an old tree, one a line; exit code 1 where there are none
    #[arg(long, conflicts_with = "needs_reboot")]
    pub(crate) needs_restart: bool,
    /// Write only the reboot that is due, `soft-reboot` or `reboot`; exit code 1 where none is
    #[arg(long)]
    pub(crate) needs_reboot: bool,
}

/// Options of `rollback`.
#[derive(Debug, Group)]
pub(crate) struct Rollback {
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A path as people write it: `/usr/bin/env` as well as `usr/bin/env`.
fn tree_path(text: &str) -> Result<TreePath, String> {
    text.trim_start_matches('/').trim_end_matches('/').parse().map_err(|error| format!("{error}"))
}
