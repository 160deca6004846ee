//! What can be wrong with an answer, and how an honest one is spoilt.

use super::answer::{Answer, Ending};
use super::request::{Kind, Request};

/// Where in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Start,
    Middle,
    End,
}

/// What an origin, a proxy or the network does to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends before all has come that was announced.
    Cut(At),
    /// The same after so many bytes.
    CutAfter(usize),
    /// As before, and the connection is reset.
    Reset(At),
    /// All but the last bytes, announced as if that were all.
    Short,
    /// Bytes behind the end, announced.
    Longer,
    /// One bit is another.
    Flip(At),
    /// Nothing but zeros, as many as there should be bytes.
    Zeros,
    /// Nothing, announced as nothing.
    Empty,
    /// Bytes without end.
    Endless,
    /// No length is announced: the end of the connection is the end of the body.
    NoLength,
    /// The body comes in chunks.
    Chunked,
    /// The body comes in chunks, the second of which is none.
    BrokenChunks,
    /// Two lengths are announced.
    TwoLengths,
    /// This is no HTTP.
    Babble,
    /// The connection ends without an answer.
    NoAnswer,
    /// The connection stays, and nothing comes.
    Silence,
    /// The half comes, then nothing.
    Stall,
    /// Another status, with an empty body and perhaps a header.
    Status(&'static str, &'static str),
    /// The network's login page instead.
    Portal,
    /// The same, not declared as a page.
    UndeclaredPortal,
    /// A content encoding that was not asked for.
    Gzip,
    /// A redirect to itself.
    Circle,
    /// A redirect to that place.
    Redirect(&'static str),
    /// A redirect to an origin that is sound.
    RedirectToSound,
    /// The whole file in answer to a range.
    Whole,
    /// Another range than was asked for, and it says so.
    OtherRange,
    /// Another range than was asked for, and it says that it is the right one.
    LyingRange,
    /// A range that does not say which.
    SilentRange,
    /// The first half of the range.
    HalfRange,
    /// The file as an older publication had it.
    Older,
}

/// In how many ways the origin can be wrong.
pub const ALL: &[Fault] = &[
    Fault::Cut(At::Start),
    Fault::Cut(At::Middle),
    Fault::Cut(At::End),
    Fault::Reset(At::Start),
    Fault::Reset(At::Middle),
    Fault::Short,
    Fault::Longer,
    Fault::Flip(At::Start),
    Fault::Flip(At::Middle),
    Fault::Flip(At::End),
    Fault::Zeros,
    Fault::Empty,
    Fault::Endless,
    Fault::NoLength,
    Fault::Chunked,
    Fault::BrokenChunks,
    Fault::TwoLengths,
    Fault::Babble,
    Fault::NoAnswer,
    Fault::Silence,
    Fault::Stall,
    Fault::Status("500 Oops", ""),
    Fault::Status("502 Bad Gateway", ""),
    Fault::Status("503 Unavailable", "Retry-After: 0"),
    Fault::Status("504 Gateway Timeout", ""),
    Fault::Status("429 Too Many Requests", "Retry-After: 0"),
    Fault::Status("408 Request Timeout", ""),
    Fault::Status("404 Not Found", ""),
    Fault::Status("410 Gone", ""),
    Fault::Status("403 Forbidden", ""),
    Fault::Status("416 Range Not Satisfiable", "Content-Range: bytes */5"),
    Fault::Status("204 No Content", ""),
    Fault::Status("206 Partial Content", ""),
    Fault::Status("300 Multiple Choices", ""),
    Fault::Status("304 Not Modified", ""),
    Fault::Status("511 Network Authentication Required", ""),
    Fault::Portal,
    Fault::UndeclaredPortal,
    Fault::Gzip,
    Fault::Circle,
    Fault::Redirect("http://192.0.2.1/"),
    Fault::Redirect("https://127.0.0.1:1/"),
    Fault::Redirect("file:///etc/passwd"),
    Fault::Redirect("http://[broken"),
    Fault::RedirectToSound,
    Fault::Whole,
    Fault::OtherRange,
    Fault::LyingRange,
    Fault::SilentRange,
    Fault::HalfRange,
    Fault::Older,
];

impl Fault {
    /// Whether it changes anything for a request of that kind.
    pub fn concerns(self, kind: Kind) -> bool {
        match self {
            Self::Whole | Self::OtherRange | Self::LyingRange | Self::SilentRange | Self::HalfRange => {
                matches!(kind, Kind::PackHead | Kind::PackRange)
            }
            // What is named by its digest is the same in every publication that has it.
            Self::Older => matches!(kind, Kind::Timestamp | Kind::Snapshot | Kind::Targets | Kind::Root),
            _ => true,
        }
    }

