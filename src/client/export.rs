//! `export`: a publication, or what one step takes, as one file for machines without network.
//!
//! What a step takes is found by planning it as the machine will, from the same documents with the same code. Of packs the
//! whole files go along: which blocks the machine wants is its own business. What a file holds is checked while it is copied,
//! for the machine that gets it cannot ask anybody else; the metadata is that which was verified when the publication was
//! looked at. The file is an origin like any other, and before it gets its name it is read as one by a stranger, who has the
//! oldest root in it and has seen nothing.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::copying::Contents;
use super::planning::{Planner, alone};
use super::session::{KnownRelease, Session, check_floor};
use super::trees::Installed;
use super::{ClientError, Settings};
use crate::disk::is_file_or_free;
use crate::manifest::{Release, Tree};
use crate::plan::closure;
use crate::report::{Event, Reporter};
use crate::transport::Transport;
use crate::trust::{Look, MAX_ROOT_BYTES, NewestRelease, TrustDirectory, check_leads_to};
use crate::types::{BundleName, Version};

/// `export`.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The file to be made.
    pub file: PathBuf,
    /// What goes into it.
    pub part: ExportPart,
}

/// A part of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportPart {
    /// Every release that the newest one leads to, with all that belongs to it.
    Everything,
    /// What this machine needs to reach a release, or the newest one.
    ThisMachine(Option<Version>),
    /// What a machine needs.
    Step {
        /// Its release; none for an empty one.
        from: Option<Version>,
        /// The release that it is to reach; none for the newest one.
        to: Option<Version>,
        /// Its bundles; empty for all.
        bundles: BTreeSet<BundleName>,
    },
}

/// What was exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// The file, as it is shown.
    pub file: String,
    /// The release that a machine must have; none for an empty one, or for any.
    pub from: Option<Version>,
    /// The newest release that it leads to.
    pub to: Version,
    /// The bundles that it is for; none for all.
    pub bundles: Option<Vec<BundleName>>,
    /// Files of the publication in it.
    pub files: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Writes a publication, or a part of it, as one file.
