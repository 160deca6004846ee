//! What is to be reached, beside what was measured.

use std::fmt;

use super::machine::Measures;
use super::origin::Traffic;
use super::table::{Row, mebibytes};
use crate::demo::grouped;

/// Bytes on the wire and requests for a step between releases of the full corpus.
const STEP: (u64, u64) = (20_500_000, 12);

/// The same bytes where bytes matter more than time.
const STEP_FOR_BYTES: u64 = 14_500_000;

/// Processor time of the client for a step, in seconds.
const STEP_CPU_S: f64 = 8.0;

/// Peak of the client's memory for a step: anonymous, and resident with mapped files.
const STEP_MEMORY: (u64, u64) = (64 << 20, 128 << 20);

/// Bytes and requests when one line has changed.
const LINE: (u64, u64) = (6 << 10, 6);

/// Bytes and requests of the first installation.
const INSTALL: (u64, u64) = (430_000_000, 200);

/// What a machine with a part of the bundles fetches, divided by the step of a publication of that part alone.
const PROPORTION: f64 = 1.1;

/// Bytes and requests when nothing is new.
const LOOK: (u64, u64) = (8 << 10, 4);

/// The way back to the release before, in seconds on the clock.
const ROLLBACK_S: f64 = 1.0;

/// Processor time of a whole scan, divided by that of reading and hashing alone.
const SCAN: f64 = 1.15;

/// Processor time of a scan with fingerprints, in seconds.
const QUICK_SCAN_CPU_S: f64 = 0.6;

/// The publisher's processor time in seconds and resident memory, for the packs of deltas of one step.
const DELTA_PACKS: (f64, u64) = (400.0, 3 << 29);

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

    fn bytes(figure: &'static str, limit: u64, traffic: Option<Traffic>) -> Self {
        Self::of(figure, grouped(limit), traffic, |traffic| (grouped(traffic.bytes()), traffic.bytes() <= limit))
    }

    fn requests(figure: &'static str, limit: u64, traffic: Option<Traffic>) -> Self {
        Self::of(figure, grouped(limit), traffic, |traffic| (grouped(traffic.requests), traffic.requests <= limit))
    }

    fn seconds(figure: &'static str, limit: f64, seconds: Option<f64>) -> Self {
        Self::of(figure, format!("{limit:.1}"), seconds, |seconds| (format!("{seconds:.2}"), *seconds <= limit))
    }

    fn memory(figure: &'static str, limit: u64, bytes: Option<u64>) -> Self {
        Self::of(figure, mebibytes(limit), bytes, |bytes| (mebibytes(*bytes), *bytes <= limit))
    }

    /// The first of the two divided by the second.
    fn quotient(figure: &'static str, limit: f64, pair: Option<(f64, f64)>) -> Self {
        Self::of(figure, format!("{limit:.2}"), pair, |(one, other)| {
            (format!("{:.3}", one / other), *one <= limit * other)
        })
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
    [of_steps(measures), of_looks(measures), of_scans(measures), of_publisher(measures), of_writes(measures)].concat()
}

fn of_steps(measures: &Measures) -> Vec<Goal> {
    let step = measures.step.as_ref();
    let traffic = |row: Option<&Row>| row.and_then(|row| row.traffic);
    let bytes = |figure, limit, row| Goal::bytes(figure, limit, traffic(row));
    let requests = |figure, limit, row| Goal::requests(figure, limit, traffic(row));
    let (anonymous, resident) = STEP_MEMORY;
    vec![
        bytes("bytes over the wire for the update", STEP.0, step),
        bytes("bytes, update --prefer bytes", STEP_FOR_BYTES, measures.step_for_bytes.as_ref()),
        requests("requests for the update", STEP.1, step),
        Goal::seconds("processor time of the update, s", STEP_CPU_S, step.map(|row| row.usage.cpu_s())),
        Goal::memory("anonymous memory of the update, MiB", anonymous, step.map(|row| row.usage.anonymous)),
        Goal::memory("resident memory of the update, MiB", resident, step.map(|row| row.usage.resident)),
        Goal::quotient("two bundles, against a pack of their own", PROPORTION, measures.proportion),
        bytes("bytes, one line changed", LINE.0, measures.line.as_ref()),
        requests("requests, one line changed", LINE.1, measures.line.as_ref()),
        bytes("bytes of the first installation", INSTALL.0, measures.install.as_ref()),
        requests("requests of the first installation", INSTALL.1, measures.install.as_ref()),
        Goal::seconds("rollback, s", ROLLBACK_S, measures.rollback.as_ref().map(|row| row.usage.wall_s)),
    ]
}

