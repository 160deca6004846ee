//! The schemas of `manifests-schema/`: every fixture against them, and any other document on request.
//!
//! `fixtures/schema/good/SCHEMA/` holds documents that a schema must accept, `fixtures/schema/bad/SCHEMA/` those that it
//! must refuse, one reason each. A `.json` or `.toml` file is one document, a `.jsonl` file one a line. The definitions of
//! the small OS and the documents of `fixtures/golden/`, named after their schema, must be accepted as well.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use jsonschema::Validator;
use serde_json::Value;

/// All schemas by name: `cli-event` for `cli-event.schema.json`.
pub struct Schemas(BTreeMap<String, Validator>);

impl Schemas {
    /// Reads the schemas of a checkout.
    ///
    /// # Errors
    /// When one cannot be read or is no valid schema.
    pub fn read(checkout: &Path) -> Result<Self> {
        let mut schemas = BTreeMap::new();
        for path in files(&checkout.join("manifests-schema"))? {
            let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let name = file_name.strip_suffix(".schema.json").with_context(|| format!("{file_name} is no schema"))?;
            let schema: Value = serde_json::from_str(&fs::read_to_string(&path)?).with_context(|| file_name.clone())?;
            let validator = jsonschema::options().should_validate_formats(true).build(&schema);
            let validator = validator.map_err(|error| anyhow::anyhow!("{file_name} is no valid schema: {error}"))?;
            schemas.insert(name.to_owned(), validator);
        }
        Ok(Self(schemas))
    }

    /// Says what is wrong with a document, if anything.
    ///
    /// # Errors
    /// When the document does not fit, or there is no such schema.
    pub fn check(&self, schema: &str, document: &Value) -> Result<()> {
        let validator = self.0.get(schema).with_context(|| format!("there is no schema `{schema}`"))?;
        let wrong: Vec<_> =
            validator.iter_errors(document).map(|error| format!("at `{}`: {error}", error.instance_path())).collect();
        ensure!(wrong.is_empty(), "does not fit the schema `{schema}`: {}", wrong.join("; "));
        Ok(())
    }
}

/// Checks every fixture of a checkout that has a schema; gives the number of documents.
///
/// # Errors
/// When a document is not judged as it should be.
pub fn check(checkout: &Path) -> Result<usize> {
    let schemas = Schemas::read(checkout)?;
    let mut count = 0;
    for schema in schemas.0.keys() {
        for path in files(&checkout.join("fixtures/schema/good").join(schema))? {
            count += accept(&schemas, schema, &path)?;
        }
        for path in files(&checkout.join("fixtures/schema/bad").join(schema))? {
            for document in documents(&path)? {
                let accepted = schemas.check(schema, &document).is_ok();
                ensure!(!accepted, "{} is accepted by the schema `{schema}` and must not be", path.display());
                count += 1;
            }
        }
    }
    for path in files(&checkout.join("fixtures/os/definitions"))? {
        count += accept(&schemas, "bundle-definition", &path)?;
    }
    for path in files_beneath(&checkout.join("fixtures/golden"))? {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if schemas.0.contains_key(&stem) {
            count += accept(&schemas, &stem, &path)?;
        }
    }
    Ok(count)
}

fn accept(schemas: &Schemas, schema: &str, path: &Path) -> Result<usize> {
    let documents = documents(path)?;
    for document in &documents {
        schemas.check(schema, document).with_context(|| path.display().to_string())?;
    }
    Ok(documents.len())
}

fn documents(path: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let documents = match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => serde_json::from_str(&text).map(|document| vec![document]).map_err(anyhow::Error::from),
        Some("jsonl") => text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect(),
        Some("toml") => toml::from_str(&text).map(|document| vec![document]).map_err(anyhow::Error::from),
        _ => bail!("{} is neither JSON nor TOML", path.display()),
    };
    documents.with_context(|| path.display().to_string())
}

/// The files of a directory in order; none when there is no such directory.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(directory)?.into_iter().filter(|path| path.is_file()).collect())
}

fn files_beneath(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in entries(directory)? {
        if path.is_dir() { files.extend(files_beneath(&path)?) } else { files.push(path) }
    }
    Ok(files)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    #[test]
    fn every_fixture_is_judged_as_it_should_be() {
        assert!(check(checkout()).expect("fixtures fit") > 40);
    }

    #[test]
    fn every_schema_has_good_and_bad_fixtures() {
        for schema in Schemas::read(checkout()).expect("schemas").0.keys() {
            for kind in ["good", "bad"] {
                let directory = checkout().join("fixtures/schema").join(kind).join(schema);
                assert!(!files(&directory).expect("listed").is_empty(), "no {kind} fixture of {schema}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let schemas = Schemas::read(checkout()).expect("schemas");
        let document =
            serde_json::json!({ "event": "progress", "step": "scan", "done": -1, "total": 1, "unit": "files" });
        let error = schemas.check("cli-event", &document).expect_err("refused").to_string();
        assert!(error.contains("/done"), "{error}");
    }
}
