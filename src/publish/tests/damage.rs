//! A damaged publication: found by a check, and nothing is built on it.

use super::*;
use crate::pack::write_object;
use crate::report::Warnings;
use crate::site::make_unreadable;
use crate::trust::{KeyDirectory, Lifetimes, NewestRelease, Reference, sign_release};

#[test]
fn every_planted_damage_is_found() {
    let world = World::new();
    world.release(10).expect("good input");
    world.write("os-core", "usr/bin/tool", &edited(program(1)));
    let second = world.release(20).expect("good input");
    let object = Release::object_path(Digest::of(&program(2)));
    let manifest = Release::manifest_path(second.release.bundles["os-core"].manifest.sha256);
    let document = world.files().into_iter().find(|(path, _)| path.ends_with(".10.json")).expect("there").0;
    let newest = world.files().into_iter().find(|(path, _)| path.ends_with(".20.json")).expect("there").0;
    let head = second.release.packs[0].head.length as usize;
    let flip = |at: usize| move |bytes: &mut Vec<u8>| bytes[at] ^= 1;
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1);
    type Damage<'a> = Box<dyn Fn(&mut Vec<u8>) + 'a>;
    let cases: Vec<(&str, Damage<'_>, &str)> = vec![
        (&object, Box::new(flip(30_000)), &object),
        (&object, Box::new(cut), &object),
        (&manifest, Box::new(flip(20)), &manifest),
        (&manifest, Box::new(cut), &manifest),
        (&document, Box::new(flip(20)), &document),
        (&newest, Box::new(flip(20)), &newest),
        ("packs/10-20/all", Box::new(flip(10)), "packs/10-20/all"),
        ("packs/10-20/all", Box::new(flip(head + 5)), "packs/10-20/all"),
        (
            "packs/10-20/all",
            Box::new(move |bytes| {
                let last = bytes.len() - 1;
                bytes[last] ^= 1
            }),
            "packs/10-20/all",
        ),
        ("packs/nothing-20/web", Box::new(cut), "packs/nothing-20/web"),
        ("metadata/timestamp.json", Box::new(flip(30)), "metadata/timestamp.json"),
        ("metadata/3.targets.json", Box::new(flip(30)), "metadata/timestamp.json"),
    ];
    for (path, damage, wanted) in cases {
        let place = world.path("site").join(path);
        let good = fs::read(&place).expect(path);
        let mut bad = good.clone();
        damage(&mut bad);
        fs::write(&place, &bad).expect("write");
        let findings = world.check().findings;
        assert!(findings.iter().any(|finding| finding.path == wanted), "{path}: {findings:?}");
        fs::remove_file(&place).expect("remove");
        let findings = world.check().findings;
        assert!(findings.iter().any(|finding| finding.path == wanted), "{path} missing: {findings:?}");
        fs::write(&place, &good).expect("write");
    }
    fs::write(world.path("site/objects/stray"), "").expect("write");
    let checked = world.check();
    assert_eq!((checked.findings.len(), checked.unreferenced), (0, vec!["objects/stray".to_owned()]));

    let trust = world.path("other.json");
    let other = World::new();
    fs::copy(other.path("site/metadata/1.root.json"), &trust).expect("write");
    let request = CheckRequest { site: world.path("site"), trust: Some(trust), now: NOW };
    assert!(!check(&request, &Silent).expect("a publication").findings.is_empty(), "another root");
    let late = CheckRequest { site: world.path("site"), trust: None, now: NOW + 30 * 86_400 };
    assert!(check(&late, &Silent).expect("a publication").findings[0].problem.contains("expired"));
    refresh(
        &world.path("site"),
        &world.path("keys"),
        crate::trust::Resign::From(crate::trust::Role::Snapshot),
        NOW + 30 * 86_400,
    )
    .expect("keys");
    assert_eq!(check(&late, &Silent).expect("a publication").findings, []);
}

