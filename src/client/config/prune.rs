//! Which redundant overrides go: those without which the program reads the same.
//!
//! What is read is compared before interpolation: when all options say the same, so does what they refer to.

use std::collections::{BTreeMap, BTreeSet};

use super::Loaded;
use super::edit::{after, removal};
use super::writing::Edits;
use crate::client::ClientError;
use crate::overlay::{Change, Model, comparable};
use crate::report::{Event, Reporter};

/// Section and key.
type Name = (String, String);

/// The files without these overrides. Those that something depends on are told and taken from `changes`: where a file takes
/// the place of the shipped one, what it says is needed there.
pub(super) fn prunable(
    loaded: &Loaded,
    changes: &mut Vec<Change>,
    reporter: &dyn Reporter,
) -> Result<Edits, ClientError> {
    if loaded.app.declaration.model == Model::Opaque {
        return Ok(changes.iter().filter_map(|one| Some((one.file.clone()?, None))).collect());
    }
    let mut search = Search { loaded, taken: BTreeSet::new(), stay: BTreeSet::new() };
    if !search.takes(&changes.iter().map(name).collect())?.is_empty() {
        // A file that says nothing else may go as a whole where no part of it may.
        let mut by_file: BTreeMap<&Option<String>, BTreeSet<Name>> = BTreeMap::new();
        for change in &*changes {
            by_file.entry(&change.file).or_default().insert(name(change));
        }
        for names in by_file.into_values() {
            search.part(names)?;
        }
    }
    let Search { taken, stay, .. } = search;
    changes.retain(|change| {
        let stays = stay.contains(&name(change));
        if stays {
            let (app, section, key) = (&change.app, &change.section, &change.key);
            let why = match loaded.app.declaration.model {
                Model::Uapi => "its file takes the place of the one with the default",
                _ => "without it something else would be read",
            };
            reporter.report(Event::Warning(format!("{app} [{section}] {key} stays: {why}")));
        }
        !stays
    });
    removal(loaded, &taken)
}

struct Search<'a> {
    loaded: &'a Loaded,
    /// What can go, all of it together.
    taken: BTreeSet<Name>,
    /// What cannot.
    stay: BTreeSet<Name>,
}

impl Search<'_> {
    /// Takes these too, if all of them can go, and says which options would be others without them.
    fn takes(&mut self, names: &BTreeSet<Name>) -> Result<BTreeSet<Name>, ClientError> {
        let more: BTreeSet<Name> = self.taken.union(names).cloned().collect();
        let lost = lost(self.loaded, &after(self.loaded, &removal(self.loaded, &more)?)?);
        if lost.is_empty() {
            self.taken = more;
        }
        Ok(lost)
    }

    /// Takes of these what can go. Each try combines all files anew, so that it must not be one for each option: what is lost
    /// without all of them stays, and where that is something else, all of them do.
    fn part(&mut self, mut names: BTreeSet<Name>) -> Result<(), ClientError> {
        loop {
            let lost = self.takes(&names)?;
            if lost.is_empty() {
                return Ok(());
            }
            let is_lost = |name: &Name| lost.contains(name) || lost.is_disjoint(&names);
            let (stay, rest): (BTreeSet<Name>, BTreeSet<Name>) = names.iter().cloned().partition(is_lost);
            self.stay.extend(stay);
            names = rest;
        }
    }
}

fn name(change: &Change) -> Name {
    (change.section.clone(), change.key.clone())
}

/// The options that the program reads otherwise in one of the two; one that nothing sets has its known default.
fn lost(a: &Loaded, b: &Loaded) -> BTreeSet<Name> {
    let told = |loaded: &Loaded, (section, key): &Name| {
        let value = loaded.all.find(section, key).map(|value| (value.is_text, value.raw.clone()));
        value.or_else(|| Some((false, loaded.options.option(section, key)?.told()?)))
    };
    let is_same = |name: &Name| {
        let is_list = a.app.declaration.is_list(&a.options, &name.0, &name.1);
        let [a, b] = [a, b].map(|one| told(one, name).map(|(is_text, texts)| (is_text, comparable(texts, is_list))));
        a == b
    };
    let all = a.all.iter().chain(b.all.iter()).map(|value| (value.section.clone(), value.key.clone()));
    all.filter(|name| !is_same(name)).collect()
}

#[cfg(test)]
#[path = "prune_tests.rs"]
mod tests;
