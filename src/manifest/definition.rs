//! The bundle definition: what a release engineer writes, `DIR/<bundle>.toml`.

use serde::{Deserialize, Serialize};

use crate::types::BundleName;

/// How ready a bundle is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// For everybody.
    #[default]
    Active,
    /// May change or go.
    Experimental,
    /// Will go.
    Deprecated,
}

/// One bundle as its author describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleDefinition {
    /// One line for people.
    pub title: String,
    /// More for people.
    #[serde(default)]
    pub description: String,
    /// Bundles that are always installed with it; `os-core` need not be named.
    #[serde(default)]
    pub includes: Vec<BundleName>,
    /// Bundles that `bundle-add` adds too, unless it is told not to.
    #[serde(default)]
    pub also_add: Vec<BundleName>,
    /// How ready it is.
    #[serde(default)]
    pub status: Status,
    /// Packages to make its tree from.
    #[serde(default)]
    pub packages: Vec<String>,
}

/// A definition that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the definition of bundle {bundle} is not valid")]
pub struct DefinitionError {
    /// The bundle.
    pub bundle: BundleName,
    /// What the parser says, with the line.
    pub source: Box<toml::de::Error>,
}

impl BundleDefinition {
    /// Reads the TOML text of the definition of `bundle`.
    ///
    /// # Errors
    /// When the text is not TOML, a field is unknown or of the wrong type, or a name is no bundle name.
    pub fn parse(bundle: &BundleName, text: &str) -> Result<Self, DefinitionError> {
        toml::from_str(text).map_err(|source| DefinitionError { bundle: bundle.clone(), source: Box::new(source) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_title_is_needed() {
        let name = BundleName::core();
        let definition = BundleDefinition::parse(&name, "title = \"The core\"\n").expect("valid");
        assert_eq!((definition.status, definition.includes.len()), (Status::Active, 0));
        for bad in ["", "title = 1", "title = \"x\"\ninclude = []", "title = \"x\"\nincludes = [\"../x\"]"] {
            let error = BundleDefinition::parse(&name, bad).expect_err(bad);
            assert!(error.to_string().contains("os-core"));
        }
    }
}
