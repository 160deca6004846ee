//! `config check`: what is wrong in the files of programs, by what their bundles say of them.

use std::sync::Arc;

use serde::Serialize;

use super::gather::Gatherer;
use super::told;
use crate::client::{ClientError, Settings};
use crate::overlay::{
    App, Content, Options, Origin, OverlayError, Side, Snapshot, Value, WithOverrides, effective, passed_over,
};
use crate::report::{Event, Reporter};
use crate::state::Machine;

/// Something that `config check` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The program.
    pub app: String,
    /// `syntax`, `unknown`, `deprecated`, `reference` or `value`.
    pub kind: &'static str,
    /// The file, from the root.
    pub file: String,
    /// The line.
    pub line: u32,
    /// What is wrong, without the value.
    pub message: String,
}

/// Looks for what is wrong in the files of one program, or of all.
///
/// # Errors
/// When the root is not managed, or there is no such program.
pub fn config_check(
    settings: &Settings,
    app: Option<&str>,
    reporter: &Arc<dyn Reporter>,
) -> Result<Vec<Finding>, ClientError> {
    let machine = Machine::managed(&settings.root)?;
    let gatherer = Gatherer::new(machine.root(), &**reporter);
    let meant = match app {
        Some(app) => gatherer.called(app)?,
        None => gatherer.all()?.collect(),
    };
    let mut findings = Vec::new();
    for (name, files) in meant {
        match files {
            Ok((app, snapshot)) => examine(app, snapshot, &mut findings)?,
            Err(ClientError::Overlay(error)) => findings.push(of_error(&name, error)?),
            Err(error) if app.is_some() => return Err(error),
            Err(error) => {
                let notice = format!("the configuration of {name} is left out: {}", told(error)?);
                reporter.report(Event::Warning(notice));
            }
        }
    }
    Ok(findings)
}

fn examine(app: App, mut snapshot: Snapshot, findings: &mut Vec<Finding>) -> Result<(), ClientError> {
    // A file that cannot be read is told and taken out, so that others are looked at too.
    while let Err(error) = app.layers(&snapshot, WithOverrides::Yes) {
        let finding = of_error(&app.name, error)?;
        let known = snapshot.remove(finding.file.trim_start_matches('/')).is_some();
        findings.push(finding);
        if !known {
            return Ok(());
        }
    }
    let layers = app.layers(&snapshot, WithOverrides::Yes)?;
    let options = app.options(&snapshot)?.with_backends(&app.declaration, &layers);
    // What is wrong with what the release ships is not the administrator's to mend.
    for layer in layers.iter().filter(|layer| layer.side == Side::Override) {
        let bytes = snapshot.get(&layer.path).and_then(Content::bytes);
        let Some((format, bytes)) = app.declaration.format().zip(bytes) else { continue };
        for error in passed_over(format, &layer.path, bytes)? {
            findings.push(of_error(&app.name, error)?);
        }
    }
    let all = effective(&app.name, &app.declaration, &options, &layers)?;
    for value in all.iter().filter(|value| value.origin.side == Side::Override) {
        let option = format!("[{}] {}", value.section, value.key);
        let known = options.option(&value.section, &value.key);
        let mut add = |kind, message| findings.push(finding(&app.name, &value.origin, kind, message));
        if let Some(former) = &value.former {
            add("deprecated", format!("{former} is now {option}"));
        } else if known.is_some_and(|known| known.deprecated) {
            add("deprecated", format!("{option} will go"));
        }
        if !options.is_empty() && known.is_none() {
            add("unknown", format!("{option} is not known{}", similar(&options, value)));
        }
        match value.unresolved.first() {
            None => {}
            // What looks like a name may be a part of the secret.
            Some(_) if value.secret => add("reference", format!("{option} has a $ that stands for nothing; $$ is one")),
            Some(name) => add("reference", format!("{option} refers to ${{{name}}}, which stands for nothing")),
        }
        if let Some(why) = known.and_then(|known| value.values.iter().find_map(|value| known.refuses(value))) {
            add("value", format!("{option}: {why}"));
        }
    }
    Ok(())
}

/// The known option that is likeliest meant.
fn similar(options: &Options, value: &Value) -> String {
    let distance = |key: &str| strsim::damerau_levenshtein(key, &value.key);
    let keys = options.keys(&value.section).map(|key| (distance(key), key));
    match keys.min() {
        Some((distance, key)) if distance <= 2 => format!("; did you mean {key}?"),
        _ => String::new(),
    }
}

fn finding(app: &str, origin: &Origin, kind: &'static str, message: String) -> Finding {
    Finding { app: app.to_owned(), kind, file: format!("/{}", origin.file), line: origin.line, message }
}

/// What cannot be read, as a finding.
fn of_error(app: &str, error: OverlayError) -> Result<Finding, OverlayError> {
    let (file, line, message) = match error {
        OverlayError::Syntax { file, line, reason } => (file, line, reason),
        OverlayError::NotText { file } => (file, 1, "it is not UTF-8 text".to_owned()),
        OverlayError::TooMany { file } => (file, 1, "it has too many settings".to_owned()),
        other => return Err(other),
    };
    Ok(Finding { app: app.to_owned(), kind: "syntax", file: format!("/{file}"), line, message })
}
