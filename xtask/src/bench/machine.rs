//! The client on a machine with all bundles: from installation to repair, every step measured and its tree judged.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::input::{TINY, sign_again};
use super::installed;
use super::origin::{Origin, Traffic};
use super::table::Row;
use super::usage::measure;
use super::writes::Writes;
use crate::demo::{grouped, size};
use crate::judge::{Kind, Tree};
use crate::programs::Programs;
use crate::publication::Publication;
use crate::trees::{CORE, Trees};

/// The largest file that is damaged, in bytes.
const DAMAGED_AT_MOST: u64 = 1 << 20;

/// A machine and what it follows.
pub struct Machine<'a> {
    /// The programs that are measured.
    pub programs: &'a Programs,
    /// What was published.
    pub trees: &'a Trees,
    /// Where it was published.
    pub publication: &'a Publication,
    /// Serves it.
    pub origin: &'a Origin,
    /// Scratch directory; the machine's root lies in it.
    pub work: PathBuf,
}

/// All that was measured on machines, and what goals compare it with.
#[derive(Debug, Default)]
pub struct Measures {
    /// A row per step, in order.
    pub rows: Vec<Row>,
    /// The first installation.
    pub install: Option<Row>,
    /// The step from one release to the next.
    pub update: Option<Row>,
    /// The same, unless one file is all that changed.
    pub step: Option<Row>,
    /// The same where bytes matter more than time.
    pub step_for_bytes: Option<Row>,
    /// A step in which one file changed.
    pub line: Option<Row>,
    /// Bytes of a step for a machine with a part of the bundles, and in a publication of that part alone.
    pub proportion: Option<(f64, f64)>,
    /// The look when the metadata was signed again but no release is new, and the look after it.
    pub looks: Option<(Traffic, Traffic)>,
    /// A scan of the whole tree that reads every file.
    pub scan: Option<Row>,
    /// One that believes fingerprints.
    pub quick_scan: Option<Row>,
    /// Reading and hashing every file of the tree, and nothing else.
    pub floor: Option<Row>,
    /// The way back to the release before.
    pub rollback: Option<Row>,
    /// What the publisher needs for the packs of deltas of the step.
    pub delta_packs: Option<Row>,
    /// What adding a small bundle writes.
    pub writes: Option<Writes>,
    /// What there is to say beside the rows.
    pub notes: Vec<String>,
}

impl Measures {
    /// Says something beside the rows.
    pub fn note(&mut self, note: String) {
        println!("  {note}");
        self.notes.push(note);
    }
}

