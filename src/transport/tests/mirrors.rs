//! Several origins: who is asked, in which order, and whose word counts.

use super::server::{Reply, Server, ok, reply};
use super::*;

#[tokio::test]
async fn the_next_mirror_has_it() {
    for broken in [
        reply("404 Not Found", "", b""),
        reply("500 Oops", "", b""),
        ok(b"<html>"),
        Reply::Bytes(Vec::new()),
        ok(&[b'a'; 200]),
    ] {
        let (one, two) = (Server::start(vec![broken]).await, Server::start(vec![ok(b"{}")]).await);
        let transport = transport(&[&one, &two]);
        assert_eq!(transport.get("a", 100).await.expect("at the second"), b"{}");
    }
}

/// Takes `right` and nothing else.
fn right(bytes: Vec<u8>) -> Result<Vec<u8>, TransportError> {
    let wrong = || TransportError::BadPath { path: String::from_utf8_lossy(&bytes).into_owned() };
    if bytes == b"right" { Ok(bytes) } else { Err(wrong()) }
}

#[tokio::test]
async fn a_wrong_answer_is_asked_for_again_elsewhere_first() {
    let one = Server::start(vec![ok(b"wrong"), ok(b"right")]).await;
    let two = Server::start(vec![ok(b"wrong too")]).await;
    let both = transport(&[&one, &two]);
    assert_eq!(both.get_checked("a", 100, right).await.expect("at last"), b"right");
    assert_eq!((one.requests().len(), two.requests().len()), (2, 1));

    let one = Server::start(vec![ok(b"wrong")]).await;
    let two = Server::start(vec![ok(b"right")]).await;
    let both = transport(&[&one, &two]);
    for _ in 0..2 {
        assert_eq!(both.get_checked("a", 100, right).await.expect("at the second"), b"right");
    }
    assert_eq!((one.requests().len(), two.requests().len()), (1, 2));

    let (server, alone) = served(vec![ok(b"wrong")]).await;
    assert_eq!(name(&alone.get_checked("a", 100, right).await.expect_err("it stays wrong")), "BadPath");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn an_origin_that_was_wrong_is_asked_before_a_file_is_said_to_be_nowhere() {
    for wrong in [ok(b"wrong"), ok(&[b'a'; 200]), reply("403 Forbidden", "", b""), ok(b"<html>")] {
        let behind = Server::start(vec![reply("404 Not Found", "", b"")]).await;
        let origin = Server::start(vec![wrong, ok(b"right")]).await;
        let urls = [&behind, &origin].map(|server| server.url.clone());
        let limits = Limits { max_retries: 0, ..LIMITS };
        let both = Transport::new(&urls, limits).expect("loopback");
        // What is refused by its content is asked for again by the same call, other answers are the end of one.
        let answer = match both.get_checked("a", 100, right).await {
            Err(_) => both.get_checked("b", 100, right).await,
            answer => answer,
        };
        assert_eq!(answer.expect("the second time"), b"right");
        assert_eq!((behind.requests().len(), origin.requests().len()), (2, 2));
    }
}

/// The second mirror is wrong, or lacks the file, whenever it is asked; the first had no answer the first time.
#[tokio::test]
async fn no_chance_is_spent_twice_on_one_origin_before_the_others_had_theirs() {
    for path in ["metadata/timestamp.json", "objects/ab/abcd"] {
        for again in [ok(b"wrong"), reply("404 Not Found", "", b"")] {
            let one = Server::start(vec![reply("500 Oops", "", b""), ok(b"right")]).await;
            let two = Server::start(vec![ok(b"wrong"), again]).await;
            let urls = [&one, &two].map(|server| server.url.clone());
            let limits = Limits { max_retries: 0, ..LIMITS };
            let both = Transport::new(&urls, limits).expect("loopback");
            assert_eq!(both.get_checked(path, 100, right).await.expect("at the first"), b"right");
            assert_eq!((one.requests().len(), two.requests().len()), (2, 1));
        }
    }
}

/// The first origin begins with something wrong and breaks off, so the second one goes on from there: whoever asks again gets
/// all of it from the second.
#[tokio::test]
async fn who_gave_the_beginning_is_doubted_with_who_gave_the_end() {
    let one = Server::start(vec![cut("200 OK", 4, b"no")]).await;
    let two = Server::start(vec![partial("bytes 2-3/4", b"cd"), ok(b"abcd")]).await;
    let urls = [&one, &two].map(|server| server.url.clone());
    let both = Transport::new(&urls, Limits { max_retries: 0, ..LIMITS }).expect("loopback");
    let mut bytes = Vec::new();
    for wanted in [b"nocd", b"abcd"] {
        bytes.clear();
        let mut sink = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok(())
        };
        let served = both.object("objects/ab/abcd", 4, &mut sink).await.expect("at the second");
        assert_eq!(bytes, wanted);
        both.doubt(served);
    }
    assert_eq!((one.requests().len(), two.requests().len()), (1, 2));
}

