//! One HTTP request and its answer: headers checked, redirects followed under rules.
//!
//! Redirects are followed here and not in `reqwest`, so that each counts as the request that it is, goes through the
//! right client (this machine is never reached through a proxy), and never leads to a weaker scheme.

use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Response, StatusCode, redirect, retry};
use tokio::time::timeout;
use url::Url;

use super::body::{Body, Opened, Stream, Timing, stalled};
use super::origin::{is_loopback, shown, without_password};
use super::retry::{Again, Fault, retry_after};
use super::{Cause, Counters, TransportError};

const USER_AGENT: &str = concat!("stateless-update/", env!("CARGO_PKG_VERSION"));
const MAX_REDIRECTS: usize = 5;

/// The clients, made when they are first needed: reading the system's certificates takes time, and a machine without any
/// can still read from itself.
#[derive(Debug)]
pub(super) struct Http {
    timing: Timing,
    allow_insecure_http: bool,
    clients: [OnceLock<Client>; 4],
}

/// What to ask for beyond the path.
#[derive(Clone, Debug, Default)]
pub(super) struct Request<'a> {
    /// Answer only when it is no longer this one.
    pub(super) unless: Option<&'a str>,
    /// First and last byte.
    pub(super) range: Option<(u64, u64)>,
}

impl Http {
    pub(super) fn new(timing: Timing, allow_insecure_http: bool) -> Self {
        Self { timing, allow_insecure_http, clients: Default::default() }
    }

    /// Sends the request, follows redirects, checks the headers of the answer.
    pub(super) async fn open(&self, url: &Url, request: &Request<'_>, counters: &Counters) -> Result<Opened, Fault> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(&url, request, counters).await?;
            if !is_redirect(response.status()) {
                return self.judge(url, request, response);
            }
            url = self.redirected(&url, response.headers()).map_err(Fault::senseless)?;
        }
        let target = shown(&url);
        let reason = "more than 5 redirects in a row";
        Err(Fault::senseless(TransportError::Redirect { url: target.clone(), target, reason }))
    }

    async fn send(&self, url: &Url, request: &Request<'_>, counters: &Counters) -> Result<Response, Fault> {
        let mut builder = self.client(url)?.get(url.clone()).header(header::ACCEPT_ENCODING, "identity");
        // An ETag that cannot be sent, from a damaged record perhaps, is as good as none.
        if let Some(Ok(etag)) = request.unless.map(HeaderValue::from_str) {
            builder = builder.header(header::IF_NONE_MATCH, etag);
        }
        if let Some((first, last)) = request.range {
            builder = builder.header(header::RANGE, format!("bytes={first}-{last}"));
        }
        counters.requests.fetch_add(1, Ordering::Relaxed);
        match timeout(self.timing.stall, builder.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(failed_to_send(url, &error)),
            Err(_) => Err(stalled(url, 0, self.timing.stall)),
        }
    }

    /// The client for a URL: through the system's proxy except for this machine, with the system's trust anchors where
    /// they are needed.
    fn client(&self, url: &Url) -> Result<&Client, Fault> {
        let (local, encrypted) = (is_loopback(url), url.scheme() == "https");
        let place = &self.clients[usize::from(local) * 2 + usize::from(encrypted)];
        if let Some(client) = place.get() {
            return Ok(client);
        }
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .connect_timeout(self.timing.connect);
        if local {
            builder = builder.no_proxy();
        }
        if !encrypted {
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| {
            let source = Cause::of(&error);
            Fault::lasting(TransportError::Setup { url: shown(url), source })
        })?;
        Ok(place.get_or_init(|| client))
    }

    fn redirected(&self, url: &Url, headers: &HeaderMap) -> Result<Url, TransportError> {
        let location = text(headers, header::LOCATION).unwrap_or_default();
        let refused = |reason| TransportError::Redirect { url: shown(url), target: without_password(location), reason };
        let mut target = url.join(location).map_err(|_| refused("that is no URL"))?;
        // Whoever may ask a server may ask it at another place, however that is written.
        if target.origin() == url.origin() && target.username().is_empty() && target.password().is_none() {
            target.set_username(url.username()).map_err(|()| refused("that is no URL"))?;
            target.set_password(url.password()).map_err(|()| refused("that is no URL"))?;
        }
        match (url.scheme(), target.scheme()) {
            (_, "https") => Ok(target),
            // Another machine is only asked without encryption where that is allowed.
            ("http", "http") if self.allow_insecure_http || !is_loopback(url) || is_loopback(&target) => Ok(target),
            ("http", "http") => Err(refused("that is not encrypted and not on this machine")),
            ("https", "http") => Err(refused("that is not encrypted")),
            _ => Err(refused("only https: and http: are followed")),
        }
    }

    /// Sorts the answers: bodies that can be used, errors that may pass, errors that will not.
    fn judge(&self, url: Url, request: &Request<'_>, response: Response) -> Result<Opened, Fault> {
        let (status, headers) = (response.status(), response.headers());
        let at = || shown(&url);
        let refused = TransportError::Status { url: at(), status: status.as_u16() };
        let (from, whole) = match status {
            StatusCode::OK => (0, response.content_length()),
            StatusCode::PARTIAL_CONTENT => match request.range {
                Some(range) => (range.0, checked_range(&url, range, &response).map_err(Fault::senseless)?),
                None => return Err(Fault::senseless(refused)),
            },
            StatusCode::NOT_MODIFIED => {
                let unasked = || Fault::senseless(TransportError::UnaskedUnchanged { url: at() });
                return request.unless.map(|_| Opened::Unchanged).ok_or_else(unasked);
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                return Err(Fault::lasting(TransportError::NotFound { url: at() }));
            }
            // That is about one range and one server's copy of the file.
            StatusCode::RANGE_NOT_SATISFIABLE => return Err(Fault::senseless(refused)),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let wait = text(headers, header::RETRY_AFTER);
                let wait = wait.and_then(|value| retry_after(value, jiff::Timestamp::now()));
                return Err(Fault { error: refused, again: wait.map_or(Again::AfterBackoff, Again::After) });
            }
            // 511 is what networks answer that want a login first.
            StatusCode::NETWORK_AUTHENTICATION_REQUIRED => {
                return Err(Fault::lasting(TransportError::NotAPublication { url: at() }));
            }
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                return Err(Fault::passing(refused));
            }
            status if status.is_client_error() => return Err(Fault::lasting(refused)),
            _ => return Err(Fault::senseless(refused)),
        };
        let encoding = text(headers, header::CONTENT_ENCODING).unwrap_or("identity");
        if !encoding.eq_ignore_ascii_case("identity") {
            return Err(Fault::senseless(TransportError::Encoded { url: at(), encoding: encoding.to_owned() }));
        }
        // A part of a file is no page, whatever a server takes the file's name for.
        if status == StatusCode::OK && text(headers, header::CONTENT_TYPE).is_some_and(is_html) {
            return Err(Fault::senseless(TransportError::NotAPublication { url: at() }));
        }
        let etag = text(headers, header::ETAG).map(str::to_owned);
        let stream = Stream::new(response, url, self.timing);
        Ok(Opened::Body { from, whole, etag, body: Body::Http(Box::new(stream)) })
    }
}

