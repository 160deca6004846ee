//! Circles: files, or directories of files, that use each other, directly or through others. What a file takes from the
//! module that it lies in is not looked at: that hands out names of its own files.

use std::collections::{BTreeMap, BTreeSet};

use super::Source;
use super::paths::{Place, Uses};

/// Path of a module from the root of its crate.
type ModulePath = Vec<String>;

/// The first circle among the files of a crate, from one to the next and back.
pub fn of(files: &[Source]) -> Option<String> {
    let uses = uses(files);
    let mut done = BTreeSet::new();
    uses.keys().find_map(|module| from(module, &uses, &mut Vec::new(), &mut done)).map(|circle| {
        let names: Vec<String> = circle.iter().map(|module| module.join("/")).collect();
        format!("files use each other in a circle: {}", names.join(" -> "))
    })
}

/// Which of the modules beside it each module uses, itself or in one of its files.
fn uses(files: &[Source]) -> BTreeMap<ModulePath, BTreeSet<ModulePath>> {
    let modules: BTreeSet<&[String]> =
        files.iter().flat_map(|file| (1..=file.module_path.len()).map(|depth| &file.module_path[..depth])).collect();
    let mut uses: BTreeMap<ModulePath, BTreeSet<ModulePath>> = BTreeMap::new();
    for Source { module_path, tokens, .. } in files {
        for depth in 1..=module_path.len() {
            let (own, parent) = (&module_path[..depth], &module_path[..depth - 1]);
            let place = Place { up: module_path.len() - parent.len(), path: parent };
            for used in Uses::of(tokens, place).0.into_iter().filter(|used| used.is_module) {
                let other = [parent, &[used.name]].concat();
                if other != own && modules.contains(&other[..]) {
                    uses.entry(own.to_vec()).or_default().insert(other);
                }
            }
        }
    }
    uses
}

/// The circle that the way to `module` closes, or one further on.
fn from<'a>(
    module: &'a ModulePath,
    uses: &'a BTreeMap<ModulePath, BTreeSet<ModulePath>>,
    way: &mut Vec<&'a ModulePath>,
    done: &mut BTreeSet<&'a ModulePath>,
) -> Option<Vec<&'a ModulePath>> {
    if let Some(start) = way.iter().position(|before| *before == module) {
        return Some(way[start..].iter().copied().chain([module]).collect());
    }
    if !done.insert(module) {
        return None;
    }
    way.push(module);
    let found = uses.get(module).into_iter().flatten().find_map(|other| from(other, uses, way, done));
    way.pop();
    found
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::paths::Tokens;
    use super::*;

    fn circle(files: &[(&str, &str)]) -> Option<String> {
        let source = |(path, text): &(&str, &str)| Source {
            path: PathBuf::from(path),
            module_path: path.split('/').map(str::to_owned).collect(),
            tokens: Tokens::of(text),
        };
        of(&files.iter().map(source).collect::<Vec<_>>())
    }

    #[test]
    fn circles_are_found_however_they_are_written() {
        let told = |names: &str| Some(format!("files use each other in a circle: {names}"));
        let two = [("pack/a", "use super::b::B;"), ("pack/b", "fn f() { super::a::f() }")];
        assert_eq!(circle(&two), told("pack/a -> pack/b -> pack/a"));
        let three = [("x/a", "use super::{X, b::B};"), ("x/b", "use super::c;"), ("x/c", "use crate::x::{a::A, d};")];
        assert_eq!(circle(&three), told("x/a -> x/b -> x/c -> x/a"));
        let by_a_directory = [("x/a", "use super::dir::D;"), ("x/dir/d", "use super::super::a::A;"), ("x/dir", "")];
        assert_eq!(circle(&by_a_directory), told("x/a -> x/dir -> x/a"));
    }

    #[test]
    fn what_goes_one_way_is_no_circle() {
        assert_eq!(circle(&[("x/a", "use super::b::B; use super::c;"), ("x/b", "use super::c;"), ("x/c", "")]), None);
        // The module that holds them hands out names, and tests may look anywhere.
        let held = [("x", "pub use a::A;"), ("x/a", "use super::B;\n#[cfg(test)]\nmod t { use super::super::b; }")];
        assert_eq!(circle(&[&held[..], &[("x/b", "use super::a;")]].concat()), None);
        // Elsewhere something has the same name.
        assert_eq!(circle(&[("x/a", "use crate::b::B;"), ("x/b", "use super::a::A;"), ("b", "")]), None);
    }
}
