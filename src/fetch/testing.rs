//! Tests only: what several of them fetch with.

use std::path::Path;
use std::time::Duration;

use crate::transport::{Limits, Transport};

/// Reads from a directory, one file at a time and each once.
pub(super) fn transport(origin: &Path) -> Transport {
    let limits = Limits {
        parallel: 1,
        max_retries: 0,
        retry_delay: Duration::ZERO,
        timeout: Duration::from_secs(60),
        allow_insecure_http: false,
    };
    Transport::new(&[origin.display().to_string()], limits).expect("absolute")
}
