//! `mirror`: content from a place of the administrator's choice.
//!
//! The override lies beside the trees, so no transition, rollback or factory reset takes it away, and nothing but
//! `mirror --unset` does. Content is asked of the mirror first and of the origin where the mirror lacks it; metadata is
//! asked of the origin first, so a mirror that is behind costs a warning and holds nobody back. `--url` goes around it.

use std::sync::Arc;

use serde::Serialize;

use super::session::{KnownRelease, Session};
use super::{ClientError, Settings};
use crate::manifest::{MirrorOverride, Release};
use crate::report::{Event, Reporter};
use crate::state::Machine;
use crate::transport::{Transport, without_password};
use crate::types::Digest;

/// `mirror`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MirrorRequest {
    /// Say which it is.
    Show,
    /// Read content there from now on.
    Set(String),
    /// Read everything from the origin again.
    Unset,
}

/// The answer of `mirror`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MirrorState {
    /// Where content is read first.
    pub mirror: Option<String>,
    /// Where the release that is installed says that the publication lies.
    pub origin: Vec<String>,
    /// Whether the command changed anything.
    pub changed: bool,
}

/// Shows, sets or unsets the mirror.
///
/// # Errors
/// When the URL cannot be used, or another run is at work.
pub fn mirror(
    settings: &Settings,
    request: &MirrorRequest,
    reporter: &Arc<dyn Reporter>,
) -> Result<MirrorState, ClientError> {
    let machine = Machine::open(&settings.root)?;
    let origin = machine.live_record()?.installed.origin.iter().map(|url| without_password(url)).collect();
    machine.home()?;
    // One that is damaged is shown as none, and can be replaced.
    let read = machine.mirror();
    let is_damaged = read.is_err();
    let before = read.unwrap_or_else(|error| {
        reporter.report(Event::Warning(format!("{error}")));
        None
    });
    let wanted = match request {
        MirrorRequest::Show => {
            return Ok(MirrorState {
                mirror: before.map(|known| without_password(&known.url)),
                origin,
                changed: false,
            });
        }
        MirrorRequest::Set(url) => {
            Transport::new(std::slice::from_ref(url), settings.limits)?;
            Some(MirrorOverride::new(url.clone()))
        }
        MirrorRequest::Unset => None,
    };
    machine.lock()?.set_mirror(wanted.as_ref())?;
    let changed = is_damaged || before != wanted;
    Ok(MirrorState { mirror: wanted.map(|wanted| without_password(&wanted.url)), origin, changed })
}

/// Says so when the mirror lacks a release that the origin has, or does not answer.
pub(super) async fn tell_if_behind(session: &Session, known: &KnownRelease) {
    let Some(url) = session.mirror.as_deref().map(without_password) else { return };
    let version = known.release.version;
    let path = Release::path(version, Digest::of(&known.document));
    let told = match session.transport.mirrors_have(&path).await {
        Ok(()) => return,
        Err(error) if error.is_not_found() => format!("mirror {url} does not have release {version}"),
        Err(error) => format!("mirror {url} cannot be read: {error}"),
    };
    session.reporter.report(Event::Warning(format!("{told}; what it lacks comes from the origin")));
}
