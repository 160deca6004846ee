//! `search`, `search-file`, and what shells ask when a command is not there: all from the search index of the installed
//! release, which is fetched once and kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::query::{Language, Places, Query, program};
use super::session::transport;
use super::{ClientError, ErrorKind, Settings};
use crate::manifest::{Release, SearchIndex, Status};
use crate::report::{Event, Reporter};
use crate::state::Machine;
use crate::types::{BundleName, Digest, TreePath};

/// `search` and `search-file`.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// What to look for.
    pub term: String,
    /// What that means; `search` takes a plain term for a part of a word, upper or lower case.
    pub language: Language,
    /// Where to look.
    pub places: Places,
    /// In which order to tell.
    pub order: Order,
    /// Not more than this many.
    pub top: Option<usize>,
}

/// In which order matches are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The best first: `search` by where the term was found, `search-file` by path.
    Best,
    /// By the names of bundles.
    Alphabetical,
    /// The smallest bundle first.
    Size,
}

/// A match of `search-file`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileMatch {
    /// A bundle that has it.
    pub bundle: BundleName,
    /// The path, `usr` first.
    pub path: TreePath,
    /// Whether the bundle is installed.
    pub installed: bool,
}

/// A match of `search`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BundleMatch {
    /// The bundle.
    pub name: BundleName,
    /// One line about it.
    pub title: String,
    /// How ready it is.
    pub status: Status,
    /// Whether it is installed.
    pub installed: bool,
    /// Bytes of its files.
    pub disk_bytes: u64,
    /// Where the term was found: `name`, `title`, `description`, or paths of programs.
    pub matched: Vec<String>,
}

/// What is said of a command that is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingCommand {
    /// Its name.
    #[serde(rename = "name")]
    pub command: String,
    /// Bundles that have it and are not installed, the smallest first.
    pub bundles: Vec<BundleName>,
}

