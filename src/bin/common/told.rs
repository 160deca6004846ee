//! Messages for a person: without control characters, in lines that fit on the terminal.

use stateless_update::types::Visible;

/// How the further lines of a message begin, so that none looks like a message of its own.
const INDENT: &str = "\n    ";

/// The width of the terminal that stderr is. Elsewhere there is none: what is searched or copied stays on one line.
pub(crate) fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok()?;
    // A terminal that does not know its width says 0.
    Some(size.ws_col.into()).filter(|columns| *columns > 0)
}

/// A message, in which names of files or a mirror's words may be, after a label that takes so many columns. Lines end
/// between words only: a path or an address can be copied.
pub(crate) fn told(label: usize, message: &str, columns: Option<usize>) -> String {
    let columns = columns.unwrap_or(usize::MAX);
    let (mut text, mut at) = (String::new(), label);
    for (line_number, line) in message.split('\n').enumerate() {
        for (number, word) in Visible(line).to_string().split(' ').enumerate() {
            let width = word.chars().count();
            let begins = number == 0;
            if (begins && line_number > 0) || (!begins && at + 1 + width > columns) {
                text.push_str(INDENT);
                at = INDENT.len() - 1;
            } else if !begins {
                text.push(' ');
                at += 1;
            }
            text.push_str(word);
            at += width;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_words_stay_whole() {
        let message = "cannot read /usr/share/a/long/path/of/its/own: permission denied";
        assert_eq!(told(7, message, None), message);
        let lines = "cannot read\n    /usr/share/a/long/path/of/its/own:\n    permission denied";
        assert_eq!(told(7, message, Some(24)), lines);
        assert_eq!(told(3, "as wide as", Some(13)), "as wide as");
        assert_eq!(told(3, "as wide as", Some(12)), "as wide\n    as");
    }

    #[test]
    fn control_characters_are_shown_and_lines_indented() {
        assert_eq!(told(0, "one\ntwo\x1b[2J  three", None), "one\n    two\\u{1b}[2J  three");
    }
}
