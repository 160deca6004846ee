//! What is asked of an origin, and the honest answer.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::answer::Answer;

/// What of a publication is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Root,
    Timestamp,
    Snapshot,
    Targets,
    /// A release document.
    Document,
    /// A release document as a delta to an older one.
    DocumentDelta,
    Manifest,
    /// A range from the beginning of a pack on.
    PackHead,
    /// Any other range of a pack.
    PackRange,
    Object,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// In the publication, without a slash in front.
    pub path: String,
    /// First and last byte.
    pub range: Option<(u64, u64)>,
    /// The tag of what the client has.
    pub has: Option<String>,
}

impl Request {
    /// Reads the head of a request.
    pub fn parse(head: &str) -> Option<Self> {
        let mut lines = head.lines();
        let path = lines.next()?.strip_prefix("GET /")?.split(' ').next()?.to_owned();
        let (mut range, mut has) = (None, None);
        for line in lines {
            let Some((name, value)) = line.split_once(": ") else { continue };
            match name.to_ascii_lowercase().as_str() {
                "range" => {
                    let (from, to) = value.strip_prefix("bytes=")?.split_once('-')?;
                    range = Some((from.parse().ok()?, to.parse().ok()?));
                }
                "if-none-match" => has = Some(value.to_owned()),
                _ => {}
            }
        }
        Some(Self { path, range, has })
    }

    /// What it asks for.
    pub fn kind(&self) -> Kind {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        match self.path.split('/').next().unwrap_or_default() {
            "metadata" if name.ends_with("root.json") => Kind::Root,
            "metadata" if name.ends_with("snapshot.json") => Kind::Snapshot,
            "metadata" if name.ends_with("targets.json") => Kind::Targets,
            "metadata" => Kind::Timestamp,
            "releases" if name.contains(".from-") => Kind::DocumentDelta,
            "releases" => Kind::Document,
            "manifests" => Kind::Manifest,
            "objects" => Kind::Object,
            "packs" if self.range.is_some_and(|(from, _)| from > 0) => Kind::PackRange,
            "packs" => Kind::PackHead,
            other => panic!("{other:?} is no part of a publication"),
        }
    }

    /// The answer of an honest origin that has this file, or has none.
    pub fn answer(&self, file: Option<Vec<u8>>) -> Answer {
        let Some(whole) = file else { return Answer::empty("404 Not Found") };
        let mut hasher = DefaultHasher::new();
        whole.hash(&mut hasher);
        let tag = format!("\"{:x}\"", hasher.finish());
        if self.has.as_ref() == Some(&tag) {
            return Answer::empty("304 Not Modified");
        }
        let length = whole.len() as u64;
        let answer = match self.range {
            None => Answer::of("200 OK", whole.clone()),
            Some((from, to)) if from <= to && from < length => {
                let last = to.min(length - 1);
                let body = whole[from as usize..=last as usize].to_vec();
                Answer::of("206 Partial Content", body).with(&format!("Content-Range: bytes {from}-{last}/{length}"))
            }
            Some(_) => Answer::empty("416 Range Not Satisfiable"),
        };
        Answer { whole, ..answer.with(&format!("ETag: {tag}")) }
    }
}
