//! What is told of this program's failures beyond what both programs tell.

use stateless_update::client::{ClientError, ErrorKind};

use super::common::{Failure, FailureKind};
use super::hints::hint;

/// An error of the library, with the hint for its kind where it has none of its own.
pub(crate) fn of_client(error: &ClientError) -> Failure {
    let (kind, hint_of_kind) = match error.kind() {
        ErrorKind::Usage => (FailureKind::USAGE, "`stateless-update COMMAND --help` says what is possible"),
        ErrorKind::Unreachable => (
            FailureKind { name: "unreachable", exit_code: 3 },
            "check the network and the origin (--url), then try again; /usr is as it was",
        ),
        ErrorKind::Refused => (
            FailureKind::REFUSED,
            "the publication is damaged, or a mirror or proxy changed it: try another origin (--url), and tell the \
             publisher; /usr is as it was",
        ),
        ErrorKind::Local => {
            (FailureKind::LOCAL, "check free space, permissions and mounts below --root, then try again")
        }
        ErrorKind::Locked => (FailureKind::LOCKED, "wait until the other run has ended, then try again"),
        ErrorKind::Declined => (
            FailureKind { name: "declined", exit_code: 1 },
            "--yes answers every question, --dry-run asks none and does nothing",
        ),
        ErrorKind::Bug => (FailureKind::BUG, Failure::REPORT),
    };
    Failure::of(kind, error, hint(error).as_deref().unwrap_or(hint_of_kind))
}
