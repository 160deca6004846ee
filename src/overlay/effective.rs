//! What a program reads in the end: for each option the value that wins, where it comes from, and what it overrides.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::documents::joined;
use super::interpolate::Interpolation;
use super::options::Name;
use super::values::{Origin, Value, Values};
use super::{Declaration, Layer, Model, Options, OverlayError, Setting};

/// Combines the layers, lowest first, of the program `app`.
///
/// # Errors
/// [`OverlayError::TooLong`].
pub fn effective(
    app: &str,
    declaration: &Declaration,
    options: &Options,
    layers: &[Layer],
) -> Result<Values, OverlayError> {
    let former = Former::of(declaration, options);
    let files: Vec<Arc<str>> = layers.iter().map(|layer| layer.path.as_str().into()).collect();
    let mut assigned: BTreeMap<Name, Vec<Assigned<'_>>> = BTreeMap::new();
    for (layer, setting) in counting(declaration, layers) {
        let (name, rank) = former.present(declaration.canonical(&setting.section, &setting.key));
        let origin = Origin { file: files[layer].clone(), line: setting.line, side: layers[layer].side };
        assigned.entry(name).or_default().push(Assigned { layer, rank, origin, setting });
    }
    let mut found = Values::default();
    for (name, all) in assigned {
        let accumulates = declaration.accumulates(options, &name.0, &name.1);
        if let Some(value) =
            if accumulates { accumulated(declaration, &name, all) } else { winning(declaration, &name, all) }
        {
            found.by_name.insert(name, value);
        }
    }
    if declaration.model == Model::Oslo {
        Interpolation::new(app, declaration, options, &found.by_name).apply(&mut found.by_name)?;
    }
    Ok(found)
}

/// The present name of an option, by its section and key as they are compared.
pub fn present(declaration: &Declaration, options: &Options, section: &str, key: &str) -> (String, String) {
    Former::of(declaration, options).name(declaration, section, key)
}

struct Assigned<'a> {
    layer: usize,
    /// 0 for the present name; the higher, the later the name is looked for.
    rank: usize,
    origin: Origin,
    setting: &'a Setting,
}

/// Former names with the present ones. To make it takes as long as there are names, so it is made once for many options.
#[derive(Debug)]
pub struct Former(HashMap<Name, (Name, usize)>);

impl Former {
    /// Those that are declared, and those that the list of options tells.
    pub fn of(declaration: &Declaration, options: &Options) -> Self {
        let declared =
            declaration.deprecated.iter().map(|(old, new)| (declaration.option(old), declaration.option(new)));
        // A name that is taken again means what it says.
        let listed = options.former().filter(|(old, _)| options.option(&old.0, &old.1).is_none());
        let listed = listed.map(|(old, new)| (old.clone(), new.clone()));
        let mut ranks: HashMap<Name, usize> = HashMap::new();
        let mut former = HashMap::new();
        for (old, new) in declared.chain(listed) {
            let rank = ranks.entry(new.clone()).or_default();
            *rank += 1;
            former.entry(old).or_insert((new, *rank));
        }
        Self(former)
    }

    /// What [`present`] says.
    pub fn name(&self, declaration: &Declaration, section: &str, key: &str) -> (String, String) {
        self.present(declaration.canonical(section, key)).0
    }

    fn present(&self, name: Name) -> (Name, usize) {
        self.0.get(&name).cloned().unwrap_or((name, 0))
    }
}

fn winning(declaration: &Declaration, name: &Name, all: Vec<Assigned<'_>>) -> Option<Value> {
    let index = (0..all.len()).max_by_key(|index| {
        let one = &all[*index];
        (one.layer, std::cmp::Reverse(one.rank), *index)
    })?;
    let others = all.iter().enumerate().rev().filter(|(other, _)| *other != index);
    let overrides = others.map(|(_, one)| (one.origin.clone(), one.setting.value.clone())).collect();
    let winner = &all[index];
    let raw = vec![winner.setting.value.clone()];
    Some(value(declaration, name, raw, winner, overrides, &all))
}

fn accumulated(declaration: &Declaration, name: &Name, mut all: Vec<Assigned<'_>>) -> Option<Value> {
    all.sort_by_key(|one| (one.layer, std::cmp::Reverse(one.rank)));
    // For oslo an empty value is one more value; for others it says that those before it do not count.
    let resets = declaration.model != Model::Oslo;
    let start = all.iter().rposition(|one| resets && one.setting.value.is_empty()).map_or(0, |at| at + 1);
    let lost = all[..start].iter().rev().filter(|one| !one.setting.value.is_empty());
    let overrides = lost.map(|one| (one.origin.clone(), one.setting.value.clone())).collect();
    let raw: Vec<String> = all[start..].iter().map(|one| one.setting.value.clone()).collect();
    all.last().map(|last| value(declaration, name, raw, last, overrides, &all))
}

fn value(
    declaration: &Declaration,
    (section, key): &Name,
    raw: Vec<String>,
    winner: &Assigned<'_>,
    overrides: Vec<(Origin, String)>,
    all: &[Assigned<'_>],
) -> Value {
    let setting = winner.setting;
    let former = || match setting.section.as_str() {
        "" => setting.key.clone(),
        section => format!("{section}.{}", setting.key),
    };
    let marked = |one: &Assigned<'_>| {
        let (section, key) = declaration.canonical(&one.setting.section, &one.setting.key);
        declaration.is_secret(&section, &key) || declaration.has_secret(&one.setting.value)
    };
    Value {
        section: section.clone(),
        key: key.clone(),
        value: raw.last().cloned().unwrap_or_default(),
        is_text: setting.is_text,
        values: raw.clone(),
        raw,
        origin: winner.origin.clone(),
        overrides,
        assigned: all.iter().map(|one| one.origin.clone()).collect(),
        secret: declaration.is_secret(section, key) || all.iter().any(marked),
        former: (winner.rank > 0).then(former),
        unresolved: Vec::new(),
    }
}

/// The settings that count, with the index of their layer. In documents, a value that a later file puts in the place of
/// a table takes the whole table away, and the other way round.
fn counting<'a>(declaration: &Declaration, layers: &'a [Layer]) -> Vec<(usize, &'a Setting)> {
    let all = layers.iter().enumerate().flat_map(|(index, layer)| layer.settings.iter().map(move |one| (index, one)));
    if !matches!(declaration.model, Model::Toml | Model::Json | Model::Yaml) {
        return all.collect();
    }
    let mut later: BTreeSet<String> = BTreeSet::new();
    let mut kept = Vec::new();
    for (index, layer) in layers.iter().enumerate().rev() {
        let paths: Vec<String> = layer.settings.iter().map(|one| joined(&one.section, &one.key)).collect();
        let stays = |path: &String| {
            let beneath = format!("{path}.");
            let in_place_of_table =
                later.range(beneath.clone()..).next().is_some_and(|next| next.starts_with(&beneath));
            let in_table_of = path.match_indices('.').any(|(at, _)| later.contains(&path[..at]));
            !in_place_of_table && !in_table_of
        };
        let counted = layer.settings.iter().zip(&paths).rev().filter(|(_, path)| stays(path));
        kept.extend(counted.map(|(setting, _)| (index, setting)));
        later.extend(paths);
    }
    kept.reverse();
    kept
}