/// A directory that cannot be read is one finding among others, and of what lies beside the publication a few names do.
#[test]
fn a_check_tells_all_that_it_found_and_no_more_than_people_read() {
    let world = World::new();
    world.release(10).expect("good input");
    let object = Release::object_path(Digest::of(&program(2)));
    fs::remove_file(world.path("site").join(&object)).expect("remove");
    (0..12).for_each(|number| fs::write(world.path("site/packs").join(format!("{number:02}")), "").expect("write"));
    fs::set_permissions(world.path("site/packs/00"), fs::Permissions::from_mode(0o600)).expect("chmod");
    make_unreadable(&world.path("site"));
    let request = CheckRequest { site: world.path("site"), trust: None, now: NOW };
    let warnings = Warnings::default();
    let checked = check(&request, &warnings).expect("a publication");
    let [unreadable, missing] = &checked.findings[..] else { panic!("{:?}", checked.findings) };
    assert!(unreadable.path.starts_with("ddd") && unreadable.problem.starts_with("cannot read"), "{unreadable:?}");
    assert_eq!((&missing.path, &*missing.problem), (&object, "it is missing"));
    assert_eq!(checked.unreferenced.len(), 12);
    let told = warnings.told();
    let (last, first) =
        (&told[told.len() - 1], "not everybody may read these, so a web server that runs as somebody else");
    assert_eq!((told.len(), &**last), (12, "nothing refers to 2 more"));
    assert!(told[0].starts_with(first) && told[0].ends_with(": packs/00"), "{told:?}");
}

#[test]
fn what_is_no_publication_is_not_checked() {
    let place = tempfile::tempdir().expect("a directory");
    fs::write(place.path().join("notes"), "somebody else's").expect("write");
    let request = CheckRequest { site: place.path().to_owned(), trust: None, now: NOW };
    let warnings = Warnings::default();
    let error = check(&request, &warnings).expect_err("no publication");
    assert_eq!((error.category(), warnings.told().len()), (Category::Usage, 0), "{error}");
    assert!(error.to_string().contains("is no publication"), "{error}");
}

#[test]
fn nothing_is_built_on_a_damaged_publication() {
    let world = World::new();
    let first = world.release(10).expect("good input");
    let manifest = world.path("site").join(Release::manifest_path(first.release.bundles["web"].manifest.sha256));
    let good = fs::read(&manifest).expect("there");
    fs::write(&manifest, BundleManifest::compress(b"{}")).expect("write");
    assert_eq!(world.release(20).expect_err("damaged").category(), Category::Integrity);
    fs::write(&manifest, good).expect("write");
    let object = world.path("site").join(Release::object_path(Digest::of(&program(2))));
    fs::write(&object, b"no object").expect("write");
    world.write("web", "usr/bin/server", &edited(program(2)));
    assert!(world.release(20).is_err(), "a delta from a damaged object");
    let keys = World::new().path("keys");
    let request = ReleaseRequest { keys, ..world.request(20) };
    assert!(release(&request, &Silent).is_err(), "other keys");
}

#[test]
fn an_object_that_is_there_is_not_taken_as_it_lies() {
    let world = World::new();
    world.release(10).expect("good input");
    let refused = |content: &[u8]| {
        let error = world.release(20).expect_err("a damaged object");
        assert_eq!(error.category(), Category::Integrity);
        let path = Release::object_path(Digest::of(content));
        assert!(error.to_string().contains(&path), "{error}");
    };
    // One that release 10 signs for.
    let signed = world.path("site").join(Release::object_path(Digest::of(&program(2))));
    let whole = fs::read(&signed).expect("there");
    fs::write(&signed, &whole[..whole.len() - 1]).expect("write");
    refused(&program(2));
    fs::write(&signed, &whole).expect("write");

    // One that no release signs for, as a run that was killed leaves it.
    let content = b"a content that is new";
    world.write("web", "usr/bin/new", content);
    let unsigned = world.path("site").join(Release::object_path(Digest::of(content)));
    let (mut whole, mut other) = (Vec::new(), Vec::new());
    write_object(&content[..], content.len() as u64, 1, &mut whole).expect("memory");
    write_object(&[b'x'; 21][..], 21, 1, &mut other).expect("memory");
    fs::create_dir_all(unsigned.parent().expect("not the root")).expect("write");
    for damaged in [&whole[..whole.len() - 1], &other[..]] {
        fs::write(&unsigned, damaged).expect("write");
        refused(content);
    }
    fs::write(&unsigned, &whole).expect("write");
    assert_eq!(world.release(20).expect("good input").objects_added, 0);
    assert_eq!(world.check().findings, []);
}

