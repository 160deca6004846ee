//! The transport against servers that behave badly.

mod mirrors;
mod server;

use std::time::Duration;

use server::{Reply, Server, cut, ok, partial, reply};

use super::*;

const LIMITS: Limits = Limits {
    parallel: 4,
    max_retries: 2,
    retry_delay: Duration::from_millis(1),
    timeout: Duration::from_secs(30),
    allow_insecure_http: false,
};

fn transport(servers: &[&Server]) -> Transport {
    timed(servers, Timing::new(LIMITS.timeout))
}

/// Gives up on a silent server soon.
fn hasty(servers: &[&Server]) -> Transport {
    timed(servers, Timing::new(Duration::from_millis(700)))
}

fn timed(servers: &[&Server], timing: Timing) -> Transport {
    timed_within(servers, LIMITS, timing)
}

fn timed_within(servers: &[&Server], limits: Limits, timing: Timing) -> Transport {
    let urls: Vec<_> = servers.iter().map(|server| server.url.clone()).collect();
    Transport::made(origins(&[], &urls, false).expect("loopback"), limits, timing)
}

async fn served(script: Vec<Reply>) -> (Server, Transport) {
    let server = Server::start(script).await;
    let transport = transport(&[&server]);
    (server, transport)
}

async fn range(transport: &Transport, offset: u64, length: u64) -> (Vec<u8>, Result<Served, TransportError>) {
    let mut bytes = Vec::new();
    let mut sink = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok(())
    };
    let result = transport.range("packs/a", offset, length, &mut sink).await;
    (bytes, result)
}

async fn object(transport: &Transport, length: u64) -> (Vec<u8>, Result<Served, TransportError>) {
    let mut bytes = Vec::new();
    let mut sink = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok(())
    };
    let result = transport.object("objects/ab/abcd", length, &mut sink).await;
    (bytes, result)
}

fn name(error: &TransportError) -> String {
    format!("{error:?}").split([' ', '{']).next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_document_is_asked_for_plainly() {
    let (server, transport) = served(vec![ok(b"{}")]).await;
    assert_eq!(transport.get("metadata/1.root.json", 2).await.expect("there"), b"{}");
    assert_eq!(transport.meter(), Meter { requests: 1, bytes: 2 });
    let request = &server.requests()[0];
    assert!(request.starts_with("get /os/metadata/1.root.json http/1.1\r\n"), "{request}");
    assert!(request.contains("accept-encoding: identity\r\n"), "{request}");
    assert!(request.contains(concat!("user-agent: stateless-update/", env!("CARGO_PKG_VERSION"))), "{request}");
    assert!(!request.contains("range:"), "{request}");
}

#[tokio::test]
async fn answers_that_are_not_taken() {
    let html = reply("200 OK", "Content-Type: text/html; charset=utf-8\r\n", b"hello");
    let gzip = reply("200 OK", "Content-Encoding: gzip\r\n", b"....");
    let endless = Reply::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec());
    let lying = Reply::Endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n".to_vec());
    let file = reply("302 Found", "Location: file:///etc/passwd\r\n", b"");
    let open = reply("302 Found", "Location: http://example.org/x\r\n", b"");
    let circle = reply("301 Moved Permanently", "Location: /os/a\r\n", b"");
    let cases: Vec<(Reply, &str, u64)> = vec![
        (html, "NotAPublication", 3),
        (ok(b" \n <!DOCTYPE html>"), "NotAPublication", 3),
        (reply("511 Network Authentication Required", "", b""), "NotAPublication", 1),
        (gzip, "Encoded", 3),
        (endless, "TooLong", 3),
        (lying, "TooLong", 3),
        (ok(&[b'a'; 101]), "TooLong", 3),
        (reply("304 Not Modified", "", b""), "UnaskedUnchanged", 3),
        (reply("206 Partial Content", "Content-Range: bytes 0-1/2\r\n", b"ab"), "Status", 3),
        (reply("403 Forbidden", "", b""), "Status", 1),
        (reply("404 Not Found", "Content-Type: text/html\r\n", b"<html>"), "NotFound", 1),
        (reply("500 Oops", "", b""), "Status", 3),
        (cut("200 OK", 10, b"abc"), "Broken", 3),
        (Reply::Bytes(b"what?\r\n\r\n".to_vec()), "Broken", 3),
        (file, "Redirect", 3),
        (open, "Redirect", 3),
        (circle, "Redirect", 18),
    ];
    for (reply, wanted, requests) in cases {
        let (_server, transport) = served(vec![reply]).await;
        let error = transport.get("a", 100).await.expect_err(wanted);
        assert_eq!((&*name(&error), transport.meter().requests), (wanted, requests), "{error}");
        assert!(error.to_string().contains("/os/a"), "{error}");
        assert_eq!(error.is_not_found(), wanted == "NotFound");
        assert_eq!(error.kind(), TransportErrorKind::Origin);
    }
}

