//! What `cargo xtask dist` installs beside the programs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use xtask::dist;

use crate::world::{CHECKOUT, skipped, world};

/// The commands that a program's help names beneath `above`, and those beneath them: `config show`.
fn commands(program: &Path, above: &[String]) -> Vec<Vec<String>> {
    let output = Command::new(program).args(above).arg("--help").output().expect("it starts");
    let help = String::from_utf8(output.stdout).expect("a text");
    let Some(listed) = help.split("Commands:\n").nth(1) else { return Vec::new() };
    let listed = listed.split("\n\n").next().expect("a list");
    let names = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let mut all = Vec::new();
    for name in names.filter(|name| !name.is_empty() && *name != "help") {
        let command = [above, &[name.to_owned()]].concat();
        all.extend(commands(program, &command));
        all.push(command);
    }
    all
}

#[test]
fn a_page_is_installed_for_every_command() {
    let directory = world().directory();
    let root = directory.path().join("root");
    let programs = &world().programs;
    dist::lay_out(programs, Path::new(CHECKOUT), &root).expect("laid out");
    let mut wanted = BTreeSet::new();
    for program in [&programs.update, &programs.publish] {
        let name = program.file_name().expect("a name").to_str().expect("a text");
        let installed = fs::metadata(root.join("usr/bin").join(name)).expect("installed");
        assert_eq!(installed.permissions().mode() & 0o777, 0o755);
        for completion in [
            format!("bash-completion/completions/{name}"),
            format!("zsh/site-functions/_{name}"),
            format!("fish/vendor_completions.d/{name}.fish"),
        ] {
            let script = fs::read_to_string(root.join("usr/share").join(&completion)).expect(&completion);
            assert!(script.contains("quiet") && !script.contains("\0"), "{completion}");
        }
        let commands = commands(program, &[]);
        assert!(commands.len() >= 6, "{commands:?}");
        wanted.insert(format!("{name}.1"));
        wanted.extend(commands.iter().map(|command| format!("{name}-{}.1", command.join("-"))));
    }
    let pages = root.join("usr/share/man/man1");
    let listed = fs::read_dir(&pages).expect("pages").map(|page| page.expect("a page").file_name());
    let found: BTreeSet<String> = listed.map(|name| name.into_string().expect("a text")).collect();
    assert_eq!(found, wanted);
    for page in &found {
        let text = fs::read_to_string(pages.join(page)).expect("a page");
        let title = page.strip_suffix(".1").expect("a page");
        assert!(text.contains(&format!(".TH {title} 1")), "{page}: {text}");
        // Also of a command that only leads to others.
        for part in [".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS", "Examples:"] {
            assert!(text.contains(part), "{page} has no {part}: {text}");
        }
    }
    let units = root.join("usr/lib/systemd/system");
    let wanted = units.join("sysinit.target.wants/stateless-update-recover.service");
    let unit = fs::read_to_string(wanted).expect("every boot recovers");
    assert!(unit.contains("/usr/bin/stateless-update recover\n"), "{unit}");
    for page in ["stateless-update-update.1", "stateless-update.1", "stateless-publish-release.1"] {
        reads(&pages.join(page));
    }

    let archives = ["one.tar", "two.tar"].map(|name| directory.path().join(name));
    for archive in &archives {
        dist::pack(&root, archive).expect("packed");
    }
    let [one, two] = archives.map(|archive| fs::read(archive).expect("an archive"));
    assert!(one == two && one.len() > 1 << 20, "the same files give the same archive");
    verifies(&root);
}

/// Lets systemd read the units, where it is installed.
fn verifies(root: &Path) {
    // What an operating system has.
    for target in ["basic", "network-online", "shutdown", "sysinit", "time-set", "time-sync", "timers"] {
        let target = root.join(format!("usr/lib/systemd/system/{target}.target"));
        fs::write(target, "[Unit]\n").expect("written");
    }
    let mut command = Command::new("systemd-analyze");
    let output = command.args(["verify", "--man=no", "--root"]).arg(root).args(dist::UNITS).output();
    let output = match output {
        Ok(output) => output,
        Err(_) => return skipped("units of systemd", "systemd-analyze is not installed"),
    };
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

/// Lets troff show a page, where there is one.
fn reads(page: &Path) {
    let output = match Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(page).output() {
        Ok(output) => output,
        Err(_) => return skipped("troff and manual pages", "groff is not installed"),
    };
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
