//! Runs that end between two steps: at each checkpoint of the code, what is left is the tree before or the target, and the
//! next run goes on.
//!
//! The library runs in this process and is unwound from the checkpoint, which leaves the disk as a kill would: nothing is
//! tidied up on the way but handles and the lock, as the kernel does for a process that is killed.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use stateless_update::client::{
    self, AddRequest, ClientError, InstallRequest, Mode, RemoveRequest, Settings, Thoroughness, UpdateRequest,
    VerifyRequest,
};
use stateless_update::report::{Checkpoint, Event, Reporter};
use xtask::crash::{Known, Transition, World, can_trace, judge, twin};

use crate::library::{self, settings};
use crate::world::{CHECKOUT, skipped, world};

/// A checkpoint and how often a run came by before.
type Place = (Checkpoint, usize);

/// Notes where a run comes by, and ends it at one place.
#[derive(Default)]
struct Stopping {
    at: Option<Place>,
    passed: Mutex<Vec<Checkpoint>>,
}

/// What a run that was ended is unwound with.
struct Stopped;

impl Reporter for Stopping {
    fn report(&self, _: Event) {}

    fn passes(&self, checkpoint: Checkpoint) {
        let mut passed = self.passed.lock().expect("no thread panics while it notes");
        let before = passed.iter().filter(|earlier| **earlier == checkpoint).count();
        passed.push(checkpoint);
        drop(passed);
        if self.at == Some((checkpoint, before)) {
            // Without the panic's message and trace: it is none.
            resume_unwind(Box::new(Stopped));
        }
    }
}

/// The value of an option in a command.
fn option<'a>(command: &'a [String], name: &str) -> Option<&'a str> {
    let value = |pair: &'a [String]| (pair[0] == name).then_some(pair[1].as_str());
    command.windows(2).find_map(value)
}

/// Runs a transition's command within this process; none when it was ended on the way.
fn run(transition: &Transition, root: &Path, reporter: &Arc<Stopping>) -> Option<Result<(), ClientError>> {
    let command = &transition.command;
    let settings = Settings {
        urls: option(command, "--url").map(str::to_owned).into_iter().collect(),
        trust: option(command, "--trust").map(Into::into),
        ..settings(root)
    };
    let version = option(command, "--version").map(|version| version.parse().expect("a version"));
    let bundle = |name: &str| [name.parse().expect("a bundle")].into();
    let (mode, thoroughness) = (Mode::Run, Thoroughness::Changed);
    let reporter: Arc<dyn Reporter> = reporter.clone();
    let transit = async {
        let done = match command[0].as_str() {
            "os-install" => {
                let bundles = bundle(option(command, "--bundle").expect("a bundle"));
                client::install(&settings, &InstallRequest { version, bundles, mode }, &reporter).await
            }
            "update" => client::update(&settings, &UpdateRequest { version, mode, thoroughness }, &reporter).await,
            "bundle-add" => {
                let request = AddRequest { bundles: bundle(&command[1]), skip_optional: false, mode };
                client::bundle_add(&settings, &request, &reporter).await
            }
            "bundle-remove" => {
                let request = RemoveRequest { bundles: bundle(&command[1]), recursive: false, mode };
                client::bundle_remove(&settings, &request, &reporter).await
            }
            "repair" => {
                let request = VerifyRequest { thoroughness, picky: false, bundles: BTreeSet::new(), file: None, mode };
                client::repair(&settings, &request, &reporter).await
            }
            "rollback" => client::rollback(&settings, mode, &reporter),
            "recover" => return client::recover(&settings, &reporter).map(drop),
            other => panic!("{other} is no transition"),
        };
        done.map(drop)
    };
    match catch_unwind(AssertUnwindSafe(|| library::run(transit))) {
        Ok(result) => Some(result),
        Err(what) if what.is::<Stopped>() => None,
        Err(what) => resume_unwind(what),
    }
}

/// What is done to a machine before the transition; what it gives is held until that has ended.
type Prepare = fn(&Path) -> Option<Looking>;

/// A process that works in a directory.
struct Looking(Child);

impl Looking {
    fn at(directory: &Path) -> Self {
        Self(Command::new("cat").current_dir(directory).stdin(Stdio::piped()).spawn().expect("cat starts"))
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().expect("cat ends with its input");
    }
}

/// Somebody looks at the next tree, and nobody any more at one that was left to him before.
fn next_is_looked_at(root: &Path) -> Option<Looking> {
    let home = root.join(".stateless-update");
    std::fs::create_dir_all(home.join("busy-1/usr")).expect("made");
    Some(Looking::at(&home.join("next")))
}

/// The places that an undisturbed run comes by: of each checkpoint the first, the last and one between.
fn places(crashes: &World, transition: &Transition, prepare: Prepare) -> Vec<Place> {
    let directory = crashes.directory().expect("a directory");
    let root = twin(transition, directory.path()).expect("a machine");
    let reporter = Arc::new(Stopping::default());
    let looking = prepare(&root);
    run(transition, &root, &reporter).expect("it is not ended").expect("it succeeds");
    drop(looking);
    let passed = reporter.passed.lock().expect("no thread panics while it notes");
    let mut places = BTreeSet::new();
    for checkpoint in Checkpoint::ALL {
        let count = passed.iter().filter(|other| *other == checkpoint).count();
        places.extend([0, count / 2, count.saturating_sub(1)].map(|number| (*checkpoint, number)));
        places.retain(|(other, number)| other != checkpoint || *number < count);
    }
    places.into_iter().collect()
}

/// Ends a run at a place and judges what it left.
fn end_at(crashes: &World, transition: &Transition, prepare: Prepare, place: Place, known: &Known) {
    let directory = crashes.directory().expect("a directory");
    let root = twin(transition, directory.path()).expect("a machine");
    let reporter = Arc::new(Stopping { at: Some(place), ..Stopping::default() });
    let looking = prepare(&root);
    assert!(run(transition, &root, &reporter).is_none(), "{} did not come by {place:?} again", transition.name);
    drop(looking);
    judge(crashes, transition, &root, known).unwrap_or_else(|what| panic!("{} at {place:?}: {what}", transition.name));
}

#[test]
fn whatever_step_a_run_ends_at_the_next_goes_on() {
    if !can_trace() {
        return skipped("checkpoints", "`strace` is not installed or may not trace, which makes some of the machines");
    }
    let crashes = World::new(world().programs.clone(), Path::new(CHECKOUT)).expect("machines");
    let mut reached = BTreeSet::new();
    let as_it_is: Prepare = |_| None;
    let mut tries: Vec<(&Transition, Prepare)> = crashes.transitions.iter().map(|each| (each, as_it_is)).collect();
    let update = crashes.transitions.iter().find(|transition| transition.name == "update").expect("an update");
    tries.push((update, next_is_looked_at));
    for (transition, prepare) in tries {
        let places = places(&crashes, transition, prepare);
        reached.extend(places.iter().map(|(checkpoint, _)| *checkpoint));
        let (known, next) = (Known::default(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some(place) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
                        end_at(&crashes, transition, prepare, *place, &known);
                    }
                });
            }
        });
    }
    let missing: Vec<_> = Checkpoint::ALL.iter().filter(|checkpoint| !reached.contains(checkpoint)).collect();
    assert!(missing.is_empty(), "no transition came by {missing:?}: nothing was tried there");
}
