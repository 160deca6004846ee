//! Names as people see them.

use std::fmt::{self, Write as _};

/// Shows a text on one line, whatever is in it: control characters become escapes such as `\n` and `\u{1b}`, so that no name
/// begins a line of its own or tells a terminal what to do. All else is as it is, backslashes too: this is for eyes, the exact
/// text is in JSON.
#[derive(Clone, Copy, Debug)]
pub struct Visible<'a>(pub &'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter.is_control() {
                true => write!(f, "{}", letter.escape_default())?,
                false => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_nothing_else() {
        for (text, wanted) in [
            ("a b\\c \u{e9}\u{65e5}'\"", "a b\\c \u{e9}\u{65e5}'\""),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\x1b[31m\x07\x7f\u{9b}", "\\u{1b}[31m\\u{7}\\u{7f}\\u{9b}"),
        ] {
            assert_eq!(Visible(text).to_string(), wanted);
        }
    }
}
