//! Tests of the command line.

use clap::CommandFactory;
use stateless_update::client::{BundleFilter, Mode, Thoroughness};
use stateless_update::plan::{Preference, Terms};
use stateless_update::transport::Limits;
use stateless_update::types::Version;

use super::super::common::check_examples;
use super::*;

fn parse(line: &str) -> Result<Args, clap::Error> {
    Args::try_parse_from(format!("stateless-update {line}").split_whitespace())
}

fn parsed(line: &str) -> Args {
    parse(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

#[test]
fn the_definition_is_sound() {
    Args::command().debug_assert();
    check_examples(&Args::command());
}

/// The names of all commands beneath one, as they are typed in, each checked to be the name of what is parsed.
fn check_names(command: &clap::Command, above: &str) {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("{above} {}", command.get_name());
        let name = name.trim_start();
        assert!(command.get_after_help().is_some_and(|help| help.to_string().contains("Examples")), "{name}");
        if command.has_subcommands() {
            check_names(command, name);
            continue;
        }
        let words = command.get_positionals().map(|wanted| match wanted.get_id().as_str() {
            "path" => " usr/bin",
            "file" => " os.tar",
            "shell" => " bash",
            _ => " b",
        });
        let line = format!("{name}{}", words.collect::<String>());
        assert_eq!(parsed(&line).command.expect("given").name(), name);
    }
}

#[test]
fn names_are_those_of_the_command_line() {
    check_names(&Args::command(), "");
}

#[test]
fn globals_stand_before_or_after_the_command() {
    let options = "-p /r -u a -u b --trust t.json -j --no-progress -y --jobs 3 --prefer bytes --memory 64M -W 5 -r 7 -d 0.5 --timeout 9 -N -b \
                   --allow-insecure-http -I --verbose";
    let long = "--root /r --url a --url b --trust t.json --json --no-progress --yes --jobs 3 --prefer bytes --memory 64M \
                --max-parallel-downloads 5 --max-retries 7 --retry-delay 0.5 --timeout 9 --no-scripts --no-boot-update \
                --allow-insecure-http --ignore-time --verbose";
    let reference = format!("{:?}", parsed(&format!("{options} info")).global);
    for line in [format!("info {options}"), format!("{long} info"), format!("info {long}")] {
        assert_eq!(format!("{:?}", parsed(&line).global), reference, "{line}");
    }
    let settings = parsed(&format!("{options} info")).global.settings();
    assert_eq!((settings.urls, settings.jobs), (vec!["a".into(), "b".into()], 3));
    assert_eq!(settings.terms, Terms { prefer: Preference::Bytes, memory: Some(64 << 20) });
    let limits = Limits {
        parallel: 5,
        max_retries: 7,
        retry_delay: Duration::from_millis(500),
        timeout: Duration::from_secs(9),
        allow_insecure_http: true,
    };
    assert_eq!(settings.limits, limits);
    assert_eq!((settings.root, settings.trust), ("/r".into(), Some("t.json".into())));
    assert!(settings.ignore_time);
    assert_eq!(parsed("-u a info -u b").global.url, ["b"], "as the help says");
    assert_eq!(parsed("info").global.settings().root, PathBuf::from("/"));
}

#[test]
fn sizes_have_units() {
    for (text, bytes) in [("0", 0), ("123", 123), ("3K", 3 << 10), ("64m", 64 << 20), ("2G", 2 << 30)] {
        assert_eq!(parsed(&format!("update --memory {text}")).global.memory, Some(bytes), "{text}");
    }
    assert_eq!(parsed("update").global.settings().terms, Terms::default());
}

#[test]
fn requests_say_what_was_asked() {
    let Some(Command::Update(update)) = parsed("update --version 20 --download --full-verify").command else {
        panic!("an update");
    };
    let request = update.request();
    assert_eq!(request.version.map(Version::number), Some(20));
    assert_eq!((request.mode, request.thoroughness), (Mode::DownloadOnly, Thoroughness::Full));

    let Some(Command::Repair(repair)) = parsed("repair --quick --bundles a,b --file /usr/bin/ --dry-run").command
    else {
        panic!("a repair");
    };
    let request = repair.request();
    assert_eq!((request.mode, request.thoroughness), (Mode::DryRun, Thoroughness::Quick));
    assert_eq!((request.bundles.len(), request.file.expect("given").as_str()), (2, "usr/bin"));

    for (line, filter) in [
        ("bundle-list", BundleFilter::Installed),
        ("bundle-list --all --status", BundleFilter::All),
        ("bundle-list --orphans", BundleFilter::Orphans),
        ("bundle-list --deps a", BundleFilter::DependenciesOf("a".parse().expect("a name"))),
        ("bundle-list --has-dep a --all", BundleFilter::DependentsOf("a".parse().expect("a name"), true)),
    ] {
        let Some(Command::BundleList(list)) = parsed(line).command else { panic!("a list") };
        assert_eq!(list.filter(), filter, "{line}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for line in [
        "update --version 0",
        "update --version latest",
        "update --dry-run --download",
        "bundle-add",
        "bundle-add ../x",
        "bundle-remove",
        "bundle-info",
        "hashdump /etc/passwd",
        "completions csh",
        "search",
        "search x --library",
        "search x --binary",
        "export",
        "export x --this-machine --from 10",
        "search-file x --order none",
        "search-file x --top -1",
        "search-file x --top 0",
        "bundle-list --deps a --all",
        "diagnose --quick --full-verify",
        "diagnose --file /etc/passwd",
        "diagnose --file /usr/../etc",
        "info --quiet --verbose",
        "info --retry-delay -1",
        "info --retry-delay nan",
        "info --timeout 0",
        "info -W 0",
        "update --prefer money",
        "update --memory",
        "update --memory 1T",
        "update --memory M",
        "update --memory -1",
        "update --memory 99999999999G",
        "no-such-command",
        "update extra",
    ] {
        assert_eq!(parse(line).expect_err(line).exit_code(), 2, "{line}");
    }
    assert!(parsed("--json").command.is_none());
    assert!(parsed("bundle-remove --orphans").command.is_some());
}
