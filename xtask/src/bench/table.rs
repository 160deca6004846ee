//! What was measured, as one table: in 100 columns for the terminal, and in Markdown.

use super::origin::Traffic;
use super::usage::Usage;
use crate::demo::grouped;

/// One thing that was done and what it cost.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was done.
    pub name: String,
    /// What the origin answered, when there was one.
    pub traffic: Option<Traffic>,
    /// What the program needed.
    pub usage: Usage,
}

/// The columns after the name, each with its width on the terminal.
const COLUMNS: [(&str, usize); 8] = [
    ("body bytes", 13),
    ("wire bytes", 13),
    ("reqs", 7),
    ("CPU s", 8),
    ("sys s", 7),
    ("RSS MiB", 8),
    ("anon MiB", 9),
    ("wall s", 8),
];

/// How wide the names are on the terminal.
const NAMES: usize = 27;

impl Row {
    fn figures(&self) -> [String; 8] {
        let traffic = |figure: fn(&Traffic) -> Option<u64>| {
            self.traffic.as_ref().and_then(figure).map_or_else(String::new, grouped)
        };
        let usage = &self.usage;
        [
            traffic(|traffic| Some(traffic.body)),
            traffic(|traffic| traffic.wire),
            traffic(|traffic| Some(traffic.requests)),
            format!("{:.2}", usage.cpu_s()),
            format!("{:.2}", usage.system_s),
            mebibytes(usage.resident),
            mebibytes(usage.anonymous),
            format!("{:.2}", usage.wall_s),
        ]
    }

    /// The row for the terminal.
    pub fn line(&self) -> String {
        line(&self.name, &self.figures())
    }

    /// The row in Markdown.
    pub fn markdown(&self) -> String {
        format!("| {} | {} |\n", self.name, self.figures().join(" | "))
    }
}

/// The table's head for the terminal, two lines.
pub fn head(name: &str) -> String {
    let names = line(name, &COLUMNS.map(|(column, _)| column.to_owned()));
    format!("{names}\n{}", "-".repeat(names.len()))
}

/// The table's head in Markdown.
pub fn markdown_head(name: &str) -> String {
    format!("| {name} | {} |\n|---|{}\n", COLUMNS.map(|(column, _)| column).join(" | "), "--:|".repeat(COLUMNS.len()))
}

fn line(name: &str, figures: &[String; 8]) -> String {
    let mut line = format!("{name:<NAMES$}");
    for (figure, (_, width)) in figures.iter().zip(COLUMNS) {
        line.push_str(&format!("{figure:>width$}"));
    }
    line
}

/// Bytes in MiB, for reading.
pub fn mebibytes(bytes: u64) -> String {
    let tenths = (bytes * 10 + (1 << 19)) >> 20;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_fits_in_100_columns() {
        let traffic = Traffic { requests: 55_310, body: 460_118_956, wire: Some(460_999_999), refused: 0 };
        let usage =
            Usage { user_s: 3_100.25, system_s: 120.5, wall_s: 3_600.0, resident: 5_000 << 20, anonymous: 4_000 << 20 };
        let row = Row { name: "update 10 -> 20, dry run".to_owned(), traffic: Some(traffic), usage };
        assert!(row.line().len() <= 100 && head("client").lines().all(|line| line.len() <= 100), "{}", row.line());
        assert!(row.line().contains(" 460,118,956  460,999,999 "), "{}", row.line());
        assert_eq!(
            row.markdown().matches('|').count(),
            markdown_head("client").lines().next().map_or(0, |head| head.matches('|').count())
        );
        let silent = Row { traffic: None, ..row };
        assert!(silent.markdown().contains("dry run |  |  |  | 3220.75 |"), "{}", silent.markdown());
    }

    #[test]
    fn mebibytes_are_rounded() {
        for (bytes, text) in [(0, "0.0"), (1 << 20, "1.0"), ((1 << 20) * 3 / 2, "1.5"), ((128 << 20) + 1, "128.0")] {
            assert_eq!(mebibytes(bytes), text);
        }
    }
}