#[tokio::test]
async fn a_mirror_without_metadata_hides_none() {
    let content = Server::start(vec![reply("404 Not Found", "", b"")]).await;
    let origin = Server::start(vec![ok(b"wrong"), ok(b"right")]).await;
    let [mirrors, urls] = [&content, &origin].map(|server| [server.url.clone()]);
    let both = Transport::recorded(&mirrors, &urls, Limits { max_retries: 0, ..LIMITS }).expect("loopback");
    assert_eq!(both.get_checked("metadata/7.snapshot.json", 100, right).await.expect("at the origin"), b"right");
    assert_eq!((content.requests().len(), origin.requests().len()), (1, 2));
}

#[tokio::test]
async fn a_root_that_is_not_there_is_not_asked_of_an_origin_that_was_refused() {
    let wrong = Server::start(vec![ok(b"wrong")]).await;
    let sound = Server::start(vec![reply("404 Not Found", "", b"")]).await;
    let both = transport(&[&wrong, &sound]);
    let error = both.get_checked("metadata/2.root.json", 100, right).await.expect_err("there is none");
    assert!(error.is_not_found(), "{error}");
    assert_eq!((wrong.requests().len(), sound.requests().len()), (1, 1));
}

#[tokio::test]
async fn an_origin_that_failed_is_asked_last() {
    let one = Server::start(vec![reply("500 Oops", "", b"")]).await;
    let two = Server::start(vec![ok(b"{}"), ok(b"{}"), reply("404 Not Found", "", b"")]).await;
    let transport = transport(&[&one, &two]);
    for _ in 0..2 {
        transport.get("a", 100).await.expect("at the second");
    }
    let before = one.requests().len();
    assert!(transport.get("a", 100).await.expect_err("404").is_not_found());
    assert_eq!((before, one.requests().len(), two.requests().len()), (3, 4, 3), "once, for a lack is an answer");
}

/// Together two origins have everything, though each had a moment in which it had not.
#[tokio::test]
async fn an_origin_that_failed_is_asked_for_what_a_sound_one_lacks() {
    let one = Server::start(vec![reply("500 Oops", "", b""), ok(b"{}")]).await;
    let two = Server::start(vec![ok(b"{}"), reply("404 Not Found", "", b"")]).await;
    let urls = [&one, &two].map(|server| server.url.clone());
    let both = Transport::new(&urls, Limits { max_retries: 0, ..LIMITS }).expect("loopback");
    both.get("a", 100).await.expect("at the second");
    assert_eq!(both.get("b", 100).await.expect("at the first"), b"{}");
}

#[tokio::test]
async fn a_mirror_that_was_found_not_to_answer_is_asked_last() {
    let dead = Server::start(vec![reply("500 Oops", "", b"")]).await;
    let origin = Server::start(vec![ok(b"{}")]).await;
    let [mirrors, urls] = [&dead, &origin].map(|server| [server.url.clone()]);
    let both = Transport::recorded(&mirrors, &urls, LIMITS).expect("loopback");
    both.mirrors_have("a").await.expect_err("it does not answer");
    let asked = dead.requests().len();
    both.get("b", 100).await.expect("at the origin");
    assert_eq!(dead.requests().len(), asked);
}

#[tokio::test]
async fn among_equals_one_that_lacks_a_file_settles_nothing() {
    let one = Server::start(vec![reply("500 Oops", "", b""), reply("404 Not Found", "", b"")]).await;
    let two = Server::start(vec![reply("500 Oops", "", b""), ok(b"{}")]).await;
    let urls = [&one, &two].map(|server| server.url.clone());
    let limits = Limits { max_retries: 0, ..LIMITS };
    let both = Transport::new(&urls, limits).expect("loopback");
    both.get("a", 100).await.expect_err("neither answers");
    assert_eq!(both.get("a", 100).await.expect("at the second"), b"{}");
}

#[tokio::test]
async fn all_mirrors_are_named_when_all_fail() {
    let (one, two) = (Server::start(vec![ok(b"<")]).await, Server::start(vec![reply("403 No", "", b"")]).await);
    let error = transport(&[&one, &two]).get("a", 100).await.expect_err("both fail");
    let message = error.to_string();
    assert!(message.contains(&one.url) && message.contains(&two.url), "{message}");
    assert!(!error.is_not_found());
}

#[tokio::test]
async fn a_busy_origin_is_not_waited_for_while_another_may_be_asked() {
    let busy = Server::start(vec![reply("503 Busy", "Retry-After: 60\r\n", b"")]).await;
    let sound = Server::start(vec![ok(b"fine")]).await;
    let began = std::time::Instant::now();
    assert_eq!(transport(&[&busy, &sound]).get("a", 100).await.expect("at the second"), b"fine");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(busy.requests().len(), 1);
}
