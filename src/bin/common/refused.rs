//! Command lines that clap does not turn into a command: they are wrong, or ask for help or the version.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::answers::Answers;
use super::json::Json;
use super::{Failure, PROGRAM};

/// Shows what clap says about these words, in JSON if they ask for that. Gives the exit code.
pub(crate) fn refused<A: CommandFactory>(words: &[OsString], error: &clap::Error) -> ExitCode {
    let known = A::command();
    let mut answers = Answers::on_stdout();
    if !wants_json(&known, words) {
        answers.said(error.print());
        return ExitCode::from(answers.ends_aloud(u8::try_from(error.exit_code()).unwrap_or(2)));
    }
    let json = |command| Json::new(answers, command, false);
    let text = error.render().to_string();
    ExitCode::from(if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Not the command's own result, which has other fields.
        json(PROGRAM).text(text.trim_end())
    } else {
        // Below the message, clap repeats the usage and points to the help.
        let message = text.split("\n\nUsage:").next().and_then(|text| text.split("\n\nFor more").next());
        let message = message.unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message).trim().to_owned();
        json(command_among(&known, words)).end(&Err(Failure::usage(message)))
    })
}

/// Whether `--json` or `-j`, also among other short options, is one of the words of a line that cannot be parsed.
fn wants_json(known: &clap::Command, words: &[OsString]) -> bool {
    let valued = |letter: char| {
        let mut arguments = known.get_arguments().filter(|argument| argument.get_short() == Some(letter));
        arguments.any(|argument| argument.get_action().takes_values())
    };
    let words = words.iter().skip(1).map(|word| word.to_string_lossy());
    let mut options = words.take_while(|word| word != "--");
    options.any(|word| match word.strip_prefix('-') {
        Some("-json") => true,
        // What follows an option that takes a value is that value.
        Some(letters) => {
            letters.chars().take_while(|letter| *letter != '-' && !valued(*letter)).any(|letter| letter == 'j')
        }
        None => false,
    })
}

/// The first word that is a command; the program's name when there is none.
fn command_among(known: &clap::Command, words: &[OsString]) -> &'static str {
    let name = words.iter().skip(1).find_map(|word| {
        let command = known.get_subcommands().find(|command| word.to_str() == Some(command.get_name()))?;
        Some(command.get_name().to_owned())
    });
    // Once in a run that is about to end.
    name.map_or(PROGRAM, |name| name.leak())
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction, Command};

    use super::*;

    #[test]
    fn json_is_found_in_lines_that_cannot_be_parsed() {
        let flag = |name, letter| Arg::new(name).short(letter).action(ArgAction::SetTrue);
        let valued = |name, letter| Arg::new(name).short(letter);
        let options = [flag("json", 'j'), flag("yes", 'y'), valued("root", 'p'), valued("delay", 'd')];
        let known = Command::new("x").args(options);
        let known = known.subcommands([Command::new("update"), Command::new("bundle-add")]);
        let words = |line: &str| -> Vec<OsString> { line.split(' ').map(OsString::from).collect() };
        for line in ["x --json", "x update --bad --json", "x -j", "x -yj update", "x -jp /r"] {
            assert!(wants_json(&known, &words(line)), "{line}");
        }
        for line in ["x", "x update -- --json", "x -p/j", "x --jobs 3", "x j", "x -d1j"] {
            assert!(!wants_json(&known, &words(line)), "{line}");
        }
        assert_eq!(command_among(&known, &words("x --bad bundle-add a")), "bundle-add");
        assert_eq!(command_among(&known, &words("x nonsense")), PROGRAM);
    }
}
