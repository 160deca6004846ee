//! A first look at foreign JSON, before any other parser sees it.
//!
//! Two readers must never see two things in one document: a key that comes twice is an error, at any depth. Fractions,
//! and whole numbers beyond 64 bits, are errors too, because TUF's canonical form has none. Depth is bounded by
//! `serde_json` (128 levels), size by whoever fetched the bytes.

use std::collections::HashSet;
use std::fmt;
use std::num::NonZeroU64;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::error::{Role, TrustError};

/// The largest root version; far beyond what rotation reaches, and far from where adding one overflows.
const MAX_ROOT_VERSION: u64 = u32::MAX as u64;

/// What every signed document says about itself, as yet unverified.
#[derive(Deserialize)]
struct Outline {
    signed: OutlineSigned,
}

#[derive(Deserialize)]
struct OutlineSigned {
    #[serde(rename = "_type")]
    role: String,
    spec_version: String,
    version: NonZeroU64,
}

/// Refuses what no reader should go on with, in `path`, which must be a document of this role.
///
/// # Errors
/// [`TrustError::Malformed`], [`TrustError::SpecVersion`].
pub(super) fn check_outline(path: &str, role: Role, bytes: &[u8]) -> Result<(), TrustError> {
    let malformed = |source| TrustError::malformed(path, source);
    serde_json::from_slice::<Unambiguous>(bytes).map_err(malformed)?;
    let Outline { signed } = serde_json::from_slice(bytes).map_err(malformed)?;
    if signed.spec_version.split('.').next() != Some("1") {
        let found = signed.spec_version.chars().take(32).collect();
        return Err(TrustError::SpecVersion { path: path.to_owned(), found });
    }
    // `tough` never compares the role that a document says it is of, and writes it anew before it verifies.
    if signed.role != role.to_string() {
        let found: String = signed.role.chars().take(32).collect();
        return Err(TrustError::malformed(path, format!("it says that it is of the role `{found}`")));
    }
    if role == Role::Root && signed.version.get() > MAX_ROOT_VERSION {
        return Err(TrustError::malformed(path, format!("root version {} is out of range", signed.version)));
    }
    Ok(())
}

/// Any JSON in which no object has a key twice and every number is whole.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without fractions")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_unit<E: Error>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unambiguous, A::Error> {
        while items.next_element::<Unambiguous>()?.is_some() {}
        Ok(Unambiguous)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unambiguous, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(A::Error::custom(format_args!("the key `{key}` comes twice")));
            }
            seen.insert(key);
            entries.next_value::<Unambiguous>()?;
        }
        Ok(Unambiguous)
    }
}
