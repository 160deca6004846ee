//! A first look at foreign JSON, before any other parser sees it.
//!
//! Two readers must never see two things in one document: a key that comes twice is an error, at any depth. Fractions,
//! and whole numbers beyond 64 bits, are errors too, because TUF's canonical form has none. Depth is bounded by
//! `serde_json` (128 levels), size by whoever fetched the bytes.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::num::NonZeroU64;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::error::TrustError;

/// The largest root version; far beyond what rotation reaches, and far from where adding one overflows.
const MAX_ROOT_VERSION: u64 = u32::MAX as u64;

/// What every signed document says about itself, as yet unverified.
#[derive(Debug, Deserialize)]
pub(super) struct Outline {
    signed: OutlineSigned,
}

#[derive(Debug, Deserialize)]
struct OutlineSigned {
    #[serde(rename = "_type")]
    role: String,
    spec_version: String,
    version: NonZeroU64,
    #[serde(default)]
    meta: BTreeMap<String, OutlineFile>,
}

#[derive(Debug, Deserialize)]
struct OutlineFile {
    length: Option<u64>,
}

impl Outline {
    /// Reads the outline of `path` and refuses what no reader should go on with.
    ///
    /// # Errors
    /// [`TrustError::Malformed`], [`TrustError::SpecVersion`].
    pub(super) fn read(path: &str, bytes: &[u8]) -> Result<Self, TrustError> {
        let malformed = |source| TrustError::malformed(path, source);
        serde_json::from_slice::<Unambiguous>(bytes).map_err(malformed)?;
        let outline: Self = serde_json::from_slice(bytes).map_err(malformed)?;
        let spec = &outline.signed.spec_version;
        if spec.split('.').next() != Some("1") {
            let found = spec.chars().take(32).collect();
            return Err(TrustError::SpecVersion { path: path.to_owned(), found });
        }
        // `tough` never compares the role that a document says it is of, and writes it anew before it verifies.
        let named = path.strip_suffix(".json").and_then(|name| name.rsplit(['/', '.']).next());
        if named.is_some_and(|named| named != outline.signed.role) {
            let found: String = outline.signed.role.chars().take(32).collect();
            return Err(TrustError::malformed(path, format!("it says that it is of the role `{found}`")));
        }
        Ok(outline)
    }

    /// As [`Outline::read`], and the version must be one that a root can have.
    ///
    /// # Errors
    /// As [`Outline::read`].
    pub(super) fn read_root(path: &str, bytes: &[u8]) -> Result<Self, TrustError> {
        let outline = Self::read(path, bytes)?;
        if outline.version() > MAX_ROOT_VERSION {
            return Err(TrustError::malformed(path, format!("root version {} is out of range", outline.version())));
        }
        Ok(outline)
    }

    /// The document's version.
    pub(super) fn version(&self) -> u64 {
        self.signed.version.get()
    }

    /// The length that this document gives for another, if it does.
    pub(super) fn length_of(&self, file: &str) -> Option<u64> {
        self.signed.meta.get(file)?.length
    }
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
