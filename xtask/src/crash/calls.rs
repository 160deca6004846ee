//! Which calls of a run touch the root, of what kind they are, and what an error hit: what strace wrote, read again.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::trace::{CHANGING, OPENING, watching};
use super::world::{Transition, World, twin};

/// A call that touches the root, by its name and its number within a thread.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// It is the so-many-th call of that name in a thread.
    pub when: usize,
    /// Whether it changes something, at least in one of the threads.
    pub changes: bool,
    /// What it is done to and after what: its name, the kinds of its paths, its flags and what came of it, and the same
    /// of the call that the thread made before it. Calls from one place in the client are of one kind, or of few.
    pub kind: String,
}

/// What an error was injected into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// No call.
    Nothing,
    /// A call that has nothing to do with the root.
    Elsewhere,
    /// A call that touches the root.
    Root,
}

/// Runs a transition once, undisturbed, and tells the calls by which it touched the root.
///
/// # Errors
/// When it cannot be run or does not succeed.
pub fn calls(world: &World, transition: &Transition) -> Result<Vec<Call>> {
    let directory = world.directory()?;
    let root = twin(transition, directory.path())?;
    let log = directory.path().join("log");
    world.programs.client_within(&watching(&log), &root, &transition.command)?.success().context(transition.name)?;
    let text = std::fs::read(&log).context("cannot read what strace wrote")?;
    Ok(counted(&String::from_utf8_lossy(&text), &root.to_string_lossy()))
}

/// The calls in a log of strace that name `root` or something beneath it.
fn counted(log: &str, root: &str) -> Vec<Call> {
    let mut made: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut before: BTreeMap<&str, String> = BTreeMap::new();
    let mut calls: BTreeMap<(&str, usize), Call> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((name, arguments)) = rest.trim_start().split_once('(') else { continue };
        // `<... openat resumed>` ends a call that was counted when it began.
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let when = made.entry((thread, name)).or_default();
        *when += 1;
        if arguments.contains(root) {
            let makes_a_file = OPENING.contains(&name) && arguments.contains("O_CREAT");
            let changes = makes_a_file || CHANGING.contains(&name);
            let this = kind(name, arguments, root);
            let after = before.insert(thread, this.clone()).unwrap_or_default();
            let call = || Call { name: name.to_owned(), when: *when, changes, kind: format!("{this} after {after}") };
            calls.entry((name, *when)).or_insert_with(call).changes |= changes;
        }
    }
    calls.into_values().collect()
}

/// Of the calls of each kind, `count` spread evenly, beginning with the `seed`-th.
pub fn thinned(calls: Vec<Call>, count: usize, seed: usize) -> Vec<Call> {
    let mut kinds: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    for call in calls {
        kinds.entry(call.kind.clone()).or_default().push(call);
    }
    let some = kinds.into_values().flat_map(|of_one| {
        let count = count.min(of_one.len());
        let chosen = (0..count).map(|number| of_one[(number * of_one.len() / count + seed) % of_one.len()].clone());
        chosen.collect::<Vec<_>>()
    });
    some.collect()
}

/// What the error was injected into, by the log of strace. That counts each thread's calls, so it may be several calls: only
/// where each of them touches the root does what comes of it say something of the client. (A write to the `eventfd` by which the
/// runtime wakes a thread fails in no kernel as it is made to here.)
pub fn hit(log: &str, root: &str) -> Hit {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut found = Hit::Nothing;
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        // Where another thread spoke in between, the arguments stand in an earlier line of the thread.
        let arguments = if rest.trim_start().starts_with("<...") { begun.get(thread).copied() } else { Some(rest) };
        let arguments = arguments.unwrap_or(rest);
        begun.insert(thread, arguments);
        if rest.contains("(INJECTED)") {
            if !arguments.contains(root) {
                return Hit::Elsewhere;
            }
            found = Hit::Root;
        }
    }
    found
}

/// What a call is done to: its name, its flags and error, and its paths by [`place`].
fn kind(name: &str, arguments: &str, root: &str) -> String {
    let (arguments, result) = arguments.split_once(") = ").unwrap_or((arguments, ""));
    let arguments = arguments.split(" <unfinished").next().unwrap_or_default();
    let mut kind = name.to_owned();
    // What is read or written is data; what is looked up is a path, beneath the directory before it.
    let has_data = name.contains("read") || name.contains("write") || name.contains("xattr");
    let mut beneath = String::new();
    let mut rest = arguments;
    while let Some(start) =
        rest.find(|character: char| matches!(character, '<' | '"') || character.is_ascii_uppercase())
    {
        let close = match rest.as_bytes()[start] {
            b'<' => '>',
            b'"' => '"',
            _ => ' ',
        };
        let inside = &rest[start + usize::from(close != ' ')..];
        let word =
            |character: char| !(character.is_ascii_uppercase() || character.is_ascii_digit() || character == '_');
        let length = if close == ' ' { inside.find(word) } else { inside.find(close) }.unwrap_or(inside.len());
        let text = &inside[..length];
        match close {
            '>' => {
                beneath = text.strip_prefix(root.trim_end_matches('/')).unwrap_or("elsewhere").to_owned();
                kind += &format!(" {}", place(&beneath));
            }
            '"' if !has_data && !text.is_empty() => kind += &format!(" {}", place(&format!("{beneath}/{text}"))),
            // Of what was found, sizes and modes are of no interest.
            ' ' if ["O_", "AT_", "RENAME"].iter().any(|start| text.starts_with(start)) => {
                kind += &format!(" {text}");
            }
            _ => {}
        }
        rest = inside.get(length + usize::from(close != ' ')..).unwrap_or_default();
    }
    let error = result.strip_prefix("-1 ").and_then(|error| error.split(' ').next());
    kind + &error.map(|error| format!(" {error}")).unwrap_or_default()
}

