//! Colour, for terminals whose users want it. Nothing is told by colour alone.

use std::io::IsTerminal;

/// Whether to paint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Escape sequences.
    Colours,
    /// Plain text.
    None,
}

impl Paint {
    /// For a stream: only on a terminal that can, and not where `NO_COLOR` is set (<https://no-color.org>).
    pub(crate) fn of(stream: &impl IsTerminal) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if stream.is_terminal() && is_capable() && !unwanted { Self::Colours } else { Self::None }
    }

    /// For errors.
    pub(crate) fn red(self, text: &str) -> String {
        self.wrapped(text, "1;31")
    }

    /// For warnings.
    pub(crate) fn yellow(self, text: &str) -> String {
        self.wrapped(text, "1;33")
    }

    /// For hints.
    pub(crate) fn cyan(self, text: &str) -> String {
        self.wrapped(text, "36")
    }

    fn wrapped(self, text: &str, code: &str) -> String {
        match self {
            Self::Colours => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::None => text.to_owned(),
        }
    }
}

/// Whether the terminal understands escape sequences.
pub(crate) fn is_capable() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}