/// Made again with another level it would be longer or shorter than manifests of older releases say, which clients believe.
#[test]
fn an_object_that_is_lost_is_made_again_as_it_was_or_not_at_all() {
    let world = World::new();
    let text = (0..9000).map(|number| format!("{} ", number * number % 7919)).collect::<String>().into_bytes();
    world.write("web", "usr/share/doc/text", &text);
    world.release(10).expect("good input");
    let path = Release::object_path(Digest::of(&text));
    let whole = fs::read(world.path("site").join(&path)).expect("there");
    fs::remove_file(world.path("site").join(&path)).expect("lost");
    let levels = Levels { objects: 9, ..world.request(20).levels };
    let error = release(&ReleaseRequest { levels, ..world.request(20) }, &Silent).expect_err("another length");
    let told = error.to_string();
    assert!(told.contains(&format!("{path} is missing")) && told.contains(&whole.len().to_string()), "{told}");
    assert_eq!(error.category(), Category::Integrity);
    assert!(!world.path("site").join(&path).exists());
    assert_eq!(world.release(20).expect("as it was").objects_added, 1);
    assert_eq!(fs::read(world.path("site").join(&path)).expect("there"), whole);
    assert_eq!(world.check().findings, []);
}

/// What lies under the name of a text that is to be published is signed for with its length, so it is read.
#[test]
fn a_text_that_is_there_is_not_taken_as_it_lies() {
    let (world, other) = (World::new(), World::new());
    let release = other.release(10).expect("good input").release;
    let paths = [
        Release::manifest_path(release.bundles["web"].manifest.sha256),
        Release::search_path(release.search.expect("there is one").sha256),
    ];
    for path in &paths {
        let (place, whole) = (world.path("site").join(path), fs::read(other.path("site").join(path)).expect("there"));
        fs::create_dir_all(place.parent().expect("not the root")).expect("write");
        for damaged in [&whole[..whole.len() - 1], b""] {
            fs::write(&place, damaged).expect("write");
            let error = world.release(10).expect_err("a damaged text");
            let told = matches!(&error, PublishError::Misnamed { path: told } if told == path);
            assert!(told, "{error}");
        }
        fs::write(&place, &whole).expect("write");
    }
    world.release(10).expect("good input");
    assert_eq!(world.check().findings, []);
}

#[test]
fn a_bundle_that_no_machine_can_install_is_found() {
    let world = World::new();
    let mut release = world.release(10).expect("good input").release;
    for offer in release.bundles.values_mut() {
        offer.manifest.length = BundleManifest::MAX_BYTES - 1;
    }
    let document = release.to_json();
    let site = Site::open(&world.path("site"), Access::Write).expect("a publication");
    site.replace(&Release::path(release.version, Digest::of(&document)), &document).expect("write");
    let newest = NewestRelease::new(release.version, Reference::to(&document));
    let (current, keys) = (signing::current_metadata(&site).expect("signed"), KeyDirectory::open(world.path("keys")));
    let time = jiff::Timestamp::from_second(NOW + 20).expect("a time");
    let documents = sign_release(&current, &keys, &newest, &Lifetimes::default(), time).expect("keys");
    signing::write_documents(&site, &documents).expect("write");
    drop(site);
    let findings = world.check().findings;
    let wanted = "no machine can install bundle web";
    assert!(findings.iter().any(|finding| finding.problem.contains(wanted)), "{findings:?}");
    let core = "no machine can install bundle os-core";
    assert!(!findings.iter().any(|finding| finding.problem.contains(core)), "{findings:?}");
}
