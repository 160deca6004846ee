//! The options of `search`, `search-file` and `command-not-found`.

use std::num::NonZeroUsize;

use clap::{Args as Group, ValueEnum};
use stateless_update::client::{Language, Order, Places, SearchRequest};

/// Options of `search`, and of `search-file` among others.
#[derive(Debug, Group)]
pub(crate) struct Search {
    /// What to look for
    #[arg(value_name = "TERM", allow_hyphen_values = true)]
    term: String,
    /// Tell at most so many
    #[arg(long, value_name = "N")]
    top: Option<NonZeroUsize>,
    /// By the names of bundles, or the smallest bundle first
    #[arg(long, value_name = "HOW")]
    order: Option<Ordering>,
    /// The term is a regular expression
    #[arg(long)]
    regexp: bool,
}

/// Options of `search-file`.
#[derive(Debug, Group)]
pub(crate) struct SearchFile {
    #[command(flatten)]
    search: Search,
    /// Only where libraries lie: usr/lib and its likes
    #[arg(long)]
    library: bool,
    /// Only where programs lie: usr/bin, usr/sbin, usr/games
    #[arg(long)]
    binary: bool,
}

/// What `--order` may be.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Ordering {
    /// By the names of bundles
    Alpha,
    /// The smallest bundle first
    Size,
}

/// Options of `command-not-found`.
#[derive(Debug, Group)]
pub(crate) struct CommandNotFound {
    /// The command that is not there
    #[arg(value_name = "COMMAND", allow_hyphen_values = true)]
    pub(crate) command: String,
}

impl Search {
    /// What to ask of the library.
    pub(crate) fn request(&self) -> SearchRequest {
        SearchRequest {
            term: self.term.clone(),
            language: if self.regexp { Language::Regexp } else { Language::Plain },
            places: Places::All,
            order: match self.order {
                None => Order::Best,
                Some(Ordering::Alpha) => Order::Alphabetical,
                Some(Ordering::Size) => Order::Size,
            },
            top: self.top.map(NonZeroUsize::get),
        }
    }
}

impl SearchFile {
    /// What to ask of the library.
    pub(crate) fn request(&self) -> SearchRequest {
        let places = match (self.binary, self.library) {
            (false, false) => Places::All,
            (true, false) => Places::Programs,
            (false, true) => Places::Libraries,
            (true, true) => Places::ProgramsAndLibraries,
        };
        SearchRequest { places, ..self.search.request() }
    }
}