#[tokio::test]
async fn silence_is_not_waited_out() {
    let silent = Reply::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec());
    let server = Server::start(vec![silent]).await;
    let transport = hasty(&[&server]);
    let error = transport.get("a", 100).await.expect_err("silence");
    assert_eq!((&*name(&error), transport.meter().requests), ("Stalled", 3), "{error}");
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let busy = reply("429 Too Many Requests", "Retry-After: 0\r\n", b"");
    let script = vec![reply("502 Bad Gateway", "", b""), busy, ok(b"fine")];
    let (_server, transport) = served(script).await;
    assert_eq!(transport.get("a", 100).await.expect("third time"), b"fine");
    assert_eq!(transport.meter().requests, 3);
}

#[tokio::test]
async fn redirects_are_followed_and_counted() {
    let script = vec![reply("302 Found", "Location: b\r\n", b""), ok(b"there")];
    let (server, transport) = served(script).await;
    assert_eq!(transport.get("a", 100).await.expect("moved"), b"there");
    assert!(server.requests()[1].starts_with("get /os/b "));
    assert_eq!(transport.meter().requests, 2);
}

#[tokio::test]
async fn conditional_requests() {
    let script = vec![reply("200 OK", "ETag: \"1\"\r\n", b"one"), reply("304 Not Modified", "", b"")];
    let (server, transport) = served(script).await;
    let (Answer::Body { bytes, etag }, _) = transport.get_if_changed("a", 9, None).await.expect("there") else {
        panic!("nothing was asked");
    };
    assert_eq!((&*bytes, etag.as_deref()), (&b"one"[..], Some("\"1\"")));
    assert_eq!(transport.get_if_changed("a", 9, etag.as_deref()).await.expect("there").0, Answer::Unchanged);
    assert!(server.requests()[1].contains("if-none-match: \"1\"\r\n"));
}

#[tokio::test]
async fn a_span_goes_on_where_it_broke_off() {
    let first = cut("206 Partial Content\r\nContent-Range: bytes 2-9/20", 8, b"234");
    let script = vec![first, partial("bytes 5-9/20", b"56789")];
    let (server, transport) = served(script).await;
    let (bytes, result) = range(&transport, 2, 8).await;
    result.expect("resumed");
    assert_eq!(bytes, b"23456789");
    assert!(server.requests()[0].contains("range: bytes=2-9\r\n"));
    assert!(server.requests()[1].contains("range: bytes=5-9\r\n"));
    assert_eq!(transport.meter(), Meter { requests: 2, bytes: 8 });
}

#[tokio::test]
async fn an_object_goes_on_where_it_broke_off_also_at_a_server_without_ranges() {
    let whole = b"0123456789";
    for second in [partial("bytes 4-9/10", b"456789"), ok(whole)] {
        let (server, transport) = served(vec![cut("200 OK", 10, b"0123"), second]).await;
        let (bytes, result) = object(&transport, 10).await;
        result.expect("resumed");
        assert_eq!(bytes, whole);
        assert!(!server.requests()[0].contains("range:"));
        assert!(server.requests()[1].contains("range: bytes=4-9\r\n"));
    }
}

#[tokio::test]
async fn a_line_that_always_breaks_comes_to_the_end() {
    const PIECE: usize = 64 << 10;
    let whole = vec![b'x'; 6 * PIECE];
    let script = (0..6).map(|number| {
        let (at, length) = (number * PIECE, whole.len());
        let head = match at {
            0 => "200 OK".to_owned(),
            _ => format!("206 Partial Content\r\nContent-Range: bytes {at}-{}/{length}", length - 1),
        };
        cut(&head, length - at, &whole[at..at + PIECE])
    });
    let (server, transport) = served(script.collect()).await;
    let (bytes, result) = object(&transport, whole.len() as u64).await;
    result.expect("piece by piece");
    assert_eq!((bytes.len(), server.requests().len()), (whole.len(), 6));
}

