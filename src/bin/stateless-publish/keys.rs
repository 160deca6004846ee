//! The commands about trust metadata, and what every command that signs tells of it: until when clients take it, and what
//! makes that later.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use stateless_update::publish::{self, Signed};
use stateless_update::report::{Event, Reporter};
use stateless_update::trust::{Lifetimes, Role, due};

use super::args::{Refresh, Rotate};
use super::clock::{times, wall_clock, without_epoch};
use super::common::{Answer, Ending, Face};
use super::done::done;
use super::failure::of_publish;

/// Signs again what is asked for. It is no success where clients refuse the publication all the same: a job that nobody
/// watches has nothing else to say so.
pub(crate) fn refresh(options: &Refresh, face: &Face) -> Ending {
    let (now, _) = times()?;
    let place = &options.place;
    let signed = publish::refresh(&place.site, &place.keys(), options.what.into(), now).map_err(of_publish)?;
    warn(&signed, face);
    let names: Vec<String> = signed.roles.iter().map(ToString::to_string).collect();
    let text = format!("signed again: {}\n{}", names.join(", "), good_until(&signed));
    Ok(Answer { exit_code: exit_code(&signed), ..done(text, Value::Object(fields(&signed))) })
}

/// Replaces the keys.
pub(crate) fn rotate(options: &Rotate, face: &Face) -> Ending {
    let (now, _) = times()?;
    let place = &options.place;
    let rotated = publish::rotate_keys(&place.site, &place.keys(), &options.new_keys, now).map_err(of_publish)?;
    let signed = &rotated.signed;
    warn(signed, face);
    let keys = rotated.keys.display();
    let whose = if rotated.keys_reused { "the keys that were in" } else { "new keys in" };
    let what = match signed.roles.is_empty() {
        true => format!("signed with {whose} {keys} already: nothing was changed"),
        false => format!("signed with {whose} {keys}, which alone count from now on"),
    };
    let text = format!("{what}\n{}from now on: --keys {keys}\n", good_until(signed));
    let mut answer = done(text, json!({ "keys": keys.to_string(), "keys_reused": rotated.keys_reused }));
    answer.fields.extend(fields(signed));
    Ok(Answer { exit_code: exit_code(signed), ..answer })
}

/// 0 where clients take what is published, 4 where they refuse it.
pub(super) fn exit_code(signed: &Signed) -> u8 {
    if signed.refusal.is_some() || has_ended(signed.ends.first().1) { 4 } else { 0 }
}

/// For a script: what was signed, and until when clients take what is published.
pub(crate) fn fields(signed: &Signed) -> Map<String, Value> {
    let (role, end) = signed.ends.first();
    let fields = [
        ("signed", signed.roles.iter().map(ToString::to_string).collect::<Vec<_>>().into()),
        ("good_until", end.to_string().into()),
        ("ends_first", role.to_string().into()),
        ("timestamp_ends", signed.ends.timestamp.to_string().into()),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// For a person: until when clients take what is published.
pub(crate) fn good_until(signed: &Signed) -> String {
    match signed.ends.first() {
        (role, end) if has_ended(end) => format!("refused by clients since {end}, when the {role} metadata ended\n"),
        (role, end) => format!("good until {end}, when the {role} metadata ends\n"),
    }
}

/// Warns of what ends soon, or has ended, although something was signed just now: with the command that signs it.
pub(crate) fn warn(signed: &Signed, reporter: &dyn Reporter) {
    let now = Timestamp::from_second(wall_clock()).unwrap_or(Timestamp::MAX);
    if signed.is_rotating {
        warn_of_rotation(reporter);
    }
    if let Some(why) = &signed.refusal {
        let text = format!("clients refuse the newest release: {why}; publish another one");
        reporter.report(Event::Warning(text));
    }
    // The end of a rotation is what renews the root.
    let due = due(&signed.ends, &Lifetimes::default(), now).into_iter();
    for role in due.filter(|role| !(signed.is_rotating && *role == Role::Root)) {
        let (key, renewed) = match role {
            Role::Root => ("root", &[Role::Root][..]),
            Role::Targets => ("targets", &[Role::Targets, Role::Snapshot, Role::Timestamp][..]),
            Role::Snapshot => ("targets", &[Role::Snapshot, Role::Timestamp][..]),
            Role::Timestamp => ("timestamp", &[Role::Timestamp][..]),
        };
        let ends = renewed.iter().map(|role| (role, signed.ends.of(*role)));
        let (whose, end) = ends.min_by_key(|(_, end)| *end).expect("a role renews itself");
        let what = match has_ended(end) {
            true => format!("clients refuse the publication since {end}, when the {whose} metadata ended"),
            false => format!("the {whose} metadata ends at {end}"),
        };
        let command = format!("`stateless-publish keys refresh --what {role}`");
        let text = format!("{what}: {command} makes that later, with the {key} key{}", without_epoch());
        reporter.report(Event::Warning(text));
    }
}

/// Warns of keys that were to be replaced and still count.
pub(crate) fn warn_of_rotation(reporter: &dyn Reporter) {
    let text = "the replacing of the keys was cut off, and the old ones still count: `stateless-publish keys rotate` with the \
                same --keys and --new-keys goes on with it";
    reporter.report(Event::Warning(text.to_owned()));
}

/// Whether clients, who go by the clock, take this for the past.
fn has_ended(end: Timestamp) -> bool {
    end.as_second() <= wall_clock()
}

#[cfg(test)]
mod tests {
    use stateless_update::trust::Expirations;

    use super::*;

    /// The end of what has been signed just now is no success where clients do not get to it.
    #[test]
    fn what_clients_refuse_is_no_success() {
        let at = |days: i64| Timestamp::from_second(wall_clock() + days * 24 * 60 * 60).expect("a time");
        let signed = |root, refusal: Option<&str>| Signed {
            roles: vec![Role::Targets, Role::Snapshot, Role::Timestamp],
            ends: Expirations { root: at(root), timestamp: at(7), snapshot: at(28), targets: at(183) },
            is_rotating: false,
            refusal: refusal.map(str::to_owned),
        };
        for (root, refusal, code) in [(1, None, 0), (-1, None, 4), (1, Some("it is dated far ahead"), 4)] {
            assert_eq!(exit_code(&signed(root, refusal)), code, "{root}, {refusal:?}");
        }
    }
}