impl Machine<'_> {
    /// Installs the older release with all bundles but [`TINY`].
    ///
    /// # Errors
    /// When the client fails or its tree is not what was published.
    pub fn install(&self, measures: &mut Measures) -> Result<()> {
        let [from, _] = self.trees.releases;
        fs::create_dir(self.root())?;
        let (version, trust) = (from.to_string(), self.publication.trust());
        let mut arguments: Vec<&OsStr> =
            ["os-install", "--version", &version, "--url", &self.origin.url].map(OsStr::new).to_vec();
        arguments.extend::<[&OsStr; 2]>(["--trust".as_ref(), trust.as_ref()]);
        let bundles = self.bundles(Some(TINY))?;
        arguments.extend(bundles.iter().flat_map(|bundle| [OsStr::new("--bundle"), bundle.as_ref()]));
        self.step(measures, &format!("os-install {from}"), 0, &arguments)?;
        self.judge(from, Some(TINY))
    }

    /// Installs the older release on a machine of its own and brings it to the newer one, with these options; gives the
    /// result and the row of that step.
    ///
    /// # Errors
    /// As for [`Machine::install`].
    pub fn moves(&self, measures: &mut Measures, label: &str, options: &[&str]) -> Result<(Value, Row)> {
        let [from, to] = self.trees.releases;
        fs::create_dir_all(&self.work)?;
        println!("  {label}:");
        self.install(measures)?;
        let line = [&["update"], options].concat();
        let result = self.step(measures, &format!("update {from} -> {to}"), 0, &line)?;
        self.judge(to, Some(TINY))?;
        let [.., install, update] = &mut measures.rows[..] else { unreachable!("two rows were just added") };
        for row in [&mut *install, &mut *update] {
            row.name = format!("{}, {label}", row.name);
        }
        Ok((result, update.clone()))
    }

    /// All other steps; both releases are published by now.
    ///
    /// # Errors
    /// As for [`Machine::install`].
    pub fn story(&self, measures: &mut Measures) -> Result<()> {
        let [from, to] = self.trees.releases;
        let dry = self.step(measures, "update, dry run", 0, &["update", "--dry-run"])?;
        let result = self.step(measures, &format!("update {from} -> {to}"), 0, &["update"])?;
        self.judge(to, Some(TINY))?;
        measures.update = measures.rows.last().cloned();
        *(if changes(&result) == 1 { &mut measures.line } else { &mut measures.step }) = measures.update.clone();
        let traffic = measures.update.as_ref().and_then(|row| row.traffic).unwrap_or_default();
        let number = |value: &Value, name: &str| grouped(value[name].as_u64().unwrap_or(0));
        measures.note(format!(
            "dry run foretold {} bytes in {} requests, the client told {} in {}, the origin's log {} in {}",
            number(&dry, "download_bytes"),
            number(&dry, "requests"),
            number(&result, "download_bytes"),
            number(&result, "requests"),
            grouped(traffic.body),
            grouped(traffic.requests),
        ));
        measures.note(format!(
            "files: {} changed, {} added, {} removed; disk at most {} bytes more, by the plan",
            number(&result, "files_changed"),
            number(&result, "files_added"),
            number(&result, "files_removed"),
            number(&result, "disk_peak_bytes"),
        ));
        self.step(measures, "diagnose, fingerprints", 0, &["diagnose"])?;
        measures.quick_scan = measures.rows.last().cloned();
        self.step(measures, "diagnose --full-verify", 0, &["diagnose", "--full-verify"])?;
        measures.scan = measures.rows.last().cloned();
        self.floor(measures)?;
        self.step(measures, &format!("rollback to {from}"), 0, &["rollback"])?;
        self.judge(from, Some(TINY))?;
        measures.rollback = measures.rows.last().cloned();
        self.step(measures, "check-update, one is there", 0, &["check-update"])?;
        self.step(measures, &format!("update to {to} again"), 0, &["update"])?;
        self.judge(to, Some(TINY))?;
        self.small_bundle(measures)?;
        self.looks(measures)?;
        self.repair(measures)
    }

    /// What reading and hashing the machine's files alone costs.
    fn floor(&self, measures: &mut Measures) -> Result<()> {
        let this = std::env::current_exe().context("cannot find this program")?;
        let tree = self.root().join("usr");
        let run = measure(&self.work, [this.as_os_str(), "floor".as_ref(), tree.as_ref()])?.success()?;
        let row = Row { name: "floor: read and hash alone".to_owned(), traffic: None, usage: run.usage };
        println!("{}", row.line());
        measures.floor = Some(row.clone());
        measures.rows.push(row);
        Ok(())
    }

    /// Adds, removes and adds a small bundle; the machine has it afterwards.
    fn small_bundle(&self, measures: &mut Measures) -> Result<()> {
        let [_, to] = self.trees.releases;
        let has_tiny = self.bundles(None)?.iter().any(|bundle| bundle == TINY);
        let bundle = if has_tiny { TINY.to_owned() } else { self.smallest()? };
        let (add, remove) = (["bundle-add", &bundle], ["bundle-remove", &bundle]);
        if has_tiny {
            self.step(measures, &format!("add {bundle}"), 0, &add)?;
            self.judge(to, None)?;
        }
        self.step(measures, &format!("remove {bundle}"), 0, &remove)?;
        self.judge(to, Some(&bundle))?;
        self.step(measures, &format!("add {bundle}"), 0, &add)?;
        if installed("strace").is_none() {
            measures.note("SKIPPED: strace is not installed, so the calls that write are not counted".to_owned());
            return Ok(());
        }
        self.step(measures, &format!("remove {bundle}"), 0, &remove)?;
        let log = self.work.join("strace.log");
        let mut line = vec!["strace".into()];
        line.extend(Writes::arguments(&log));
        line.extend(self.line(&add));
        measure(&self.work, line)?.success().with_context(|| format!("bundle-add {bundle} under strace"))?;
        self.judge(to, None)?;
        let writes = Writes::read(&log)?;
        let files = size(&self.trees.of(to).join(&bundle))?.0;
        measures.note(format!("bundle-add {bundle} ({} files): {writes}", grouped(files)));
        measures.writes = Some(writes);
        Ok(())
    }

    /// Looks for something new where nothing is: again, after the metadata was signed again, and once more.
    fn looks(&self, measures: &mut Measures) -> Result<()> {
        self.step(measures, "check-update, nothing new", 1, &["check-update"])?;
        if !sign_again(self.programs, self.publication)? {
            measures.note("SKIPPED: no keys beside the publication, so it is not signed again".to_owned());
            return Ok(());
        }
        let mut look = |name: &str| -> Result<Traffic> {
            self.step(measures, name, 1, &["check-update"])?;
            Ok(measures.rows.last().and_then(|row| row.traffic).unwrap_or_default())
        };
        let looks = (look("check-update, signed again")?, look("check-update, look again")?);
        measures.looks = Some(looks);
        Ok(())
    }

    /// Damages three files and repairs them.
    fn repair(&self, measures: &mut Measures) -> Result<()> {
        let [_, to] = self.trees.releases;
        let expected = self.expected(to, None)?;
        let size = |kind: &Kind| if let Kind::File { size, .. } = kind { *size } else { 0 };
        let mut files: Vec<(u64, &PathBuf)> =
            expected.nodes().iter().map(|(path, node)| (size(&node.kind), path)).collect();
        files.retain(|(size, _)| *size <= DAMAGED_AT_MOST);
        files.sort_unstable();
        ensure!(files.len() > 3, "too few files");
        for (at, (_, path)) in files.iter().rev().take(3).enumerate() {
            let file = self.root().join(path);
            fs::remove_file(&file)?;
            if at > 0 {
                fs::write(&file, "not what was published")?;
            }
        }
        self.step(measures, "repair of 3 files", 0, &["repair"])?;
        self.judge(to, None)
    }

    /// Runs the client, prints its row and keeps it; gives its result.
    fn step<A: AsRef<OsStr>>(&self, measures: &mut Measures, name: &str, code: i32, arguments: &[A]) -> Result<Value> {
        let (run, traffic) = self.origin.counted(|| measure(&self.work, self.line(arguments)))?;
        ensure!(run.code == code, "{name}: exit code {}: {}{}", run.code, run.stdout, run.stderr);
        let row = Row { name: name.to_owned(), traffic: Some(traffic), usage: run.usage };
        println!("{}", row.line());
        // One is usual: the next root of trust, which is not there until the keys change.
        if traffic.refused > 1 {
            measures.note(format!("{name}: {} requests were answered by an error", traffic.refused));
        }
        measures.rows.push(row);
        let last = run.stdout.lines().last().with_context(|| format!("{name}: the client says nothing"))?;
        serde_json::from_str(last).with_context(|| format!("{name}: not JSON: {last}"))
    }

    fn line<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Vec<std::ffi::OsString> {
        let mut line = vec![self.programs.update.clone().into_os_string()];
        line.extend(arguments.iter().map(|argument| argument.as_ref().to_owned()));
        line.extend(["--root".into(), self.root().into(), "--json".into(), "--yes".into()]);
        line
    }

    /// Compares the machine's tree with the published one.
    fn judge(&self, release: u32, without: Option<&str>) -> Result<()> {
        let differences = self.expected(release, without)?.differences(&Tree::of_machine(&self.root())?);
        ensure!(differences.is_empty(), "the tree is not what was published as {release}: {differences}");
        Ok(())
    }

    fn expected(&self, release: u32, without: Option<&str>) -> Result<Tree> {
        let bundles = self.bundles(without)?;
        let bundles: Vec<&str> = bundles.iter().map(String::as_str).collect();
        Tree::expected(&self.trees.of(release), &bundles)
    }

    fn bundles(&self, without: Option<&str>) -> Result<Vec<String>> {
        let mut bundles = self.trees.bundles()?;
        bundles.retain(|bundle| without != Some(bundle));
        Ok(bundles)
    }

    /// The bundle with the fewest files that no other includes.
    fn smallest(&self) -> Result<String> {
        let [_, to] = self.trees.releases;
        let bundles = self.bundles(Some(CORE))?;
        let mut sized = Vec::new();
        for bundle in &bundles {
            let included = |other: &&String| {
                *other != bundle && self.trees.closure(&[other]).is_ok_and(|all| all.contains(bundle))
            };
            if bundles.iter().find(included).is_none() {
                sized.push((size(&self.trees.of(to).join(bundle))?.0, bundle));
            }
        }
        sized.into_iter().min().map(|(_, bundle)| bundle.clone()).context("there is no bundle beside the core")
    }

    fn root(&self) -> PathBuf {
        self.work.join("root")
    }
}

/// How many files a transition changed, added and removed.
pub fn changes(result: &Value) -> u64 {
    ["files_changed", "files_added", "files_removed"].iter().map(|name| result[name].as_u64().unwrap_or(0)).sum()
}
