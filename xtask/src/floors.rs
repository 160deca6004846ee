//! The floors check: a module uses only modules of floors below its own, files do not use each other in circles, and some
//! crates have one home.
//!
//! The floors are read from the table in the header of `src/lib.rs`, their only source. What is checked is the product:
//! unit tests (`#[cfg(test)]`) may look further. On a floor, a module uses itself and what `NEIGHBOURS` names.

mod circles;
mod paths;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use paths::{Place, Tokens, Used, Uses};

/// The floor of the programs: they may use every module.
const FACES: u32 = 6;

/// Neighbours on one floor of which the first may use the second: a pack holds deltas and forms of gzip and xz files,
/// forms write numbers as deltas do and have one checksum, and only what was staged is switched.
const NEIGHBOURS: &[(&str, &str)] = &[
    ("report", "types"),
    ("pack", "delta"),
    ("pack", "gzip"),
    ("pack", "xz"),
    ("gzip", "delta"),
    ("xz", "delta"),
    ("xz", "gzip"),
    ("switch", "stage"),
];

/// Crates that live in these modules only; `bin` stands for the programs.
const HOMES: &[(&str, &[&str])] = &[
    ("reqwest", &["transport"]),
    ("tough", &["trust"]),
    ("clap", &["bin"]),
    ("indicatif", &["bin"]),
    ("bsdiff", &["delta"]),
    ("divsufsort", &["delta"]),
    ("zstd", &["manifest", "pack", "delta"]),
    ("liblzma", &["pack", "xz"]),
    ("tar", &["site", "overlay"]),
    ("saphyr_parser", &["overlay"]),
];

/// The crate that no floor below this one uses.
const ASYNC: (&str, u32) = ("tokio", 3);

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    /// Source files.
    pub files: usize,
    /// Uses of modules and homed crates.
    pub uses: usize,
}

/// A source file.
struct Source {
    path: PathBuf,
    /// Modules from the root of the crate down to it: `pack` and `index` for `pack/index.rs`, `pack` for `pack/mod.rs`.
    module_path: Vec<String>,
    tokens: Tokens,
}

/// Checks every file beneath `checkout/src`.
///
/// # Errors
/// With one line for each violation, or when the sources cannot be read.
pub fn check(checkout: &Path) -> Result<Checked> {
    let sources = checkout.join("src");
    let library = fs::read_to_string(sources.join("lib.rs")).context("cannot read src/lib.rs")?;
    let floors = table(&library)?;
    let files = collected(&sources)?;
    let mut checked = Checked::default();
    let mut violations: Vec<String> = circles::of(&files).map(|circle| format!("src: {circle}")).into_iter().collect();
    let circle = circles::of(&collected(&checkout.join("xtask/src"))?);
    violations.extend(circle.map(|circle| format!("xtask/src: {circle}")));
    for source in files {
        let root = Place { up: source.module_path.len(), path: &[] };
        let uses = Uses::of(&source.tokens, root);
        checked.files += 1;
        checked.uses += uses.0.len();
        for used in uses.0 {
            if let Some(wrong) = violation(&floors, &source.module_path[0], &used) {
                violations.push(format!("src/{}:{}: {wrong}", source.path.display(), used.line));
            }
        }
    }
    ensure!(violations.is_empty(), "{} violations of the floors:\n  {}", violations.len(), violations.join("\n  "));
    Ok(checked)
}

/// The floor of each module, from lines such as `//! | 3 doors | `store`, `tree` | ...`.
fn table(library: &str) -> Result<BTreeMap<String, u32>> {
    let mut floors = BTreeMap::from([("bin".to_owned(), FACES)]);
    for line in library.lines().filter_map(|line| line.strip_prefix("//! |")) {
        let mut cells = line.split('|').map(str::trim);
        let (Some(name), Some(modules)) = (cells.next(), cells.next()) else { continue };
        let Some(Ok(floor)) = name.split(' ').next().map(str::parse) else { continue };
        let modules = modules.split(',').map(|module| module.trim().trim_matches('`').to_owned());
        floors.extend(modules.filter(|module| is_module_name(module)).map(|module| (module, floor)));
    }
    ensure!(floors.len() > 5, "the table of floors in the header of src/lib.rs cannot be read");
    Ok(floors)
}

fn is_module_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// All source files beneath a directory, but the root of a library.
fn collected(sources: &Path) -> Result<Vec<Source>> {
    let mut files = Vec::new();
    collect(sources, Path::new(""), &mut files)?;
    Ok(files)
}

fn collect(sources: &Path, beneath: &Path, files: &mut Vec<Source>) -> Result<()> {
    let directory = sources.join(beneath);
    for entry in fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let path = beneath.join(entry?.file_name());
        let full = sources.join(&path);
        if full.is_dir() {
            collect(sources, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") && path != Path::new("lib.rs") {
            let text = fs::read_to_string(&full).with_context(|| format!("cannot read {}", full.display()))?;
            files.push(Source { module_path: module_path_of(&path), path, tokens: Tokens::of(&text) });
        }
    }
    Ok(())
}

/// The modules down to a file; the last of `pack.rs` and of `pack/mod.rs` is `pack`.
fn module_path_of(path: &Path) -> Vec<String> {
    let path = if path.ends_with("mod.rs") { path.parent().unwrap_or(path) } else { path };
    path.with_extension("").iter().map(|name| name.to_string_lossy().into_owned()).collect()
}

