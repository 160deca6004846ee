//! `--prefer` and `--memory`: a file with an xz stream is offered in two ways, and the machine chooses.

use std::fs;
use std::io::Write;
use std::path::Path;

use liblzma::stream::{Check, Filters, LzmaOptions, Stream};
use liblzma::write::XzEncoder;
use xtask::programs::Outcome;
use xtask::publication::{Input, Publication};

use crate::machine::Machine;
use crate::world::world;

const IMAGE: &str = "usr/lib/kernel/image";

/// A kernel image: boot sectors, and a payload of which a little is different in each release.
fn image(release: u8) -> Vec<u8> {
    let mut state = 1u32;
    let mut draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Half of each byte is known, so that it compresses, and what it becomes changes everywhere.
        (state >> 28) as u8
    };
    let mut payload: Vec<u8> = (0..3_000_000).map(|_| draw()).collect();
    payload.splice(100..120, [release; 40]);
    let mut filters = Filters::new();
    let mut options = LzmaOptions::new_preset(6).expect("a preset");
    filters.lzma2(options.dict_size(1 << 20));
    let stream = Stream::new_stream_encoder(&filters, Check::Crc32).expect("an encoder");
    let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(&payload).expect("memory");
    let packed = encoder.finish().expect("memory");

    let mut image = vec![0; 2 * 512];
    image[0x1f1] = 1;
    image[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&[0x0f, 2]);
    [&image, &packed[..], &[release; 50]].concat()
}

struct Machines {
    publication: Publication,
    _directory: tempfile::TempDir,
}

impl Machines {
    /// Releases 10 and 20 of an operating system that is a kernel image.
    fn new() -> Self {
        let directory = world().directory();
        let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
        let definitions = directory.path().join("definitions");
        fs::create_dir(&definitions).expect("a directory");
        fs::write(definitions.join("os-core.toml"), "title = \"core\"\ndescription = \"\"\nincludes = []\n")
            .expect("a definition");
        for version in [10, 20] {
            let trees = directory.path().join(version.to_string());
            let file = trees.join("os-core").join(IMAGE);
            fs::create_dir_all(file.parent().expect("a directory")).expect("directories");
            fs::write(file, image(version as u8)).expect("an image");
            let input = Input { version, definitions: &definitions, trees: &trees };
            let output = publication.release(&world().programs, input, &[]).expect("the publisher starts");
            output.success().expect("the release is published");
        }
        Self { publication, _directory: directory }
    }

    /// One that has release 10.
    fn machine(&self) -> Machine {
        let machine = Machine::empty();
        let (url, trust) = (&self.publication.path, self.publication.trust());
        let arguments = ["os-install", "--version", "10", "--url"].map(Path::new);
        let arguments = arguments.into_iter().chain([&**url, Path::new("--trust"), &*trust]);
        machine.client(arguments).success().expect("installed");
        machine
    }

    /// What that machine would fetch with these options.
    fn foretold(machine: &Machine, options: &[&str]) -> u64 {
        let arguments = ["update", "--dry-run"].iter().chain(options);
        machine.client(arguments).success().expect("a dry run").number("download_bytes")
    }

    /// Updates such a machine with these options.
    fn update(&self, options: &[&str]) -> Outcome {
        let machine = self.machine();
        let foretold = Self::foretold(&machine, options);
        let done = machine.client(["update"].iter().chain(options)).success().expect("updated");
        assert_eq!(done.number("download_bytes"), foretold, "{options:?}");
        assert!(fs::read(machine.path(IMAGE)).expect("an image") == image(20), "{options:?}");
        done
    }
}

#[test]
fn bytes_or_time() {
    let machines = Machines::new();
    let whole = image(20).len() as u64;
    assert!(whole > 1 << 20, "{whole}: small files are not offered in two ways");
    let time = machines.update(&[]).number("download_bytes");
    assert!(time > whole * 9 / 10, "{time} of {whole}: what is compressed changes everywhere");
    let least = machines.update(&["--prefer", "bytes"]).number("download_bytes");
    assert!(least < time / 10, "{least} instead of {time}");
    let machine = machines.machine();
    let foretold = |options: &[&str]| Machines::foretold(&machine, options);
    assert_eq!(foretold(&["--prefer", "time"]), time);
    assert_eq!(foretold(&["--prefer", "bytes", "--memory", "2G"]), least);
    // With little memory the costly way is none; where nothing fits, all comes as objects.
    assert_eq!(foretold(&["--prefer", "bytes", "--memory", "64M"]), time);
    assert!(foretold(&["--prefer", "bytes", "--memory", "0"]) >= whole * 9 / 10);
    let arguments: [&Path; 2] = ["check".as_ref(), &machines.publication.path];
    let checked = world().programs.publish(arguments, None);
    checked.expect("the publisher starts").success().expect("all of it is proved");
}
