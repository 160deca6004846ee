//! A publication in one file: written, read as an origin, and trusted no more than any.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use xtask::judge::Tree;
use xtask::programs::Outcome;
use xtask::publication::{Input, Publication};

use crate::config::write;
use crate::machine::{Machine, assert_equal, error, warned};
use crate::world::{NOWHERE, copy, damage, damage_file, noise, world};

/// The whole publication in one file, made by whoever asks first.
fn everything() -> &'static Path {
    static FILE: std::sync::LazyLock<PathBuf> = std::sync::LazyLock::new(|| {
        let file = world().scratch.join("everything.tar");
        let exported = Machine::installed(10, &[]).client(["export", &file.display().to_string()]);
        exported.success().expect("exported");
        file
    });
    &FILE
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn export_of_everything_serves_every_machine() {
    let url = text(everything());
    let machine = Machine::empty();
    machine.install(&url, 10, &["openstack-compute"]).success().expect("installed");
    machine.assert_holds(10, &["openstack-compute"]);
    // Its record names the file as its origin.
    machine.succeeds(["bundle-add", "editors"]);
    assert!(!warned(&machine.succeeds(["update"]), "not used"));
    machine.assert_holds(20, &["openstack-compute", "editors"]);
    fs::remove_file(machine.path("usr/bin/ed")).expect("removed");
    machine.succeeds(["repair"]);
    machine.succeeds(["search-file", "/usr/bin/ed"]);
    machine.assert_holds(20, &["openstack-compute", "editors"]);
    let from_network = Machine::installed(10, &[]);
    let network = from_network.twin().succeeds(["update"]);
    let offline = from_network.client(["update", "--url", &url]).success().expect("updated");
    assert!(!warned(&offline, "not used"), "{:?}", offline.events);
    // The same parts are read; a file does not say of a timestamp that it is the known one, but gives it.
    let (offline, network) = (offline.number("download_bytes"), network.number("download_bytes"));
    assert!(network <= offline && offline < network + 2048, "{offline} and {network} bytes");
    from_network.assert_holds(20, &[]);
}

#[test]
fn export_for_a_machine_is_what_it_needs_and_no_more() {
    let directory = world().directory();
    let file = text(&directory.path().join("step.tar"));
    let machine = Machine::installed(10, &["editors"]);
    let exported = machine.client(["export", &file, "--this-machine"]).success().expect("exported").result;
    assert_eq!((exported["from"].as_u64(), exported["to"].as_u64()), (Some(10), Some(20)));
    assert_eq!(exported["bundles"], serde_json::json!(["editors", "os-core"]));
    let bytes = fs::metadata(&file).expect("written").len();
    assert_eq!(exported["bytes"].as_u64(), Some(bytes));
    assert!(bytes < fs::metadata(everything()).expect("written").len() / 2, "{bytes} bytes");
    let update = machine.client(["update", "--url", &file]).success().expect("updated");
    assert!(!warned(&update, "not used"), "{:?}", update.events);
    machine.assert_holds(20, &["editors"]);

    // The same by naming what the machine is, made from a root without a system.
    let other = Machine::installed(10, &["editors"]);
    let (origin, trust) = (&world().server.url, text(&world().publication.trust()));
    let arguments = ["export", &file, "--from", "10", "--bundle", "editors", "--url", origin, "--trust", &trust];
    Machine::empty().client(arguments).success().expect("exported");
    assert_eq!(fs::metadata(&file).expect("written").len(), bytes);
    other.client(["update", "--url", &file]).success().expect("updated");
    other.assert_holds(20, &["editors"]);
    // What is not in it is told, and nothing happens.
    other.refuses(3, ["bundle-add", "openstack-compute", "--url", &file]);
}

#[test]
fn a_file_may_have_any_name() {
    use std::os::unix::ffi::OsStrExt;
    let directory = world().directory();
    let file = directory.path().join(std::ffi::OsStr::from_bytes(b"\xff.tar"));
    let machine = Machine::installed(10, &[]);
    let arguments = ["export".as_ref(), file.as_os_str(), "--this-machine".as_ref()];
    machine.client(arguments).success().expect("exported");
    assert!(file.is_file());
}

