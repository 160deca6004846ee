//! What overrides do to defaults, now and in another release. Pure.
//!
//! | kind | when |
//! |---|---|
//! | `orphaned` | the other release has no such program, or no such default any more and no list that tells why |
//! | `conflict` | a shipped file is read after the override and says something, be it the same |
//! | `deprecated` | the option is set by a former name |
//! | `unknown` | there is a list of options and it does not have this one |
//! | `redundant` | the override says what the default that the program reads says (with another release: will say) |
//! | `deprecated` | the option will go |
//! | `conflict` | the default changes in a file that the override replaces whole, or the other release does not take the value |
//! | `default-changed` | the default changes beneath the override, which stays in force |
//! | `override` | the override is in force and nothing about it changes |
//!
//! The first that fits is told, so what is not in force is never redundant. Values are compared before interpolation and with
//! their types, lists by their items.

use std::collections::{BTreeSet, HashMap};

use serde::{Serialize, Serializer};

use super::options::Name;
use super::{App, KnownOption, Model, Options, Origin, Side, Value, Values, list_items, oslo};

/// What there is to say of an override.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// In force, as before.
    Override,
    /// It says what the default says.
    Redundant,
    /// The default changes beneath it.
    DefaultChanged,
    /// The default changes and cannot come through, or the override does not, or the value is not taken any more.
    Conflict,
    /// The option is not known.
    Unknown,
    /// What it overrides is gone.
    Orphaned,
    /// The option has another name now, or will go.
    Deprecated,
}

/// One option that the administrator overrides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The program.
    pub app: String,
    /// The section.
    pub section: String,
    /// The option, by its present name.
    pub key: String,
    /// What there is to say.
    pub kind: ChangeKind,
    /// The default of the release that is installed; none when there is none, or it may not be shown.
    pub default: Option<String>,
    /// What the administrator makes of it; none when a file that is replaced whole takes it away, or it may not be shown.
    #[serde(rename = "override")]
    pub override_value: Option<String>,
    /// The default of the other release.
    pub next_default: Option<String>,
    /// Whether the values may not be shown.
    pub secret: bool,
    /// The file of the override, relative to the root; told with a slash in front, as a machine has it.
    #[serde(serialize_with = "with_slash")]
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
}

/// A program as a release has it, under the overrides of this machine.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The program.
    pub app: &'a App,
    /// The options that it knows.
    pub options: &'a Options,
    /// Its defaults alone.
    pub defaults: &'a Values,
    /// Defaults and overrides.
    pub all: &'a Values,
}

/// Compares overrides with the defaults of the release that is installed, or, with `next`, tells what changes when that
/// release comes; `next` is `Some(None)` when it does not have the program.
pub fn differences(now: View<'_>, next: Option<Option<View<'_>>>) -> Vec<Change> {
    let renamed = match next.flatten() {
        Some(next) => names_by_origin(next.all),
        None => HashMap::new(),
    };
    let mut changes = Vec::new();
    for name in touched(now) {
        let value = now.all.find(&name.0, &name.1);
        let origin = value.and_then(Value::own);
        let by_line = |origin: &Origin| renamed.get(&(origin.file.to_string(), origin.line));
        // Several options may stand on one line of a document.
        let present = origin.filter(|origin| !is_assigned_at(next, &name, origin)).and_then(by_line).unwrap_or(&name);
        let (then, is_other) = match next {
            None => (Some(now), false),
            Some(next) => (next, true),
        };
        let default = Told::of(now, &name);
        let next_default = then.map(|then| Told::of(then, present)).unwrap_or_default();
        let secret =
            [Some(now), then].into_iter().flatten().any(|view| is_secret(view, &name) || is_secret(view, present));
        let shown = |text: Option<String>| text.filter(|_| !secret);
        let kind = kind(now, then, is_other, &name, present, &default, &next_default);
        changes.push(Change {
            app: now.app.name.clone(),
            section: present.0.clone(),
            key: present.1.clone(),
            kind,
            default: shown(default.told()),
            override_value: shown(value.map(|value| match value.beaten() {
                Some((_, text)) => text.clone(),
                None => value.values.join(", "),
            })),
            next_default: shown(if is_other { next_default.told() } else { None }),
            secret,
            file: origin.map(|origin| origin.file.to_string()),
            line: origin.map(|origin| origin.line),
        });
    }
    changes
}

/// An option's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    /// As files say it, before interpolation; none where only the list of options says it, or nothing does.
    raw: Option<Vec<String>>,
    values: Option<Vec<String>>,
    listed: Option<Vec<String>>,
}

impl Told {
    fn of(view: View<'_>, name: &Name) -> Self {
        let value = view.defaults.find(&name.0, &name.1);
        let listed = view.options.option(&name.0, &name.1).and_then(KnownOption::told);
        Self { raw: value.map(Value::said), values: value.map(|value| value.values.clone()), listed }
    }

