//! `config` and `factory-reset`: from options to the library, and what came of it.

use std::io::{ErrorKind, Read};
use std::sync::Arc;

use serde_json::{Value, json};
use stateless_update::client::{
    self, AppRow, Arguments, ClientError, Edited, Finding, Mode, Redundant, ResetRequest, Restored, SavedOverrides,
    SetRequest, Settings, Shown, ShownFile, ShownValue,
};
use stateless_update::disk::DiskError;
use stateless_update::overlay::Change;
use stateless_update::report::Reporter;

use super::args::{ConfigCommand, FactoryReset, Set};

/// No value is longer that is read from standard input.
const MAX_VALUE_BYTES: u64 = 1 << 20;

/// The answer of a subcommand of `config`.
#[derive(Clone, Debug)]
pub(crate) enum Answered {
    /// `list`.
    List(Vec<AppRow>),
    /// `show`.
    Show {
        /// The values.
        shown: Shown,
        /// As one file, where that was asked for.
        file: Option<String>,
        /// With origins.
        with_origin: bool,
    },
    /// `diff`.
    Diff(Vec<Change>),
    /// `check`.
    Check(Vec<Finding>),
    /// `redundant`.
    Redundant(Redundant),
    /// `get`; none when nothing sets it.
    Get {
        /// The program.
        app: String,
        /// What was typed in.
        option: String,
        /// What was found.
        value: Option<ShownValue>,
    },
    /// `set`.
    Set(Edited),
    /// `unset`.
    Unset(Edited),
    /// `save`.
    Save(SavedOverrides),
    /// `restore`.
    Restore(Restored),
    /// `argv`.
    Argv(Arguments),
}

/// Does it.
pub(crate) async fn run(
    command: ConfigCommand,
    settings: &Settings,
    reporter: &Arc<dyn Reporter>,
) -> Result<Answered, ClientError> {
    Ok(match command {
        ConfigCommand::List => Answered::List(client::config_list(settings, reporter)?),
        ConfigCommand::Show(options) if options.effective => {
            let ShownFile { shown, text } = client::config_show_file(settings, &options.app, reporter)?;
            Answered::Show { shown, file: Some(text), with_origin: options.origin }
        }
        ConfigCommand::Show(options) => Answered::Show {
            shown: client::config_show(settings, &options.app, reporter)?,
            file: None,
            with_origin: options.origin,
        },
        ConfigCommand::Diff(options) => {
            Answered::Diff(client::config_diff(settings, options.app.as_deref(), options.to, reporter).await?)
        }
        ConfigCommand::Check(options) => {
            Answered::Check(client::config_check(settings, options.app.as_deref(), reporter)?)
        }
        ConfigCommand::Redundant(options) => {
            let mode = if options.prune { Mode::Run } else { Mode::DryRun };
            Answered::Redundant(client::config_redundant(settings, options.app.as_deref(), mode, reporter)?)
        }
        ConfigCommand::Get(options) => {
            let value = client::config_get(settings, &options.app, &options.option, reporter)?;
            Answered::Get { app: options.app, option: options.option, value }
        }
        ConfigCommand::Set(options) => {
            let request = options.request()?;
            Answered::Set(client::config_set(settings, &request, reporter)?)
        }
        ConfigCommand::Unset(options) => {
            Answered::Unset(client::config_unset(settings, &options.app, &options.option, reporter)?)
        }
        ConfigCommand::Save(options) => Answered::Save(client::config_save(settings, &options.file, reporter)?),
        ConfigCommand::Restore(options) => {
            Answered::Restore(client::config_restore(settings, &options.file, reporter)?)
        }
        ConfigCommand::Argv(options) => Answered::Argv(client::config_argv(settings, &options.app, reporter)?),
    })
}

impl Set {
    /// What to ask of the library; a value may be on standard input.
    fn request(&self) -> Result<SetRequest, DiskError> {
        let values = match &self.values[..] {
            [only] if only == "-" => {
                let failed = |source| DiskError { action: "read", path: "standard input".into(), source };
                vec![typed_in(std::io::stdin()).map_err(failed)?]
            }
            values => values.to_vec(),
        };
        Ok(SetRequest { app: self.option.app.clone(), option: self.option.option.clone(), values })
    }
}

/// The value that the whole of an input is, without the end of its last line.
fn typed_in(input: impl Read) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    input.take(MAX_VALUE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_VALUE_BYTES {
        return Err(ErrorKind::FileTooLarge.into());
    }
    let mut text = String::from_utf8(bytes).map_err(|_| ErrorKind::InvalidData)?;
    let length = text.strip_suffix('\n').map_or(text.len(), |text| text.trim_end_matches('\r').len());
    text.truncate(length);
    Ok(text)
}

impl FactoryReset {
    /// What to ask of the library.
    pub(crate) fn request(&self) -> ResetRequest {
        let plain = |path: &String| path.trim_matches('/').to_owned();
        let mode = if self.preview { Mode::DryRun } else { Mode::Run };
        ResetRequest { keep: self.keep.iter().map(plain).collect(), mode }
    }
}

impl Answered {
    /// 0, or 1 for a plain "no".
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Check(findings) => u8::from(!findings.is_empty()),
            Self::Get { value, .. } => u8::from(value.is_none()),
            _ => 0,
        }
    }

    /// The fields of the result.
    pub(crate) fn fields(&self) -> Value {
        match self {
            Self::List(apps) => json!({ "apps": apps }),
            Self::Show { shown, .. } => json!(shown),
            Self::Diff(changes) => json!({ "changes": changes }),
            Self::Check(findings) => json!({ "findings": findings }),
            Self::Redundant(found) => json!(found),
            Self::Get { app, option, value } => match value {
                Some(value) => {
                    let mut fields = json!(value);
                    fields["app"] = app.as_str().into();
                    fields
                }
                None => json!({ "app": app, "option": option, "value": null }),
            },
            Self::Set(edited) | Self::Unset(edited) => json!(edited),
            Self::Save(saved) => json!(saved),
            Self::Restore(restored) => json!(restored),
            Self::Argv(arguments) => json!(arguments),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_whole_or_not_at_all() {
        for (input, wanted) in [("", ""), ("a", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" \u{e9}\n", " \u{e9}")] {
            assert_eq!(typed_in(input.as_bytes()).expect(input), wanted);
        }
        let longest = vec![b'x'; 1 << 20];
        assert_eq!(typed_in(&longest[..]).expect("as long as it may be").len(), longest.len());
        for (bad, kind) in
            [([&longest[..], b"x"].concat(), ErrorKind::FileTooLarge), (vec![0xff], ErrorKind::InvalidData)]
        {
            assert_eq!(typed_in(&bad[..]).expect_err("no value").kind(), kind);
        }
    }
}
