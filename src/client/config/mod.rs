//! `config`: the configuration of programs as layers, and what updates do to the administrator's.
//!
//! Everything is read through handles beneath the root ([`gather`]) and decided by [`crate::overlay`]. A value that is
//! marked as secret leaves this module as none, in every answer and message; only `save` takes whole files along.

mod check;
mod diff;
mod edit;
mod explained;
mod gather;
mod links;
mod next;
mod prune;
mod saved;
mod setting;
mod show;
mod writing;

pub use check::{Finding, config_check};
pub use diff::{Redundant, config_diff, config_redundant};
pub use edit::{Edited, config_set, config_unset};
pub(in crate::client) use explained::configured;
pub use explained::{Configured, Effect};
pub(in crate::client) use next::tell_touched;
pub use saved::{Restored, SavedOverrides, config_restore, config_save};
pub use setting::SetRequest;
pub use show::{
    AppRow, Arguments, Shown, ShownFile, ShownOrigin, ShownOverride, ShownValue, config_argv, config_get, config_list,
    config_show, config_show_file,
};

use crate::client::ClientError;
use crate::overlay::{App, Options, OverlayError, Snapshot, Values, View, WithOverrides, effective};

/// A program with its files and what they come to.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub app: App,
    pub snapshot: Snapshot,
    pub options: Options,
    pub defaults: Values,
    pub all: Values,
}

impl Loaded {
    /// What these files come to.
    pub fn new(app: App, snapshot: Snapshot) -> Result<Self, OverlayError> {
        let (shipped, whole) = (app.layers(&snapshot, WithOverrides::No)?, app.layers(&snapshot, WithOverrides::Yes)?);
        let options = app.options(&snapshot)?.with_backends(&app.declaration, &whole);
        let values = |layers| effective(&app.name, &app.declaration, &options, layers);
        let (defaults, all) = (values(&shipped)?, values(&whole)?);
        Ok(Self { app, snapshot, options, defaults, all })
    }

    pub fn view(&self) -> View<'_> {
        View { app: &self.app, options: &self.options, defaults: &self.defaults, all: &self.all }
    }
}

/// What there is to tell of one program that cannot be read or edited, where others can be.
///
/// # Errors
/// The error itself where it is not that program's alone.
fn told(error: ClientError) -> Result<String, ClientError> {
    match error {
        ClientError::Overlay(error) => Ok(error.to_string()),
        ClientError::Disk(error) if error.is_denied() => Ok(format!("{error}: {}", error.source)),
        other => Err(other),
    }
}

/// The value unless it is a secret.
fn shown(text: &str, secret: bool) -> Option<String> {
    (!secret).then(|| text.to_owned())
}
