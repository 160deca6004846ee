//! How the library speaks: it reports what it does and never prints.
//!
//! The programs pass a [`Reporter`]; they alone decide what a person or a script gets to see.

mod checkpoint;

use std::sync::atomic::{AtomicU64, Ordering};

pub use checkpoint::Checkpoint;

/// The steps of a run that take long enough to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The live tree is compared with its manifests. Unit: files.
    Scan,
    /// Metadata, packs and objects come over the wire. Unit: bytes.
    Download,
    /// New files are made from deltas and blobs. Unit: bytes.
    Build,
    /// The next tree is brought to the target. Unit: entries.
    Stage,
    /// The next tree is checked against the target. Unit: entries.
    Check,
    /// Publisher: trees are read and hashed. Unit: files.
    Compose,
    /// Publisher: blobs are compressed alone. Unit: bytes.
    Objects,
    /// Publisher: packs are made. Unit: bytes of the files that they make.
    Packs,
    /// Publisher: objects that are published are decoded. Unit: bytes of their content.
    Decode,
    /// Publisher: packs that are published are decoded. Unit: bytes of the packs.
    Unpack,
}

/// What a step counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Files or entries.
    Files,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A step went forward. `done` never falls and never exceeds `total`.
    Progress {
        /// Which step.
        step: Step,
        /// How far it is.
        done: u64,
        /// How far it goes.
        total: u64,
    },
    /// Something that a person should know and that does not stop the run.
    Warning(String),
    /// What is being done now, in a few words; for `--verbose`.
    Note(String),
}

/// What is about to be done to a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// From which release to which, in words.
    pub step: String,
    /// Bundles that go, by name.
    pub bundles_removed: Vec<String>,
    /// Paths that are kept from going, from the root.
    pub kept: Vec<String>,
    /// Files and symlinks that are new, that differ, and that go.
    pub files: [u64; 3],
    /// Bytes to download, beyond those that were read to find this out; none where nothing ever is.
    pub download_bytes: Option<u64>,
    /// The most bytes on disk beyond what is there now; none where nothing comes.
    pub disk_bytes: Option<u64>,
    /// What will make the running system the new one, in words.
    pub then: &'static str,
}

/// Receives events, from any thread.
pub trait Reporter: Send + Sync {
    /// Takes one event.
    fn report(&self, event: Event);

    /// Whether to go on with what is ahead. Whoever cannot be asked agrees.
    fn agrees(&self, _: &Ahead) -> bool {
        true
    }

    /// Learns that a transition came by a place between two of its steps. Only tests have a use for it: a run that is
    /// unwound from here has left what a kill leaves.
    fn passes(&self, _: Checkpoint) {}
}

/// Forgets all events.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _: Event) {}
}

/// Keeps what people are warned of.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Warnings(std::sync::Mutex<Vec<String>>);

#[cfg(test)]
impl Warnings {
    pub(crate) fn told(&self) -> Vec<String> {
        self.0.lock().expect("no test panics while it notes").clone()
    }
}

#[cfg(test)]
impl Reporter for Warnings {
    fn report(&self, event: Event) {
        if let Event::Warning(told) = event {
            self.0.lock().expect("no test panics while it notes").push(told);
        }
    }
}

impl Step {
    /// What the step counts.
    pub fn unit(self) -> Unit {
        match self {
            Self::Download | Self::Build | Self::Objects | Self::Packs | Self::Decode | Self::Unpack => Unit::Bytes,
            Self::Scan | Self::Stage | Self::Check | Self::Compose => Unit::Files,
        }
    }

    /// The step's name in events and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Download => "download",
            Self::Build => "build",
            Self::Stage => "stage",
            Self::Check => "check",
            Self::Compose => "compose",
            Self::Objects => "objects",
            Self::Packs => "packs",
            Self::Decode => "decode",
            Self::Unpack => "unpack",
        }
    }
}

impl Unit {
    /// The unit's name in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Files => "files",
        }
    }
}

impl<R: Reporter + ?Sized> Reporter for &R {
    fn report(&self, event: Event) {
        (**self).report(event);
    }

    fn agrees(&self, ahead: &Ahead) -> bool {
        (**self).agrees(ahead)
    }

    fn passes(&self, checkpoint: Checkpoint) {
        (**self).passes(checkpoint);
    }
}

impl<R: Reporter + ?Sized> Reporter for std::sync::Arc<R> {
    fn report(&self, event: Event) {
        (**self).report(event);
    }

    fn agrees(&self, ahead: &Ahead) -> bool {
        (**self).agrees(ahead)
    }

    fn passes(&self, checkpoint: Checkpoint) {
        (**self).passes(checkpoint);
    }
}

/// Counts one step's work across threads and reports it.
#[derive(Debug)]
pub struct Progress<R> {
    reporter: R,
    step: Step,
    done: AtomicU64,
    total: u64,
}

impl<R: Reporter> Progress<R> {
    /// Begins a step that goes to `total`.
    pub fn new(reporter: R, step: Step, total: u64) -> Self {
        reporter.report(Event::Progress { step, done: 0, total });
        Self { reporter, step, done: 0.into(), total }
    }

    /// Goes `amount` further.
    pub fn advance(&self, amount: u64) {
        let before = self.done.fetch_add(amount, Ordering::Relaxed);
        let done = (before + amount).min(self.total);
        self.reporter.report(Event::Progress { step: self.step, done, total: self.total });
    }
}
