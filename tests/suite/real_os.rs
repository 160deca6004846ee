//! A real operating system, where the corpus maker lies beside the checkout: release 10, then 20, judged to the bit.

use std::path::Path;
use std::process::{Command, Stdio};

use xtask::judge::Tree;
use xtask::programs::Outcome;
use xtask::publication::{Input, Publication};
use xtask::trees::Trees;

use crate::machine::{assert_equal, checked};
use crate::world::{CHECKOUT, skipped, world};

const BUNDLES: [&str; 2] = ["python3-basic", "web-server"];

#[test]
fn a_real_os_moves_from_10_to_20() {
    let maker = Path::new(CHECKOUT).join("../shared/corpus/make-corpus");
    if !maker.exists() {
        return skipped("a_real_os_moves_from_10_to_20", "no ../shared/corpus/make-corpus beside this checkout");
    }
    // Kept between runs; the maker itself sees what is still good.
    let corpus = Path::new(CHECKOUT).join("target/real-os");
    let mut make = Command::new(maker);
    make.args(["--only", "10,20", "--bundles", &BUNDLES.join(",")]).arg(&corpus).stdin(Stdio::null());
    assert!(make.status().expect("make-corpus starts").success(), "make-corpus failed");

    let world = world();
    let directory = world.directory();
    let trees = Trees::real(&corpus, directory.path()).expect("two releases");
    let publication = Publication::init(&world.programs, directory.path(), None).expect("a publication");
    for version in [10, 20] {
        let input = Input { version, definitions: &trees.definitions, trees: &trees.of(version) };
        // Quick rather than small: this is about the tree, not about bytes.
        let output = publication.release(&world.programs, input, &["--level", "6"]).expect("the publisher starts");
        output.success().expect("published");
    }
    let server = world.programs.serve(&publication.path).expect("a server");
    let root = directory.path().join("root");
    std::fs::create_dir(&root).expect("a root");
    let run = |arguments: &[&str]| -> Outcome {
        let outcome = world.programs.client(&root, arguments).expect("the contract of --json is kept");
        checked(outcome).success().expect("it succeeds")
    };
    let judge = |release| {
        let expected = trees.expected(release, &BUNDLES).expect("the corpus is read");
        assert_equal(&expected, &Tree::of_machine(&root).expect("the machine's tree is read"));
    };
    let trust = publication.trust();
    let install = ["os-install", "--version", "10", "--url", &server.url, "--trust", trust.to_str().expect("UTF-8")];
    let bundles = BUNDLES.iter().flat_map(|bundle| ["--bundle", bundle]);
    run(&install.into_iter().chain(bundles).collect::<Vec<_>>());
    judge(10);
    assert!(!run(&["config", "list"]).result["apps"].as_array().expect("programs").is_empty());
    let updated = run(&["update"]);
    let warnings: Vec<_> = updated.events.iter().filter(|event| event["event"] == "warning").collect();
    assert!(warnings.is_empty(), "{warnings:?}");
    judge(20);
    run(&["rollback"]);
    judge(10);
}
