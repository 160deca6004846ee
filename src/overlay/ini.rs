//! Sections of `key=value` lines, as systemd reads them (systemd.syntax(7), `conf-parser.c`); `ini` programs are read alike.
//!
//! - Comments are whole lines that begin with `#` or `;`. A mark of byte order at the beginning goes.
//! - A backslash at the very end of a line continues it with a space in its place, unless another one escapes it; comments
//!   between the lines of a value are left out.
//! - The name of a section is what is between the brackets, blanks included, but for those of [`Format::Indented`].
//! - A line without `=`, or with nothing in front of it, is passed over.
//! - Where indented lines may continue others ([`Format::Indented`]), one does so when it is indented deeper than the option
//!   above it, as Python's configparser has it: after a line feed. Options that are all indented alike, as git writes them,
//!   continue nothing.
//!
//! Crates for INI files keep no line numbers.

use std::collections::BTreeSet;

use super::{Format, OverlayError, Setting, lines, syntax};

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub settings: Vec<Setting>,
    pub passed_over: Vec<PassedOver>,
}

/// A line that programs pass over.
#[derive(Debug)]
pub(super) struct PassedOver {
    section: String,
    pub line: u32,
    /// Why.
    pub reason: &'static str,
}

/// Where the reader is.
struct Reader<'a> {
    file: &'a str,
    section: String,
    read: Read,
    /// How deep the last option is indented, where indented lines may continue it.
    indent: Option<usize>,
    /// Empty lines since then.
    blanks: usize,
}

/// Reads a file. Options before the first section are in the section without a name.
pub(super) fn parse(format: Format, file: &str, text: &str) -> Result<Read, OverlayError> {
    let mut reader = Reader { file, section: String::new(), read: Read::default(), indent: None, blanks: 0 };
    // The beginning of a line that goes on, and where it began.
    let mut begun: Option<(u32, String)> = None;
    let mut last = 0;
    for (number, line) in lines(without_mark(text)) {
        last = number;
        let trimmed = line.trim();
        if trimmed.starts_with(['#', ';']) {
            continue;
        }
        let (first, mut whole) = begun.take().unwrap_or((number, String::new()));
        whole.push_str(line);
        if ends_escaping(line) {
            whole.pop();
            whole.push(' ');
            begun = Some((first, whole));
            continue;
        }
        reader.take(&whole, (first, number), format)?;
    }
    if let Some((first, whole)) = begun {
        reader.take(&whole, (first, last), format)?;
    }
    Ok(reader.read)
}

/// The text without the mark that some editors begin files with.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Whether a line ends with a backslash that no other one escapes.
pub(super) fn ends_escaping(line: &str) -> bool {
    (line.len() - line.trim_end_matches('\\').len()) % 2 == 1
}

/// Whether some programs read a further line of an option as an option or section of its own, and others as its value.
pub(super) fn is_doubtful(further_line: &str) -> bool {
    let line = further_line.trim();
    !line.starts_with(['#', ';']) && (line.starts_with('[') || line.contains('='))
}

impl Reader<'_> {
    fn take(&mut self, line: &str, (first, last): (u32, u32), format: Format) -> Result<(), OverlayError> {
        let indent = line.chars().take_while(|letter| letter.is_whitespace()).count();
        let line = line.trim();
        if line.is_empty() {
            self.blanks += 1;
            return Ok(());
        }
        let blanks = std::mem::take(&mut self.blanks);
        let continued = self.read.settings.last_mut().filter(|_| self.indent.is_some_and(|above| indent > above));
        if let Some(setting) = continued {
            setting.value.extend(std::iter::repeat_n('\n', blanks + 1));
            setting.value.push_str(line);
            setting.last_line = last;
            return Ok(());
        }
        self.indent = None;
        if let Some(rest) = line.strip_prefix('[') {
            let reason = "a section must end with ]";
            let name = rest.strip_suffix(']').ok_or_else(|| syntax(self.file, first, reason))?;
            // To systemd it is another section with a blank in its name, one that it does not know.
            let name = if format == Format::Ini { name } else { name.trim() };
            name.clone_into(&mut self.section);
            return Ok(());
        }
        match line.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
            None => self.pass_over(first, "no = in it, so that it is passed over"),
            Some(("", _)) => self.pass_over(first, "an option without a name, which is passed over"),
            Some((key, value)) => {
                self.indent = Some(indent).filter(|_| format == Format::Indented);
                self.read.settings.push(Setting {
                    section: self.section.clone(),
                    key: key.to_owned(),
                    value: value.to_owned(),
                    line: first,
                    last_line: last,
                    is_text: false,
                });
            }
        }
        Ok(())
    }

    fn pass_over(&mut self, line: u32, reason: &'static str) {
        self.read.passed_over.push(PassedOver { section: self.section.clone(), line, reason });
    }
}

/// Whether the section has another line that is this option to Python's configparser, to which `:` is as good as `=` and case
/// means nothing: it refuses a file with both.
pub(super) fn has_namesake(text: &str, section: &str, key: &str) -> bool {
    // What cannot be read has been told of before.
    let read = parse(Format::Indented, "", text).unwrap_or_default();
    let others = read.settings.iter().filter(|one| one.section == section && one.key != key).map(|one| one.line);
    let passed_over = read.passed_over.iter().filter(|one| one.section == section).map(|one| one.line);
    let others: BTreeSet<u32> = others.chain(passed_over).collect();
    let name = |line: &str| line.split([':', '=']).next().unwrap_or_default().trim().to_lowercase();
    lines(without_mark(text)).any(|(number, line)| others.contains(&number) && name(line) == key.to_lowercase())
}

/// How the value is written, behind so many blanks, so that it is read again as it is; none when that cannot be done.
pub(super) fn written(format: Format, indent: &str, key: &str, value: &str) -> Option<String> {
    let text = format!("{indent}{key}={}\n", value.replace('\n', &format!("\n{indent}    ")));
    let read = parse(format, "", &text).ok()?;
    let is_read = matches!(&read.settings[..], [only] if only.key == key && only.value == value);
    (is_read && read.passed_over.is_empty()).then_some(text)
}
