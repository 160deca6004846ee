//! What is taken as input, and what is refused.

use super::*;
use crate::report::Warnings;

#[test]
fn what_cannot_be_published_is_refused_by_name() {
    type Change = fn(&World);
    let cases: [(Change, &[&str]); 11] = [
        (|w| w.write("web", "usr/share/doc/shared", b"said otherwise"), &["os-core and web", "usr/share/doc/shared"]),
        (
            |w| {
                let place = w.path("trees/web/usr/bin");
                fs::set_permissions(place, fs::Permissions::from_mode(0o700)).expect("chmod");
            },
            &["os-core and web", "usr/bin", "mode 755 and 700"],
        ),
        (|w| w.write("web", "etc/passwd", b""), &["bundle web", "etc lies beside usr"]),
        (|w| w.define("web", "title = \"x\"\nincludes = [\"ghost\"]\n"), &["bundle web includes ghost"]),
        (|w| w.define("web", "title = \"x\"\nalso_add = [\"ghost\"]\n"), &["bundle web also_adds ghost"]),
        (
            |w| {
                w.define("web", "title = \"x\"\nincludes = [\"site\"]\n");
                w.define("site", "title = \"x\"\nincludes = [\"web\"]\n");
            },
            &["circle", "site", "web"],
        ),
        (|w| w.define("os-core", "title = \"x\"\nincludes = [\"web\"]\n"), &["os-core -> web -> os-core"]),
        (|w| w.define("empty", "title = \"x\"\n"), &["bundle empty", "no tree"]),
        (|w| fs::remove_file(w.path("definitions/os-core.toml")).expect("remove"), &["no definition os-core.toml"]),
        (|w| w.define("web", "titel = \"x\"\n"), &["web.toml is not valid"]),
        (
            |w| fs::write(w.path("definitions/web.toml"), b"title = \"Caf\xe9\"\n").expect("write"),
            &["bundle web: the text of", "web.toml is not UTF-8"],
        ),
    ];
    for (change, wanted) in cases {
        let world = World::new();
        change(&world);
        let said = world.refusal(10);
        assert!(wanted.iter().all(|word| said.contains(word)), "{said}\n  not: {wanted:?}");
    }
    let world = World::new();
    world.release(10).expect("good input");
    for version in [9, 10] {
        assert!(world.refusal(version).contains("not newer than release 10"));
    }
    for floor in [9, 21] {
        let request = ReleaseRequest { floor: Version::new(floor), ..world.request(20) };
        let error = release(&request, &Silent).expect_err("a refusal");
        assert!(matches!(error, PublishError::BadFloor { .. }));
    }
    let keys = world.path("new/keys");
    assert!(matches!(init(&world.path("new"), &keys, NOW), Err(PublishError::KeysInside { .. })));
    assert!(init(&world.path("site"), &world.path("keys"), NOW).is_err(), "not empty");
}

#[test]
fn keys_lie_beside_the_publication_however_it_is_called() {
    let here = std::env::current_dir().expect("there is one");
    let beside = |path: &Path| format!("{}.keys", path.display());
    for (site, keys) in [
        ("a/site", "a/site.keys".to_owned()),
        ("a/site/", "a/site.keys".to_owned()),
        (".", beside(&here)),
        ("./", beside(&here)),
        ("..", beside(here.parent().expect("a checkout is not the root"))),
        ("src/..", beside(&here)),
    ] {
        assert_eq!(default_keys(Path::new(site)), Path::new(&keys), "{site}");
    }
}

#[test]
fn what_cannot_be_signed_is_refused_before_anything_is_made() {
    let world = World::new();
    world.release(10).expect("good input");
    world.write("web", "usr/bin/server", b"other content");
    let before = world.files();
    let requests = [
        ReleaseRequest { keys: world.path("nowhere"), ..world.request(20) },
        ReleaseRequest { keys: World::new().path("keys"), ..world.request(20) },
        ReleaseRequest { published: NOW, ..world.request(20) },
        ReleaseRequest { published: NOW + 730 * 24 * 60 * 60, ..world.request(20) },
    ];
    for request in requests {
        let error = release(&request, &Silent).expect_err("a refusal");
        assert_eq!(error.category(), Category::Usage, "{error}");
        assert!(world.files() == before, "{error}");
    }
}

