//! A publication as the publisher makes it, for the demo and the tests.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::programs::{Output, Programs};

/// A publication and the keys that sign it.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Where it lies.
    pub path: PathBuf,
    /// Where its keys lie.
    pub keys: PathBuf,
    /// What the publisher is told the time is, in seconds since 1970; otherwise it asks the clock.
    pub epoch: Option<u64>,
}

/// What one release is made from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Its number.
    pub version: u32,
    /// The bundle definitions.
    pub definitions: &'a Path,
    /// The directory that holds a tree per bundle.
    pub trees: &'a Path,
}

impl Publication {
    /// Makes an empty one in `directory/publication`, and its keys in `directory/keys`.
    ///
    /// # Errors
    /// When the publisher refuses.
    pub fn init(programs: &Programs, directory: &Path, epoch: Option<u64>) -> Result<Self> {
        let new = Self { path: directory.join("publication"), keys: directory.join("keys"), epoch };
        let arguments: [&Path; 4] = ["init".as_ref(), &new.path, "--keys".as_ref(), &new.keys];
        programs.publish(arguments, epoch)?.success().context("stateless-publish init")?;
        Ok(new)
    }

    /// The first root of trust, which a machine's owner hands to the client.
    pub fn trust(&self) -> PathBuf {
        self.path.join("metadata/1.root.json")
    }

    /// Publishes a release; whether that succeeded is in the output.
    ///
    /// # Errors
    /// When the publisher cannot be started.
    pub fn release(&self, programs: &Programs, input: Input<'_>, options: &[&str]) -> Result<Output> {
        let version = input.version.to_string();
        let mut arguments: Vec<&OsStr> = vec!["release".as_ref(), self.path.as_ref()];
        arguments.extend::<[&OsStr; 4]>([
            "--keys".as_ref(),
            self.keys.as_ref(),
            "--version".as_ref(),
            version.as_ref(),
        ]);
        arguments.extend::<[&OsStr; 2]>(["--definitions".as_ref(), input.definitions.as_ref()]);
        arguments.extend::<[&OsStr; 2]>(["--trees".as_ref(), input.trees.as_ref()]);
        arguments.extend(options.iter().map(OsStr::new));
        programs.publish(arguments, self.epoch)
    }
}
