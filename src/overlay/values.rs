//! What a program reads in the end, as values: each with where it comes from and what it overrides.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Side;
use super::options::Name;

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file, relative to the root.
    pub file: Arc<str>,
    /// The line on which it begins.
    pub line: u32,
    /// Whose file it is.
    pub side: Side,
}

/// An option and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The section as it is compared; empty where there is none.
    pub section: String,
    /// The option's present name.
    pub key: String,
    /// The value after interpolation; of an option that accumulates the last one.
    pub value: String,
    /// Whether it is a text where the format has other types too.
    pub is_text: bool,
    /// All values of an option that accumulates, the one value of any other.
    pub values: Vec<String>,
    /// The same before interpolation.
    pub raw: Vec<String>,
    /// Where the value stands; of an option that accumulates the last one.
    pub origin: Origin,
    /// What it overrides, the nearest first, before interpolation.
    pub overrides: Vec<(Origin, String)>,
    /// Everything that was assigned, in the order of files and lines.
    pub assigned: Vec<Origin>,
    /// Whether it may not be shown: it is marked, or has a marked one in it.
    pub secret: bool,
    /// The former name by which it is set, when it is not the present one.
    pub former: Option<String>,
    /// Names that are interpolated and that nothing says anything about.
    pub unresolved: Vec<String>,
}

/// Options with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    pub(super) by_name: BTreeMap<Name, Value>,
}

impl Values {
    /// All options: those without a section and `DEFAULT` first, then by section and key.
    pub fn iter(&self) -> impl Iterator<Item = &Value> {
        let (first, rest): (Vec<&Value>, Vec<&Value>) =
            self.by_name.values().partition(|value| value.section == super::oslo::DEFAULT);
        first.into_iter().chain(rest)
    }

    /// One option, by its section and key as they are compared.
    pub fn find(&self, section: &str, key: &str) -> Option<&Value> {
        self.by_name.get(&(section.to_owned(), key.to_owned()))
    }

    /// Section and key of all options.
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.by_name.keys()
    }
}

impl Value {
    /// Whether the administrator assigns it anywhere.
    pub fn is_overridden(&self) -> bool {
        self.own().is_some()
    }

    /// Where the administrator assigns it last.
    pub(super) fn own(&self) -> Option<&Origin> {
        self.assigned.iter().rfind(|origin| origin.side == Side::Override)
    }

    /// That assignment and what it says, where a shipped file is read after it, so that it is not in force.
    pub(super) fn beaten(&self) -> Option<&(Origin, String)> {
        let own = self.own().filter(|_| self.origin.side == Side::Shipped)?;
        self.overrides.iter().find(|(origin, _)| origin == own)
    }

    /// What files say before interpolation, for comparison: a text is told apart from the number that it looks like.
    pub(super) fn said(&self) -> Vec<String> {
        let typed =
            |text: &String| if self.is_text { serde_json::Value::from(&**text).to_string() } else { text.clone() };
        self.raw.iter().map(typed).collect()
    }
}
