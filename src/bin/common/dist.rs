//! What is installed beside a program: manual pages and completions, made from the definition of its command line. The
//! hidden command `dist-files` gives them to `cargo xtask dist`.

use std::collections::BTreeMap;
use std::io;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use super::PROGRAM;

/// Where shells look for completions, beneath `usr`.
const COMPLETIONS: [(Shell, &str); 3] = [
    (Shell::Bash, "share/bash-completion/completions/{}"),
    (Shell::Zsh, "share/zsh/site-functions/_{}"),
    (Shell::Fish, "share/fish/vendor_completions.d/{}.fish"),
];

/// Texts by their paths beneath `usr`.
pub(crate) type Files = BTreeMap<String, String>;

/// What each part of a page begins with; once is enough.
const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// All of them, for the program with this command line.
pub(crate) fn files(definition: Command) -> Files {
    let mut files = Files::new();
    for (shell, place) in COMPLETIONS {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut definition.clone(), PROGRAM, &mut script);
        files.insert(place.replace("{}", PROGRAM), String::from_utf8_lossy(&script).into_owned());
    }
    // `help` needs no page: it shows what the others say.
    let mut definition = definition.disable_help_subcommand(true);
    definition.build();
    pages(&definition, PROGRAM, &mut files).expect("memory takes every page");
    files
}

/// For a person, the paths.
pub(crate) fn listed(files: &Files) -> String {
    files.keys().map(|path| format!("{path}\n")).collect()
}

/// A page for the command `name` and for each beneath it.
fn pages(command: &Command, name: &str, files: &mut Files) -> io::Result<()> {
    let man =
        Man::new(command.clone()).title(name).section("1").source(format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let inner = || command.get_subcommands().filter(|inner| !inner.is_hide_set());
    if inner().next().is_some() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut page = format!("{PREAMBLE}{}", String::from_utf8_lossy(&page).replace(PREAMBLE, ""));
    if let Some(notes) = command.get_after_help() {
        page.push_str(".SH NOTES\n");
        notes.to_string().lines().for_each(|line| page.push_str(&noted(line)));
    }
    files.insert(format!("share/man/man1/{name}.1"), page);
    inner().try_for_each(|inner| pages(inner, &format!("{name}-{}", inner.get_name()), files))
}

/// A line of the help: prose fills the page's lines, as it does those of a terminal, and an example keeps its own.
fn noted(line: &str) -> String {
    match verbatim(line) {
        line if line.is_empty() => ".PP\n".to_owned(),
        line if line.starts_with(' ') => format!(".nf\n{line}\n.fi\n"),
        line => format!("{line}\n.br\n"),
    }
}

/// A line that troff shows as it is: no backslash or hyphen means anything, and none is a request.
fn verbatim(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}
