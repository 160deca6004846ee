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

/// Findings from all threads.
#[derive(Debug, Default)]
pub(super) struct Notes {
    findings: Mutex<BTreeSet<Finding>>,
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

    /// All of them, in order, once the threads have ended.
    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
    }
}
