//! What comes of a check while it goes on.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Mutex, PoisonError};

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where in the publication.
    pub path: String,
    /// What.
    pub problem: String,
}

/// Findings from all threads, and the files that something refers to.
#[derive(Debug, Default)]
pub(super) struct Notes {
    findings: Mutex<BTreeSet<Finding>>,
    referenced: Mutex<BTreeSet<String>>,
}

/// The same, when nothing more can come.
pub(super) struct Noted {
    /// In order.
    pub findings: BTreeSet<Finding>,
    /// Files that something refers to.
    pub referenced: BTreeSet<String>,
}

impl Notes {
    /// Keeps a finding.
    pub(super) fn found(&self, path: &str, problem: impl Into<String>) {
        let finding = Finding { path: path.to_owned(), problem: problem.into() };
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).insert(finding);
    }

    /// Keeps an error and its causes as a finding.
    pub(super) fn failed(&self, path: &str, error: &dyn Error) {
        let mut words = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !words.ends_with(&text) {
                words = format!("{words}: {text}");
            }
            next = cause.source();
        }
        self.found(path, words);
    }

    /// Something refers to this file.
    pub(super) fn refers(&self, path: &str) {
        self.referenced.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
    }

    /// All of it, once the threads have ended.
    pub(super) fn into_noted(self) -> Noted {
        fn all<T>(noted: Mutex<T>) -> T {
            noted.into_inner().unwrap_or_else(PoisonError::into_inner)
        }
        Noted { findings: all(self.findings), referenced: all(self.referenced) }
    }
}
