//! The bodies of the fuzz targets, and how a seed for each is put together.
//!
//! Promises: each body is a pure check of one decoder through the library's public interface; it panics when the decoder
//! breaks what the body's comment says, and never otherwise. Needs: nothing but its input. Leaves to `fuzz_targets` the
//! fuzzer's entry points, and to `cargo xtask fuzz` limits of memory and time. The integration suite includes this file:
//! it makes the seeds, and lets every body meet them and damaged copies of them.

pub mod configuration;
pub mod deltas;
pub mod documents;
pub mod metadata;
pub mod packs;
pub mod parts;
pub mod switching;
pub mod trees;

/// One target: what checks an input.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 29] = [
    ("archive_header", documents::archive_header),
    ("block", packs::block),
    ("bundle_definition", documents::bundle_definition),
    ("bundle_manifest", documents::bundle_manifest),
    ("config_declaration", configuration::declaration),
    ("config_ini", configuration::ini),
    ("config_json", configuration::json),
    ("config_keyvalue", configuration::keyvalue),
    ("config_options", configuration::options),
    ("config_oslo", configuration::oslo),
    ("config_saved", configuration::saved),
    ("config_toml", configuration::toml),
    ("config_yaml", configuration::yaml),
    ("delta_apply", deltas::apply),
    ("delta_make", deltas::make),
    ("fingerprints", documents::fingerprints),
    ("gzip_file", deltas::gzip_file),
    ("gzip_form", deltas::gzip_form),
    ("installed_record", documents::installed_record),
    ("journal", switching::journal),
    ("manifest_delta", packs::manifest_delta),
    ("object", packs::object),
    ("pack_head", packs::head),
    ("release_document", documents::release_document),
    ("search_index", documents::search_index),
    ("tree_archive", trees::tree_archive),
    ("trust_metadata", metadata::trust_metadata),
    ("xz_file", deltas::xz_file),
    ("xz_form", deltas::xz_form),
];
