//! `cargo xtask dist`: what a package of the two programs consists of, laid out as it is installed, and as one archive.
//!
//! Documents and units lie in the checkout. Pages and completions come from the programs themselves (their hidden command
//! `dist-files`), which alone know their command lines. The archive is made by GNU tar and has the same bytes for the same files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::programs::Programs;

/// What the task can be told.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Write here instead of target/dist; what is in DIR/root goes.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Documents of the checkout that go along.
const DOCUMENTS: [&str; 7] = [
    "README.md",
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "docs/CONFIGURATION.md",
    "docs/RELIABILITY.md",
    "docs/formats.md",
];
/// Units of systemd. The timer is the administrator's to enable; recovery belongs to every boot.
pub const UNITS: [&str; 3] = ["stateless-update.service", "stateless-update.timer", RECOVER];
const RECOVER: &str = "stateless-update-recover.service";
/// The name of the package.
const NAME: &str = "stateless-update";
/// The time of all that is in the archive, unless SOURCE_DATE_EPOCH says another.
const EPOCH: &str = "0";

/// Builds the programs with optimisations and writes `DIR/root/usr/...` and `DIR/NAME-VERSION-ARCHITECTURE.tar`.
///
/// # Errors
/// When something cannot be built or written.
pub fn run(checkout: &Path, options: &Options) -> Result<()> {
    let programs = Programs::build(checkout, true)?;
    // The programs lie in TARGET/release.
    let target = programs.update.ancestors().nth(2).context("the programs do not lie in cargo's target directory")?;
    let output = options.output.clone().unwrap_or_else(|| target.join("dist"));
    let root = output.join("root");
    if root.exists() {
        fs::remove_dir_all(&root).with_context(|| format!("cannot remove {}", root.display()))?;
    }
    lay_out(&programs, checkout, &root)?;
    let name = format!("{NAME}-{}-{}.tar", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    let archive = output.join(name);
    pack(&root, &archive)?;
    println!("{}", archive.display());
    Ok(())
}

/// Writes all files beneath `root/usr`.
///
/// # Errors
/// When a program does not give its files, or one cannot be written.
pub fn lay_out(programs: &Programs, checkout: &Path, root: &Path) -> Result<()> {
    let usr = root.join("usr");
    for program in [&programs.update, &programs.publish] {
        let name = program.file_name().context("a program has a name")?;
        copy(program, &usr.join("bin").join(name), 0o755)?;
        for (path, text) in files_of(program)? {
            write(&usr.join(&path), text.as_bytes(), 0o644)?;
        }
    }
    for document in DOCUMENTS {
        let name = Path::new(document).file_name().context("a document has a name")?;
        copy(&checkout.join(document), &usr.join("share/doc").join(NAME).join(name), 0o644)?;
    }
    let units = usr.join("lib/systemd/system");
    for name in UNITS {
        copy(&checkout.join("src/state/units").join(name), &units.join(name), 0o644)?;
    }
    let wants = units.join("sysinit.target.wants");
    fs::create_dir_all(&wants).with_context(|| format!("cannot make {}", wants.display()))?;
    let link = wants.join(RECOVER);
    symlink(Path::new("..").join(RECOVER), &link).with_context(|| format!("cannot make {}", link.display()))
}

/// Packs what lies beneath `root` into a tar archive.
///
/// # Errors
/// When tar is not there or fails.
pub fn pack(root: &Path, archive: &Path) -> Result<()> {
    let time = std::env::var("SOURCE_DATE_EPOCH").unwrap_or_else(|_| EPOCH.to_owned());
    let mut command = Command::new("tar");
    command.args(["--create", "--format=ustar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    command.arg(format!("--mtime=@{time}")).arg("--file").arg(archive).arg("--directory").arg(root).arg("usr");
    let status = command.status().context("cannot start tar")?;
    ensure!(status.success(), "tar cannot write {}", archive.display());
    Ok(())
}

/// The files that go with a program, by path beneath `usr`.
fn files_of(program: &Path) -> Result<Vec<(String, String)>> {
    let output = Command::new(program).args(["dist-files", "--json"]).output();
    let output = output.with_context(|| format!("cannot start {}", program.display()))?;
    ensure!(output.status.success(), "{} does not give its files", program.display());
    let lines = String::from_utf8(output.stdout).context("JSON is UTF-8")?;
    let result: Value = serde_json::from_str(lines.lines().last().context("a result")?)?;
    let files = result["files"].as_object().context("a result has files")?;
    files.iter().map(|(path, text)| Ok((path.clone(), text.as_str().context("a file is a text")?.to_owned()))).collect()
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let bytes = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    write(to, &bytes, mode)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let parent = path.parent().context("a file lies in a directory")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).with_context(|| path.display().to_string())
}
