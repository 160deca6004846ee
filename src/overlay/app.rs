//! A program's configuration: where its files lie, and which of those that are there count in which order.

use std::collections::BTreeMap;

use super::uapi::{SUFFIX, drop_ins, select};
use super::{Declaration, Known, Layer, Model, Options, OverlayError, Setting, Side, guess, parse};
use crate::types::Digest;

/// Where shipped files lie, by program, the lowest first.
const DEFAULTS: [&str; 2] = ["usr/share/defaults/etc", "usr/share/defaults"];
/// Where shipped files of `uapi` programs lie beyond that.
const UAPI_SHIPPED: &str = "usr/lib";
/// Where others put theirs, by program, the lowest first.
const UAPI_OVERRIDES: [&str; 2] = ["usr/local/lib", "run"];
/// Where the administrator puts overrides, by program.
const OVERRIDES: &str = "etc";

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A file.
    File(Vec<u8>),
    /// A symlink to `/dev/null`.
    Masked,
    /// A file of which only the digest is known; only for `opaque` programs.
    Known(Digest),
}

/// Paths, relative to the root, with what lies there.
pub type Snapshot = BTreeMap<String, Content>;

/// Whether overrides count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithOverrides {
    /// All files.
    Yes,
    /// Only those of the release.
    No,
}

/// How much of a path belongs to a program's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The file.
    File,
    /// The files in the directory.
    DropIns,
    /// All files beneath the directory.
    Tree,
}

/// A path to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Relative to the root.
    pub path: String,
    /// How much of it.
    pub reach: Reach,
    /// Whose it is.
    pub side: Side,
}

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its name: that of its directories, but where it shares them.
    pub name: String,
    /// How its files combine.
    pub declaration: Declaration,
    /// Whether the declaration is a guess, since its bundle has none.
    pub guessed: bool,
    /// The name of its directories.
    directory: String,
    /// Directories, the lowest first.
    directories: Vec<(String, Side)>,
    /// Those of them that the program itself never looks at.
    templates: &'static [&'static str],
    /// Shipped files that list known options.
    options: Vec<String>,
}

impl Content {
    /// The bytes of a file; none for what masks, and where they are not at hand.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::File(bytes) => Some(bytes),
            Self::Masked | Self::Known(_) => None,
        }
    }

    fn digest(&self) -> Option<Digest> {
        match self {
            Self::File(bytes) => Some(Digest::of(bytes)),
            Self::Known(digest) => Some(*digest),
            Self::Masked => None,
        }
    }
}

impl Place {
    /// Whether a file at `path` is meant.
    pub fn holds(&self, path: &str) -> bool {
        let inner = || path.strip_prefix(self.path.as_str()).and_then(|rest| rest.strip_prefix('/'));
        match self.reach {
            Reach::File => path == self.path,
            Reach::DropIns => inner().is_some_and(|name| !name.contains('/')),
            Reach::Tree => inner().is_some(),
        }
    }
}

impl App {
    /// The program `name`, declared or guessed.
    pub fn new(name: &str, declared: Option<Declaration>) -> Self {
        let guessed = declared.is_none();
        let known = guess(name).unwrap_or_else(|| Known::of(Declaration::of(Model::Opaque)));
        let mut declaration = declared.unwrap_or(known.declaration);
        if declaration.files.is_empty() && declaration.model != Model::Opaque {
            declaration.files = vec![format!("{name}.conf"), format!("{name}.conf.d")];
        }
        let options = match &declaration.options {
            Some(file) => vec![file.clone()],
            None if guessed => known.options,
            None => Vec::new(),
        };
        let directory = known.directory.unwrap_or(name);
        let of = |parent: &&str, side| (format!("{parent}/{directory}"), side);
        let mut directories: Vec<(String, Side)> =
            known.templates.iter().chain(known.shipped).map(|path| ((*path).to_owned(), Side::Shipped)).collect();
        directories.extend(DEFAULTS.iter().map(|parent| of(parent, Side::Shipped)));
        if declaration.model == Model::Uapi {
            directories.push(of(&UAPI_SHIPPED, Side::Shipped));
            directories.extend(UAPI_OVERRIDES.iter().map(|parent| of(parent, Side::Override)));
        }
        directories.push(of(&OVERRIDES, Side::Override));
        let (name, directory) = (name.to_owned(), directory.to_owned());
        Self { name, declaration, guessed, directory, directories, templates: known.templates, options }
    }

