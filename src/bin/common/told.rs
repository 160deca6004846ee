//! Messages for a person: without control characters, in lines that fit on the terminal.

use stateless_update::types::Visible;

/// How the further lines of a message begin, so that none looks like a message of its own.
const INDENT: &str = "    ";

/// The width of the terminal that stderr is. Elsewhere there is none: what is searched or copied stays on one line.
pub(crate) fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok()?;
    // A terminal that does not know its width says 0.
    Some(size.ws_col.into()).filter(|columns| *columns > 0)
}

/// A message, in which names of files or a mirror's words may be, after a label that takes so many columns. Lines end
/// between words only: a path or an address can be copied.
pub(crate) fn told(label: usize, message: &str, columns: Option<usize>) -> String {
    let lines = message.split('\n').enumerate().map(|(number, line)| {
        let at = if number == 0 { label } else { INDENT.len() };
        wrapped(Visible(line).to_string().split(' '), at, columns.unwrap_or(usize::MAX), INDENT)
    });
    lines.collect::<Vec<_>>().join(&format!("\n{INDENT}"))
}

/// Pieces of text, a space between two, in lines of so many columns; the first has `at` columns less, all others are
/// indented. A piece is never broken.
pub(crate) fn wrapped<'a>(
    pieces: impl IntoIterator<Item = &'a str>,
    mut at: usize,
    columns: usize,
    indent: &str,
) -> String {
    let mut text = String::new();
    for (number, piece) in pieces.into_iter().enumerate() {
        let width = piece.chars().count();
        if number > 0 && at + 1 + width > columns {
            text.extend(["\n", indent]);
            at = indent.len();
        } else if number > 0 {
            text.push(' ');
            at += 1;
        }
        text.push_str(piece);
        at += width;
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
