//! What time it is, for a machine whose clock may be wrong.

use jiff::Timestamp;

/// The latest time that is known to have come: the maximum of the clock, of the newest signed time that was seen, and
/// of the time at which the program was built.
///
/// A clock in 1970 so neither locks a machine out (metadata never ends before it was signed) nor lets it take metadata
/// that had ended before anything that it has seen. A clock in the far future refuses everything for as long as it is
/// wrong, and leaves nothing behind: the clock itself is never written down.
///
/// That is the time of signed metadata. The certificate of an `https:` origin is compared with the clock alone, so a clock
/// before the beginning of the certificate keeps a machine from that origin until it is set; `http:` with
/// `--allow-insecure-http`, directories and archives serve it meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownTime(Timestamp);

/// Whether metadata that is past its end is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It is refused.
    Enforced,
    /// It is taken. All other checks stay.
    Ignored,
}

impl KnownTime {
    /// From the machine's clock and the program's build time.
    pub fn new(clock: Timestamp, built_at: Timestamp) -> Self {
        Self(clock.max(built_at))
    }

    /// Not before this signed time.
    #[must_use]
    pub fn not_before(self, signed: Timestamp) -> Self {
        Self(self.0.max(signed))
    }

    /// The time.
    pub const fn now(self) -> Timestamp {
        self.0
    }
}