/// Finds bundles by name, title, description and programs.
///
/// # Errors
/// When the root is not managed, the index is not what was signed for, or the term is none. That the index cannot be had
/// costs a warning and what only programs would have found.
pub async fn search(
    settings: &Settings,
    request: &SearchRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<Vec<BundleMatch>, ClientError> {
    let known = Known::of(settings)?;
    let term = match request.language {
        Language::Plain => regex::escape(&request.term),
        Language::Regexp => request.term.clone(),
    };
    // The expression is looked for in words, and in the names of programs behind their path.
    let words = Query::words(&request.term, &term)?;
    let mut programs = vec![Vec::new(); known.release.bundles.len()];
    match known.index(settings, reporter).await {
        Ok(index) => {
            let numbers = known.numbers(&index);
            index.visit(|path, set| {
                if program(path).is_some_and(|name| words.is_match(name)) {
                    for number in set.iter().filter_map(|bundle| numbers[*bundle]) {
                        programs[number].push(format!("{}/{path}", TreePath::TOP));
                    }
                }
            })?;
        }
        Err(error) if error.kind() == ErrorKind::Unreachable => {
            reporter.report(Event::Warning(format!("programs are not searched: {error}")));
        }
        Err(error) => return Err(error),
    }
    let mut ranked = Vec::new();
    for ((name, offer), programs) in known.release.bundles.iter().zip(programs) {
        let texts = [("name", name.as_str()), ("title", &offer.title), ("description", &offer.description)];
        let found = texts.into_iter().filter(|(_, text)| words.is_match(text)).map(|(field, _)| field.to_owned());
        let matched: Vec<String> = found.chain(programs).collect();
        let Some(first) = matched.first() else { continue };
        let rank = if name.as_str() == request.term {
            0
        } else {
            ["name", "title"].iter().position(|field| first == field).map_or(3, |at| at + 1)
        };
        let found = BundleMatch {
            name: name.clone(),
            title: offer.title.clone(),
            status: offer.status,
            installed: known.installed.contains(name),
            disk_bytes: offer.disk_bytes,
            matched,
        };
        ranked.push((rank, found));
    }
    match request.order {
        Order::Best => ranked.sort_by_key(|(rank, _)| *rank),
        Order::Alphabetical => {}
        Order::Size => ranked.sort_by_key(|(_, found)| found.disk_bytes),
    }
    let all = ranked.into_iter().map(|(_, found)| found);
    Ok(all.take(request.top.unwrap_or(usize::MAX)).collect())
}

/// Finds the bundles that have a path.
///
/// # Errors
/// When the root is not managed, the index cannot be had or is not what was signed for, or the term is none.
pub async fn search_file(
    settings: &Settings,
    request: &SearchRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<Vec<FileMatch>, ClientError> {
    let known = Known::of(settings)?;
    let mut query = Query::new(&request.term, request.language, request.places)?;
    let index = known.index(settings, reporter).await?;
    let numbers = known.numbers(&index);
    let names: Vec<&BundleName> = known.release.bundles.keys().collect();
    let mut matches = Vec::new();
    index.visit(|path, set| {
        if query.takes(path)
            && let Ok(path) = format!("{}/{path}", TreePath::TOP).parse::<TreePath>()
        {
            for bundle in set.iter().filter_map(|bundle| numbers[*bundle]).map(|number| names[number]) {
                let installed = known.installed.contains(bundle);
                matches.push(FileMatch { bundle: bundle.clone(), path: path.clone(), installed });
            }
        }
    })?;
    match request.order {
        Order::Best => {}
        Order::Alphabetical => matches.sort_by(|a, b| a.bundle.cmp(&b.bundle)),
        Order::Size => matches.sort_by_key(|found| known.release.bundles[&found.bundle].disk_bytes),
    }
    matches.truncate(request.top.unwrap_or(usize::MAX));
    Ok(matches)
}

/// Which bundles have a program of that name. Asks nobody: it knows what an earlier search has kept, also of a release
/// that is no longer the installed one.
///
/// # Errors
/// When the root is not managed.
pub fn command_not_found(settings: &Settings, command: &str) -> Result<MissingCommand, ClientError> {
    let known = Known::of(settings)?;
    let mut bundles = BTreeSet::new();
    let kept = known.kept().and_then(|compressed| SearchIndex::expand_unsigned(&compressed).ok());
    if let Some(Ok(index)) = kept.map(SearchIndex::parse) {
        let numbers = known.numbers(&index);
        index.visit(|path, set| {
            if program(path) == Some(command) {
                bundles.extend(set.iter().filter_map(|bundle| numbers[*bundle]));
            }
        })?;
    }
    let names: Vec<&BundleName> = known.release.bundles.keys().collect();
    let bundles = bundles.into_iter().map(|number| names[number]).filter(|name| !known.installed.contains(*name));
    let mut bundles: Vec<BundleName> = bundles.cloned().collect();
    bundles.sort_by_key(|name| known.release.bundles[name].disk_bytes);
    Ok(MissingCommand { command: command.to_owned(), bundles })
}

/// A machine and the release that it has.
struct Known {
    machine: Machine,
    release: Release,
    installed: BTreeSet<BundleName>,
    origin: Vec<String>,
}

impl Known {
    fn of(settings: &Settings) -> Result<Self, ClientError> {
        let machine = Machine::open(&settings.root)?;
        let record = machine.live_record()?;
        let (release, _) = record.release()?;
        let installed = record.installed.bundles.keys().cloned().collect();
        Ok(Self { machine, release, installed, origin: record.installed.origin })
    }

    /// For each bundle of an index, its number in the release. The index may be of another release.
    fn numbers(&self, index: &SearchIndex) -> Vec<Option<usize>> {
        let names: Vec<&BundleName> = self.release.bundles.keys().collect();
        index.bundles().iter().map(|bundle| names.binary_search(&bundle).ok()).collect()
    }

    /// The compressed index that was kept, of whichever release.
    fn kept(&self) -> Option<Vec<u8>> {
        self.machine.kept_search_index(SearchIndex::MAX_BYTES).ok().flatten()
    }

    /// The index of the release: the kept one when it is that, else it is fetched, and kept where that can be.
    async fn index(&self, settings: &Settings, reporter: &Arc<dyn Reporter>) -> Result<SearchIndex, ClientError> {
        let version = self.release.version;
        let name = self.release.search.as_ref().ok_or(ClientError::NoSearchIndex { version })?;
        let checked = |compressed: &[u8]| {
            let plain = SearchIndex::expand(compressed, name.length)?;
            match Digest::of(&plain) == name.sha256 {
                true => Ok(SearchIndex::parse(plain)?),
                false => Err(ClientError::WrongSearchIndex { version }),
            }
        };
        if let Some(Ok(index)) = self.kept().map(|compressed| checked(&compressed)) {
            return Ok(index);
        }
        // A mirror lies where only root looks; whoever may not asks the origin.
        let mirror = self.machine.mirror().ok().flatten().filter(|_| settings.urls.is_empty());
        let mirrors: Vec<String> = mirror.map(|mirror| mirror.url).into_iter().collect();
        let transport = transport(settings, &mirrors, &self.origin)?;
        let both = |compressed: Vec<u8>| checked(&compressed).map(|index| (index, compressed));
        let path = Release::search_path(name.sha256);
        let (index, compressed) = transport.get_checked(&path, name.wire_bytes, both).await?;
        if let Err(error) = self.machine.keep_search_index(&compressed) {
            reporter.report(Event::Note(format!("the search index is not kept: {error}")));
        }
        Ok(index)
    }
}
