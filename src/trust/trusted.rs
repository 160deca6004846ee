//! Values that were signed for, and the one way by which further bytes become such values.

use std::ops::Deref;

use super::error::TrustError;
use crate::types::Digest;

/// A value that was signed by those whom the machine's owner trusts. Only `trust` makes one, of what it has verified now or,
/// in the record of a live tree, before that was staged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Trusted<T>(T);

/// Names a document by its digest and its exact length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// SHA-256 of the document.
    pub digest: Digest,
    /// Its length in bytes.
    pub length: u64,
}

impl<T> Trusted<T> {
    /// Only for values whose signatures were verified.
    pub(super) const fn vouch(value: T) -> Self {
        Self(value)
    }

    /// For tests of other modules, which have no signatures to verify.
    #[cfg(test)]
    pub(crate) const fn assume(value: T) -> Self {
        Self(value)
    }

    /// A value from the record that a live tree carries: it was verified before the tree was staged, and only those who
    /// may write to the tree itself could have changed it since.
    pub(crate) const fn recorded(value: T) -> Self {
        Self(value)
    }

    /// The value.
    pub const fn get(&self) -> &T {
        &self.0
    }

    /// The value, no longer marked as trusted.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// The same trust in a reference to the value.
    pub const fn as_ref(&self) -> Trusted<&T> {
        Trusted(&self.0)
    }

    /// What is derived from a trusted value by a pure function is trusted.
    ///
    /// The function must look at nothing but the value: no disk, no network, nothing captured that came from there.
    pub fn map<U>(self, derive: impl FnOnce(T) -> U) -> Trusted<U> {
        Trusted(derive(self.0))
    }

    /// As [`Trusted::map`], for a function that may refuse.
    ///
    /// # Errors
    /// Those of the function.
    pub fn try_map<U, E>(self, derive: impl FnOnce(T) -> Result<U, E>) -> Result<Trusted<U>, E> {
        derive(self.0).map(Trusted)
    }
}

impl<T> Deref for Trusted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Reference {
    /// The reference of bytes in memory.
    pub fn to(bytes: &[u8]) -> Self {
        Self { digest: Digest::of(bytes), length: bytes.len() as u64 }
    }
}

impl Trusted<Reference> {
    /// Bytes of any origin become trusted when they are those that the reference names.
    ///
    /// # Errors
    /// [`TrustError::Length`] or [`TrustError::Digest`] when they are not.
    pub fn admit(&self, bytes: Vec<u8>) -> Result<Trusted<Vec<u8>>, TrustError> {
        let Reference { digest: wanted, length } = self.0;
        if bytes.len() as u64 != length {
            return Err(TrustError::Length { wanted: length, found: bytes.len() as u64 });
        }
        let found = Digest::of(&bytes);
        if found != wanted {
            return Err(TrustError::Digest { wanted, found });
        }
        Ok(Trusted(bytes))
    }
}
