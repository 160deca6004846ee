//! What `tough` refuses, in the words of this door.

use tough::schema::RoleType;

use super::error::{Role, TrustError};

impl From<RoleType> for Role {
    fn from(role: RoleType) -> Self {
        match role {
            RoleType::Root => Self::Root,
            RoleType::Timestamp => Self::Timestamp,
            RoleType::Snapshot => Self::Snapshot,
            RoleType::Targets | RoleType::DelegatedTargets => Self::Targets,
        }
    }
}

impl From<tough::error::Error> for TrustError {
    fn from(error: tough::error::Error) -> Self {
        use tough::error::Error as Tough;
        match error {
            Tough::VerifyMetadata { role, source, .. } => {
                Self::Signature { role: role.into(), source: Box::new(source) }
            }
            Tough::VerifyTrustedMetadata { source, .. } => {
                Self::Signature { role: Role::Root, source: Box::new(source) }
            }
            Tough::ParseMetadata { role, source, .. } => Self::malformed(format!("{}.json", Role::from(role)), source),
            Tough::ParseTrustedMetadata { source, .. } => Self::malformed("root.json", source),
            Tough::OlderMetadata { role: RoleType::Root, current_version, new_version, .. } => Self::VersionMismatch {
                role: Role::Root,
                wanted: current_version.saturating_add(1),
                found: new_version,
            },
            Tough::OlderMetadata { role, current_version, new_version, .. } => {
                Self::RolledBack { role: role.into(), seen: current_version, offered: new_version }
            }
            Tough::OlderSnapshotInTimestamp { snapshot_new, snapshot_old, .. } => {
                Self::RolledBack { role: Role::Snapshot, seen: snapshot_old, offered: snapshot_new }
            }
            Tough::SnapshotRoleRollback { old_role_version, new_role_version, .. } => {
                Self::RolledBack { role: Role::Targets, seen: old_role_version, offered: new_role_version }
            }
            Tough::VersionMismatch { role, fetched, expected, .. } => {
                Self::VersionMismatch { role: role.into(), wanted: expected, found: fetched }
            }
            Tough::DatastoreCreate { path, source, .. } => Self::local("write", &path, source),
            Tough::DatastoreOpen { path, source, .. } => Self::local("open", &path, source),
            Tough::DatastoreRemove { path, source, .. } => Self::local("remove", &path, source),
            Tough::MaxUpdatesExceeded { max_root_updates, .. } => Self::TooManyRoots { limit: max_root_updates },
            other => Self::from_transport(other),
        }
    }
}

impl TrustError {
    /// `tough` wraps what it finds while it reads a stream (too long, other digest) as an error of the transport.
    fn from_transport(error: tough::error::Error) -> Self {
        use tough::error::Error as Tough;
        if let Tough::Transport { source, url, .. } = &error {
            let path = url.path().trim_start_matches('/').to_owned();
            match std::error::Error::source(source).and_then(|cause| cause.downcast_ref::<Tough>()) {
                Some(Tough::HashMismatch { calculated, expected, .. }) => {
                    return Self::MetadataDigest { path, wanted: expected.clone(), found: calculated.clone() };
                }
                Some(Tough::MaxSizeExceeded { max_size, .. }) => {
                    return Self::TooLarge { path, limit_bytes: *max_size };
                }
                _ => {}
            }
        }
        Self::Refused { source: Box::new(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The datastore lies on this machine's disk.
    #[tokio::test]
    async fn a_disk_that_refuses_is_no_refusal_of_the_publication() {
        // A file where the datastore should be a directory.
        let place = tempfile::NamedTempFile::new().expect("a file");
        let base = url::Url::parse("http://localhost/").expect("a URL");
        let loading = tough::RepositoryLoader::new(b"", base.clone(), base).datastore(place.path());
        let error = TrustError::from(loading.load().await.expect_err("there is no directory"));
        assert!(error.is_local(), "{error:?}");
    }
}
