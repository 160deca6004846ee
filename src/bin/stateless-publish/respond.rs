//! What a request for a static file gets: GET and HEAD, one range, a tag to ask again with.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use hyper::header::{
    ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, IF_RANGE,
    RANGE,
};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

/// Bytes are read from the file in pieces of this many.
const PIECE_BYTES: usize = 256 << 10;

/// A part of a file on its way out.
#[derive(Default)]
pub(crate) struct Body {
    file: Option<File>,
    left: u64,
}

/// Which bytes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// All of them.
    All,
    /// From one to another, both among them.
    Range(u64, u64),
    /// Some that the file does not have.
    None,
}

/// The answer, and how many bytes its body has.
pub(crate) fn respond(root: &Path, request: &Parts) -> (Response<Body>, u64) {
    let get = request.method == Method::GET;
    if !get && request.method != Method::HEAD {
        let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return (response, 0);
    }
    let (mut file, length, tag) = match place(root, request.uri.path()).and_then(|place| open(&place)) {
        Ok(opened) => opened,
        Err(error) => return (status(refusal(error.kind())), 0),
    };
    let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
    let mut response = Response::new(Body::default());
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\"")));
    if header(IF_NONE_MATCH).is_some_and(|tags| matches(tags, &tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return (response, 0);
    }
    let of_this_file = header(IF_RANGE).is_none_or(|known| known == tag);
    let wanted = match header(RANGE).filter(|_| of_this_file && get) {
        Some(range) => wanted(range, length),
        None => Wanted::All,
    };
    headers.insert(CONTENT_TYPE, content_type(request.uri.path()));
    let (start, count) = match wanted {
        Wanted::All => (0, length),
        Wanted::Range(first, last) => {
            headers.insert(CONTENT_RANGE, text(format!("bytes {first}-{last}/{length}")));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            (first, last - first + 1)
        }
        Wanted::None => {
            headers.insert(CONTENT_RANGE, text(format!("bytes */{length}")));
            headers.insert(CONTENT_LENGTH, 0.into());
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            return (response, 0);
        }
    };
    response.headers_mut().insert(CONTENT_LENGTH, count.into());
    if !get {
        return (response, 0);
    }
    if start > 0 && file.seek(SeekFrom::Start(start)).is_err() {
        return (status(StatusCode::INTERNAL_SERVER_ERROR), 0);
    }
    *response.body_mut() = Body { file: Some(file), left: count };
    (response, count)
}

/// What is not there is for good, for this publication; the rest is the server's trouble, after which a client asks again or goes
/// elsewhere.
fn refusal(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => StatusCode::NOT_FOUND,
        ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn status(code: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_LENGTH, 0.into());
    response
}

fn text(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// Where the file for a request path lies. Publications have only plain names, so whatever would have to be decoded,
/// leads upwards, or is the publisher's own (hidden) is not there.
fn place(root: &Path, path: &str) -> io::Result<PathBuf> {
    let not_there = || io::Error::from(ErrorKind::NotFound);
    let names = path.strip_prefix('/').ok_or_else(not_there)?.split('/');
    let plain = |name: &str| {
        !name.is_empty()
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
    };
    let mut place = root.to_owned();
    for name in names {
        if !plain(name) {
            return Err(not_there());
        }
        place.push(name);
        // A symlink could lead out.
        if place.symlink_metadata()?.is_symlink() {
            return Err(not_there());
        }
    }
    Ok(place)
}

/// The file, its length, and a tag that changes with it.
fn open(place: &Path) -> io::Result<(File, u64, String)> {
    let file = File::open(place)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(ErrorKind::NotFound.into());
    }
    let tag = format!("\"{:x}-{:x}-{:x}.{:x}\"", found.ino(), found.len(), found.mtime(), found.mtime_nsec());
    Ok((file, found.len(), tag))
}

/// Whether a list of tags has this one. Weak tags compare like strong ones here (RFC 9110, 13.1.2).
fn matches(tags: &str, tag: &str) -> bool {
    tags.split(',').map(str::trim).any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// What a `Range` header asks for (RFC 9110, 14.2). What is not understood, or is more than one range, asks for all.
fn wanted(range: &str, length: u64) -> Wanted {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::All;
    };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), last) => {
            let last = match last {
                Ok(last) if last < first => return Wanted::All,
                Ok(last) => last,
                Err(_) if range.ends_with('-') => u64::MAX,
                Err(_) => return Wanted::All,
            };
            if first < length { Wanted::Range(first, last.min(length - 1)) } else { Wanted::None }
        }
        (Err(_), Ok(count)) if first.is_empty() => match count.min(length) {
            0 => Wanted::None,
            count => Wanted::Range(length - count, length - 1),
        },
        _ => Wanted::All,
    }
}