    /// How names of drop-ins end that the program reads; none when files are not read for what they say.
    pub fn suffix(&self) -> Option<&'static str> {
        let format = self.declaration.format()?;
        Some(if self.declaration.model == Model::Uapi { SUFFIX } else { format.suffix() })
    }

    /// Where the declaration lies.
    pub fn declaration_path(name: &str) -> String {
        format!("{}/{name}/{}", DEFAULTS[1], Declaration::FILE)
    }

    /// The administrator's directory.
    pub fn override_directory(&self) -> String {
        format!("{OVERRIDES}/{}", self.directory)
    }

    /// Whether the administrator's directory is that of several programs.
    pub fn shares_directory(&self) -> bool {
        self.directory != self.name
    }

    /// The directories of the release, the highest first.
    pub fn shipped_directories(&self) -> impl Iterator<Item = &str> {
        let shipped = self.directories.iter().rev().filter(|(_, side)| *side == Side::Shipped);
        shipped.map(|(directory, _)| directory.as_str())
    }

    /// Whether a shipped file is only there to be copied: overrides are compared with it, but the program would not read
    /// it if they were gone.
    pub fn is_template(&self, path: &str) -> bool {
        let holds = |directory: &&str| path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
        self.templates.iter().any(holds)
    }

    /// Everything that belongs to the program's configuration.
    pub fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for (directory, side) in &self.directories {
            if self.declaration.model == Model::Opaque && self.declaration.files.is_empty() {
                places.push(Place { path: directory.clone(), reach: Reach::Tree, side: *side });
            }
            for name in &self.declaration.files {
                let reach = if name.ends_with(".d") { Reach::DropIns } else { Reach::File };
                places.push(Place { path: format!("{directory}/{name}"), reach, side: *side });
            }
            if *side == Side::Shipped {
                let list =
                    |name: &String| Place { path: format!("{directory}/{name}"), reach: Reach::File, side: *side };
                places.extend(self.options.iter().map(list));
            }
        }
        places
    }

    /// The administrator's files of the program, as paths from the root.
    pub fn overrides(&self, snapshot: &Snapshot) -> Vec<String> {
        let own: Vec<_> = self.places().into_iter().filter(|place| place.side == Side::Override).collect();
        let paths = snapshot.keys().filter(|path| own.iter().any(|place| place.holds(path)));
        paths.map(|path| format!("/{path}")).collect()
    }

    /// The files that count, in the order in which they are read, with their settings.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn layers(&self, snapshot: &Snapshot, overrides: WithOverrides) -> Result<Vec<Layer>, OverlayError> {
        let directories = self.counting(overrides);
        let Some(format) = self.declaration.format() else { return Ok(self.whole_files(snapshot, overrides)) };
        let files = match self.declaration.model {
            Model::Uapi => select(snapshot, &directories, &self.declaration.files),
            _ => in_order(snapshot, &directories, &self.declaration.files, format.suffix()),
        };
        let layer = |(path, bytes, side): (&str, &[u8], Side)| {
            let settings = parse(format, path, bytes)?;
            Ok(Layer { path: path.to_owned(), side, settings })
        };
        files.into_iter().map(layer).collect()
    }

    /// The options that the release's lists know.
    ///
    /// # Errors
    /// When a list cannot be read.
    pub fn options(&self, snapshot: &Snapshot) -> Result<Options, OverlayError> {
        let mut text = Vec::new();
        let mut files = String::new();
        for name in &self.options {
            let mut paths = self.shipped_directories().map(|directory| format!("{directory}/{name}"));
            if let Some((path, bytes)) = paths.find_map(|path| snapshot.get(&path)?.bytes().map(|bytes| (path, bytes)))
            {
                text.extend_from_slice(bytes);
                text.push(b'\n');
                files = path;
            }
        }
        Options::parse(&self.declaration, &files, &text)
    }

    /// What `oslo` services are called with so that they read the same files in the same order; only what is there.
    /// None for programs of another model.
    pub fn arguments(&self, snapshot: &Snapshot) -> Option<Vec<String>> {
        if self.declaration.model != Model::Oslo {
            return None;
        }
        let mut arguments = Vec::new();
        for (directory, _) in self.counting(WithOverrides::Yes) {
            for name in &self.declaration.files {
                let path = format!("{directory}/{name}");
                let option = if name.ends_with(".d") {
                    drop_ins(snapshot, &path, ".conf").next().map(|_| "--config-dir")
                } else {
                    snapshot.get(&path).map(|_| "--config-file")
                };
                arguments.extend(option.into_iter().flat_map(|option| [option.to_owned(), format!("/{path}")]));
            }
        }
        Some(arguments)
    }

    fn counting(&self, overrides: WithOverrides) -> Vec<(&str, Side)> {
        let counts = |side: Side| side == Side::Shipped || overrides == WithOverrides::Yes;
        let all = self.directories.iter().map(|(directory, side)| (directory.as_str(), *side));
        all.filter(|(_, side)| counts(*side)).collect()
    }

    /// Files as values: each is an option without a section, named by its path, with its digest as the value.
    fn whole_files(&self, snapshot: &Snapshot, overrides: WithOverrides) -> Vec<Layer> {
        let mut layers = Vec::new();
        for (directory, side) in self.counting(overrides) {
            let beneath = format!("{directory}/");
            for (path, content) in snapshot.range(beneath.clone()..) {
                let Some(name) = path.strip_prefix(&beneath) else { break };
                let meant = |place: &Place| place.holds(path);
                if name == Declaration::FILE || !self.places().iter().any(meant) {
                    continue;
                }
                let value = content.digest().map_or_else(String::new, |digest| format!("sha256:{digest}"));
                let (section, key) = (String::new(), name.to_owned());
                let setting = Setting { section, key, value, line: 1, last_line: 1, is_text: false };
                layers.push(Layer { path: path.clone(), side, settings: vec![setting] });
            }
        }
        layers
    }
}

/// All files, directory by directory, main files and drop-ins in the order of `names`.
fn in_order<'a>(
    snapshot: &'a Snapshot,
    directories: &[(&str, Side)],
    names: &[String],
    suffix: &'static str,
) -> Vec<(&'a str, &'a [u8], Side)> {
    let mut all = Vec::new();
    for (directory, side) in directories {
        for name in names {
            let path = format!("{directory}/{name}");
            if name.ends_with(".d") {
                let files = drop_ins(snapshot, &path, "");
                let files = files.filter(|(path, _)| path.ends_with(suffix) || path.ends_with(".conf"));
                all.extend(files.filter_map(|(path, content)| Some((path, content.bytes()?, *side))));
            } else if let Some((path, content)) = snapshot.get_key_value(&path) {
                all.extend(content.bytes().map(|bytes| (path.as_str(), bytes, *side)));
            }
        }
    }
    all
}
