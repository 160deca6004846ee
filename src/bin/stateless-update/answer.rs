//! What a command answers that did its work: a text for a person, its fields in the JSON result, its exit code.

use serde_json::{Map, Value, json};
use stateless_update::client::{AutoupdateRequest, BundleRow, Cleaned, Diagnosis, Due, Info, Mode, Reset, Transition};
use stateless_update::types::{BundleName, Version};

use super::common::{Answer, Weight};
use super::outcome::{Outcome, Wanted, is_clean};
use super::sentences;

impl Outcome {
    /// The answer for whoever asked.
    pub(crate) fn answer(&self) -> Answer {
        let weight = match self {
            // What would be done is what was asked.
            Self::Change(change) if change.mode == Mode::DryRun => Weight::Asked,
            Self::Cleaned(Cleaned { dry_run: true, .. }) | Self::Reset(Reset { dry_run: true, .. }) => Weight::Asked,
            Self::Check(_)
            | Self::Change(_)
            | Self::Recovery(_)
            | Self::Diagnosis(_)
            | Self::Cleaned(_)
            | Self::Exported(_)
            | Self::Reset(_)
            | Self::Done => Weight::Story,
            _ => Weight::Asked,
        };
        Answer { text: sentences::of(self), fields: self.fields(), exit_code: self.exit_code(), weight }
    }

    /// 0, or 1 for a plain "no".
    fn exit_code(&self) -> u8 {
        match self {
            Self::Check(check) => u8::from(!check.available),
            Self::Diagnosis(diagnosis) => u8::from(!is_clean(diagnosis)),
            Self::Config(answered) => answered.exit_code(),
            Self::BundlesFound { found, .. } => u8::from(found.is_empty()),
            Self::FilesFound { matches, .. } => u8::from(matches.is_empty()),
            Self::Autoupdate { request, state } => u8::from(*request == AutoupdateRequest::Show && !state.enabled),
            Self::MissingCommand(missing) => u8::from(missing.bundles.is_empty()),
            Self::Status { found, wanted: Wanted::Services } => u8::from(found.services.is_empty()),
            Self::Status { found, wanted: Wanted::Reboot } => u8::from(found.due < Due::SoftReboot),
            _ => 0,
        }
    }

    /// The fields of the result beyond those of every result.
    fn fields(&self) -> Map<String, Value> {
        let value = match self {
            Self::Info(info) => of_info(info),
            Self::Check(check) => json!({
                "current": check.current,
                "latest": check.latest,
                "available": check.available,
                "download_bytes": check.download_bytes,
            }),
            Self::Change(change) => of_transition(&change.transition),
            Self::Recovery(recovery) => json!(recovery),
            Self::Bundles { rows, .. } => json!({ "bundles": rows.iter().map(of_row).collect::<Vec<_>>() }),
            Self::Diagnosis(diagnosis) => of_diagnosis(diagnosis),
            Self::Bundle { info, .. } => json!(info),
            Self::BundlesFound { found, .. } => json!({ "bundles": found }),
            Self::FilesFound { matches, .. } => json!({ "matches": matches }),
            Self::MissingCommand(missing) => json!(missing),
            Self::History(entries) => json!({ "transitions": entries }),
            Self::HashDump(found) => json!(found),
            Self::Cleaned(cleaned) => json!(cleaned),
            Self::Explanation(explanation) => json!(explanation),
            Self::Mirror(mirror) => json!(mirror),
            Self::Exported(exported) => json!(exported),
            Self::Autoupdate { state, .. } => json!(state),
            Self::Status { found, .. } => json!(found),
            Self::Config(answered) => answered.fields(),
            Self::Reset(reset) => json!(reset),
            Self::Completions { shell, script } => json!({ "shell": shell.to_string(), "script": script }),
            Self::DistFiles(files) => json!({ "files": files }),
            Self::Done => json!({}),
        };
        match value {
            Value::Object(fields) => fields,
            _ => unreachable!("all of them are objects"),
        }
    }
}

fn of_info(info: &Info) -> Value {
    let bundle = |(name, explicit): &(BundleName, bool)| json!({ "name": name, "explicit": explicit });
    json!({
        "version": info.version,
        "bundles": info.bundles.iter().map(bundle).collect::<Vec<_>>(),
        "origin": info.origin,
        "trust_root": info.trust_root,
        "layout": info.layout,
        "switch_method": info.switch_method,
        "previous": info.previous,
    })
}

fn of_transition(transition: &Transition) -> Value {
    let mut value = json!({
        "from": transition.from.map(Version::number),
        "to": transition.to,
        "bundles": transition.bundles,
        "bundles_removed": transition.bundles_removed,
        "changed": transition.changed,
        "files_added": transition.files_added,
        "files_changed": transition.files_changed,
        "files_removed": transition.files_removed,
        "download_bytes": transition.download_bytes,
        "requests": transition.requests,
        "disk_peak_bytes": transition.disk_peak_bytes,
        "duration_ms": transition.duration_ms,
    });
    if transition.dry_run {
        value["dry_run"] = true.into();
    }
    value
}

fn of_row(row: &BundleRow) -> Value {
    json!({
        "name": row.name,
        "installed": row.installed,
        "explicit": row.explicit,
        "status": row.status,
        "title": row.title,
    })
}

fn of_diagnosis(diagnosis: &Diagnosis) -> Value {
    let paths: Vec<_> = diagnosis.mismatched.iter().map(|(path, _)| path).collect();
    let reasons: Map<_, _> =
        diagnosis.mismatched.iter().map(|(path, reason)| (path.clone(), reason.as_str().into())).collect();
    json!({
        "checked": diagnosis.checked,
        "missing": diagnosis.missing,
        "mismatched": paths,
        "reasons": reasons,
        "extra": diagnosis.extra,
        "duration_ms": diagnosis.duration_ms,
    })
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
