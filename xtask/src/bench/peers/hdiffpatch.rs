//! HDiffPatch: the difference of two directories, by its programs `hdiffz` and `hpatchz`.
//!
//! No registry ships the programs, so this follows their documentation and was never run; the result is compared.

use std::ffi::OsStr;
use std::fs;

use anyhow::{Result, ensure};

use super::{Peer, Side, Step, row};
use crate::bench::origin::Traffic;
use crate::bench::usage::measure;
use crate::judge::{Kind, Tree};

/// Only contents of regular files: it sends no links, modes and owners.
pub fn hdiffpatch(step: &Step<'_>) -> Result<Vec<Peer>> {
    let [from, to] = &step.whole;
    let (patch, made) = (step.work.join("hdiff"), step.work.join("hdiff-made"));
    let hdiffz = ["hdiffz", "-m", "-c-zstd-19-24"].map(OsStr::new);
    let making = hdiffz.into_iter().chain([from.as_ref(), to.as_ref(), patch.as_ref()]);
    let making = measure(&step.work, making)?.success()?.usage;
    let applying: [&OsStr; 4] = ["hpatchz".as_ref(), from.as_ref(), patch.as_ref(), made.as_ref()];
    let applying = measure(&step.work, applying)?.success()?.usage;
    let (expected, found) = (Tree::read(to)?, Tree::read(&made)?);
    for (path, node) in expected.nodes().iter().filter(|(_, node)| matches!(node.kind, Kind::File { .. })) {
        let same = found.nodes().get(path).is_some_and(|found| found.kind == node.kind);
        ensure!(same, "hpatchz did not make {}", path.display());
    }
    let traffic = Traffic { requests: 1, body: fs::metadata(&patch)?.len(), wire: None, refused: 0 };
    fs::remove_file(&patch)?;
    fs::remove_dir_all(&made)?;
    Ok(vec![
        Peer { name: "HDiffPatch", side: Side::Publisher, row: row("hdiffz -c-zstd-19: make", None, making) },
        Peer { name: "HDiffPatch", side: Side::Client, row: row("hpatchz: contents only", Some(traffic), applying) },
    ])
}
