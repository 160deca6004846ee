//! What is to be reached, beside what was measured.

use std::fmt;

use super::machine::Measures;
use super::origin::Traffic;
use super::table::mebibytes;
use crate::demo::grouped;

/// Bytes on the wire for a step between releases of the full corpus.
const STEP_BYTES: u64 = 34_000_000;

/// Requests for it.
const STEP_REQUESTS: u64 = 20;

/// Bytes and requests when nothing is new.
const LOOK: (u64, u64) = (8 << 10, 4);

/// Peak of the client's resident memory.
const RESIDENT: u64 = 128 << 20;

/// Calls that write when a tiny bundle is added.
const WRITES: u64 = 5_000;

/// One line of the table of goals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    figure: &'static str,
    at_most: String,
    measured: String,
    verdict: Verdict,
}

/// Whether a goal was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Met,
    NotMet,
    NotMeasured,
}

impl Verdict {
    fn of(met: bool) -> Self {
        if met { Self::Met } else { Self::NotMet }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Met => "met",
            Self::NotMet => "NOT MET",
            Self::NotMeasured => "not measured",
        })
    }
}

impl Goal {
    /// The line for the terminal.
    pub fn line(&self) -> String {
        format!("{:<42}{:>18}  {:<26}{}", self.figure, self.at_most, self.measured, self.verdict)
    }

    /// The line in Markdown.
    pub fn markdown(&self) -> String {
        format!("| {} | {} | {} | {} |\n", self.figure, self.at_most, self.measured, self.verdict)
    }

    fn of<T>(figure: &'static str, at_most: String, measured: Option<T>, tell: impl Fn(&T) -> (String, bool)) -> Self {
        let (measured, verdict) = measured
            .as_ref()
            .map(tell)
            .map_or((String::new(), Verdict::NotMeasured), |(told, met)| (told, Verdict::of(met)));
        Self { figure, at_most, measured, verdict }
    }
}

/// All goals, as far as they were measured.
pub fn goals(measures: &Measures) -> Vec<Goal> {
    let update = measures.update.as_ref().and_then(|row| row.traffic);
    let wire = |traffic: &Traffic| traffic.wire.unwrap_or(traffic.body);
    let looks = measures.looks;
    let peak = measures.rows.iter().max_by_key(|row| row.usage.resident);
    let (bytes, requests) = LOOK;
    vec![
        Goal::of("bytes over the wire for the update", grouped(STEP_BYTES), update, |traffic| {
            (grouped(wire(traffic)), wire(traffic) <= STEP_BYTES)
        }),
        Goal::of("requests for the update", STEP_REQUESTS.to_string(), update, |traffic| {
            (grouped(traffic.requests), traffic.requests <= STEP_REQUESTS)
        }),
        Goal::of("nothing is new: bytes, requests", format!("{}, {requests}", grouped(bytes)), looks, |(first, _)| {
            let told = format!("{}, {}", grouped(wire(first)), first.requests);
            (told, wire(first) <= bytes && first.requests <= requests)
        }),
        Goal::of("nothing changed since the last look", format!("{}, 1", grouped(bytes)), looks, |(_, second)| {
            let told = format!("{}, {}", grouped(wire(second)), second.requests);
            (told, wire(second) <= bytes && second.requests <= 1)
        }),
        Goal::of("peak memory of the client, MiB resident", mebibytes(RESIDENT), peak, |row| {
            (format!("{} ({})", mebibytes(row.usage.resident), row.name), row.usage.resident <= RESIDENT)
        }),
        Goal::of("exchanges by which `/usr` changes", "1".to_owned(), measures.writes.as_ref(), |writes| {
            (writes.exchanges.to_string(), writes.exchanges == 1)
        }),
        Goal::of("calls that write, adding a tiny bundle", grouped(WRITES - 1), measures.writes.as_ref(), |writes| {
            (grouped(writes.total()), writes.total() < WRITES)
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::table::Row;
    use crate::bench::usage::Usage;

    #[test]
    fn goals_are_judged() {
        let row = |wire: u64, requests: u64, resident: u64| Row {
            name: "update".to_owned(),
            traffic: Some(Traffic { requests, body: 5, wire: Some(wire), refused: 0 }),
            usage: Usage { resident, ..Usage::default() },
        };
        let small = row(34_000_000, 21, 1 << 20);
        let large = row(1, 1, (128 << 20) + 1);
        let measures = Measures { update: Some(small.clone()), rows: vec![small, large], ..Measures::default() };
        let verdicts: Vec<_> = goals(&measures).iter().map(|goal| goal.verdict).collect();
        use Verdict::{Met, NotMeasured, NotMet};
        assert_eq!(verdicts, [Met, NotMet, NotMeasured, NotMeasured, NotMet, NotMeasured, NotMeasured]);
        assert!(goals(&measures).iter().all(|goal| goal.line().len() <= 100));
    }
}