fn content_type(path: &str) -> HeaderValue {
    HeaderValue::from_static(if path.ends_with(".json") { "application/json" } else { "application/octet-stream" })
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Self { file, left } = self.get_mut();
        let (Some(open), 1..) = (file.as_mut(), *left) else { return Poll::Ready(None) };
        // A local disk answers soon enough for trials.
        let mut piece = vec![0; (*left).min(PIECE_BYTES as u64) as usize];
        let read = tokio::task::block_in_place(|| open.read_exact(&mut piece));
        match read {
            Ok(()) => {
                *left -= piece.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(piece.into()))))
            }
            Err(error) => {
                *file = None;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 || self.file.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if self.file.is_some() { self.left } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(root: &Path, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, u64, Response<Body>) {
        let mut request = hyper::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (response, bytes) = respond(root, &request.body(()).expect("a request").into_parts().0);
        (response.status().as_u16(), bytes, response)
    }

    #[test]
    fn files_are_found_and_nothing_else_is() {
        let place = tempfile::tempdir().expect("a directory");
        let root = place.path().join("site");
        std::fs::create_dir_all(root.join("objects/ab")).expect("write");
        std::fs::write(root.join("objects/ab/x"), "0123456789").expect("write");
        std::fs::create_dir(root.join(".staging")).expect("write");
        std::fs::write(root.join(".staging/x"), "hidden").expect("write");
        std::fs::write(place.path().join("secret"), "secret").expect("write");
        std::os::unix::fs::symlink("../secret", root.join("link")).expect("write");
        std::os::unix::fs::symlink("..", root.join("up")).expect("write");
        let (status, bytes, response) = ask(&root, "GET", "/objects/ab/x", &[]);
        assert_eq!((status, bytes, &response.headers()[CONTENT_LENGTH]), (200, 10, &HeaderValue::from_static("10")));
        let tag = response.headers()[ETAG].to_str().expect("text").to_owned();
        for (headers, wanted) in [
            (vec![("if-none-match", &*tag)], (304, 0)),
            (vec![("if-none-match", "\"other\", *")], (304, 0)),
            (vec![("if-none-match", "\"other\"")], (200, 10)),
            (vec![("range", "bytes=2-4")], (206, 3)),
            (vec![("range", "bytes=2-4"), ("if-range", &*tag)], (206, 3)),
            (vec![("range", "bytes=2-4"), ("if-range", "\"other\"")], (200, 10)),
        ] {
            let (status, bytes, _) = ask(&root, "GET", "/objects/ab/x", &headers);
            assert_eq!((status, bytes), wanted, "{headers:?}");
        }
        let (status, bytes, response) = ask(&root, "HEAD", "/objects/ab/x", &[]);
        assert_eq!((status, bytes, &response.headers()[CONTENT_LENGTH]), (200, 0, &HeaderValue::from_static("10")));
        assert_eq!(ask(&root, "POST", "/objects/ab/x", &[]).0, 405);
        for path in [
            "/",
            "/objects",
            "/objects/ab/",
            "/objects/ab/y",
            "/../secret",
            "/objects/../../secret",
            "/%2e%2e/secret",
            "/link",
            "/up/secret",
            "/.staging/x",
            "//objects/ab/x",
            "/objects/ab/x/y",
            &format!("/{}", "x".repeat(300)),
        ] {
            assert_eq!(ask(&root, "GET", path, &[]).0, 404, "{path}");
        }
    }

    /// A disk or a limit that fails for a moment does not make files vanish.
    #[test]
    fn trouble_is_told_from_what_is_not_there() {
        // As Linux numbers them: ENOENT, ENOTDIR, ENAMETOOLONG, EACCES, EIO, EMFILE.
        for (number, code) in [(2, 404), (20, 404), (36, 404), (13, 403), (5, 503), (24, 503)] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(refusal(error.kind()).as_u16(), code, "{error}");
        }
    }

    #[test]
    fn ranges() {
        for (range, wanted_range) in [
            ("bytes=0-", Wanted::Range(0, 9)),
            ("bytes=3-3", Wanted::Range(3, 3)),
            ("bytes=3-99", Wanted::Range(3, 9)),
            ("bytes=-4", Wanted::Range(6, 9)),
            ("bytes=-99", Wanted::Range(0, 9)),
            ("bytes=-0", Wanted::None),
            ("bytes=10-", Wanted::None),
            ("bytes=4-3", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("bytes=x-", Wanted::All),
            ("lines=0-1", Wanted::All),
        ] {
            assert_eq!(wanted(range, 10), wanted_range, "{range}");
        }
    }
}
