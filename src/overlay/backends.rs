//! Sections that users name: each backend of cinder, glance or manila has one of the name that `enabled_backends` gives it.
//!
//! No list of options has these sections. What may be set there is in the list's section for all of them, else in any.

use std::collections::{BTreeMap, BTreeSet};

use super::{Declaration, KnownOption, Layer, Model, Options, list_items, oslo};

/// Sections of lists with the options of every backend.
const TEMPLATES: [&str; 2] = ["backend_defaults", "glance_store"];

impl Options {
    /// The same with what these files set in sections that they name. That an option is known there, and what it takes, is
    /// clear; its default is not, since that of all backends lies between.
    #[must_use]
    pub fn with_backends(mut self, declaration: &Declaration, layers: &[Layer]) -> Self {
        let settings = || layers.iter().flat_map(|layer| &layer.settings);
        if declaration.model != Model::Oslo || self.is_empty() {
            return self;
        }
        let lists = settings().filter(|setting| names_backends(&setting.key));
        // `fast:file` is a name with the kind of backend.
        let name = |item: String| oslo::folded(item.split(':').next().unwrap_or_default().trim());
        let named: BTreeSet<String> = lists.flat_map(|setting| list_items(&setting.value)).map(name).collect();
        let own: BTreeSet<String> = named.into_iter().filter(|section| self.keys(section).next().is_none()).collect();
        let template = TEMPLATES.into_iter().find(|section| self.keys(section).next().is_some());
        let mut taken: BTreeMap<&str, &KnownOption> = BTreeMap::new();
        if !own.is_empty() {
            let sources = self.all().filter(|((section, _), _)| template.is_none_or(|template| section == template));
            taken.extend(sources.map(|((_, key), known)| (key.as_str(), known)));
        }
        let mut added = Vec::new();
        for setting in settings() {
            let (section, key) = declaration.canonical(&setting.section, &setting.key);
            if let Some(known) = taken.get(&*key).filter(|_| own.contains(&section)) {
                added.push((section, key, KnownOption { defaults: Vec::new(), untold: true, ..(*known).clone() }));
            }
        }
        for (section, key, known) in added {
            self.add(&section, &key, known);
        }
        self
    }
}

/// `enabled_backends`, `enabled_share_backends`, and the like.
fn names_backends(key: &str) -> bool {
    key.strip_prefix("enabled_").is_some_and(|rest| rest == "backends" || rest.ends_with("_backends"))
}
