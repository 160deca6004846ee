//! `cargo xtask demo`: the whole cycle on real files, in a temporary directory and without root.
//!
//! The two programs are built and run as anyone would run them. After each step the judge, which shares no code with
//! them, compares the machine's tree with the trees that were published. Without root, owners are neither set nor
//! compared, and a notice says so.

mod table;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::judge::{self, Kind, Tree};
use crate::programs::{Outcome, Programs, Server};
use crate::publication::{Input, Publication};
use crate::trees::{CORE, Trees, absolute};
use table::Verdict;
pub(crate) use table::grouped;

/// The bundle that the demo adds, if there is one of that name.
const ADDED: &str = "openstack-compute";

/// The largest file that the demo breaks, in bytes.
const BROKEN_AT_MOST: u64 = 1 << 20;

/// What the demo can be told.
#[derive(clap::Args, Debug, Default)]
pub struct Options {
    /// Real trees instead of the small OS: DIR/VERSION/BUNDLE/usr/...
    #[arg(long, value_name = "DIR")]
    trees: Option<PathBuf>,
    /// Work in this directory, new or empty, and leave it there.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Build the programs with optimisations: for real trees.
    #[arg(long)]
    release: bool,
    /// How hard the publisher compresses (its own --level).
    #[arg(long, value_name = "N")]
    level: Option<u32>,
}

/// A machine, the publication that it follows, and what it should hold.
struct Demo<'a> {
    programs: &'a Programs,
    trees: &'a Trees,
    root: PathBuf,
    /// The bundles that were asked for so far.
    asked: Vec<String>,
    release: u32,
}

/// Runs the demo; everything it made is gone afterwards, unless it is to be kept.
///
/// # Errors
/// When a step fails or its tree is not what was published.
pub fn run(checkout: &Path, options: &Options) -> Result<()> {
    let programs = Programs::build(checkout, options.release)?;
    let Some(keep) = &options.keep else {
        let work = tempfile::tempdir().context("cannot make a temporary directory")?;
        let path = work.path().to_owned();
        ctrlc::set_handler(move || {
            // The process ends here; what cannot be removed stays in the temporary directory.
            _ = fs::remove_dir_all(&path);
            std::process::exit(130);
        })?;
        return in_directory(checkout, options, &programs, work.path());
    };
    fs::create_dir_all(keep).with_context(|| format!("cannot make {}", keep.display()))?;
    ensure!(fs::read_dir(keep)?.next().is_none(), "{} is not empty", keep.display());
    in_directory(checkout, options, &programs, &absolute(keep)?)?;
    println!("\nkept in {}: trees, publication, keys, root", keep.display());
    Ok(())
}

fn in_directory(checkout: &Path, options: &Options, programs: &Programs, work: &Path) -> Result<()> {
    if !judge::compares_owners() {
        println!("notice: not run by root, so owners are neither set nor compared");
    }
    let trees = match &options.trees {
        Some(trees) => Trees::real(&absolute(trees)?, work)?,
        None => Trees::small(checkout, work)?,
    };
    let publication = publish(programs, &trees, work, options.level)?;
    let server = programs.serve(&publication.path)?;
    println!("served on {}\n\n{}", server.url, table::head());
    let root = work.join("root");
    fs::create_dir(&root)?;
    let [first, _] = trees.releases;
    let demo = Demo { programs, trees: &trees, root, asked: Vec::new(), release: first };
    demo.story(&server, &publication.trust())?;
    println!("\nEvery tree marked equal was compared with the published one: content, mode,");
    println!("{}times, links and attributes.", if judge::compares_owners() { "owner, " } else { "" });
    Ok(())
}

fn publish(programs: &Programs, trees: &Trees, work: &Path, level: Option<u32>) -> Result<Publication> {
    let publication = Publication::init(programs, work, None)?;
    let level = level.map(|level| level.to_string());
    let options: Vec<&str> = level.iter().flat_map(|level| ["--level", level]).collect();
    for release in trees.releases {
        let begun = Instant::now();
        let input = trees.of(release);
        let input = Input { version: release, definitions: &trees.definitions, trees: &input };
        let output = publication.release(programs, input, &options)?;
        output.success().with_context(|| format!("stateless-publish release of {release}"))?;
        let (files, bytes) = size(&publication.path)?;
        let milliseconds = grouped(u64::try_from(begun.elapsed().as_millis())?);
        let (files, bytes) = (grouped(files), grouped(bytes));
        println!("published {release} in {milliseconds} ms; the publication: {files} files, {bytes} bytes");
    }
    Ok(publication)
}

