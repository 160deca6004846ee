//! The listings of the small OS's releases that the checkout keeps, so that a change of a tree is seen in a review.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{RELEASES, bundles, fixtures, write};
use crate::judge::{Kind, Tree};

/// Writes the listings that are kept in the checkout, or with `check` says which of them is stale.
///
/// # Errors
/// When a listing is stale, or something cannot be read or written.
pub fn listings(checkout: &Path, mode: Listings) -> Result<()> {
    let fixtures = fixtures(checkout);
    let trees = tempfile::tempdir()?;
    for release in RELEASES {
        let out = trees.path().join(release.to_string());
        write(&fixtures, release, &out)?;
        let fresh = listing(&out, &bundles(&fixtures)?)?;
        let path = fixtures.join(format!("listing-{release}.txt"));
        match mode {
            Listings::Write => fs::write(&path, fresh).with_context(|| format!("cannot write {}", path.display()))?,
            Listings::Check if fs::read_to_string(&path).ok().as_deref() != Some(&fresh) => {
                bail!("{} is stale: run `cargo xtask fixtures`", path.display());
            }
            Listings::Check => {}
        }
    }
    Ok(())
}

/// What to do with the listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listings {
    /// Bring them up to date.
    Write,
    /// Only say whether they are.
    Check,
}

/// Every entry of a release's trees, one a line, without owners and attributes: what `listing-*.txt` keep.
///
/// # Errors
/// When a tree cannot be read.
fn listing(trees: &Path, bundles: &[String]) -> Result<String> {
    let mut text =
        String::from("# Made by `cargo xtask fixtures`: bundle, mode, time, size, SHA-256 or what it is, path.\n");
    for bundle in bundles {
        for (path, node) in Tree::read(&trees.join(bundle))?.nodes() {
            let (size, what) = match &node.kind {
                Kind::File { size, digest } => (*size, hex::encode(digest)),
                Kind::Directory => (0, "directory".to_owned()),
                Kind::Symlink(target) => (0, format!("symlink to {}", target.display())),
                Kind::Special => bail!("{} is a device, socket or pipe", path.display()),
            };
            let (seconds, nanoseconds) = node.mtime;
            let path = path.display();
            writeln!(text, "{bundle} {:04o} {seconds}.{nanoseconds:09} {size} {what} {path}", node.mode)?;
        }
    }
    Ok(text)
}
