//! Symlinks, followed name by name, on disk and in trees that are not there yet.

use std::ffi::OsString;

/// So many symlinks are followed on the way to one file.
pub(super) const MAX_HOPS: usize = 8;

/// Where symlinks lead that mask, from the root.
pub(super) const MASK: &str = "dev/null";

/// The path, relative to the root, at which what is at `path` lies, with no symlink on the way: `link` tells where one leads.
/// The directory of `path` is taken as it is, directories on the way of symlinks may be some themselves. None when the way
/// leads above the root, over too many of them or over a name that is not UTF-8.
pub(super) fn followed<E>(path: &str, link: impl Fn(&str) -> Result<Option<OsString>, E>) -> Result<Option<String>, E> {
    let mut hops = 0;
    let mut place = path.to_owned();
    // Names behind `place`, the last first.
    let mut ahead: Vec<String> = Vec::new();
    loop {
        // What lies there on this disk does not matter.
        if place != MASK
            && let Some(target) = link(&place)?
        {
            hops += 1;
            let Some(target) = target.to_str().filter(|_| hops <= MAX_HOPS) else { return Ok(None) };
            ahead.extend(target.split('/').rev().map(str::to_owned));
            place.truncate(if target.starts_with('/') { 0 } else { place.rfind('/').unwrap_or(0) });
        }
        // Up to the next name.
        loop {
            match ahead.pop().as_deref() {
                None => return Ok(Some(place).filter(|place| !place.is_empty())),
                Some("" | ".") => {}
                Some("..") if place.is_empty() => return Ok(None),
                Some("..") => place.truncate(place.rfind('/').unwrap_or(0)),
                Some(name) => {
                    if !place.is_empty() {
                        place.push('/');
                    }
                    place.push_str(name);
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_on_the_way_may_be_symlinks() {
        let links = [
            ("etc/x/a", "/lib/alt/a"),
            ("lib", "usr/lib"),
            ("usr/lib/alt", "../share/alt/"),
            ("etc/x/null", "../nothing/../../dev//null"),
            ("etc/x/up", "/lib/../up"),
            ("etc/x/out", "../../.."),
            ("etc/x/round", "round"),
        ];
        let link = |path: &str| -> Result<Option<OsString>, ()> {
            Ok(links.iter().find(|(from, _)| *from == path).map(|(_, to)| OsString::from(to)))
        };
        let cases = [
            ("etc/x/plain", Some("etc/x/plain")),
            ("etc/x/a", Some("usr/share/alt/a")),
            ("etc/x/null", Some("dev/null")),
            ("etc/x/up", Some("usr/up")),
            ("etc/x/out", None),
            ("etc/x/round", None),
        ];
        for (path, wanted) in cases {
            assert_eq!(followed(path, link), Ok(wanted.map(str::to_owned)), "{path}");
        }
    }
}