/// How many files a directory holds, and their bytes.
pub(crate) fn size(directory: &Path) -> Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let (more_files, more_bytes) = if metadata.is_dir() { size(&entry.path())? } else { (1, metadata.len()) };
        files += more_files;
        bytes += more_bytes;
    }
    Ok((files, bytes))
}

impl Demo<'_> {
    fn story(mut self, server: &Server, trust: &Path) -> Result<()> {
        let [first, second] = self.trees.releases;
        let version = first.to_string();
        let origin: [&OsStr; 5] =
            ["os-install".as_ref(), "--url".as_ref(), server.url.as_ref(), "--trust".as_ref(), trust.as_ref()];
        self.step(&format!("install {first}"), &[&origin[..], &["--version".as_ref(), version.as_ref()]].concat())?;
        if let Some(bundle) = self.bundle_to_add()? {
            self.asked.push(bundle.clone());
            self.step(&format!("add {bundle}"), &["bundle-add".as_ref(), bundle.as_ref()])?;
        }
        let look = self.client(&["check-update".as_ref()])?.success()?;
        ensure!(look.number("latest") == u64::from(second), "the newest release is not {second}: {}", look.told());
        println!("{}", table::row("check-update", &look, Verdict::NotJudged));
        self.release = second;
        self.step(&format!("update {first} -> {second}"), &["update".as_ref()])?;

        let broken = self.damage()?;
        println!("(now {broken} is overwritten)");
        let diagnosis = self.client(&["diagnose".as_ref()])?;
        let found = diagnosis.result["mismatched"] == serde_json::json!([broken]);
        ensure!(diagnosis.code == 1 && found, "`diagnose` did not find just that: {}", diagnosis.told());
        println!("{}", table::row("diagnose: 1 mismatch", &diagnosis, Verdict::NotJudged));
        self.step("repair", &["repair".as_ref()])?;
        self.release = first;
        self.step(&format!("roll back to {first}"), &["rollback".as_ref()])
    }

    /// The bundle that the demo adds: [`ADDED`], or any other beside the core.
    fn bundle_to_add(&self) -> Result<Option<String>> {
        let mut bundles = self.trees.bundles()?;
        bundles.retain(|name| name != CORE);
        bundles.sort_by_key(|name| name != ADDED);
        Ok(bundles.into_iter().next())
    }

    /// Runs the client, judges the tree, prints a row.
    fn step(&self, name: &str, arguments: &[&OsStr]) -> Result<()> {
        let outcome = self.client(arguments).and_then(Outcome::success).with_context(|| name.to_owned())?;
        let differences = self.expected()?.differences(&Tree::of_machine(&self.root)?);
        ensure!(differences.is_empty(), "after `{name}` the tree is not what was published: {differences}");
        println!("{}", table::row(name, &outcome, Verdict::Equal));
        Ok(())
    }

    fn client(&self, arguments: &[&OsStr]) -> Result<Outcome> {
        self.programs.client(&self.root, arguments)
    }

    fn expected(&self) -> Result<Tree> {
        let asked: Vec<&str> = self.asked.iter().map(String::as_str).collect();
        self.trees.expected(self.release, &asked)
    }

    /// Overwrites the largest file that is not too large; gives its path.
    fn damage(&self) -> Result<String> {
        let expected = self.expected()?;
        let size = |kind: &Kind| if let Kind::File { size, .. } = kind { *size } else { 0 };
        let small = expected.nodes().iter().filter(|(_, node)| size(&node.kind) <= BROKEN_AT_MOST);
        let (path, node) = small.max_by_key(|(_, node)| size(&node.kind)).context("there is a file")?;
        let (file, new) = (self.root.join(path), self.root.join("damage"));
        // A new inode: other trees that share the old one keep it.
        fs::write(&new, "not what was published")?;
        fs::set_permissions(&new, PermissionsExt::from_mode(node.mode))?;
        fs::rename(&new, &file).with_context(|| format!("cannot overwrite {}", file.display()))?;
        Ok(path.display().to_string())
    }
}