#[test]
fn export_for_an_empty_machine_installs_it_and_equal_exports_are_equal() {
    let directory = world().directory();
    let machine = Machine::installed(10, &[]);
    let files = ["a.tar", "b.tar"].map(|name| text(&directory.path().join(name)));
    for file in &files {
        machine.client(["export", file, "--version", "10", "--bundle", "web-server"]).success().expect("exported");
    }
    assert_eq!(fs::read(&files[0]).expect("written"), fs::read(&files[1]).expect("written"));
    let fresh = Machine::empty();
    fresh.install(&files[0], 10, &["web-server"]).success().expect("installed");
    fresh.assert_holds(10, &["web-server"]);
    machine.refuses(3, ["export", &files[0], "--version", "15"]);
    machine.refuses(3, ["export", &files[0], "--url", NOWHERE, "-r", "0"]);
    machine.refuses(5, ["export", &text(&directory.path().join("no/such/place.tar"))]);
    machine.refuses(2, ["export", &files[0], "--bundle", "no-such"]);
    let link = directory.path().join("link.tar");
    std::os::unix::fs::symlink(&files[0], &link).expect("linked");
    machine.refuses(2, ["export", &text(&link)]);
    machine.refuses(2, ["export", &text(directory.path())]);
    assert_eq!(fs::read_dir(directory.path()).expect("listed").count(), 3, "nothing is left of what failed");
    Machine::empty().refuses(2, ["export", &files[0]]);
}

#[test]
fn an_export_holds_only_what_was_signed_for() {
    let directory = world().directory();
    let (file, whole) = (directory.path().join("os.tar"), fs::read(everything()).expect("written"));
    fs::write(&file, "an earlier export").expect("written");
    let machine = Machine::installed(10, &[]);
    for content in ["manifests", "search", "packs", "objects", "releases"] {
        let damaged = directory.path().join(content);
        copy(&world().publication.path, &damaged);
        damage(&damaged.join(content));
        // Nobody has it right: the file of before stays.
        let arguments = |urls: &[String]| -> Vec<String> {
            let urls = urls.iter().flat_map(|url| ["--url".to_owned(), url.clone()]);
            ["export".to_owned(), text(&file), "-r".to_owned(), "0".to_owned()].into_iter().chain(urls).collect()
        };
        let refused = machine.refuses(4, arguments(&[text(&damaged)]));
        assert_eq!(fs::read(&file).expect("written"), b"an earlier export", "{content}: {}", refused.told());
        // The second has it right.
        let both = [text(&damaged), text(&world().publication.path)];
        machine.twin().client(arguments(&both)).success().unwrap_or_else(|error| panic!("{content}: {error:#}"));
        assert!(fs::read(&file).expect("written") == whole, "{content}");
        fs::write(&file, "an earlier export").expect("written");
    }
}

/// A machine that has seen the publication asks an origin for no more than the timestamp: what else there is of metadata
/// may be damaged there and comes into the file as it was signed.
#[test]
fn an_export_holds_the_metadata_that_was_verified() {
    let directory = world().directory();
    let (file, damaged) = (directory.path().join("os.tar"), directory.path().join("publication"));
    copy(&world().publication.path, &damaged);
    for entry in fs::read_dir(damaged.join("metadata")).expect("metadata") {
        let path = entry.expect("an entry").path();
        if [".snapshot.json", ".targets.json"].iter().any(|role| text(&path).ends_with(role)) {
            fs::write(path, "{}").expect("written");
        }
    }
    let machine = Machine::installed(10, &[]);
    machine.client(["export", &text(&file), "--url", &text(&damaged)]).success().expect("exported");
    assert!(fs::read(&file).expect("written") == fs::read(everything()).expect("written"));
}

#[test]
fn an_export_holds_every_root_that_leads_to_the_newest() {
    let directory = world().directory();
    let (sound, damaged) = (directory.path().join("sound"), directory.path().join("damaged"));
    copy(&world().publication.path, &sound);
    let keys = text(&world().publication.keys);
    let refresh = ["keys", "refresh", &text(&sound), "--keys", &keys, "--what", "root", "--json"];
    let output = world().programs.publish(refresh, world().publication.epoch).expect("it starts");
    Outcome::of(output).and_then(Outcome::success).expect("a second root");
    copy(&sound, &damaged);
    damage_file(&damaged.join("metadata/1.root.json"));
    let (file, trust) = (directory.path().join("os.tar"), text(&sound.join("metadata/2.root.json")));
    let arguments = |urls: &[&PathBuf]| -> Vec<String> {
        let fixed = ["export", &text(&file), "--from", "10", "-r", "0", "--trust", &trust].map(str::to_owned);
        fixed.into_iter().chain(urls.iter().flat_map(|url| ["--url".to_owned(), text(url)])).collect()
    };
    Machine::empty().refuses(4, arguments(&[&damaged]));
    assert!(!file.exists(), "nothing gets the name");
    // That one lacks an older root does not say that there is none, where another cannot tell.
    let lacking = directory.path().join("lacking");
    copy(&sound, &lacking);
    fs::remove_file(lacking.join("metadata/1.root.json")).expect("removed");
    fs::remove_file(damaged.join("metadata/1.root.json")).expect("removed");
    fs::create_dir(damaged.join("metadata/1.root.json")).expect("made");
    Machine::empty().refuses(3, arguments(&[&damaged, &lacking]));
    assert!(!file.exists(), "nothing gets the name");
    Machine::empty().client(arguments(&[&damaged, &sound])).success().expect("the second has it right");
    // A machine that knows the first root alone comes to the second.
    let machine = Machine::installed(10, &[]);
    fs::remove_dir_all(machine.path(".stateless-update/trust")).expect("it has seen nothing");
    machine.client(["update", "--url", &text(&file)]).success().expect("updated");
    machine.assert_holds(20, &[]);
}

