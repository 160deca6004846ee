//! `config set` and `config unset`: the smallest change in the administrator's files.
//!
//! An option is set in a drop-in of its own, or, where a later file of the administrator would win, in that file. Before
//! anything is written, the layers are combined as they would be then: what is asked for must come out.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::Loaded;
use super::gather::Gatherer;
use super::setting::{NewSetting, SetRequest, Tried, other_than};
use super::writing::{Edits, write, write_all};
use crate::client::{ClientError, Settings};
use crate::disk::Directory;
use crate::overlay::{Content, Former, Model, OverlayError, Setting, Side, Value, parse, stand_in, without};
use crate::report::{Event, Reporter};
use crate::state::Machine;
use crate::types::split_path;

/// The drop-in that options are set in, without its suffix. It sorts behind what people number.
const OWN: &str = "zz-local";

/// The answer of `config set` and `config unset`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edited {
    /// The program.
    pub app: String,
    /// The section.
    pub section: String,
    /// The option.
    pub key: String,
    /// Files that were written or removed, from the root.
    pub files: Vec<String>,
    /// Whether any was.
    pub changed: bool,
}

/// Sets an option.
///
/// # Errors
/// When there is no such program, its files cannot be edited, a file that is not the administrator's would win, or the file
/// would take the place of one that says more.
pub fn config_set(
    settings: &Settings,
    request: &SetRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<Edited, ClientError> {
    let machine = Machine::managed(&settings.root)?.lock()?;
    let loaded = Gatherer::new(machine.root(), &**reporter).load(&request.app, Some(&request.option))?;
    let (section, key) = loaded.named(&request.option);
    let (declaration, options) = (&loaded.app.declaration, &loaded.options);
    if key.is_empty() {
        return Err(ClientError::NoSuchOption { app: loaded.app.name, option: request.option.clone() });
    }
    match options.option(&section, &key) {
        None if !options.is_empty() => {
            let notice = format!("{} does not know [{section}] {key}", loaded.app.name);
            reporter.report(Event::Warning(notice));
        }
        Some(known) => {
            if let Some(why) = request.values.iter().find_map(|value| known.refuses(value)) {
                reporter.report(Event::Warning(format!("[{section}] {key}: {why}")));
            }
        }
        None => {}
    }
    let own = own_file(&loaded).ok_or_else(|| OverlayError::NotEditable { file: loaded.app.override_directory() })?;
    let winner = loaded.all.find(&section, &key).map(|value| value.origin.file.to_string());
    let winner = winner.filter(|file| file.starts_with("etc/") && *file != own);
    let setting = NewSetting { loaded: &loaded, request, section: &section, key: &key };
    let mut beaten_by = own.clone();
    for file in [Some(own), winner].into_iter().flatten() {
        let (content, value) = match setting.tried_in(&file)? {
            Tried::InForce { content, value } => (content, value),
            Tried::Beaten { by } => {
                beaten_by = by.unwrap_or(beaten_by);
                continue;
            }
        };
        if declaration.model == Model::Oslo && is_read_otherwise(&value, &request.values) {
            // What looks like a name may be a part of the secret.
            let notice = format!("[{section}] {key}: `$` stands for an option there; `$$` is a dollar sign");
            reporter.report(Event::Warning(notice));
        }
        let changed = loaded.snapshot.get(&file).and_then(Content::bytes) != Some(&content[..]);
        if changed {
            write(&machine, &loaded, &file, Some(&content), value.secret)?;
        }
        if value.secret && is_for_all(machine.root(), &file)? {
            reporter.report(Event::Warning(format!("/{file} has a secret in it and everybody may read it")));
        }
        let files = if changed { vec![format!("/{file}")] } else { Vec::new() };
        return Ok(Edited { app: loaded.app.name, section, key, files, changed });
    }
    Err(ClientError::Beaten { file: format!("/{beaten_by}") })
}

/// Whether dollar signs make something else of what was asked for, or what the program cannot read.
fn is_read_otherwise(value: &Value, asked: &[String]) -> bool {
    let has_sign = asked.iter().any(|text| text.contains('$'));
    has_sign && !(value.unresolved.is_empty() && value.values.ends_with(asked))
}

/// Whether others than owner and group may read a file.
fn is_for_all(root: &Directory, path: &str) -> Result<bool, ClientError> {
    let (parent, name) = split_path(path);
    let Some(directory) = root.descend(parent)? else { return Ok(false) };
    Ok(directory.look(name)?.is_some_and(|inode| inode.mode & 0o004 != 0))
}

/// Takes an option out of all files of the administrator.
///
/// # Errors
/// When there is no such program, or a file cannot be edited: then none is changed.
pub fn config_unset(
    settings: &Settings,
    app: &str,
    option: &str,
    reporter: &Arc<dyn Reporter>,
) -> Result<Edited, ClientError> {
    let machine = Machine::managed(&settings.root)?.lock()?;
    let loaded = Gatherer::new(machine.root(), &**reporter).load(app, Some(option))?;
    let (section, key) = loaded.named(option);
    let edits = removal(&loaded, &[(section.clone(), key.clone())].into())?;
    let files = write_all(&machine, &[(&loaded, edits)])?;
    let changed = !files.is_empty();
    Ok(Edited { app: loaded.app.name, section, key, files, changed })
}

/// The administrator's files that assign one of these options, without them; none for a file with nothing left in it. Where
/// a shipped file of its name would come into force and say something else of other options, it stays with nothing in it.
pub(super) fn removal(loaded: &Loaded, names: &BTreeSet<(String, String)>) -> Result<Edits, ClientError> {
    let (declaration, options) = (&loaded.app.declaration, &loaded.options);
    let former = Former::of(declaration, options);
    let is_meant = |setting: &Setting| names.contains(&former.name(declaration, &setting.section, &setting.key));
    let own = loaded.app.places().into_iter().filter(|place| place.side == Side::Override);
    let own: Vec<_> = own.filter(|place| place.path.starts_with("etc/")).collect();
    let mut edits = Vec::new();
    for (path, content) in &loaded.snapshot {
        let Some(bytes) = content.bytes().filter(|_| own.iter().any(|place| place.holds(path))) else { continue };
        let Some(format) = declaration.format() else {
            return Err(OverlayError::NotEditable { file: path.clone() }.into());
        };
        // Only what is read counts: other files lie beside drop-ins too.
        if loaded.is_read(path) && parse(format, path, bytes)?.iter().any(is_meant) {
            edits.push((path.clone(), without(declaration, path, bytes, is_meant)?));
        }
    }
    // Of other models all files count, so that one with nothing in it can go.
    let Some(format) = declaration.format().filter(|_| declaration.model == Model::Uapi) else { return Ok(edits) };
    for index in 0..edits.len() {
        if edits[index].1.is_none() {
            let mut kept = edits.clone();
            kept[index].1 = Some(stand_in(format).into());
            if other_than(&after(loaded, &edits)?, &after(loaded, &kept)?, names).is_some() {
                edits = kept;
            }
        }
    }
    Ok(edits)
}

/// The program as it is after these edits.
pub(super) fn after(loaded: &Loaded, edits: &Edits) -> Result<Loaded, ClientError> {
    let mut snapshot = loaded.snapshot.clone();
    for (path, content) in edits {
        match content {
            Some(bytes) => snapshot.insert(path.clone(), Content::File(bytes.clone())),
            None => snapshot.remove(path),
        };
    }
    Ok(Loaded::new(loaded.app.clone(), snapshot)?)
}

impl Loaded {
    /// Whether any option is assigned in this file.
    fn is_read(&self, path: &str) -> bool {
        self.all.iter().any(|value| value.assigned.iter().any(|origin| *origin.file == *path))
    }
}

/// The file that options are set in: a drop-in where the program reads such, else its main file.
fn own_file(loaded: &Loaded) -> Option<String> {
    let app = &loaded.app;
    let suffix = app.suffix()?;
    let files = &app.declaration.files;
    let drop_ins = files.iter().find(|name| name.ends_with(".d")).map(|name| format!("{name}/{OWN}{suffix}"));
    let name = drop_ins.or_else(|| files.first().cloned())?;
    Some(format!("{}/{name}", app.override_directory()))
}
