//! Progress for a person: bars on a terminal, a line for each step that ended elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use stateless_update::report::{Step, Unit};

use super::numbers::{bytes, counted};
use super::paint::is_capable;
use super::steps::{Showing, Steps};

/// Bars are drawn no more often.
const PAUSE: Duration = Duration::from_millis(50);
const BYTES: &str =
    "{prefix:<8} [{bar:24}] {decimal_bytes:>9}/{decimal_total_bytes:<9} {decimal_bytes_per_sec:>12}  {eta:>4} left";
const COUNT: &str = "{prefix:<8} [{bar:24}] {human_pos:>9}/{human_len:<9} {eta:>18} left";

/// The steps of a run.
pub(crate) struct Progress {
    steps: Steps,
    bars: Option<Bars>,
}

struct Bars {
    all: MultiProgress,
    of_steps: HashMap<Step, ProgressBar>,
}

impl Progress {
    /// Bars if stderr is a terminal that can, lines otherwise.
    pub(crate) fn on_stderr() -> Self {
        let wanted = std::io::stderr().is_terminal() && is_capable();
        let all = || MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self::new(wanted.then(|| Bars { all: all(), of_steps: HashMap::new() }))
    }

    /// Lines only.
    #[cfg(test)]
    pub(crate) fn lines() -> Self {
        Self::new(None)
    }

    fn new(bars: Option<Bars>) -> Self {
        Self { steps: Steps::new(PAUSE), bars }
    }

    /// Takes an event. A step that ended gives the line that says so.
    pub(crate) fn take(&mut self, step: Step, done: u64, total: u64) -> Option<String> {
        let showing = self.steps.goes_on(Instant::now(), step, done, total)?;
        if let Some(bars) = &mut self.bars {
            bars.draw(step, done, total, showing);
        }
        (showing == Showing::Last && total > 0).then(|| ended(step, total))
    }

    /// Writes something while the bars are out of the way.
    pub(crate) fn aside(&self, write: impl FnOnce()) {
        match &self.bars {
            Some(bars) => bars.all.suspend(write),
            None => write(),
        }
    }

    /// Takes all bars off the screen.
    pub(crate) fn clear(&mut self) {
        if let Some(bars) = &mut self.bars {
            bars.of_steps.drain().for_each(|(_, bar)| bar.finish_and_clear());
            // There is nobody to tell when the terminal is gone.
            let _ = bars.all.clear();
        }
    }
}

impl Bars {
    fn draw(&mut self, step: Step, done: u64, total: u64, showing: Showing) {
        if showing == Showing::Last {
            if let Some(bar) = self.of_steps.remove(&step) {
                bar.finish_and_clear();
                self.all.remove(&bar);
            }
            return;
        }
        let bar = self.of_steps.entry(step).or_insert_with(|| self.all.add(new_bar(step, total)));
        bar.set_length(total);
        bar.set_position(done);
    }
}

fn new_bar(step: Step, total: u64) -> ProgressBar {
    let template = match step.unit() {
        Unit::Bytes => BYTES,
        Unit::Files => COUNT,
    };
    let style = ProgressStyle::with_template(template).expect("the templates are constant, a test parses them");
    ProgressBar::new(total).with_style(style.progress_chars("=> ")).with_prefix(step.name())
}

/// `downloaded 30.1 MB`.
fn ended(step: Step, total: u64) -> String {
    match step {
        Step::Scan => format!("compared {} with the release", counted(total, "file", "files")),
        Step::Download => format!("downloaded {}", bytes(total)),
        Step::Build => format!("built {}", bytes(total)),
        Step::Stage => format!("staged {}", counted(total, "entry", "entries")),
        Step::Check => format!("checked {}", counted(total, "entry", "entries")),
        Step::Compose => format!("read {}", counted(total, "file", "files")),
        Step::Objects => format!("compressed {}", bytes(total)),
        Step::Packs => format!("packed {}", bytes(total)),
        Step::Decode => format!("checked objects with {} of content", bytes(total)),
        Step::Unpack => format!("checked packs of {}", bytes(total)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_end_say_so_once() {
        let mut progress = Progress::lines();
        assert_eq!(progress.take(Step::Download, 0, 30_100_000), None);
        assert_eq!(progress.take(Step::Download, 30_100_000, 30_100_000).as_deref(), Some("downloaded 30.1 MB"));
        assert_eq!(progress.take(Step::Download, 30_100_000, 30_100_000), None);
        assert_eq!(progress.take(Step::Stage, 0, 0), None);
        assert_eq!(progress.take(Step::Stage, 1, 1).as_deref(), Some("staged 1 entry"));
    }

    #[test]
    fn bars_have_sound_templates() {
        for step in [Step::Scan, Step::Download] {
            new_bar(step, 652_600_000).set_position(30_100_000);
        }
    }
}