/// The kind of a path beneath the root: which of the trees or what beside them, and in a tree the record's own files by
/// name and all others alike. Digests and numbers are alike.
fn place(path: &str) -> String {
    let path = path.trim_start_matches('/');
    let path = path.strip_prefix(".stateless-update/").unwrap_or(path);
    let (top, beneath) = path.split_once('/').unwrap_or((path, ""));
    let top = if top.is_empty() { "root" } else { top };
    let is_tree = ["usr", "next", "previous"].contains(&top) || top.starts_with("busy-");
    let beneath = match (is_tree, beneath.find("stateless-update")) {
        (true, None) if !beneath.is_empty() => "*",
        (true, Some(record)) => &beneath[record..],
        _ => beneath,
    };
    let alike = |part: &str| -> String {
        let is_digest = part.len() >= 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_digest { "#".to_owned() } else { part.trim_end_matches(|end: char| end.is_ascii_digit()).to_owned() }
    };
    let parts = std::iter::once(top).chain(beneath.split('/').filter(|part| !part.is_empty()));
    let parts: Vec<String> = parts.map(|part| part.split('-').map(alike).collect::<Vec<_>>().join("-")).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_thread_and_by_what_they_touch() {
        let log = "\
7 openat(AT_FDCWD</>, \"/etc/hosts\", O_RDONLY) = 3</etc/hosts>\n\
7 openat(4</r/usr>, \"a\", O_RDONLY) = 3</r/usr/a>\n\
8 openat(4</r/usr>, \"b\", O_RDWR|O_CREAT <unfinished ...>\n\
8 <... openat resumed>) = 3</r/usr/b>\n\
8 write(1<pipe:[1]>, \"x\", 1) = 1\n\
8 write(5</r/store/1>, \"x\", 1) = 1\n\
7 statx(4</r/usr>, \"a\") = 0\n\
7 +++ exited with 0 +++\n";
        let found = counted(log, "/r/");
        let found: Vec<_> = found.iter().map(|call| (call.name.as_str(), call.when, call.changes)).collect();
        assert_eq!(found, [("openat", 1, true), ("openat", 2, false), ("statx", 1, false), ("write", 2, true)]);
    }

    #[test]
    fn a_kind_is_what_a_call_is_done_to() {
        let table = [
            (
                "statx",
                r#"4</r/usr/lib>, "b", AT_SYMLINK_NOFOLLOW, STATX_ALL, {stx_size=7}) = 0"#,
                "statx usr/* usr/* AT_SYMLINK_NOFOLLOW",
            ),
            (
                "unlinkat",
                r#"4</r/.stateless-update/next/share>, "x", 0) = -1 EISDIR (Is a directory)"#,
                "unlinkat next/* next/* EISDIR",
            ),
            ("write", r#"9</r/.stateless-update/store/incoming-12>, "O_X", 3) = 3"#, "write store/incoming-"),
            (
                "openat",
                r#"9</r/.stateless-update>, "history.new", O_RDWR|O_CREAT, 0600) = 15</r/.stateless-update/history.new>"#,
                "openat .stateless-update history.new O_RDWR O_CREAT",
            ),
            (
                "openat",
                r#"9</r/usr/share/stateless-update/manifests>, "1bc4ccb37ebd48f5399745a6a67c749e00", O_RDONLY) = 7"#,
                "openat usr/stateless-update/manifests usr/stateless-update/manifests/# O_RDONLY",
            ),
        ];
        for (name, arguments, expected) in table {
            assert_eq!(kind(name, arguments, "/r/"), expected, "{arguments}");
        }
    }

    #[test]
    fn every_kind_is_kept_when_calls_are_thinned() {
        let call =
            |name: &str, when, kind: &str| Call { name: name.to_owned(), when, changes: true, kind: kind.to_owned() };
        let mut calls: Vec<Call> = (1..=9).map(|when| call("linkat", when, "a")).collect();
        calls.extend([call("linkat", 10, "b"), call("mkdirat", 1, "c")]);
        let numbers = |seed| -> Vec<usize> { thinned(calls.clone(), 3, seed).iter().map(|call| call.when).collect() };
        assert_eq!(numbers(0), [1, 4, 7, 10, 1]);
        assert_eq!(numbers(2), [3, 6, 9, 10, 1]);
        assert_eq!(thinned(calls.clone(), 99, 0).len(), calls.len());
    }

    #[test]
    fn what_was_hit_is_told_apart() {
        let root = "7 write(5</r/a>, \"x\", 1) = -1 EIO (Input/output error) (INJECTED)\n";
        let other = "7 write(5<anon_inode:[eventfd]>, \"x\", 8) = -1 EIO (Input/output error) (INJECTED)\n";
        let apart = "7 write(5</r/a>, \"x\", 1 <unfinished ...>\n8 write(1<pipe:[1]>, \"y\", 1) = 1\n\
7 <... write resumed>) = -1 EIO (Input/output error) (INJECTED)\n";
        let both = &format!("{root}{other}");
        let cases = [
            (root, Hit::Root),
            (other, Hit::Elsewhere),
            (apart, Hit::Root),
            (both, Hit::Elsewhere),
            ("", Hit::Nothing),
        ];
        for (log, expected) in cases {
            assert_eq!(hit(log, "/r"), expected, "{log}");
        }
    }
}
