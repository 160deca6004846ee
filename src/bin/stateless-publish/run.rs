//! From a command to the operation of the library that does it.

use std::time::Instant;

use clap::CommandFactory as _;
use serde_json::{Value, json};
use stateless_update::manifest::PackOffer;
use stateless_update::publish::{
    self, Amount, CheckRequest, Levels, PackRoute, PruneRequest, Pruned, ReleaseRequest, Released,
};
use stateless_update::site::Owners;
use stateless_update::types::{Version, Visible};

use super::args::{Args, Check, Command, Init, Keys, Prune, Release};
use super::clock::{is_by_the_clock, times, wall_clock};
use super::common::numbers::{bytes, count, counted, duration};
use super::common::{Answer, Ending, Face, Weight, dist};
use super::done::done;
use super::failure::of_publish;
use super::{keys, serve};

/// Does it.
pub(crate) fn run(command: Command, face: &Face) -> Ending {
    let begun = Instant::now();
    // People want to know how long work took.
    let is_work = matches!(command, Command::Release(_) | Command::Check(_));
    let mut answer = match command {
        Command::Init(options) => init(&options)?,
        Command::Release(options) => release(&options, face)?,
        Command::Check(options) => check(&options, face)?,
        Command::Prune(options) => prune(&options)?,
        Command::Keys(Keys::Refresh(options)) => keys::refresh(&options, face)?,
        Command::Keys(Keys::Rotate(options)) => keys::rotate(&options, face)?,
        Command::Serve(options) => serve::serve(&options, face)?,
        Command::DistFiles => dist_files(),
    };
    let duration_ms = begun.elapsed().as_millis() as u64;
    answer.fields.insert("duration_ms".to_owned(), duration_ms.into());
    if is_work {
        answer.text.push_str(&format!("in {}\n", duration(duration_ms)));
    }
    Ok(answer)
}

fn init(options: &Init) -> Ending {
    let (now, _) = times()?;
    let made = publish::init(&options.place.site, &options.place.keys(), now).map_err(of_publish)?;
    let (root, keys) = (made.root.display().to_string(), made.keys.display().to_string());
    let whose = if made.keys_reused { "the keys that were in" } else { "new keys in" };
    let text = format!("an empty publication, signed with {whose} {keys}\nroot of trust for machines: {root}\n");
    Ok(done(text, json!({ "root": root, "keys": keys, "keys_reused": made.keys_reused })))
}

fn release(options: &Release, face: &Face) -> Ending {
    let (published, latest_mtime) = times()?;
    let mut levels = match options.level {
        Some(level) => Levels { objects: level.min(9), from_nothing: level, steps: level },
        None => Levels::default(),
    };
    levels.from_nothing = options.level_from_nothing.unwrap_or(levels.from_nothing);
    let request = ReleaseRequest {
        site: options.place.site.clone(),
        keys: options.place.keys(),
        version: options.version,
        definitions: options.definitions.clone(),
        trees: options.trees.clone(),
        owners: Owners::of_this_process(),
        deltas: options.deltas,
        floor: options.floor,
        levels,
        published,
        latest_mtime,
    };
    let released = publish::release(&request, face).map_err(of_publish)?;
    let document = &released.release;
    let name = |pack: &PackOffer| pack.bundle.as_ref().map(|bundle| bundle.as_str().to_owned());
    let described = |pack: &PackOffer| {
        let sources: Vec<Value> = sources_of(&released, pack)
            .map(|(name, Amount { contents, bytes })| {
                json!({ "source": name.replace(' ', "-"), "contents": contents, "bytes": bytes })
            })
            .collect();
        json!({
            "path": pack.path,
            "from": pack.from,
            "bundle": name(pack),
            "bytes": pack.length,
            "sources": sources,
        })
    };
    let packs: Vec<Value> = document.packs.iter().map(described).collect();
    let mut text = format!(
        "release {}: {}, {}, {}\n{} new, {}\n",
        document.version,
        counted(document.bundles.len() as u64, "bundle", "bundles"),
        counted(released.entries, "entry", "entries"),
        counted(released.blobs, "content", "contents"),
        counted(released.objects_added, "object", "objects"),
        bytes(released.objects_bytes),
    );
    if released.blocks_reused > 0 {
        let blocks = counted(released.blocks, "block", "blocks");
        text.push_str(&format!("{} of {blocks} as in the release before\n", released.blocks_reused));
    }
    for pack in &document.packs {
        text.push_str(&format!("{:>10}  {}\n", bytes(pack.length), pack.path));
        let sources: Vec<String> =
            sources_of(&released, pack).map(|(name, amount)| format!("{} {name}", count(amount.contents))).collect();
        if let Some(from) = pack.from.filter(|_| !sources.is_empty()) {
            text.push_str(&format!("            from {from}: {}\n", sources.join(", ")));
        }
    }
    for route in &released.routes {
        text.push_str(&format!("from {}: {}, {}\n", route.from, way(route), bytes(route.bytes)));
    }
    let routes: Vec<Value> = released
        .routes
        .iter()
        .map(|PackRoute { from, route, bytes, .. }| {
            let via = route.stops.split_last().map(|(_, via)| via).unwrap_or_default();
            json!({ "from": from, "from_nothing": route.from.is_none(), "via": via, "bytes": bytes })
        })
        .collect();
    keys::warn(&released.signed, face);
    text.push_str(&keys::good_until(&released.signed));
    let fields = json!({
        "version": document.version,
        "floor": document.floor,
        "bundles": document.bundles.keys().collect::<Vec<_>>(),
        "entries": released.entries,
        "blobs": released.blobs,
        "objects_added": released.objects_added,
        "objects_bytes": released.objects_bytes,
        "blocks": released.blocks,
        "blocks_reused": released.blocks_reused,
        "packs": packs,
        "routes": routes,
    });
    let mut answer = done(text, fields);
    answer.fields.extend(keys::fields(&released.signed));
    // Who signs at a time of the past means to, and signs again what clients are to take.
    answer.exit_code = if is_by_the_clock() { keys::exit_code(&released.signed) } else { 0 };
    Ok(answer)
}