/// Between two releases a bundle is dropped, and the core gets what only that had.
#[test]
fn an_export_leads_a_machine_on_whatever_it_has_subscribed_to() {
    let directory = world().directory();
    let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    let (definitions, trees) = (directory.path().join("definitions"), directory.path().join("trees"));
    let publish = |version: u32| {
        // Bundles agree about the directories that they share.
        let find = Command::new("find").arg(&trees).args(["-exec", "touch", "-d", "@1700000000", "{}", "+"]).status();
        assert!(find.expect("find starts").success());
        let input = Input { version, definitions: &definitions, trees: &trees };
        publication.release(&world().programs, input, &[]).expect("it starts").success().expect("published");
    };
    let moved = String::from_utf8(noise(1, 40 << 10)).expect("letters");
    for name in ["os-core", "other"] {
        write(&definitions.join(format!("{name}.toml")), &format!("title = \"{name}\"\n"));
        write(&trees.join(name).join("usr/share").join(name), name);
    }
    let place = |bundle: &str| trees.join(bundle).join("usr/share/moved");
    write(&place("other"), &moved);
    publish(10);
    fs::rename(place("other"), place("os-core")).expect("moved");
    fs::remove_file(definitions.join("other.toml")).expect("removed");
    fs::remove_dir_all(trees.join("other")).expect("removed");
    for name in ["third", "fourth"] {
        write(&definitions.join(format!("{name}.toml")), &format!("title = \"{name}\"\n"));
        write(&trees.join(name).join("usr/share").join(name), &String::from_utf8(noise(2, 4 << 10)).expect("letters"));
    }
    publish(20);
    let expected = Tree::expected(&trees, &["os-core"]).expect("the published trees are read");
    let [origin, trust, file] =
        [publication.path.clone(), publication.trust(), directory.path().join("step.tar")].map(|path| text(&path));
    let machines = [&[][..], &["--bundle", "other"]].map(|bundles| {
        let machine = Machine::empty();
        let install = ["os-install", "--version", "10", "--url", &origin, "--trust", &trust];
        machine.client([&install, bundles].concat()).success().expect("installed");
        let exported = machine.succeeds(["export", &file, "--this-machine"]);
        assert_eq!(exported.result["bundles"], serde_json::json!(["os-core"]), "{bundles:?}");
        assert_eq!(warned(&exported, "no bundle other any more"), !bundles.is_empty(), "{:?}", exported.events);
        let step = fs::read(&file).expect("written");
        let manifests = step.windows(10).filter(|name| name == b"manifests/").count();
        assert_eq!(manifests, 1, "{bundles:?}: that of the core alone");
        (machine, step)
    });
    fs::remove_dir_all(&publication.path).expect("removed");
    for (machine, step) in machines {
        fs::write(&file, step).expect("written");
        machine.succeeds(["update", "--url", &file]);
        assert_equal(&expected, &Tree::of_machine(&machine.root).expect("the machine's tree is read"));
    }
}

/// What the machine's other trees have makes objects cheaper for it than the packs that the file has: where it lacks them, the
/// packs do.
#[test]
fn an_export_leads_a_machine_that_went_back() {
    let directory = world().directory();
    let publication = Publication::init(&world().programs, directory.path(), None).expect("a publication");
    let trees = directory.path().join("trees");
    copy(&world().trees.of(10), &trees);
    let share = trees.join("os-core/usr/share");
    let publish = |release: u32| {
        let input = Input { version: release, definitions: &world().trees.definitions, trees: &trees };
        publication.release(&world().programs, input, &[]).expect("it starts").success().expect("published");
    };
    let write_large = |salt: u64| {
        for number in 0..6 {
            fs::write(share.join(format!("large-{number}")), noise(salt + number, 150 << 10)).expect("written");
        }
    };
    write_large(1);
    fs::write(share.join("small"), noise(100, 2000)).expect("written");
    publish(10);
    write_large(11);
    publish(20);
    let (machine, origin, trust) = (Machine::empty(), text(&publication.path), text(&publication.trust()));
    machine.succeeds(["os-install", "--version", "10", "--url", &origin, "--trust", &trust]);
    machine.succeeds(["update"]);
    machine.succeeds(["rollback"]);
    fs::write(share.join("small"), noise(101, 2000)).expect("written");
    publish(30);

    let file = text(&directory.path().join("step.tar"));
    let exported = machine.succeeds(["export", &file, "--this-machine"]).result;
    assert_eq!((exported["from"].as_u64(), exported["to"].as_u64()), (Some(10), Some(30)));
    let network = machine.twin().succeeds(["update"]);
    fs::remove_dir_all(&publication.path).expect("removed");
    let offline = machine.succeeds(["update", "--url", &file]);
    assert!(warned(&offline, "1 objects are missing or bad: going around"), "{:?}", offline.events);
    assert!(network.number("download_bytes") < 100 << 10 && 100 << 10 < offline.number("download_bytes"));
    let expected = Tree::expected(&trees, &["os-core"]).expect("the published trees are read");
    assert_equal(&expected, &Tree::of_machine(&machine.root).expect("the machine's tree is read"));
}

