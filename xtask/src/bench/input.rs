//! What a bench works on: trees of two releases and the publication made from them, or one that was made before.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::table::Row;
use super::usage::measure;
use crate::demo::{grouped, size};
use crate::programs::Programs;
use crate::publication::Publication;
use crate::trees::{CORE, Trees};

/// The bundle that is added to the trees: one small file.
pub const TINY: &str = "tiny";

/// Copies the trees of two releases, by hard links where that is possible, and adds [`TINY`] to both.
///
/// # Errors
/// When they cannot be copied.
pub fn with_tiny(trees: &Path, releases: [u32; 2], work: &Path) -> Result<Trees> {
    let copies = work.join("trees");
    for release in releases {
        let (from, to) = (trees.join(release.to_string()), copies.join(release.to_string()));
        fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
        for bundle in fs::read_dir(&from).with_context(|| format!("cannot list {}", from.display()))? {
            let bundle = bundle?.file_name();
            if bundle != "full" {
                link_copy(&from.join(&bundle), &to.join(&bundle))?;
            }
        }
        ensure!(!to.join(TINY).exists(), "{} has a bundle `{TINY}` already", from.display());
        add_tiny(&to)?;
    }
    Trees::of_releases(&copies, releases, work)
}

/// Directories that the core has too must be as the core has them.
fn add_tiny(release: &Path) -> Result<()> {
    let mut directory = PathBuf::new();
    for name in ["usr", "share", TINY] {
        directory.push(name);
        fs::create_dir_all(release.join(TINY).join(&directory))?;
    }
    let made = release.join(TINY).join(&directory);
    fs::write(made.join("file"), [b'.'; 100])?;
    // The same in both releases.
    for path in [made.join("file"), made] {
        run("touch", [OsStr::new("--date=@1700000000"), path.as_ref()])?;
    }
    // From the innermost, for making anything in a directory changes its time.
    while directory.pop() && directory != Path::new("") {
        let (core, tiny) = (release.join(CORE).join(&directory), release.join(TINY).join(&directory));
        if core.is_dir() {
            for change in ["chown", "chmod", "touch"] {
                let reference = format!("--reference={}", core.display());
                run(change, [OsStr::new(&reference), tiny.as_ref()])?;
            }
        }
    }
    Ok(())
}

/// A copy of a directory that shares its files, or of its own where the file system is another.
///
/// # Errors
/// When it cannot be copied.
pub fn link_copy(from: &Path, to: &Path) -> Result<()> {
    let copy = |how: &str| run("cp", [OsStr::new(how), "-T".as_ref(), from.as_ref(), to.as_ref()]);
    copy("-al").or_else(|_| {
        if to.exists() {
            fs::remove_dir_all(to).with_context(|| format!("cannot remove {}", to.display()))?;
        }
        copy("-a")
    })
}

/// A copy of a publication whose keys lie beside it, which can be signed again without touching the original.
///
/// # Errors
/// When it cannot be copied.
pub fn copy_of(publication: &Path, work: &Path) -> Result<Publication> {
    let mut keys = publication.as_os_str().to_owned();
    keys.push(".keys");
    let given = Publication { path: publication.to_owned(), keys: keys.into(), epoch: None };
    copied(&given, &work.join("publication"))
}

/// A copy of a publication with the same keys; neither changes when the other does.
///
/// # Errors
/// When it cannot be copied.
pub fn copied(publication: &Publication, to: &Path) -> Result<Publication> {
    link_copy(&publication.path, to)?;
    fs::remove_dir_all(to.join("metadata"))?;
    run("cp", [OsStr::new("-a"), publication.path.join("metadata").as_ref(), to.as_ref()])?;
    Ok(Publication { path: to.to_owned(), ..publication.clone() })
}

/// Publishes a release and tells what that cost; the given options are the publisher's.
///
/// # Errors
/// When the publisher refuses.
pub fn publish(
    programs: &Programs,
    publication: &Publication,
    trees: &Trees,
    release: u32,
    options: &[String],
    work: &Path,
) -> Result<Row> {
    let (version, input) = (release.to_string(), trees.of(release));
    let mut line: Vec<&OsStr> = vec![programs.publish.as_ref(), "release".as_ref(), publication.path.as_ref()];
    line.extend::<[&OsStr; 4]>(["--keys".as_ref(), publication.keys.as_ref(), "--version".as_ref(), version.as_ref()]);
    line.extend::<[&OsStr; 4]>([
        "--definitions".as_ref(),
        trees.definitions.as_ref(),
        "--trees".as_ref(),
        input.as_ref(),
    ]);
    line.push("--no-progress".as_ref());
    line.extend(options.iter().map(OsStr::new));
    let run = measure(work, line)?.success().with_context(|| format!("stateless-publish release of {release}"))?;
    Ok(Row { name: format!("publish {release}"), traffic: None, usage: run.usage })
}

/// Signs the timestamp again, as a publisher's timer does; tells whether there are keys for that.
///
/// # Errors
/// When the publisher refuses.
pub fn sign_again(programs: &Programs, publication: &Publication) -> Result<bool> {
    if !publication.keys.is_dir() {
        return Ok(false);
    }
    let line: [&OsStr; 5] =
        ["keys".as_ref(), "refresh".as_ref(), publication.path.as_ref(), "--keys".as_ref(), publication.keys.as_ref()];
    programs.publish(line, None)?.success().context("stateless-publish keys refresh")?;
    Ok(true)
}

/// What lies in each directory of a publication: files and bytes, in words.
///
/// # Errors
/// When it cannot be listed.
pub fn sizes(publication: &Path) -> Result<Vec<String>> {
    let mut told = Vec::new();
    let mut parts: Vec<_> = fs::read_dir(publication)?.collect::<Result<Vec<_>, _>>()?;
    parts.sort_by_key(fs::DirEntry::file_name);
    for part in parts.iter().filter(|part| part.path().is_dir()) {
        let (files, bytes) = size(&part.path())?;
        told.push(format!("{}: {} files, {} bytes", part.file_name().display(), grouped(files), grouped(bytes)));
    }
    Ok(told)
}

/// Runs a tool of the system that is not measured.
///
/// # Errors
/// When it fails, with what it said.
pub fn run<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> Result<()> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("cannot start {program}"))?;
    ensure!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
