//! Looking inside files with one xz stream: the plain payload travels instead of the compressed one.
//!
//! A kernel image is a boot stub, an xz stream and a trailer; a compressed kernel module is an xz stream alone. Their
//! *form* is what was compressed, followed by everything else, so that an ELF file inside begins where the form begins
//! and its references can be predicted ([`crate::delta::apply_predicted`]). The client runs the same compressor again,
//! which takes much time and memory: whoever makes packs offers such a file in another way too.
//!
//! Promises: [`rewrap`] makes exactly what [`unwrap`] was given, or `unwrap` gives nothing; equal inputs give equal forms;
//! on hostile input `rewrap` ends in an error after at most the file's length of output, and has compressed at most
//! [`MAX_BYTES`] once, in [`CODER_MEMORY_BYTES`] besides the form. Needs: contents of at most [`MAX_BYTES`] in memory.
//! Leaves to others: whether a form is smaller, and the digest of what comes out.
//!
//! The compressor is liblzma at its default preset, 6, in which only the size of the dictionary may differ, and the x86
//! filter in front of it: what `xz` without further options, the kernel's build and its modules' use. The container
//! (The .xz File Format, version 1.2.1) is read and written by hand, because files of several blocks with sizes in their
//! headers come from a compressor with threads, which is not needed to make them again. The description for a second
//! implementation is in `docs/formats.md`, "Xz form".
//!
//! ```text
//! file   before | xz stream | after
//! form   payload | before | after | parameters
//! ```

mod coder;
mod container;
mod error;
mod form;

#[cfg(test)]
mod tests;

pub use error::XzError;
pub use form::{base_form, rewrap, unwrap};

/// The longest form, and the longest file that is made from one or whose payload a delta may start from: 96 MiB. The
/// kernel of Debian 12 has a payload of 66 MB.
pub const MAX_BYTES: u64 = 96 << 20;
/// The largest dictionary: 32 MiB, as the kernel has it.
pub const MAX_DICTIONARY_BYTES: u32 = 32 << 20;
/// What the compressor takes at most: 11.5 dictionaries and a little.
pub const CODER_MEMORY_BYTES: u64 = 12 * MAX_DICTIONARY_BYTES as u64;
/// How much [`looks_like_xz`] looks at.
pub const LOOK_BYTES: usize = 0x24c;

/// Whether a file that begins so may be one that [`unwrap`] takes.
pub fn looks_like_xz(start: &[u8]) -> bool {
    place(start).is_some()
}

/// Where the xz stream of a file begins, if it is one that has a place for one.
fn place(start: &[u8]) -> Option<usize> {
    if start.starts_with(&container::MAGIC) {
        return Some(0);
    }
    // The kernel's boot protocol, version 2.08: the header says where the payload is behind the boot sectors.
    let image = start.get(..LOOK_BYTES)?;
    let protocol = u16::from_le_bytes([image[0x206], image[0x207]]);
    if image[0x1fe..0x200] != [0x55, 0xaa] || image[0x202..0x206] != *b"HdrS" || protocol < 0x208 {
        return None;
    }
    let sectors = if image[0x1f1] == 0 { 4 } else { usize::from(image[0x1f1]) };
    let offset = u32::from_le_bytes([image[0x248], image[0x249], image[0x24a], image[0x24b]]);
    Some((sectors + 1) * 512 + offset as usize)
}