///
/// # Errors
/// When something else than a file is in its place; when the publication cannot be read or is not trusted, or lacks
/// something; when the step leads to a release that the publisher does not allow any more; when the file cannot be written.
pub async fn export(
    settings: &Settings,
    request: &ExportRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<Exported, ClientError> {
    if !is_file_or_free(&request.file)? {
        return Err(ClientError::NotAFile { path: request.file.clone() });
    }
    let session = Session::observe(settings, reporter)?;
    let (look, newest) = session.newest_with_metadata().await?;
    let (mut from, mut to, mut bundles) = (None, newest.release.version, None);
    let contents = match &request.part {
        ExportPart::Everything => session.everything(&newest, &look.newest).await?,
        part => {
            let step = session.step(part, &newest)?;
            (from, to) = (step.from, step.to);
            let (contents, closed) = session.one_step((&newest, &look.newest), step).await?;
            bundles = Some(closed.into_iter().collect());
            contents
        }
    };
    let roots = session.roots(&look).await?;
    let oldest = roots[0].1.clone();
    let metadata = roots.into_iter().chain(look.documents);
    let archive = session.copy_all(&request.file, metadata, contents).await?;

    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let transport = Arc::new(Transport::of_file(absolute(archive.place()), settings.limits));
    let stranger = Session { record: None, transport, ..session };
    let (_temporary, nothing) = TrustDirectory::throwaway()?;
    stranger.newest_as_seen_by(&nothing, &oldest).await?;
    let (file, files, bytes) = (absolute(&request.file).display().to_string(), archive.files, archive.bytes);
    archive.keep()?;
    Ok(Exported { file, from, to, bundles, files, bytes })
}

/// A step that is to be exported.
struct WantedStep {
    from: Option<Version>,
    to: Version,
    bundles: WantedBundles,
}

/// For whom a step is.
enum WantedBundles {
    /// For a machine with all bundles.
    All,
    /// For one with these, what they include, and the core.
    Named(BTreeSet<BundleName>),
    /// For this one. It may have nothing but the core, and bundles that the release has no more.
    Subscribed,
}

impl Session {
    fn step(&self, part: &ExportPart, newest: &KnownRelease) -> Result<WantedStep, ClientError> {
        let newest = newest.release.version;
        Ok(match part {
            ExportPart::Step { from, to, bundles } => {
                let bundles = match bundles.is_empty() {
                    true => WantedBundles::All,
                    false => WantedBundles::Named(bundles.clone()),
                };
                WantedStep { from: *from, to: to.unwrap_or(newest), bundles }
            }
            ExportPart::ThisMachine(to) => {
                let from = Some(self.record()?.installed.version());
                WantedStep { from, to: to.unwrap_or(newest), bundles: WantedBundles::Subscribed }
            }
            ExportPart::Everything => unreachable!("that is no step"),
        })
    }

    /// The files that a step takes, and all bundles that it is for.
    async fn one_step(
        &self,
        (newest, named): (&KnownRelease, &NewestRelease),
        step: WantedStep,
    ) -> Result<(Contents, BTreeSet<BundleName>), ClientError> {
        check_floor(step.to, newest.release.floor)?;
        let mut contents = Contents::default();
        contents.add_document(newest);
        let way = self.back_to(newest, step.to).await?;
        let release = way.last().unwrap_or(newest).clone();
        way.iter().for_each(|known| contents.add_document(known));
        let is_own = matches!(step.bundles, WantedBundles::Subscribed);
        let (asked, names) = self.asked(step.bundles, &release.release)?;
        let bundles = closure(&release.release, &asked)?;
        let mut installed = Installed::default();
        let mut steps = Vec::new();
        if let Some(from) = step.from {
            let before = &match self.back_to(newest, from).await {
                // Its publisher has dropped it, and the machine has the document.
                Err(ClientError::NotKept { .. }) if is_own => self.installed_release()?,
                way => {
                    let way = way?;
                    way.iter().for_each(|known| contents.add_document(known));
                    way.last().unwrap_or(newest).clone()
                }
            };
            // What is new in the release that is to be reached, the machine does not have.
            let had = names.into_iter().filter(|name| before.release.bundles.contains_key(name)).collect();
            let had = closure(&before.release, &had)?;
            installed = Installed::of(self.target_tree(before, &had, &[], &Tree::default()).await?.tree);
            // The machine finds its way by the same documents.
            let (found, read) = self.steps_from(from, &release, &bundles).await?;
            read.iter().for_each(|known| contents.add_document(known));
            steps = found;
            contents.add_delta(self.document_delta(before, named).await?);
        }
        let mut target = self.target_tree(&release, &bundles, &[], &Tree::default()).await?;
        target.before = vec![Vec::new(); steps.len()];
        let mut planner = Planner::new(self, (&release, &bundles), target, Some(steps));
        planner.look_further(&installed).await?;
        let objects = alone(&planner.plan(&installed));

        contents.add_documents_of(&release.release, &bundles);
        let of_steps = planner.steps.iter().flatten().flat_map(|step| &step.packs);
        contents.add_packs(of_steps.chain(&planner.whole).map(|pack| &pack.offer));
        contents.add_objects(&planner.target.tree, |digest| objects.contains(digest));
        Ok((contents, bundles))
    }

    /// The bundles of a release that are asked for, and those that the machine may have before, whichever release that is.
    fn asked(
        &self,
        bundles: WantedBundles,
        release: &Release,
    ) -> Result<(BTreeSet<BundleName>, BTreeSet<BundleName>), ClientError> {
        Ok(match bundles {
            WantedBundles::All => {
                let all: BTreeSet<BundleName> = release.bundles.keys().cloned().collect();
                (all.clone(), all)
            }
            WantedBundles::Named(names) => (names.clone(), names),
            WantedBundles::Subscribed => (self.kept_subscriptions(release)?, self.subscriptions()?),
        })
    }

    /// All files of all releases.
    async fn everything(&self, newest: &KnownRelease, named: &NewestRelease) -> Result<Contents, ClientError> {
        let mut contents = Contents::default();
        let mut open = vec![newest.clone()];
        let mut seen = BTreeSet::from([newest.release.version]);
        while let Some(known) = open.pop() {
            contents.add_document(&known);
            contents.add_delta(self.document_delta(&known, named).await?);
            let release = &*known.release;
            contents.add_packs(&release.packs);
            let all = release.bundles.keys().cloned().collect();
            contents.add_documents_of(release, &all);
            let tree = self.target_tree(&known, &all, &[], &Tree::default()).await?.tree;
            contents.add_objects(&tree, |_| true);
            for older in release.predecessors.iter().map(|older| older.version) {
                if !seen.insert(older) {
                    continue;
                }
                match self.older(&known, older).await {
                    Ok(older) => open.push(older),
                    Err(error @ ClientError::NotKept { .. }) => {
                        let told = format!("{error}, so it is not in the file");
                        self.reporter.report(Event::Warning(told));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(contents)
    }

    /// The newest root, and before it those that lead to it, by their paths: a machine may have any of them.
    async fn roots(&self, look: &Look) -> Result<VecDeque<(String, Vec<u8>)>, ClientError> {
        let path = |version: u64| format!("metadata/{version}.root.json");
        let mut found = VecDeque::from([(path(look.root_version), look.root.clone())]);
        for version in (1..look.root_version).rev() {
            let next = &found[0].1;
            let leading = |root: Vec<u8>| Ok(check_leads_to(&root, next).map(|()| root)?);
            match self.transport.get_checked(&path(version), MAX_ROOT_BYTES, leading).await {
                Ok(root) => found.push_front((path(version), root)),
                // Those before it would lead nowhere.
                Err(ClientError::Transport(error)) if error.is_surely_not_found() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}