    fn told(&self) -> Option<String> {
        self.values.as_ref().or(self.listed.as_ref()).map(|values| values.join(", "))
    }

    /// For comparison.
    fn texts(&self, is_list: bool) -> Option<Vec<String>> {
        self.raw.clone().or_else(|| self.listed.clone()).map(|texts| comparable(texts, is_list))
    }
}

fn with_slash<S: Serializer>(file: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    file.as_ref().map(|file| format!("/{file}")).serialize(serializer)
}

/// What an option says, for comparison: a list by its items.
pub fn comparable(texts: Vec<String>, is_list: bool) -> Vec<String> {
    if is_list { texts.iter().flat_map(|text| list_items(text)).collect() } else { texts }
}

fn kind(
    now: View<'_>,
    then: Option<View<'_>>,
    is_other: bool,
    name: &Name,
    present: &Name,
    default: &Told,
    next_default: &Told,
) -> ChangeKind {
    let Some(then) = then else { return ChangeKind::Orphaned };
    let declaration = &then.app.declaration;
    let is_list = declaration.is_list(then.options, &present.0, &present.1);
    let value = then.all.find(&present.0, &present.1);
    let own = now.all.find(&name.0, &name.1);
    let known = then.options.option(&present.0, &present.1);
    let (was, will) = (default.texts(is_list), next_default.texts(is_list));
    let lost = own.and_then(Value::beaten).map(|(_, text)| vec![text.clone()]);
    let says = lost.or_else(|| own.map(Value::said)).map(|texts| comparable(texts, is_list));
    let is_whole = declaration.model == Model::Opaque || hides(now, name);
    let refused =
        || known.zip(own).is_some_and(|(known, own)| own.values.iter().any(|text| known.refuses(text).is_some()));
    if value.is_some_and(|value| value.beaten().is_some()) {
        ChangeKind::Conflict
    } else if value.is_some_and(|value| value.former.is_some()) {
        ChangeKind::Deprecated
    } else if !then.options.is_empty() && known.is_none() && will.is_none() {
        ChangeKind::Unknown
    } else if says.is_some() && says == will {
        let is_template = |value: &Value| then.app.is_template(&value.origin.file);
        match then.defaults.find(&present.0, &present.1).is_some_and(is_template) {
            true => ChangeKind::Override,
            false => ChangeKind::Redundant,
        }
    } else if known.is_some_and(|known| known.deprecated) {
        ChangeKind::Deprecated
    } else if is_other && (refused() || is_whole && was != will && will.is_some()) {
        ChangeKind::Conflict
    } else if is_other && was.is_some() && will.is_none() && known.is_none() {
        ChangeKind::Orphaned
    } else if is_other && was != will {
        ChangeKind::DefaultChanged
    } else {
        ChangeKind::Override
    }
}

/// All options that the administrator assigns or takes away.
fn touched(view: View<'_>) -> Vec<Name> {
    let assigned = view.all.iter().filter(|value| value.is_overridden());
    let mut names: BTreeSet<Name> = assigned.map(|value| (value.section.clone(), value.key.clone())).collect();
    names.extend(view.defaults.names().filter(|name| hides(view, name)).cloned());
    let (first, rest): (Vec<Name>, Vec<Name>) = names.into_iter().partition(|(section, _)| section == oslo::DEFAULT);
    first.into_iter().chain(rest).collect()
}

/// Whether the files with the option's default are not read, since the administrator's files take their place.
fn hides(view: View<'_>, (section, key): &Name) -> bool {
    let is_shipped = |value: &Value| value.assigned.iter().any(|origin| origin.side == Side::Shipped);
    view.defaults.find(section, key).is_some() && !view.all.find(section, key).is_some_and(is_shipped)
}

fn is_secret(view: View<'_>, (section, key): &Name) -> bool {
    let marked = |values: &Values| values.find(section, key).is_some_and(|value| value.secret);
    view.app.declaration.is_secret(section, key) || marked(view.all) || marked(view.defaults)
}

/// Whether the other release knows the option of that name by this assignment.
fn is_assigned_at(next: Option<Option<View<'_>>>, (section, key): &Name, origin: &Origin) -> bool {
    let value = next.flatten().and_then(|next| next.all.find(section, key));
    value.is_some_and(|value| value.assigned.contains(origin))
}

/// The option that each assignment of the administrator means.
fn names_by_origin(values: &Values) -> HashMap<(String, u32), Name> {
    let mut names = HashMap::new();
    for value in values.iter() {
        let own = value.assigned.iter().filter(|origin: &&Origin| origin.side == Side::Override);
        for origin in own {
            names.insert((origin.file.to_string(), origin.line), (value.section.clone(), value.key.clone()));
        }
    }
    names
}