/// Makes a file longer as soon as packs are made.
struct Lengthens(PathBuf);

impl Reporter for Lengthens {
    fn report(&self, event: Event) {
        if let Event::Progress { step: Step::Packs, done: 0, .. } = event {
            fs::write(&self.0, b"longer than any program here".repeat(9000)).expect("write");
        }
    }
}

#[test]
fn a_file_that_changes_meanwhile_is_named() {
    let world = World::new();
    let server = world.path("trees/web/usr/bin/server");
    // First it changes in a block that is new, then in the one by which those of the release before are tried.
    for version in [10, 20] {
        let error = release(&world.request(version), &Lengthens(server.clone())).expect_err("a refusal");
        assert!(error.to_string().contains("usr/bin/server changed while"), "{error}");
        assert_eq!(error.category(), Category::Disk);
        world.write("web", "usr/bin/server", &program(2));
        world.release(version).expect("good input");
    }
}

#[test]
fn bundles_that_only_include_and_trees_without_definition() {
    let world = World::new();
    world.define("server", "title = \"All of it\"\nincludes = [\"web\"]\n");
    world.write("full", "usr/bin/tool", b"not what os-core says");
    let warnings = Warnings::default();
    let released = release(&world.request(10), &warnings).expect("good input");
    let said = warnings.told().join("\n");
    assert!(said.contains("left out: full") && said.contains("owned by 0:0"), "{said}");
    let server = &released.release.bundles["server"];
    assert_eq!((server.files, server.download_bytes), (0, 0));
    assert_eq!(world.entry(&released, "server", "usr"), world.entry(&released, "os-core", "usr"));
    assert_eq!(world.check().findings, []);
    fs::remove_file(world.path("definitions/server.toml")).expect("remove");
    release(&world.request(20), &warnings).expect("good input");
    assert!(warnings.told().iter().any(|text| text.contains("bundle server of release 10 is gone")));
}

#[test]
fn a_tree_or_a_definition_that_is_forgotten_is_missed() {
    let world = World::new();
    world.define("server", "title = \"All of it\"\nincludes = [\"web\"]\n");
    world.write("server", "usr/bin/serve-all", b"#!/bin/sh\n");
    world.release(10).expect("good input");
    fs::remove_file(world.path("definitions/server.toml")).expect("remove");
    let said = world.refusal(20);
    assert!(said.contains("bundle server of release 10 has a tree, but no definition any more"), "{said}");
    world.define("server", "title = \"All of it\"\nincludes = [\"web\"]\n");
    fs::remove_dir_all(world.path("trees/server")).expect("remove");
    let said = world.refusal(20);
    assert!(said.contains("bundle server has no tree, but 3 entries in release 10"), "{said}");
    fs::create_dir_all(world.path("trees/server/usr")).expect("write");
    let released = world.release(20).expect("an empty tree is meant");
    assert_eq!(released.release.bundles["server"].files, 0);
    fs::remove_dir_all(world.path("trees/server")).expect("remove");
    world.release(30).expect("it only includes others by now");
}

/// Makes archives of both bundles, in which everything is this user's.
fn pack(world: &World, owner: u32) {
    fs::create_dir_all(world.path("archives")).expect("write");
    let owners = [format!("--owner={owner}"), format!("--group={owner}")];
    for bundle in ["os-core", "web"] {
        let archive = world.path("archives").join(format!("{bundle}.tar"));
        let (options, tree) = (["--xattrs", "--format=pax", "--numeric-owner", "-C"], world.path("trees").join(bundle));
        let mut tar = std::process::Command::new("tar");
        let made = tar.args(&owners).args(options).arg(tree).arg("-cf").arg(archive).arg("usr").status();
        assert!(made.expect("GNU tar is there").success());
    }
}

