//! `stateless-publish keys`: metadata that is signed again in time.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use xtask::programs::Outcome;
use xtask::publication::Publication;

use crate::machine::warned;
use crate::world::world;

/// Runs a command of the publisher on a publication, with these keys.
fn publish(command: &[&str], publication: &Publication, keys: &Path, options: &[&str]) -> Outcome {
    let [site, keys] = [&publication.path, keys].map(|path: &Path| path.to_str().expect("UTF-8"));
    let place = [site, "--keys", keys, "--json"];
    let words = command.iter().chain(&place).chain(options);
    let output = world().programs.publish(words, publication.epoch).expect("it starts");
    Outcome::of(output).expect("the contract of --json is kept")
}

/// A publication without a release for four weeks, whose timestamp is signed again all the while.
#[test]
fn a_refresh_tells_what_ends_first() {
    let day = 24 * 60 * 60;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let signed = |outcome: &Outcome| outcome.result["signed"].to_string();
    for (age, code, first) in [(1, 0, "timestamp"), (27, 0, "snapshot"), (29, 4, "snapshot"), (190, 4, "snapshot")] {
        let directory = world().directory();
        let begun = Publication::init(&world().programs, directory.path(), Some(now - age * day)).expect("made");
        let publication = Publication { epoch: None, ..begun };
        let refresh = |options: &[&str]| publish(&["keys", "refresh"], &publication, &publication.keys, options);
        let alone = refresh(&["--what", "timestamp"]);
        assert_eq!((alone.code, &alone.result["ends_first"]), (code, &first.into()), "{age}: {}", alone.told());
        assert_eq!(signed(&alone), r#"["timestamp"]"#);
        let is_the_timestamps_end = alone.result["good_until"] == alone.result["timestamp_ends"];
        assert_eq!(is_the_timestamps_end, first == "timestamp", "{age}");
        let command = if age > 183 { "--what targets" } else { "--what snapshot" };
        assert_eq!(warned(&alone, command), first == "snapshot", "{age}: {:?}", alone.events);

        let targets_key = publication.keys.join("targets.pem");
        let offline = directory.path().join("targets.pem");
        fs::rename(&targets_key, &offline).expect("taken offline");
        let due = refresh(&[]);
        assert_eq!((due.code, signed(&due).as_str()), (code, r#"["timestamp"]"#), "{age}: {}", due.told());
        assert_eq!(warned(&due, command), first == "snapshot", "{age}: {:?}", due.events);
        fs::rename(&offline, &targets_key).expect("back");
        let due = refresh(&[]).success().expect("everything is there");
        let wanted = match age {
            1 => r#"["timestamp"]"#,
            190 => r#"["targets","snapshot","timestamp"]"#,
            _ => r#"["snapshot","timestamp"]"#,
        };
        assert_eq!((signed(&due).as_str(), &due.result["ends_first"]), (wanted, &"timestamp".into()), "{age}");
        assert!(!due.events.iter().any(|event| event["event"] == "warning"), "{age}: {:?}", due.events);
    }
}