fn dist_files() -> Answer {
    let files = dist::files(Args::command());
    done(dist::listed(&files), json!({ "files": files }))
}

/// From what the contents of a pack are made; nothing for a pack from nothing.
fn sources_of(released: &Released, pack: &PackOffer) -> impl Iterator<Item = (&'static str, Amount)> {
    let of_pack = released.sources.iter().find(|(path, _)| *path == pack.path);
    of_pack.into_iter().flat_map(|(_, sources)| sources.named())
}

/// How a machine comes to the release.
fn way(PackRoute { route, packs, .. }: &PackRoute) -> String {
    let Some((_, via)) = route.stops.split_last().filter(|_| route.from.is_some()) else {
        return "anew".to_owned();
    };
    let packs = counted(*packs, "pack", "packs");
    match via {
        [] => packs,
        via => format!("{packs} via {}", via.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

fn check(options: &Check, face: &Face) -> Ending {
    let request = CheckRequest { site: options.site.clone(), trust: options.trust.clone(), now: wall_clock() };
    let checked = publish::check(&request, face).map_err(of_publish)?;
    if checked.is_rotating {
        keys::warn_of_rotation(face);
    }
    let findings: Vec<Value> =
        checked.findings.iter().map(|finding| json!({ "path": finding.path, "problem": finding.problem })).collect();
    let mut text = checked.oldest.map_or_else(String::new, |oldest| format!("releases before {oldest} were dropped\n"));
    for finding in &checked.findings {
        text.push_str(&format!("{}: {}\n", Visible(&finding.path), Visible(&finding.problem)));
    }
    text.push_str(&format!(
        "checked {}, {}, {}, {}: {}\n",
        counted(checked.releases, "release", "releases"),
        counted(checked.manifests, "manifest", "manifests"),
        counted(checked.objects, "object", "objects"),
        counted(checked.packs, "pack", "packs"),
        match checked.findings.len() {
            0 => "complete and consistent".to_owned(),
            number => counted(number as u64, "finding", "findings"),
        },
    ));
    let fields = json!({
        "releases": checked.releases,
        "manifests": checked.manifests,
        "objects": checked.objects,
        "packs": checked.packs,
        "oldest": checked.oldest,
        "findings": findings,
        "unreferenced": checked.unreferenced,
    });
    let answer = done(text, fields);
    Ok(match checked.findings.is_empty() {
        true => answer,
        false => Answer { exit_code: 4, weight: Weight::Asked, ..answer },
    })
}

fn prune(options: &Prune) -> Ending {
    let request = PruneRequest { site: options.site.clone(), keep: options.keep, dry_run: options.dry_run };
    let Pruned { kept, dropped, files, bytes: freed } = publish::prune(&request).map_err(of_publish)?;
    let named = |releases: &[Version]| {
        let names = releases.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let count = counted(releases.len() as u64, "release", "releases");
        if names.is_empty() { count } else { format!("{count}: {names}") }
    };
    let (drop, free) = if options.dry_run { ("would drop", "would free") } else { ("dropped", "freed") };
    let files_told = counted(files, "file", "files");
    let text = format!("keep {}\n{drop} {}\n{free} {} in {files_told}\n", named(&kept), named(&dropped), bytes(freed));
    let fields = json!({
        "kept": kept,
        "dropped": dropped,
        "files_removed": files,
        "bytes_freed": freed,
        "dry_run": options.dry_run,
    });
    let weight = if options.dry_run { Weight::Asked } else { Weight::Story };
    Ok(Answer { weight, ..done(text, fields) })
}