/// Whoever builds without root: his files become root's, or his number's on each machine.
#[test]
fn owners_that_hardly_anybody_means_are_told() {
    let world = World::new();
    for number in 0..12 {
        world.write("web", &format!("usr/lib/helper-{number:02}"), b"#!/bin/sh\n");
        let place = world.path("trees/web").join(format!("usr/lib/helper-{number:02}"));
        let mode = if number % 2 == 0 { 0o4755 } else { 0o2755 };
        fs::set_permissions(place, fs::Permissions::from_mode(mode)).expect("chmod");
    }
    let told = |request: ReleaseRequest| {
        let warnings = Warnings::default();
        release(&request, &warnings).expect("good input");
        warnings.told()
    };
    let said = told(world.request(10));
    let wanted = ["owned by 0:0; these keep set-user-ID", "usr/lib/helper-09 of web and 2 more"];
    assert!(said.len() == 1 && wanted.iter().all(|words| said[0].contains(words)), "{said:?}");
    let from_archives = |version| ReleaseRequest { trees: world.path("archives"), ..world.request(version) };
    for (version, owner) in [(20, 1000), (30, 0)] {
        pack(&world, owner);
        let said = told(from_archives(version));
        let wanted = "usr is not owned by 0:0";
        assert_eq!(said.iter().filter(|text| text.contains(wanted)).count(), usize::from(owner != 0), "{said:?}");
        assert!(said.iter().all(|text| text.contains("os-core (1000:1000), web (1000:1000)")), "{said:?}");
    }
}

#[test]
fn an_archive_is_the_tree_that_is_in_it() {
    let world = World::new();
    let long = format!("usr/share/{}/{}", "d".repeat(120), "n".repeat(120));
    world.write("web", &long, b"a long name");
    fs::hard_link(world.path("trees/web/usr/bin/server"), world.path("trees/web/usr/bin/again")).expect("link");
    symlink("x".repeat(200), world.path("trees/web/usr/share/link")).expect("symlink");
    let _ = rustix::fs::setxattr(
        world.path("trees/web/usr/bin/server"),
        "user.test",
        b"two\nlines\0",
        rustix::fs::XattrFlags::empty(),
    );
    pack(&world, 0);
    init(&world.path("other"), &world.path("keys"), NOW).expect("an empty place");
    world.release(10).expect("good input");
    let request = ReleaseRequest { site: world.path("other"), trees: world.path("archives"), ..world.request(10) };
    release(&request, &Silent).expect("good archives");
    let (files, others) = (files_of(&world.path("site")), files_of(&world.path("other")));
    assert_eq!(
        files.iter().map(|file| &file.0).collect::<Vec<_>>(),
        others.iter().map(|file| &file.0).collect::<Vec<_>>()
    );
    assert!(files == others, "the same names with other bytes");
    assert!(!world.path("other/.staging").exists(), "the spool is gone");

    fs::create_dir(world.path("archives/web")).expect("write");
    let error = release(&ReleaseRequest { version: Version::new(20).expect("not zero"), ..request }, &Silent);
    let error = error.expect_err("a directory and an archive");
    assert!(error.category() == Category::Usage && error.to_string().contains("web.tar"), "{error}");
}

#[test]
fn a_bundle_that_no_machine_can_install_is_refused() {
    let world = World::new();
    // Links with long targets: long manifests, each of which is short enough alone.
    let target = "x".repeat(4000);
    for bundle in ["os-core", "web"] {
        let place = world.path("trees").join(bundle).join("usr/lib/long");
        fs::create_dir_all(&place).expect("write");
        for number in 0..8500 {
            symlink(&target, place.join(format!("{bundle}-{number}"))).expect("symlink");
        }
    }
    let said = world.refusal(10);
    assert!(said.contains("no machine can install bundle web"), "{said}");
    assert!(!world.path("site/packs").exists(), "it is known before packs are made");
}

#[test]
fn a_release_that_says_more_than_clients_take_is_refused() {
    let world = World::new();
    world.release(10).expect("good input");
    let before = world.files();
    world.write("web", "usr/bin/server", &edited(program(2)));
    world.define("web", &format!("title = \"Web\"\ndescription = \"{}\"\n", "long ".repeat(4 << 20)));
    let said = world.refusal(20);
    assert!(said.contains("the document of release 20 has 2") && said.contains("clients take 16777216"), "{said}");
    let published = world.files().into_iter().filter(|(path, _)| !path.starts_with("objects/"));
    let known = before.iter().filter(|(path, _)| !path.starts_with("objects/"));
    assert!(published.eq(known.cloned()), "it is known before packs are made");
    world.define("web", "title = \"Web\"\n");
    world.release(20).expect("shortened");
    assert_eq!(world.check().findings, []);
}