fn of_looks(measures: &Measures) -> Vec<Goal> {
    let (bytes, requests) = LOOK;
    let look = |figure, requests, look: Option<Traffic>| {
        Goal::of(figure, format!("{}, {requests}", grouped(bytes)), look, |look| {
            let told = format!("{}, {}", grouped(look.bytes()), look.requests);
            (told, look.bytes() <= bytes && look.requests <= requests)
        })
    };
    vec![
        look("nothing is new: bytes, requests", requests, measures.looks.map(|(first, _)| first)),
        look("nothing changed since the last look", 1, measures.looks.map(|(_, second)| second)),
    ]
}

fn of_scans(measures: &Measures) -> Vec<Goal> {
    let cpu_s = |row: &Row| row.usage.cpu_s();
    let scan = measures.scan.as_ref().zip(measures.floor.as_ref()).map(|(scan, floor)| (cpu_s(scan), cpu_s(floor)));
    vec![
        Goal::quotient("scan, against reading and hashing alone", SCAN, scan),
        Goal::seconds("scan with fingerprints, s", QUICK_SCAN_CPU_S, measures.quick_scan.as_ref().map(cpu_s)),
    ]
}

fn of_publisher(measures: &Measures) -> Vec<Goal> {
    let (cpu_s, resident) = DELTA_PACKS;
    let usage = measures.delta_packs.as_ref().map(|row| row.usage);
    vec![
        Goal::seconds("packs of deltas for a step, publisher, s", cpu_s, usage.map(|usage| usage.cpu_s())),
        Goal::memory("their making, MiB resident", resident, usage.map(|usage| usage.resident)),
    ]
}

fn of_writes(measures: &Measures) -> Vec<Goal> {
    let writes = measures.writes.as_ref();
    vec![
        Goal::of("exchanges by which `/usr` changes", "1".to_owned(), writes, |writes| {
            (writes.exchanges.to_string(), writes.exchanges == 1)
        }),
        Goal::of("calls that write, adding a tiny bundle", grouped(WRITES - 1), writes, |writes| {
            (grouped(writes.total()), writes.total() < WRITES)
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::usage::Usage;

    #[test]
    fn goals_are_judged() {
        let row = |wire: u64, requests: u64, resident: u64, user_s: f64| Row {
            name: "update".to_owned(),
            traffic: Some(Traffic { requests, body: 5, wire: Some(wire), refused: 0 }),
            usage: Usage { resident, user_s, ..Usage::default() },
        };
        let measures = Measures {
            step: Some(row(20_500_000, 13, (128 << 20) + 1, 8.0)),
            proportion: Some((111.0, 100.0)),
            line: Some(row(6 << 10, 6, 0, 0.0)),
            scan: Some(row(0, 0, 0, 2.2)),
            floor: Some(row(0, 0, 0, 2.0)),
            rollback: Some(Row { usage: Usage { wall_s: 1.07, ..Usage::default() }, ..row(0, 0, 0, 0.0) }),
            ..Measures::default()
        };
        let verdict = |figure: &str| {
            let goals = goals(&measures);
            goals.iter().find(|goal| goal.figure == figure).map(|goal| goal.verdict).expect("a goal")
        };
        for (figure, expected) in [
            ("bytes over the wire for the update", Verdict::Met),
            ("bytes, update --prefer bytes", Verdict::NotMeasured),
            ("requests for the update", Verdict::NotMet),
            ("processor time of the update, s", Verdict::Met),
            ("resident memory of the update, MiB", Verdict::NotMet),
            ("two bundles, against a pack of their own", Verdict::NotMet),
            ("requests, one line changed", Verdict::Met),
            ("requests of the first installation", Verdict::NotMeasured),
            ("rollback, s", Verdict::NotMet),
            ("scan, against reading and hashing alone", Verdict::Met),
            ("their making, MiB resident", Verdict::NotMeasured),
        ] {
            assert_eq!(verdict(figure), expected, "{figure}");
        }
        assert!(goals(&measures).iter().all(|goal| goal.line().len() <= 100));
    }
}
