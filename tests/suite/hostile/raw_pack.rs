//! A pack written by hand, from the format's page alone (`docs/formats.md`, "Pack"), so that it can say anything.

use std::io::Write;

use serde_json::{Value, json};
use stateless_update::pack::{ManifestDelta, make_text_delta};
use stateless_update::types::Digest;

/// One build of the only block.
pub struct Build {
    pub size: u64,
    pub id: Digest,
    /// What a delta starts from; none for a whole blob.
    pub base: Option<Digest>,
}

/// A pack from 10 to 20 with one block.
pub struct RawPack {
    pub magic: Vec<u8>,
    pub from: u64,
    pub to: u64,
    pub id_length: u64,
    pub manifest_delta: Option<ManifestDelta>,
    /// Overrides the count of blocks, of builds, the packed and plain length of a stream.
    pub blocks: u64,
    pub build_count: Option<u64>,
    pub lengths: Option<(usize, u64, u64)>,
    pub methods: Option<u64>,
    pub builds: Vec<Build>,
    /// Plain streams: whole blobs, seeks, add lengths, copy lengths, run lengths, literals, extra.
    pub streams: [Vec<u8>; 7],
    /// Makes a frame of a stream.
    pub frame: fn(&[u8]) -> Vec<u8>,
    /// Changes the plain index.
    pub index: fn(Vec<u8>) -> Vec<u8>,
    /// Changes the block after its digest was taken.
    pub block: fn(Vec<u8>) -> Vec<u8>,
}

/// A number as the format writes it.
pub fn number(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// One plain frame; nothing for nothing.
pub fn frame(plain: &[u8]) -> Vec<u8> {
    if plain.is_empty() {
        return Vec::new();
    }
    let mut encoder = zstd::Encoder::new(Vec::new(), 19).expect("memory");
    encoder.set_pledged_src_size(Some(plain.len() as u64)).expect("a length");
    let log = plain.len().next_power_of_two().ilog2().clamp(10, 24);
    encoder.set_parameter(zstd::zstd_safe::CParameter::WindowLog(log)).expect("a window");
    encoder.write_all(plain).expect("memory");
    encoder.finish().expect("memory")
}

impl RawPack {
    /// A pack with these builds, sound as far as it goes.
    pub fn new(builds: Vec<Build>, streams: [Vec<u8>; 7]) -> Self {
        Self {
            magic: b"SUPACK01".to_vec(),
            from: 10,
            to: 20,
            id_length: 8,
            manifest_delta: None,
            blocks: 1,
            build_count: None,
            lengths: None,
            methods: None,
            builds,
            streams,
            frame,
            index: |index| index,
            block: |block| block,
        }
    }

    /// With the manifest as a delta.
    pub fn with_manifest(mut self, old: &str, new: &str) -> Self {
        let frame = make_text_delta(old.as_bytes(), new.as_bytes()).expect("small");
        let bundle = "os-core".parse().expect("a name");
        self.manifest_delta = Some(ManifestDelta { bundle, base: Digest::of(old.as_bytes()), frame });
        self
    }

    /// The pack and what the release document says of it.
    pub fn finish(&self) -> (Value, Vec<u8>) {
        let frames =
            self.streams.each_ref().map(|plain| if plain.is_empty() { Vec::new() } else { (self.frame)(plain) });
        let block = frames.concat();
        let index = (self.index)(self.plain_index(&frames, &Digest::of(&block)));
        let packed = frame(&index);
        let head = [&self.magic[..], &number(packed.len() as u64), &number(index.len() as u64), &packed].concat();
        let mut bytes = head.clone();
        if let Some(delta) = &self.manifest_delta {
            bytes.extend_from_slice(&delta.frame);
        }
        bytes.extend((self.block)(block));
        let signed = json!({"sha256": Digest::of(&head), "length": head.len()});
        let offer = json!({
            "from": 10, "bundle": null, "path": "packs/10-20/all", "head": signed, "length": bytes.len(),
        });
        (offer, bytes)
    }

    fn plain_index(&self, frames: &[Vec<u8>; 7], digest: &Digest) -> Vec<u8> {
        let mut out: Vec<u8> = [self.from, self.to, self.id_length].into_iter().flat_map(number).collect();
        match &self.manifest_delta {
            None => out.push(0),
            Some(delta) => {
                out.extend([1, delta.bundle.as_str().len() as u8]);
                out.extend_from_slice(delta.bundle.as_str().as_bytes());
                out.extend_from_slice(&delta.base.as_bytes()[..8]);
                out.extend(number(delta.frame.len() as u64));
            }
        }
        out.extend(number(self.blocks));
        out.extend(number(self.build_count.unwrap_or(self.builds.len() as u64)));
        for (stream, (frame, plain)) in frames.iter().zip(&self.streams).enumerate() {
            let lie = self.lengths.filter(|(which, ..)| *which == stream);
            let (_, packed, plain) = lie.unwrap_or((stream, frame.len() as u64, plain.len() as u64));
            out.extend(number(packed));
            out.extend(number(plain));
        }
        out.extend_from_slice(digest.as_bytes());
        for build in &self.builds {
            out.extend(number(self.methods.unwrap_or(build.base.is_some().into())));
        }
        self.builds.iter().for_each(|build| out.extend(number(build.size)));
        let short = |id: &Digest| id.as_bytes()[..self.id_length.min(32) as usize].to_vec();
        self.builds.iter().for_each(|build| out.extend(short(&build.id)));
        self.builds.iter().filter_map(|build| build.base).for_each(|base| out.extend(short(&base)));
        out
    }
}
