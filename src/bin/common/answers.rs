//! Standard output, where answers go. What cannot be written there does not stop the work, but is not passed over either:
//! a script that gets half an answer must not take it for the whole.

use std::io::{Error, ErrorKind, Write};

use super::{Failure, FailureKind};

/// The exit code of an answer that is "no".
const PLAIN_NO: u8 = 1;

/// Writes answers, and remembers the first that got lost.
pub(crate) struct Answers {
    to: Box<dyn Write + Send>,
    lost: Option<Error>,
}

impl Answers {
    /// Writes to stdout.
    pub(crate) fn on_stdout() -> Self {
        Self::to(Box::new(std::io::stdout()))
    }

    /// Writes to whatever this is.
    pub(crate) fn to(to: Box<dyn Write + Send>) -> Self {
        Self { to, lost: None }
    }

    /// Writes at once.
    pub(crate) fn say(&mut self, text: &str) {
        let said = self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush());
        self.said(said);
    }

    /// Something was written there. A reader that is gone has what it wanted.
    pub(crate) fn said(&mut self, said: Result<(), Error>) {
        let lost = said.err().filter(|error| error.kind() != ErrorKind::BrokenPipe);
        self.lost = self.lost.take().or(lost);
    }

    /// What a run ends with that would have ended with this code: an answer of which something got lost is none. A failure
    /// keeps its own code.
    pub(crate) fn code(&self, code: u8) -> u8 {
        if self.lost.is_some() && code <= PLAIN_NO { FailureKind::LOCAL.exit_code } else { code }
    }

    /// The same, and what there is to tell of it when something got lost.
    pub(crate) fn ends(&mut self, code: u8) -> (u8, Option<Failure>) {
        let ends = self.code(code);
        let lost = self.lost.take().map(|error| {
            let failure =
                Failure::local("not all of the answer could be written to standard output".to_owned(), &error);
            let hint = (code <= PLAIN_NO).then(|| "what was asked for is done; only its answer is missing".to_owned());
            Failure { hint, ..failure }
        });
        (ends, lost)
    }

    /// The same, where there is only standard error to tell it on: a person may see that, or a journal.
    pub(crate) fn ends_aloud(&mut self, code: u8) -> u8 {
        let (code, lost) = self.ends(code);
        if let Some(Failure { message, causes, .. }) = lost {
            // There is nobody to tell when this fails too.
            let _ = writeln!(std::io::stderr(), "error: {message}: {}", causes.join(": "));
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What says no to everything, in a way of its own.
    struct Refusing(ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> Result<usize, Error> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> Result<(), Error> {
            Err(self.0.into())
        }
    }

    #[test]
    fn an_answer_that_got_lost_is_none() {
        let table = [
            (ErrorKind::StorageFull, 0, 5),
            (ErrorKind::StorageFull, 1, 5),
            (ErrorKind::StorageFull, 3, 3),
            (ErrorKind::BrokenPipe, 0, 0),
        ];
        for (kind, code, expected) in table {
            let mut answers = Answers::to(Box::new(Refusing(kind)));
            answers.say("yes\n");
            let (ends, told) = answers.ends(code);
            assert_eq!((ends, told.is_some()), (expected, kind != ErrorKind::BrokenPipe), "{kind} {code}");
        }
        let mut answers = Answers::to(Box::new(Vec::new()));
        answers.say("yes\n");
        assert_eq!(answers.ends(1), (1, None));
    }
}