    /// Whether HTTP allows it, so that nothing may come of it.
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::NoLength | Self::Chunked | Self::RedirectToSound | Self::Whole)
    }

    /// Whether the origin says in so many words that it does not give the file: that is not asked twice.
    pub fn is_refusal(self, kind: Kind) -> bool {
        match self {
            // An older publication has none of these names.
            Self::Older => kind != Kind::Timestamp,
            Self::Status(status, _) => ["403", "404", "410", "511"].iter().any(|code| status.starts_with(code)),
            _ => false,
        }
    }

    /// Whether it can make a machine believe that the state before is still the newest. Nobody can tell that from the
    /// truth, until the metadata ends.
    pub fn freezes(self, kind: Kind) -> bool {
        kind == Kind::Timestamp && matches!(self, Self::Older | Self::Status("304 Not Modified", _))
    }

    /// Whether it is noticed by waiting.
    pub fn takes_time(self) -> bool {
        matches!(self, Self::Silence | Self::Stall)
    }

    /// The answer as this fault leaves it; `sound` is another origin, `older` the file in an older publication.
    pub fn spoil(self, request: &Request, honest: Answer, sound: &str, older: Option<Vec<u8>>) -> Answer {
        let length = honest.body.len();
        let place = |at| match at {
            At::Start => 0,
            At::Middle => length / 2,
            At::End => length.saturating_sub(1),
        };
        let first = |count: usize| honest.body[..count].to_vec();
        match self {
            Self::Cut(at) => Answer { body: first(place(at)), ..honest },
            Self::CutAfter(count) => Answer { body: first(count.min(length)), ..honest },
            Self::Reset(at) => Answer { body: first(place(at)), ending: Ending::Reset, ..honest },
            Self::Short => {
                let body = first(length.saturating_sub(3));
                honest.with_length(body.len()).with_body(body)
            }
            Self::Longer => {
                let body = [&honest.body[..], b"and more"].concat();
                honest.with_length(body.len()).with_body(body)
            }
            Self::Flip(at) => {
                let mut body = honest.body.clone();
                if let Some(byte) = body.get_mut(place(at)) {
                    *byte ^= 4;
                }
                honest.with_body(body)
            }
            Self::Zeros => honest.with_body(vec![0; length]),
            Self::Empty => honest.with_length(0).with_body(Vec::new()),
            Self::Endless => Answer { ending: Ending::Endless, ..honest.without("Content-Length") },
            Self::NoLength => honest.without("Content-Length"),
            Self::Chunked | Self::BrokenChunks => {
                let (one, two) = honest.body.split_at(place(At::Middle));
                let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
                let mut body = if one.is_empty() { Vec::new() } else { chunk(one) };
                match self {
                    Self::Chunked if two.is_empty() => body.extend(b"0\r\n\r\n"),
                    Self::Chunked => body.extend([&chunk(two)[..], b"0\r\n\r\n"].concat()),
                    _ => body.extend(b"no number\r\nand no chunk"),
                }
                let honest = honest.without("Content-Length");
                honest.with("Transfer-Encoding: chunked").with_body(body)
            }
            Self::TwoLengths => honest.with(&format!("Content-Length: {}", length + 1)),
            Self::Babble => Answer { status: None, body: b"220 mail.example.org ESMTP\r\n\r\n".to_vec(), ..honest },
            Self::NoAnswer => Answer { status: None, body: Vec::new(), ..honest },
            Self::Silence => Answer { status: None, body: Vec::new(), ending: Ending::Hold, ..honest },
            Self::Stall => Answer { body: first(place(At::Middle)), ending: Ending::Hold, ..honest },
            Self::Status(status, header) => Answer::empty(status).with(header),
            Self::Portal => Answer::of("200 OK", PAGE.to_vec()).with("Content-Type: text/html; charset=utf-8"),
            Self::UndeclaredPortal => Answer::of("200 OK", PAGE.to_vec()),
            Self::Gzip => honest.with("Content-Encoding: gzip"),
            Self::Circle => Answer::empty("302 Found").with(&format!("Location: /{}", request.path)),
            Self::Redirect(place) => Answer::empty("307 Temporary Redirect").with(&format!("Location: {place}")),
            Self::RedirectToSound => {
                Answer::empty("301 Moved Permanently").with(&format!("Location: {sound}{}", request.path))
            }
            Self::Whole => Answer::of("200 OK", honest.whole.clone()),
            Self::OtherRange | Self::LyingRange => {
                let Some((from, to)) = request.range else { return honest };
                let moved = |place: u64| if from > 0 { place - 1 } else { place + 1 };
                let asked = Request { range: Some((moved(from), moved(to))), ..request.clone() };
                let other = asked.answer(Some(honest.whole.clone()));
                match self {
                    Self::OtherRange => other,
                    _ => honest.with_body(other.body),
                }
            }
            Self::SilentRange => honest.without("Content-Range"),
            Self::HalfRange => {
                let body = first(place(At::Middle));
                let (from, whole) = (request.range.map_or(0, |(from, _)| from), honest.whole.len());
                let last = (from + body.len() as u64).saturating_sub(1);
                let range = format!("Content-Range: bytes {from}-{last}/{whole}");
                honest.without("Content-Range").with(&range).with_length(body.len()).with_body(body)
            }
            Self::Older => request.answer(older),
        }
    }
}

const PAGE: &[u8] = b"<!doctype html><title>Log in</title><p>Please log in";