/// Servers name what they serve by its file's name, and a bundle may be called `docs.html`.
#[tokio::test]
async fn a_part_of_a_file_is_no_web_page() {
    let headers = "Content-Range: bytes 0-3/9\r\nContent-Type: text/html\r\n";
    let (_server, transport) = served(vec![reply("206 Partial Content", headers, b"pack")]).await;
    let (bytes, result) = range(&transport, 0, 4).await;
    result.expect("what was asked for");
    assert_eq!(bytes, b"pack");
}

#[tokio::test]
async fn a_stalled_span_goes_on_at_the_next_mirror() {
    let stalled = Reply::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab".to_vec());
    let one = Server::start(vec![stalled, reply("500 Oops", "", b"")]).await;
    let two = Server::start(vec![partial("bytes 2-3/4", b"cd")]).await;
    let transport = hasty(&[&one, &two]);
    let (bytes, result) = object(&transport, 4).await;
    result.expect("resumed");
    assert_eq!((&*bytes, transport.meter().requests), (&b"abcd"[..], 4));
}

#[tokio::test]
async fn whole_files_in_answer_to_a_range_are_cut_to_size() {
    let (_server, transport) = served(vec![ok(b"0123456789")]).await;
    let (bytes, result) = range(&transport, 3, 4).await;
    result.expect("skipped to");
    assert_eq!(bytes, b"3456");
    let (bytes, result) = range(&transport, 0, 4).await;
    result.expect("its beginning");
    assert_eq!(bytes, b"0123");

    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n".to_vec();
    let (_server, transport) = served(vec![Reply::Endless(head)]).await;
    let (bytes, result) = range(&transport, 8_000_000, 4).await;
    assert_eq!((bytes.len(), name(&result.expect_err("too far"))), (0, "WrongRange".to_owned()));
}

#[tokio::test]
async fn spans_that_are_not_the_ones_are_not_delivered() {
    let cases = [
        (partial("bytes 0-3/10", b"0123"), "WrongRange"),
        (partial("bytes 3-5/10", b"345"), "WrongRange"),
        (partial("bytes 3-6/6", b"3456"), "WrongRange"),
        (partial("bytes 3-6/x", b"3456"), "WrongRange"),
        (partial("bytes 3-6/10", b"345"), "WrongRange"),
        (partial("chunks 3-6/10", b"3456"), "WrongRange"),
        (reply("206 Partial Content", "", b"3456"), "WrongRange"),
        (reply("416 Range Not Satisfiable", "Content-Range: bytes */5\r\n", b""), "Status"),
        (reply("200 OK", "Content-Type: text/html\r\n", b"<html>...."), "NotAPublication"),
        (ok(b"012345"), "WrongLength"),
    ];
    for (reply, wanted) in cases {
        let (_server, transport) = served(vec![reply]).await;
        let (bytes, result) = range(&transport, 3, 4).await;
        let error = result.expect_err(wanted);
        assert_eq!((bytes.len(), &*name(&error), transport.meter().requests), (0, wanted, 3), "{error}");
        assert!(error.is_about_the_file(), "{error}");
    }
    let (_server, transport) = served(vec![ok(b"012345")]).await;
    let (bytes, result) = object(&transport, 5).await;
    assert_eq!((bytes.len(), name(&result.expect_err("longer"))), (0, "WrongLength".to_owned()));
}

#[tokio::test]
async fn no_more_than_the_span_is_delivered() {
    let (_server, transport) = served(vec![Reply::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())]).await;
    let (bytes, result) = object(&transport, 100_000).await;
    result.expect("enough came");
    assert_eq!(bytes.len(), 100_000);
}

#[tokio::test]
async fn the_sink_ends_the_read() {
    let (_server, transport) = served(vec![ok(b"0123")]).await;
    let result = transport.object("a", 4, &mut |_: &[u8]| Err("disk full".into())).await;
    let error = result.expect_err("the sink said so");
    assert_eq!((error.kind(), transport.meter().requests), (TransportErrorKind::Sink, 1));
}

#[tokio::test]
async fn nobody_listens() {
    let url = "http://127.0.0.1:1/os".to_owned();
    let transport = Transport::new(&[url], Limits { max_retries: 0, ..LIMITS }).expect("loopback");
    let error = transport.get("a", 100).await.expect_err("refused");
    assert_eq!(name(&error), "Connect");
    let cause = std::error::Error::source(&error).expect("has a cause").to_string();
    assert!(cause.contains("refused"), "{cause}");
}