#[test]
fn an_archive_of_gnu_tar_is_read() {
    let directory = world().directory();
    let file = directory.path().join("os.tar");
    let status = Command::new("tar").arg("-cf").arg(&file).arg("-C").arg(&world().publication.path).arg(".").status();
    assert!(status.expect("tar starts").success());
    let machine = Machine::installed(10, &[]);
    machine.client(["update", "--url", &text(&file)]).success().expect("updated");
    machine.assert_holds(20, &[]);
}

/// A header with this name, length field, type, and link name.
fn header(name: &str, size: &str, kind: u8) -> Vec<u8> {
    let mut block = vec![0u8; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..124 + size.len()].copy_from_slice(size.as_bytes());
    block[156] = kind;
    block[157..168].copy_from_slice(b"/etc/passwd");
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[test]
fn a_hostile_archive_is_refused_with_its_reason() {
    let machine = Machine::installed(10, &[]);
    let good = fs::read(everything()).expect("written");
    let directory = world().directory();
    let file = directory.path().join("hostile.tar");
    let before = |first: Vec<u8>| [first, good.clone()].concat();
    let in_first_content = 512 + 10;
    for (what, bytes, told) in [
        ("traversal", before(header("../../etc/passwd", "00000000000", b'0')), "leads elsewhere"),
        ("absolute", before(header("/etc/passwd", "00000000000", b'0')), "leads elsewhere"),
        ("symlink", before(header("metadata/1.root.json", "00000000000", b'2')), "type `2`"),
        ("hard link", before(header("metadata/1.root.json", "00000000000", b'1')), "type `1`"),
        ("device", before(header("metadata/1.root.json", "00000000000", b'3')), "type `3`"),
        ("long name", before(header("././@LongLink", "77777777777", b'L')), "type `L`"),
        ("pax header", before(header("pax", "77777777777", b'x')), "type `x`"),
        ("sparse file", before(header("x", "00000000000", b'S')), "type `S`"),
        ("duplicate", [&good[..good.len() - 1024], &good[..]].concat(), "twice"),
        ("huge length", before(header("x", "77777777777", b'0')), "ends early"),
        ("length in base 256", before(header("x", "\u{7f}\u{7f}", b'0')), "no number"),
        ("length that is none", before(header("x", "00000000009", b'0')), "no number"),
        ("cut in a header", good[..512 * 3 + 100].to_vec(), ""),
        ("cut in a content", good[..in_first_content].to_vec(), "ends early"),
        ("without an end", good[..good.len() - 1024].to_vec(), "ends early"),
        ("empty", Vec::new(), "ends early"),
        (
            "damaged header",
            {
                let mut bytes = good.clone();
                bytes[3] ^= 1;
                bytes
            },
            "damaged",
        ),
        ("no archive", vec![b'x'; 4096], "no tar archive"),
    ] {
        fs::write(&file, bytes).expect("written");
        let refused = machine.refuses(4, ["update", "--url", &text(&file)]);
        let event = error(&refused).expect("an error").to_string();
        assert!(event.contains(told), "{what}: {event}");
    }
    // The end hides what follows: then it is simply not there.
    fs::write(&file, before(vec![0; 1024])).expect("written");
    machine.refuses(3, ["update", "--url", &text(&file)]);
    // Contents are checked as those of any origin are.
    let mut changed = good.clone();
    changed[in_first_content] ^= 1;
    fs::write(&file, &changed).expect("written");
    let outcome = machine.client(["update", "--url", &text(&file)]);
    assert!(matches!(outcome.code, 0 | 4), "{}", outcome.told());
    machine.assert_holds(if outcome.code == 0 { 20 } else { 10 }, &[]);
}
