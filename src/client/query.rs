//! What `search-file` is asked for, as one pattern over whole paths.

use regex::{Regex, RegexBuilder};

use super::ClientError;

/// Where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Places {
    /// Everywhere.
    All,
    /// Where programs lie, and there only what lies there itself: `usr/bin`, `usr/sbin`, `usr/games`.
    Programs,
    /// Where libraries lie: `usr/lib` and its likes.
    Libraries,
    /// Both.
    ProgramsAndLibraries,
}

/// What a term means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// An absolute path and what lies beneath it; with `*`, `?` or `[` a pattern as shells have them, of a name or, where
    /// it has a slash, of a path; anything else is a part of a path.
    Plain,
    /// A regular expression, of which a part of the path (`/usr` first) must be an example.
    Regexp,
}

const LONGEST_TERM: usize = 4096;
const PROGRAMS: [&str; 3] = ["bin/", "sbin/", "games/"];
const LIBRARIES: [&str; 4] = ["lib/", "lib32/", "lib64/", "libx32/"];

/// A question about paths.
#[derive(Debug)]
pub(super) struct Query {
    pattern: Regex,
    places: Places,
    /// The path that is being looked at, `/usr` first.
    path: String,
}

impl Query {
    pub fn new(term: &str, language: Language, places: Places) -> Result<Self, ClientError> {
        let pattern = match language {
            Language::Regexp => term.to_owned(),
            Language::Plain => pattern(term),
        };
        let pattern = compiled(term, RegexBuilder::new(&pattern).dot_matches_new_line(true))?;
        Ok(Self { pattern, places, path: "/usr/".to_owned() })
    }

    /// What `search` looks for in words: an expression for which the user gave `term`.
    pub fn words(term: &str, expression: &str) -> Result<Regex, ClientError> {
        compiled(term, RegexBuilder::new(expression).case_insensitive(true))
    }

    /// Whether the path, without its leading `usr/`, is one that is asked for.
    pub fn takes(&mut self, path: &str) -> bool {
        let wanted = match self.places {
            Places::All => true,
            Places::Programs => program(path).is_some(),
            Places::Libraries => is_library(path),
            Places::ProgramsAndLibraries => program(path).is_some() || is_library(path),
        };
        if !wanted {
            return false;
        }
        self.path.truncate("/usr/".len());
        self.path.push_str(path);
        self.pattern.is_match(&self.path)
    }
}

/// The name of the program that a path, without its leading `usr/`, is.
pub(super) fn program(path: &str) -> Option<&str> {
    PROGRAMS.iter().find_map(|place| path.strip_prefix(place)).filter(|name| !name.contains('/'))
}

fn is_library(path: &str) -> bool {
    LIBRARIES.iter().any(|place| path.starts_with(place))
}

/// The expression that is made of `term`.
fn compiled(term: &str, expression: &mut RegexBuilder) -> Result<Regex, ClientError> {
    let refused = |reason: String| ClientError::BadTerm { term: term.to_owned(), reason };
    if term.is_empty() || term.len() > LONGEST_TERM {
        return Err(refused(format!("1 to {LONGEST_TERM} bytes are wanted")));
    }
    // The last line says what is wrong; those before draw where.
    expression.build().map_err(|error| refused(error.to_string().lines().last().unwrap_or_default().to_owned()))
}

/// A plain term as a regular expression.
fn pattern(term: &str) -> String {
    let is_path = term.starts_with('/');
    if term.contains(['*', '?', '[']) {
        let start = if is_path { "^" } else { "/" };
        return format!("{start}{}$", of_glob(term));
    }
    match term.trim_end_matches('/') {
        path if is_path => format!("^{}(?:/|$)", regex::escape(path)),
        _ => regex::escape(term),
    }
}

/// `*` and `?` stop at slashes, `**` does not.
fn of_glob(glob: &str) -> String {
    let mut pattern = String::new();
    let mut rest = glob;
    while let Some(letter) = rest.chars().next() {
        let class = rest.strip_prefix('[').and_then(|inside| Some((inside, inside.get(1..)?.find(']')? + 1)));
        let (translated, length) = match (letter, class) {
            ('*', _) if rest.starts_with("**") => ("(?s:.*)".to_owned(), 2),
            ('*', _) => ("[^/]*".to_owned(), 1),
            ('?', _) => ("[^/]".to_owned(), 1),
            ('[', Some((inside, end))) => (class_of(&inside[..end]), end + 2),
            _ => (regex::escape(&rest[..letter.len_utf8()]), letter.len_utf8()),
        };
        pattern.push_str(&translated);
        rest = &rest[length..];
    }
    pattern
}

/// What stands between brackets: `!` and `^` turn it round, everything else but ranges is itself.
fn class_of(inside: &str) -> String {
    let (sign, letters) = match inside.strip_prefix(['!', '^']) {
        Some(letters) => ("^", letters),
        None => ("", inside),
    };
    let letters: String = letters
        .chars()
        .map(|letter| if letter == '-' { "-".into() } else { regex::escape(letter.encode_utf8(&mut [0; 4])) })
        .collect();
    format!("[{sign}{letters}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [&str; 7] =
        ["bin/ed", "bin/editor", "bin/x/ed", "lib/ed/libed.so.1", "sbin/red", "share/ed", "share/a b[1].txt"];

    fn found(term: &str, language: Language, places: Places) -> Vec<&'static str> {
        let mut query = Query::new(term, language, places).expect("a query");
        PATHS.into_iter().filter(|path| query.takes(path)).collect()
    }

    #[test]
    fn terms_mean_what_people_mean() {
        for (term, wanted) in [
            ("/usr/bin/ed", &["bin/ed"][..]),
            ("/usr/bin/x/", &["bin/x/ed"]),
            ("/bin", &[]),
            ("bin/ed", &["bin/ed", "bin/editor"]),
            ("editor", &["bin/editor"]),
            ("ed*", &["bin/ed", "bin/editor", "bin/x/ed", "share/ed"]),
            ("?ed", &["sbin/red"]),
            ("[e-r]?d", &["sbin/red"]),
            ("[!r]*or", &["bin/editor"]),
            ("lib*.so*", &["lib/ed/libed.so.1"]),
            ("bin/*", &["bin/ed", "bin/editor"]),
            ("/usr/*/ed", &["bin/ed", "share/ed"]),
            ("/usr/**/ed", &["bin/ed", "bin/x/ed", "share/ed"]),
            ("a b[[]1].txt", &["share/a b[1].txt"]),
            ("*[*", &["share/a b[1].txt"]),
            ("b.n/ed", &[]),
        ] {
            assert_eq!(found(term, Language::Plain, Places::All), wanted, "{term}");
        }
        assert_eq!(found("^/usr/s.*ed$", Language::Regexp, Places::All), ["sbin/red", "share/ed"]);
        assert_eq!(found("ed", Language::Plain, Places::Programs), ["bin/ed", "bin/editor", "sbin/red"]);
        assert_eq!(found("ed", Language::Plain, Places::Libraries), ["lib/ed/libed.so.1"]);
        assert_eq!(found("ed", Language::Plain, Places::ProgramsAndLibraries).len(), 4);
    }

    #[test]
    fn what_is_no_term_is_refused() {
        for (term, language) in [
            ("", Language::Plain),
            ("(", Language::Regexp),
            ("(((a{9}){999}){999}){999}", Language::Regexp),
            ("[z-a]", Language::Plain),
        ] {
            let error = Query::new(term, language, Places::All).expect_err(term);
            assert!(matches!(&error, ClientError::BadTerm { reason, .. } if !reason.is_empty()), "{term}: {error}");
        }
    }
}
