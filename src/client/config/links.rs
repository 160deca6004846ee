//! Symlinks, followed by names alone, on disk and in trees that are not there yet.

/// Symlinks that lead to symlinks.
pub(super) const MAX_HOPS: usize = 8;

/// Where symlinks lead that mask, from the root.
pub(super) const MASK: &str = "dev/null";

/// Where a symlink in a directory leads, by names alone; none when that is above the root.
pub(super) fn resolved(parent: &str, target: &str) -> Option<String> {
    let mut names: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => parent.split('/').collect(),
    };
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    (!names.is_empty()).then(|| names.join("/"))
}
