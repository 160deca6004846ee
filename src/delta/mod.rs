//! One delta: the recipe that makes one new blob out of one old blob.
//!
//! Promises: [`apply`] gives back exactly what [`Delta::make`] was given, in a fixed amount of memory, and on hostile
//! input ends with an error after at most `new_size` bytes of output. Needs: the old content by positional reads
//! ([`ReadAt`]) and the delta's six streams as plain bytes. Leaves to others: compression and framing (`pack`), and
//! proof that the result is the wanted blob (whoever knows its digest).
//!
//! Algorithm: Colin Percival, "Naive differences of executable code" (2003). What matches is taken
//! apart into streams by role, because like compresses best with like. The format is in `docs/formats.md`, "Delta".
//!
//! ```text
//! triple   seek in the old file ─> add ─────────────────────────> copy
//! column   seeks                   add lengths                    copy lengths
//! bytes                            old + (zero runs | literals)   extra
//! ```

mod apply;
mod error;
mod make;
mod matcher;
mod old_pages;
pub(crate) mod predict;
mod read_at;
mod runs;
mod streams;
pub(crate) mod varint;

pub use apply::{apply, skip};
pub use error::DeltaError;
pub use make::{Delta, References};
pub use predict::{MAX_PREDICTED_BYTES, apply_predicted, predicted_memory, skip_predicted};
pub use read_at::ReadAt;
pub use streams::{Role, Streams};