/// The length of the whole file as `Content-Range` has it, if that is the range that was asked for.
fn checked_range(url: &Url, (first, last): (u64, u64), response: &Response) -> Result<Option<u64>, TransportError> {
    let value = text(response.headers(), header::CONTENT_RANGE);
    let wrong = |reason: String| TransportError::WrongRange { url: shown(url), first, last, reason };
    let value = value.ok_or_else(|| wrong("it does not say what it answers with".to_owned()))?;
    let unlike = || wrong(format!("its Content-Range is `{value}`"));
    let (range, whole) =
        value.strip_prefix("bytes ").and_then(|rest| rest.trim().split_once('/')).ok_or_else(unlike)?;
    let whole = match whole {
        "*" => None,
        number => Some(number.parse::<u64>().map_err(|_| unlike())?),
    };
    if range != format!("{first}-{last}") || whole.is_some_and(|whole| whole <= last) {
        return Err(unlike());
    }
    match response.content_length() {
        Some(length) if length != last - first + 1 => Err(wrong(format!("it announces {length} bytes"))),
        _ => Ok(whole),
    }
}

fn failed_to_send(url: &Url, error: &reqwest::Error) -> Fault {
    let (url, source) = (shown(url), Cause::of(error));
    if source.is_certificate() {
        Fault::lasting(TransportError::Certificate { url, source })
    } else if error.is_connect() {
        Fault::passing(TransportError::Connect { url, source })
    } else {
        Fault::passing(TransportError::Broken { url, received: 0, source })
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn is_html(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("text/html") || essence.eq_ignore_ascii_case("application/xhtml+xml")
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_nothing_weaker_and_take_no_password_elsewhere() {
        let http = Http::new(Timing::new(std::time::Duration::from_secs(1)), false);
        let here = "http://user:pa%20ss@127.0.0.1:1";
        let cases = [
            (here, "/b", Some("http://user:pa%20ss@127.0.0.1:1/b")),
            (here, "http://127.0.0.1:1/b", Some("http://user:pa%20ss@127.0.0.1:1/b")),
            (here, "http://127.0.0.1:2/b", Some("http://127.0.0.1:2/b")),
            (here, "https://example.org/b", Some("https://example.org/b")),
            (here, "http://example.org/b", None),
            // Only where that is allowed is another machine asked without encryption.
            ("http://example.org", "http://example.com/b", Some("http://example.com/b")),
            ("https://example.org", "http://example.org/b", None),
            ("https://example.org", "file:///etc/passwd", None),
        ];
        for (url, location, wanted) in cases {
            let headers = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static(location))]);
            let target = http.redirected(&url.parse().expect("a URL"), &headers).ok();
            assert_eq!(target.as_ref().map(Url::as_str), wanted, "{url} to {location}");
        }
    }
}
