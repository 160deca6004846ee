//! What people can do about an error, where more can be said than what goes for its kind.

use stateless_update::client::{ClientError, transport_beneath};
use stateless_update::fetch::FetchError;
use stateless_update::overlay::OverlayError;
use stateless_update::plan::BundleError;
use stateless_update::stage::StageError;
use stateless_update::state::{HOME, StateError, TRUST};
use stateless_update::switch::SwitchError;
use stateless_update::transport::TransportError;
use stateless_update::trust::{TrustDirectory, TrustError};
use stateless_update::types::BundleName;

/// Where people set proxies.
const PROXIES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
/// What to do where a URL leads to no publication.
const NO_PUBLICATION: &str =
    "check the URL (--url, or the origin that `info` tells): a publication has metadata/timestamp.json beneath it";

/// What to do where all origins lack a file of the publication.
const LACKING: &str = "another origin (--url) may have it; where the publisher has dropped this release, `update` goes to the \
    newest; /usr is as it was";

/// What to do about an error, where more can be said than for its kind.
pub(crate) fn hint(error: &ClientError) -> Option<String> {
    let hint = match error {
        ClientError::Bundle(BundleError::Unknown { similar, .. }) if !similar.is_empty() => {
            return Some(format!("did you mean {}?", list(similar)));
        }
        ClientError::NoHook { .. } => "bash and zsh do",
        ClientError::NoSearchIndex { .. } => "`bundle-info BUNDLE --files` lists what a bundle has",
        ClientError::Bundle(BundleError::Unknown { .. }) => "`bundle-list --all` names all bundles of the release",
        ClientError::State(StateError::NotManaged { .. }) => {
            "`os-install` makes a system in an empty root; name another one with --root"
        }
        ClientError::State(StateError::NotYours { uid: 0, .. }) => "run it as root",
        ClientError::State(StateError::NotYours { .. }) => "run it as that user",
        ClientError::State(StateError::MaskedUnit { .. }) => {
            "`systemctl unmask stateless-update.timer stateless-update.service` allows it again"
        }
        ClientError::NothingToKeep { .. } => "nothing was removed; leave that --keep out, or correct it",
        ClientError::State(StateError::Locked { .. }) => "wait until it has ended and try again",
        ClientError::State(StateError::DamagedRecord { .. }) => {
            "from a rescue system, beneath the root: move usr to usr.damaged; if .stateless-update/previous is there, which is \
             the release before, move it to usr, and `update` goes on from it; if not, make usr anew by `os-install`, with \
             --url, --trust and the bundles that were there; then move usr.damaged/local and usr.damaged/src into usr, in \
             place of those there"
        }
        ClientError::NoSuchProgram { .. } => "`config list` names those that have it",
        ClientError::SeveralPrograms { .. } => "name the one that is meant",
        ClientError::NotOslo { .. } => "`config show` tells what it reads",
        ClientError::NoOneFile { .. } => "`config list` and `config diff` tell which files are overridden",
        ClientError::Beaten { .. } => "change or remove the setting there",
        ClientError::Displaces { .. } => "make a copy of that file there first",
        ClientError::TakesAway { .. } => {
            "a table and a value cannot have the same name: name an option in the table, or edit by hand"
        }
        ClientError::NotAFile { .. } => {
            "name a file that is to be written; no symlink is followed and no device written to"
        }
        ClientError::NoRoot { .. } => {
            "it is the publisher's first root metadata that is wanted, for example `1.root.json`"
        }
        ClientError::NotRemoved { .. } => {
            "the warnings name what stays; `lsattr` tells what is immutable: take that away, and try again"
        }
        ClientError::NotConfirmed => "--preview shows what, --yes does it",
        ClientError::NoSuchOption { .. } => "options are named SECTION.KEY",
        ClientError::Overlay(OverlayError::Syntax { .. } | OverlayError::NotText { .. }) => {
            "`config check` lists all lines that cannot be read"
        }
        ClientError::OtherRelease { .. } => {
            "a file beneath /usr is that release's and not here: tell its publisher; one beneath /etc is read in another \
             way there"
        }
        ClientError::Overlay(OverlayError::Archive { .. }) => {
            "nothing was changed; make another one with `config save`"
        }
        ClientError::Overlay(OverlayError::NotEditable { .. }) => {
            "edit it by hand; `config check` then says whether it can be read"
        }
        ClientError::NoSuchRelease { .. } => {
            "name a release that was published and is still there, or none for the newest; nothing was changed"
        }
        ClientError::Trust(TrustError::NoRelease { .. }) => {
            "try again when its publisher has published one (`stateless-publish release`)"
        }
        ClientError::Older { .. } => "go back deliberately with `update --version`",
        ClientError::DamagedPrevious { .. } | ClientError::Stage(StageError::NoPrevious) => {
            "nothing was changed; `update --version` brings an older release from the publication"
        }
        ClientError::BelowFloor { .. } => "`update` goes to the newest release",
        ClientError::NotEmpty { .. } => "os-install needs a root without a usr, or with an empty one",
        ClientError::NoTrustGiven => "the publisher's first root metadata, for example `--trust 1.root.json`",
        ClientError::NoUrlGiven => "name where the publication lies, for example `--url https://example.org/os`",
        ClientError::NotSubscribed { because_of, .. } => {
            return Some(format!("it comes with {}", list(because_of)));
        }
        ClientError::NotInstalled { .. } => "`bundle-list` shows what is installed",
        ClientError::Needed { .. } => "--recursive removes those too",
        ClientError::NoSpace { .. } => "make room, for example with `clean`; nothing was changed",
        ClientError::NoProgress => "try another mirror with --url; nothing on this machine was changed",
        ClientError::Fetch(FetchError::BadObject { .. }) => {
            "a mirror or proxy changed the file; nothing on this machine was changed"
        }
        ClientError::Switch(SwitchError::Fixed { .. }) => "`chattr -ia` allows it; nothing was changed",
        ClientError::Switch(SwitchError::CannotExchange { .. }) => {
            "/usr and the directory beside it must lie on one file system that knows RENAME_EXCHANGE (ext4, xfs, btrfs)"
        }
        ClientError::Trust(TrustError::Expired { .. }) => {
            "the publisher has not signed it again in time (`stateless-publish keys refresh`), or this machine's clock is \
             wrong: set it, or go on with --ignore-time; /usr is as it was"
        }
        // Also what is told where a root of trust, or an origin, is another publication's than the other.
        ClientError::Trust(TrustError::Signature { .. }) => {
            "check whether --url, and --trust where it is given, are of the publication that is meant; else a mirror or \
             proxy changed it: try another origin, and tell the publisher; /usr is as it was"
        }
        // The errors may name a copy that is gone: a run that only looks works on one.
        ClientError::Trust(TrustError::ForeignRoot { .. }) => {
            return Some(format!(
                "to follow the publication of that root instead, remove {HOME}/{TRUST} beneath --root"
            ));
        }
        ClientError::Trust(TrustError::LocalDamaged { path, .. }) if path.ends_with(TrustDirectory::RELEASE) => {
            "`check-update` brings it again"
        }
        ClientError::Trust(TrustError::LocalDamaged { .. } | TrustError::LocalNotPlain { .. }) => {
            return Some(format!(
                "it tells what was last seen of the publication: look at the disk, then remove {HOME}/{TRUST} beneath \
                 --root; the next look begins anew, and would not notice an older state of the publication"
            ));
        }
        ClientError::NotKept { .. } => {
            "its publisher may have dropped it, or this is a mirror of newer releases: another origin (--url) may have it"
        }
        ClientError::NoPublication { source, .. } => {
            return Some(of_transport(source).unwrap_or(NO_PUBLICATION).to_owned());
        }
        ClientError::Trust(error) => return of_transport(transport_beneath(error)?).map(Into::into),
        ClientError::Transport(error) | ClientError::Fetch(FetchError::Transport(error)) => {
            let lacking = error.is_surely_not_found().then_some(LACKING);
            return of_transport(error).or(lacking).map(Into::into);
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn of_transport(error: &TransportError) -> Option<&'static str> {
    match error {
        TransportError::NoUrl => Some("say with --url where the publication is"),
        TransportError::BadUrl { .. } => {
            Some("https://HOST/PATH, file:///PATH or the path of a directory or an archive that is there is wanted")
        }
        TransportError::InsecureUrl { .. } => {
            Some("use https:, or --allow-insecure-http: contents are signed, but others can see what is fetched")
        }
        TransportError::Certificate { .. } => {
            Some("check the clock of this machine and whether the certificate of the origin's owner is installed")
        }
        TransportError::Setup { .. } => {
            Some("install the certificates of the system (ca-certificates); check the proxy settings")
        }
        TransportError::Connect { .. } if PROXIES.iter().any(|name| std::env::var_os(name).is_some()) => Some(
            "check the network, the origin (--url), and the proxy that is set (HTTPS_PROXY, http_proxy, ALL_PROXY): it \
             may be what does not answer, and SOCKS is not spoken; /usr is as it was",
        ),
        TransportError::NotAPublication { .. } => {
            Some("check the URL, and whether the network wants a login in a web browser first")
        }
        TransportError::BadArchive { .. } => Some("copy it again, or have `export` make it again; /usr is as it was"),
        TransportError::Mirrors { failures, .. } => failures.iter().find_map(of_transport),
        _ => None,
    }
}

/// These names in a sentence.
fn list(names: &[BundleName]) -> String {
    let names: Vec<&str> = names.iter().map(BundleName::as_str).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use stateless_update::client::ErrorKind;
    use stateless_update::trust::{Role, SourceError};

    use super::*;

    #[test]
    fn what_has_expired_is_told_with_its_two_reasons() {
        let (role, expired_at) = (Role::Timestamp, Timestamp::UNIX_EPOCH);
        let now = Timestamp::new(86_400, 123_456_789).expect("a time");
        let error = ClientError::from(TrustError::Expired { role, expired_at, now });
        let told =
            "the timestamp metadata expired at 1970-01-01T00:00:00Z (the time is taken to be 1970-01-02T00:00:00Z)";
        assert_eq!((error.to_string().as_str(), error.kind()), (told, ErrorKind::Refused));
        let hint = hint(&error).expect("a hint");
        assert!(hint.contains("keys refresh") && hint.contains("clock") && hint.contains("--ignore-time"), "{hint}");
    }

    /// The first request of a command is a look's, and its failure an error of trust.
    #[test]
    fn what_the_transport_advises_is_told_of_looks_too() {
        let url = || "https://example.org/os/metadata/timestamp.json".to_owned();
        let cases = [
            (TransportError::NotAPublication { url: url() }, ErrorKind::Unreachable, Some("a login in a web browser")),
            (TransportError::InsecureUrl { url: url() }, ErrorKind::Unreachable, Some("--allow-insecure-http")),
            (
                TransportError::BadArchive { path: "/os.tar".into(), reason: "it ends early".to_owned() },
                ErrorKind::Refused,
                Some("copy it again"),
            ),
            (TransportError::Status { url: url(), status: 500 }, ErrorKind::Unreachable, None),
        ];
        for (error, kind, advice) in cases {
            let told = error.to_string();
            let source = SourceError::Failed(Box::new(error));
            let error =
                ClientError::from(TrustError::Unreachable { path: "metadata/timestamp.json".to_owned(), source });
            assert_eq!(error.kind(), kind, "{told}");
            let hint = hint(&error);
            assert_eq!(hint.is_some(), advice.is_some(), "{told}: {hint:?}");
            assert!(hint.unwrap_or_default().contains(advice.unwrap_or_default()), "{told}");
        }
    }
}
