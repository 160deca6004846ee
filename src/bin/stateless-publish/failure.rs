//! What is told of this program's failures beyond what both programs tell.

use stateless_update::publish::{Category, PublishError};
use stateless_update::site::SiteError;
use stateless_update::trust::TrustError;

use super::common::{Failure, FailureKind};

/// An error of the library, with the hint for its category.
pub(crate) fn of_publish(error: PublishError) -> Failure {
    if let Some(hint) = hint_beyond_category(&error) {
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

/// What to do where no publication is there, or nothing can be signed although what is to be published is right.
fn hint_beyond_category(error: &PublishError) -> Option<&'static str> {
    Some(match error {
        PublishError::Site(SiteError::NoDirectory(_) | SiteError::NoPublication(_)) => {
            "REPO names the directory of a publication, which `stateless-publish init` makes"
        }
        PublishError::History { .. } | PublishError::NoOldest { .. } => {
            "bring releases/oldest.json back from a copy; else remove it, and run `prune --keep N` with the number of releases \
             that are still there; nothing was changed"
        }
        PublishError::NotSignedFor { .. } => {
            "publish it, or a later one, with `release`, or bring the newer metadata back; nothing was dropped"
        }
        PublishError::Trust(TrustError::CannotSign { .. }) => {
            "--keys names the directory with the publication's keys, since `keys rotate` the new one; nothing was published"
        }
        PublishError::Trust(TrustError::Rotating) | PublishError::RotationUnfinished(_) => {
            "`keys rotate` with the same --keys and --new-keys goes on with it; nothing was published"
        }
        PublishError::Trust(TrustError::Expired { .. }) => {
            "clients refuse the publication, and a new release, too, until `keys refresh --what root` was run with the root's \
             key; nothing was published"
        }
        PublishError::Trust(TrustError::TimeWentBack { .. }) => {
            "look at this machine's clock and SOURCE_DATE_EPOCH; if they are right, wait until that time has come, or let \
             machines forget it by `keys rotate`; nothing was published"
        }
        _ => return None,
    })
}