fn violation(floors: &BTreeMap<String, u32>, module: &str, used: &Used) -> Option<String> {
    let Some(&own) = floors.get(module) else {
        return Some(format!("module `{module}` has no floor in the table of src/lib.rs"));
    };
    let name = used.name.as_str();
    if !used.is_module {
        if let Some((_, homes)) = HOMES.iter().find(|(home, _)| *home == name) {
            return (!homes.contains(&module))
                .then(|| format!("`{module}` uses the crate `{name}`, whose home is {}", homes.join(", ")));
        }
        let (asynchronous, from) = ASYNC;
        return (name == asynchronous && own < from)
            .then(|| format!("`{module}` of floor {own} uses `{name}`, which no floor below {from} does"));
    }
    if name == module || NEIGHBOURS.contains(&(module, name)) {
        return None;
    }
    match floors.get(name) {
        Some(&other) if other < own => None,
        Some(&other) => Some(format!("`{module}` of floor {own} uses `{name}` of floor {other}")),
        None => Some(format!("`{module}` uses `{name}` of the crate's root: name the module that it comes from")),
    }
}

/// Whether a name is that of a crate with a rule.
fn is_homed(name: &str) -> bool {
    name == ASYNC.0 || HOMES.iter().any(|(home, _)| *home == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIBRARY: &str = "//! | 6 faces | the two programs | terminal |\n//! | 5 operations | `client`, `publish` | |\n\
        //! | 4 moves | `fetch`, `stage` | |\n//! | 3 doors | `transport`, `trust` | |\n//! | 1 formats | `pack` | |\n\
        //! | 0 words | `types`, `report` | nothing |\n";

    /// Checks a crate of that library and one more file.
    fn checked(path: &str, text: &str) -> String {
        checked_all(&[(&format!("src/{path}"), text)])
    }

    fn checked_all(files: &[(&str, &str)]) -> String {
        let checkout = tempfile::tempdir().expect("temporary directory");
        for (path, text) in [("src/lib.rs", LIBRARY), ("xtask/src/main.rs", "")].iter().chain(files) {
            let file = checkout.path().join(path);
            fs::create_dir_all(file.parent().expect("a parent")).expect("directories");
            fs::write(file, text).expect("file");
        }
        check(checkout.path()).map_or_else(|error| error.to_string(), |checked| format!("{} uses", checked.uses))
    }

    #[test]
    fn this_checkout_keeps_its_floors() {
        check(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))).expect("floors kept");
    }

    #[test]
    fn planted_violations_are_caught() {
        let table = [
            ("pack.rs", "use crate::client::Client;", "`pack` of floor 1 uses `client` of floor 5"),
            ("fetch.rs", "use crate::{types::Digest, stage};", "`fetch` of floor 4 uses `stage` of floor 4"),
            ("fetch.rs", "fn f() { crate::publish::run() }", "`fetch` of floor 4 uses `publish` of floor 5"),
            ("pack/mod.rs", "use super::client;", "`pack` of floor 1 uses `client`"),
            ("pack/index.rs", "use super::super::trust::Key;", "`pack` of floor 1 uses `trust`"),
            ("pack/index.rs", "mod inner { use super::super::super::trust; }", "`pack` of floor 1 uses `trust`"),
            ("types/a.rs", "use crate::report::Event;", "`types` of floor 0 uses `report` of floor 0"),
            ("publish/mod.rs", "use reqwest::Client;", "`publish` uses the crate `reqwest`, whose home is transport"),
            ("client/mod.rs", "fn f() -> zstd::Result<()> {}", "whose home is manifest, pack, delta"),
            ("client.rs", "use {std::io, indicatif::ProgressBar};", "whose home is bin"),
            ("pack.rs", "use tokio::fs;", "`pack` of floor 1 uses `tokio`, which no floor below 3 does"),
            ("extra.rs", "use crate::types;", "`extra` has no floor"),
            ("client.rs", "use crate::Digest;", "name the module that it comes from"),
        ];
        for (path, text, expected) in table {
            let told = checked(path, text);
            assert!(told.contains(expected), "{path}: {text}: {told}");
        }
    }

    #[test]
    fn circles_are_caught_in_the_product_and_in_its_tasks() {
        for top in ["src/pack", "xtask/src"] {
            let [a, b] = ["a", "b"].map(|name| format!("{top}/{name}.rs"));
            let told = checked_all(&[(&a, "use super::b;"), (&b, "use super::a::A;")]);
            assert!(told.contains("in a circle"), "{top}: {told}");
        }
    }

    #[test]
    fn what_is_allowed_passes() {
        let table = [
            ("report.rs", "use crate::types::Digest;", 1),
            ("client/update.rs", "use super::status; use crate::{fetch, stage::{Staged, self}};", 2),
            ("bin/stateless-update/main.rs", "use clap::Parser; use stateless_update::client;", 2),
            ("bin/stateless-update/args.rs", "use super::render;", 0),
            ("pack.rs", "// use crate::client;\n/* crate::client */ const A: &str = \"crate::client\";", 0),
            ("pack.rs", "#[cfg(test)]\nmod tests { use crate::client; fn f() { tokio::x(); } }", 0),
            ("pack.rs", "use super::types;\n#[cfg(test)]\nuse crate::client;", 1),
            ("pack.rs", "/// See [`crate::client`]; isn't it 'a' lifetime?\nfn f<'a>(x: &'a str) -> char { '\"' }", 0),
            ("pack.rs", "macro_rules! m { () => { $crate::client::x() } }", 0),
            ("pack.rs", "fn f(x: X) { x.tokio.zstd(); other::zstd::y(); }", 0),
        ];
        for (path, text, uses) in table {
            assert_eq!(checked(path, text), format!("{uses} uses"), "{path}: {text}");
        }
    }
}
