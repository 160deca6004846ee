//! The demo's table: what each step moved, in 80 columns.

use crate::programs::Outcome;

/// Whether the tree after a step was found to be what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The judge compared it with the publisher's trees.
    Equal,
    /// The step moves nothing, or leaves it damaged on purpose.
    NotJudged,
}

/// The table's head, two lines.
pub fn head() -> String {
    let names = line("step", ["added", "changed", "removed", "bytes", "reqs", "ms", "tree"].map(str::to_owned));
    format!("{names}\n{}", "-".repeat(names.len()))
}

/// One step, from the client's own result.
pub fn row(step: &str, outcome: &Outcome, verdict: Verdict) -> String {
    let figure = |name: &str| outcome.result[name].as_u64().map_or_else(String::new, grouped);
    let verdict = match verdict {
        Verdict::Equal => "equal",
        Verdict::NotJudged => "",
    };
    let names = ["files_added", "files_changed", "files_removed", "download_bytes", "requests", "duration_ms"];
    let [added, changed, removed, bytes, requests, milliseconds] = names.map(figure);
    line(step, [added, changed, removed, bytes, requests, milliseconds, verdict.to_owned()])
}

fn line(step: &str, [added, changed, removed, bytes, requests, milliseconds, tree]: [String; 7]) -> String {
    let line =
        format!("{step:<24}{added:>7}{changed:>8}{removed:>8}{bytes:>12}{requests:>6}{milliseconds:>9}{tree:>6}");
    line.trim_end().to_owned()
}

/// A number with a comma at each thousand.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (460_118_956, "460,118,956")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn every_line_fits_in_80_columns() {
        let result = json!({ "files_added": 50_519, "files_changed": 1_290, "files_removed": 4_064,
            "download_bytes": 460_118_956, "requests": 5_390, "duration_ms": 3_600_000 });
        let outcome = Outcome { code: 0, events: Vec::new(), result, stderr: String::new() };
        let row = row("add openstack-controller", &outcome, Verdict::Equal);
        assert!(row.len() <= 80 && head().lines().all(|line| line.len() <= 80), "{}", row.len());
        assert!(row.contains(" 460,118,956 "), "{row}");
    }
}