#[tokio::test]
async fn a_trickle_is_given_up() {
    let stalled = Reply::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec());
    let server = Server::start(vec![stalled]).await;
    let timing = Timing { rate_window: Duration::ZERO, least_rate: u64::MAX, ..Timing::new(LIMITS.timeout) };
    let transport = timed_within(&[&server], Limits { max_retries: 0, ..LIMITS }, timing);
    assert_eq!(name(&transport.get("a", 100).await.expect_err("slow")), "TooSlow");
}

#[tokio::test]
async fn silence_is_given_up_when_it_was_said() {
    let server = Server::start(vec![Reply::Stall(Vec::new())]).await;
    let timing = Timing::new(Duration::from_millis(200));
    let transport = timed_within(&[&server], Limits { max_retries: 0, ..LIMITS }, timing);
    let error = transport.get("a", 100).await.expect_err("silent");
    assert!(error.to_string().contains("sent nothing for 0.2 s"), "{error}");
}

#[tokio::test]
async fn directories_are_origins_too() {
    let top = tempfile::tempdir().expect("a directory");
    std::fs::write(top.path().join("a"), b"0123456789").expect("written");
    std::fs::create_dir(top.path().join("d")).expect("made");
    for url in [top.path().display().to_string(), format!("file://{}", top.path().display())] {
        let transport = Transport::new(&[url], LIMITS).expect("absolute");
        assert_eq!(transport.get("a", 10).await.expect("there"), b"0123456789");
        assert_eq!(name(&transport.get("a", 9).await.expect_err("long")), "TooLong");
        assert!(transport.get("b", 9).await.expect_err("missing").is_not_found());
        assert!(transport.get("a/b", 9).await.expect_err("missing").is_not_found());
        let error = transport.get("d", 9).await.expect_err("a directory");
        assert!(name(&error) == "File" && error.is_about_the_file(), "{error:?}");
        assert_eq!(name(&transport.get("../a", 9).await.expect_err("leads out")), "BadPath");
        assert_eq!(transport.meter(), Meter { requests: 5, bytes: 10 });
        let mut bytes = Vec::new();
        let mut sink = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok(())
        };
        transport.range("a", 3, 4, &mut sink).await.expect("inside");
        transport.object("a", 10, &mut sink).await.expect("whole");
        assert_eq!(name(&transport.object("a", 9, &mut sink).await.expect_err("longer")), "WrongLength");
        assert_eq!(name(&transport.range("a", 8, 3, &mut sink).await.expect_err("past it")), "WrongLength");
        transport.range("missing", 3, 0, &mut sink).await.expect("nothing is nothing");
        assert_eq!(bytes, b"34560123456789");
    }
}

#[test]
fn one_file_that_cannot_be_read_is_told_from_a_medium_that_is_gone() {
    use rustix::io::Errno;
    for (errno, wanted) in [
        (Errno::ACCESS, true),
        (Errno::IO, true),
        (Errno::ISDIR, true),
        (Errno::UCLEAN, true),
        (Errno::NODEV, false),
        (Errno::STALE, false),
        (Errno::NFILE, false),
    ] {
        let error = TransportError::File { path: "/mnt/os/packs/10-20".into(), source: errno.into() };
        assert_eq!(error.is_about_the_file(), wanted, "{error:?}");
    }
}

#[test]
fn what_cannot_be_read_from_is_refused_at_once() {
    for (urls, wanted) in
        [(vec![], "NoUrl"), (vec!["http://example.org/"], "InsecureUrl"), (vec!["/srv/os", "srv/os"], "BadUrl")]
    {
        let urls: Vec<_> = urls.into_iter().map(str::to_owned).collect();
        let error = Transport::new(&urls, LIMITS).expect_err(wanted);
        assert_eq!((&*name(&error), error.kind()), (wanted, TransportErrorKind::Usage));
    }
}

/// Whoever recorded it had allowed it, so no later run needs to.
#[test]
fn what_is_recorded_may_be_plain_http() {
    let urls = ["http://example.org/".to_owned()];
    Transport::recorded(&urls, &urls, LIMITS).expect("allowed");
}

#[test]
fn reads_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let transport = Transport::new(&["/srv".to_owned()], LIMITS).expect("absolute");
    let mut sink = |_: &[u8]| Ok(());
    is_send(&transport.get("a", 1));
    is_send(&transport.range("a", 0, 1, &mut sink));
}
