//! Work that several threads share.

use anyhow::Result;

/// Does the same work in so many threads, one at least, and waits for all of them. The work itself takes what is next.
///
/// # Errors
/// The first that a thread ended with.
pub fn at_once(threads: usize, work: impl Fn() -> Result<()> + Sync) -> Result<()> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(&work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a worker does not panic"))
    })
}
