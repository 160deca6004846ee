//! A panic is a bug: it ends the run like any error, with words, a result and exit code 70.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

/// The last panic of any thread.
static LAST: Mutex<Option<String>> = Mutex::new(None);

/// Keeps what panics say, instead of writing it into the midst of progress bars or JSON.
pub(crate) fn keep_quiet() {
    panic::set_hook(Box::new(|info| {
        let said = info.payload_as_str().unwrap_or("a panic");
        let text = match info.location() {
            Some(place) => format!("{said} ({}:{})", place.file(), place.line()),
            None => said.to_owned(),
        };
        tracing::error!(%text, "panic");
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }));
}

/// Does the work; a panic becomes its words.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // What the work leaves half done is not looked at again: the process is about to end.
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        let last = LAST.lock().unwrap_or_else(PoisonError::into_inner).take();
        last.unwrap_or_else(|| "a panic".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_words() {
        assert_eq!(caught(|| 1), Ok(1));
        let before = panic::take_hook();
        keep_quiet();
        let text = caught(|| panic!("no {}", "luck")).expect_err("it panics");
        panic::set_hook(before);
        assert!(text.starts_with("no luck (") && text.contains("panics.rs:"), "{text}");
    }
}
