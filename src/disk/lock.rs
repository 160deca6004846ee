//! A lock on an open file or directory.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// A lock that was taken, and what it is on. The kernel gives it up when the process ends.
///
/// A process that another thread is just starting has the file open, too, until it becomes another program, and a lock goes
/// only with the last who has the file. Therefore it is given up by itself when this is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, which others may share; none when somebody has it for himself.
    ///
    /// # Errors
    /// Those of `flock`.
    pub fn shared(file: File) -> io::Result<Option<Self>> {
        Self::take(file, FlockOperation::NonBlockingLockShared)
    }

    /// Takes the lock for this run alone; none when somebody has it.
    ///
    /// # Errors
    /// Those of `flock`.
    pub fn exclusive(file: File) -> io::Result<Option<Self>> {
        Self::take(file, FlockOperation::NonBlockingLockExclusive)
    }

    fn take(file: File, operation: FlockOperation) -> io::Result<Option<Self>> {
        match flock(&file, operation) {
            Ok(()) => Ok(Some(Self { file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // What cannot be unlocked here is unlocked when the last of them closes it.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_ends_with_its_value_though_the_file_is_still_open() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let open = || File::open(temporary.path()).expect("it opens");
        let file = open();
        // What a process that is being started has.
        let still_open = file.try_clone().expect("duplicated");
        let lock = Lock::exclusive(file).expect("locked").expect("free");
        assert!(Lock::shared(open()).expect("asked").is_none());
        drop(lock);
        let shared = Lock::shared(open()).expect("asked").expect("free");
        assert!(Lock::shared(open()).expect("asked").is_some());
        assert!(Lock::exclusive(open()).expect("asked").is_none());
        drop((shared, still_open));
    }
}
