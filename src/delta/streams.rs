//! The six streams of a delta, apart by role.

use std::fmt;
use std::io::{self, BufRead};

use super::DeltaError;

/// What a stream of a delta carries, in the order of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Per triple: how far from the end of the last add range the next one begins in the old file; zigzag varints.
    Seeks,
    /// Per triple: how many bytes of the old file to add differences to; varints.
    AddLengths,
    /// Per triple: how many bytes to take from `Extra` after that; varints.
    CopyLengths,
    /// The differences, as lengths of runs that are zero and not zero by turns; varints.
    RunLengths,
    /// The differences that are not zero: bytes to add, modulo 256.
    Literals,
    /// Bytes that have no place in the old file.
    Extra,
}

/// One `T` for each role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams<T> {
    /// [`Role::Seeks`].
    pub seeks: T,
    /// [`Role::AddLengths`].
    pub add_lengths: T,
    /// [`Role::CopyLengths`].
    pub copy_lengths: T,
    /// [`Role::RunLengths`].
    pub run_lengths: T,
    /// [`Role::Literals`].
    pub literals: T,
    /// [`Role::Extra`].
    pub extra: T,
}

impl Role {
    /// All roles, in the order of the format.
    pub const ALL: [Self; 6] =
        [Self::Seeks, Self::AddLengths, Self::CopyLengths, Self::RunLengths, Self::Literals, Self::Extra];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seeks => "seeks",
            Self::AddLengths => "add lengths",
            Self::CopyLengths => "copy lengths",
            Self::RunLengths => "run lengths",
            Self::Literals => "literals",
            Self::Extra => "extra",
        })
    }
}

impl<T> Streams<T> {
    /// Streams from one value per role, in the order of [`Role::ALL`].
    pub fn from_array([seeks, add_lengths, copy_lengths, run_lengths, literals, extra]: [T; 6]) -> Self {
        Self { seeks, add_lengths, copy_lengths, run_lengths, literals, extra }
    }

    /// The values in the order of [`Role::ALL`].
    pub fn into_array(self) -> [T; 6] {
        [self.seeks, self.add_lengths, self.copy_lengths, self.run_lengths, self.literals, self.extra]
    }

    /// References to the values, in the same places.
    pub fn as_ref(&self) -> Streams<&T> {
        Streams {
            seeks: &self.seeks,
            add_lengths: &self.add_lengths,
            copy_lengths: &self.copy_lengths,
            run_lengths: &self.run_lengths,
            literals: &self.literals,
            extra: &self.extra,
        }
    }
}

/// Gives the next `length` bytes of a stream to `use_bytes`, piece by piece.
pub(super) fn consume(
    role: Role,
    stream: &mut impl BufRead,
    mut length: u64,
    mut use_bytes: impl FnMut(&[u8]) -> Result<(), DeltaError>,
) -> Result<(), DeltaError> {
    while length > 0 {
        let bytes = match stream.fill_buf() {
            Ok([]) => return Err(DeltaError::stream(role, io::ErrorKind::UnexpectedEof.into())),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(DeltaError::stream(role, error)),
        };
        let count = length.min(bytes.len() as u64) as usize;
        use_bytes(&bytes[..count])?;
        stream.consume(count);
        length -= count as u64;
    }
    Ok(())
}
