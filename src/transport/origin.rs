//! Where a publication lies, parsed from what a user gives, and the paths in it.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use url::{Host, Url};

use super::TransportError;
use super::archive::Archive;

/// One place that a publication can be read from.
#[derive(Debug)]
pub(super) enum Origin {
    /// A base URL, `http:` or `https:`.
    Http(Url),
    /// The top of a local publication, absolute.
    Directory(PathBuf),
    /// A publication in one file.
    Archive(Archive),
}

impl Origin {
    /// Reads a URL or the absolute path of a directory or an archive.
    pub(super) fn parse(text: &str, allow_insecure_http: bool) -> Result<Self, TransportError> {
        if text.starts_with('/') {
            return Ok(Self::local(text.into()));
        }
        let bad = |reason: String| TransportError::BadUrl { url: without_password(text), reason };
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => {
                bad("it is neither a URL nor the path of something that is there".to_owned())
            }
            other => bad(other.to_string()),
        })?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it has a query or a fragment".to_owned()));
        }
        match url.scheme() {
            "https" => Ok(Self::Http(url)),
            "http" if allow_insecure_http || is_loopback(&url) => Ok(Self::Http(url)),
            "http" => Err(TransportError::InsecureUrl { url: shown(&url) }),
            "file" => match url.to_file_path() {
                Ok(path) => Ok(Self::local(path)),
                Err(()) => Err(bad("it names another machine; file:///PATH is wanted".to_owned())),
            },
            scheme => Err(bad(format!("`{scheme}:` is none of https:, http:, file:"))),
        }
    }

    /// A file holds a publication; everything else is the top of one, or will be.
    pub(super) fn local(path: PathBuf) -> Self {
        if path.is_file() { Self::Archive(Archive::new(path)) } else { Self::Directory(path) }
    }
}

/// As people may see it.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => f.write_str(&shown(url)),
            Self::Directory(path) => path.display().fmt(f),
            Self::Archive(archive) => archive.path().display().fmt(f),
        }
    }
}

/// Whether the URL's host is this machine. Such requests need no encryption and never go through a proxy.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).to_canonical().is_loopback(),
        None => false,
    }
}

/// The URL as people may see it.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    if url.password().is_some() {
        // Only URLs that cannot have a password refuse one.
        let _ = url.set_password(Some("..."));
    }
    url.into()
}

/// An origin as it was given, but for its password.
pub fn without_password(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if url.password().is_some() => shown(&url),
        Ok(_) => text.to_owned(),
        Err(_) => match (text.find("//"), text.rfind('@')) {
            (Some(start), Some(end)) if start < end => format!("{}//...{}", &text[..start], &text[end..]),
            _ => text.to_owned(),
        },
    }
}

/// The URL of a checked path beneath `base`.
pub(super) fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/'));
    }
    url
}

/// The file of a checked path beneath `top`.
pub(super) fn beneath(top: &Path, path: &str) -> PathBuf {
    top.join(path)
}

/// Refuses paths that are absolute, lead upwards or are not canonical.
pub(super) fn check_path(path: &str) -> Result<(), TransportError> {
    let good = |part: &str| !matches!(part, "" | "." | "..") && !part.bytes().any(|byte| matches!(byte, 0 | b'\\'));
    if path.split('/').all(good) { Ok(()) } else { Err(TransportError::BadPath { path: path.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in [
            "https://example.org/os",
            "http://127.0.0.1:8000",
            "http://127.9.9.9/",
            "http://localhost/os/",
            "http://[::1]:80/",
        ] {
            assert!(matches!(Origin::parse(good, false), Ok(Origin::Http(_))), "{good}");
        }
        for bad in
            ["http://example.org/", "http://10.0.0.1/", "http://localhost.example.org/", "http://127.0.0.1.nip.io"]
        {
            assert!(matches!(Origin::parse(bad, false), Err(TransportError::InsecureUrl { .. })), "{bad}");
            assert!(Origin::parse(bad, true).is_ok(), "{bad}");
        }
    }

    #[test]
    fn directories_are_absolute() {
        for good in ["/srv/os", "file:///srv/os"] {
            let origin = Origin::parse(good, false).expect(good);
            assert!(matches!(&origin, Origin::Directory(top) if top == Path::new("/srv/os")), "{origin:?}");
        }
        for bad in ["srv/os", "", "./x", "file://host/srv", "ftp://host/os", "https://", "https://x/?q", "https://x/#f"]
        {
            assert!(matches!(Origin::parse(bad, true), Err(TransportError::BadUrl { .. })), "{bad}");
        }
    }

    #[test]
    fn paths_stay_beneath_the_base() {
        let base = Url::parse("https://user:secret@example.org/os/").expect("a URL");
        assert_eq!(join(&base, "packs/a b/c%d?e").path(), "/os/packs/a%20b/c%25d%3Fe");
        assert!(!shown(&base).contains("secret"));
        for text in ["https://user:secret@host/os?x=1", "https://user:secret@", "ftp://user:secret@host/os"] {
            let error = Origin::parse(text, false).expect_err(text).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        for bad in ["", "/etc/passwd", "a//b", "../a", "a/../b", "a/.", "a/", "a\\b", "a\0"] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
        assert!(check_path("metadata/1.root.json").is_ok());
    }
}
