//! What is told of this program's failures beyond what both programs tell.

use stateless_update::publish::{Category, PublishError};
use stateless_update::trust::TrustError;

use super::common::{Failure, FailureKind};

/// An error of the library, with the hint for its category.
pub(crate) fn of_publish(error: PublishError) -> Failure {
    if let PublishError::Trust(TrustError::CannotSign { .. }) = error {
        let hint = "--keys names the directory with the publication's keys, since `keys rotate` the new one; \
                    nothing was published";
        return Failure::of(FailureKind::USAGE, &error, hint);
    }
    if let PublishError::Trust(TrustError::Rotating) = error {
        let hint = "`keys rotate` with the same --keys and --new-keys goes on with it; nothing was published";
        return Failure::of(FailureKind::USAGE, &error, hint);
    }
    let (kind, hint) = match error.category() {
        Category::Usage => (FailureKind::USAGE, "put the input right; nothing was published"),
        Category::Integrity => (
            FailureKind::REFUSED,
            "the publication is damaged or not signed by these keys: `stateless-publish check` says more",
        ),
        // A rotation has several documents, each of which clients may see.
        Category::Disk => (
            FailureKind::LOCAL,
            "check free space and permissions, and run the same command again; clients can be served meanwhile",
        ),
        Category::Locked => (FailureKind::LOCKED, "wait until the other run has ended"),
        Category::Bug => (FailureKind::BUG, Failure::REPORT),
    };
    Failure::of(kind, &error, hint)
}
