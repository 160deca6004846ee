//! The library within this process, for what cannot be done to a program from outside: a reporter that does something at a
//! certain moment.

use std::path::Path;
use std::time::Duration;

use stateless_update::client::{Mode, Settings, Thoroughness, UpdateRequest};
use stateless_update::plan::Terms;
use stateless_update::transport::Limits;

/// What the program says by default for a machine, with one worker of each kind, and without tries that take time.
pub fn settings(root: &Path) -> Settings {
    Settings {
        root: root.to_owned(),
        urls: Vec::new(),
        trust: None,
        jobs: 1,
        terms: Terms::default(),
        limits: Limits {
            parallel: 1,
            max_retries: 0,
            retry_delay: Duration::ZERO,
            timeout: Duration::from_secs(60),
            allow_insecure_http: false,
        },
        ignore_time: false,
        assume_yes: true,
    }
}

/// An update to the newest release.
pub const UPDATE: UpdateRequest = UpdateRequest { version: None, mode: Mode::Run, thoroughness: Thoroughness::Changed };

/// Runs an operation to its end.
pub fn run<T>(operation: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("threads").block_on(operation)
}
