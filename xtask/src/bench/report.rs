//! A section of Markdown that says what was measured, on what, and how it is done again.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::goals::Goal;
use super::ratio::Ratio;
use super::table::{Row, markdown_head};

/// What a bench found.
#[derive(Debug, Default)]
pub struct Report {
    /// The command that made it, its directories by name only.
    pub command: String,
    /// What it was made from.
    pub input: String,
    /// Who served.
    pub origin: &'static str,
    /// The machine it ran on.
    pub machine: String,
    /// The publisher's rows.
    pub publisher: Vec<Row>,
    /// The client's rows.
    pub client: Vec<Row>,
    /// The peers' rows.
    pub peers: Vec<Row>,
    /// The peers beside us.
    pub ratios: Vec<Ratio>,
    /// The goals.
    pub goals: Vec<Goal>,
    /// What there is to say beside the tables.
    pub notes: Vec<String>,
}

impl Report {
    /// The section.
    pub fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n{}\n\n", self.input, self.machine);
        if !self.origin.is_empty() {
            text += &format!("Served by {} on loopback. ", self.origin);
        }
        text += &format!("Made by\n\n```console\n$ {}\n```\n\n", self.command);
        text += "| goal, set for the full corpus | at most | measured | |\n|---|--:|--:|---|\n";
        text.extend(self.goals.iter().map(Goal::markdown));
        for (name, rows) in [("publisher", &self.publisher), ("client", &self.client), ("peer", &self.peers)] {
            if !rows.is_empty() {
                text += &format!("\n{}", markdown_head(name));
                text.extend(rows.iter().map(Row::markdown));
            }
        }
        if !self.ratios.is_empty() {
            text += &format!("\n{}", Ratio::markdown_head());
            text.extend(self.ratios.iter().map(Ratio::markdown));
        }
        text += "\n";
        text.extend(self.notes.iter().map(|note| format!("- {note}\n")));
        text
    }
}

/// The day, the processor, the kernel, the file system of a directory, and how busy the machine is, in words.
///
/// # Errors
/// When the system does not tell.
pub fn machine(directory: &Path) -> Result<String> {
    let told = |program: &str, arguments: &[&str]| -> Result<String> {
        let output = Command::new(program).args(arguments).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let day = told("date", &["-u", "+%F"])?;
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let file_system = told("stat", &["-f", "-c", "%T", &directory.display().to_string()])?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    Ok(format!(
        "{day}; {model}, {cores} cores, Linux {}, {file_system}; load before the run {load}; page cache warm; release build.",
        kernel.trim()
    ))
}
