//! What the help texts of both programs keep to.

/// No line of an example is longer: a terminal of 80 columns shows it whole, and so it can be pasted.
const COLUMNS: usize = 78;

/// Checks the examples of a command and of those beneath it.
pub(crate) fn check_examples(command: &clap::Command) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    for line in help.lines().filter(|line| line.starts_with(' ')) {
        let width = line.chars().count();
        assert!(width <= COLUMNS, "{} columns in the help of {}: {line}", width, command.get_name());
    }
    command.get_subcommands().for_each(check_examples);
}
