//! What overrides do where they do not have the last word, and where several stand on one line.

use super::ChangeKind::{Conflict, DefaultChanged, Override, Redundant};
use super::*;

#[test]
fn an_override_that_a_drop_in_of_the_release_beats_is_in_conflict() {
    let uapi = app("model = 'uapi'\nmulti = ['A.m']");
    let main = ("usr/lib/x/x.conf", "[A]\na=1\n");
    let beaten = |defaults: &[(&str, &str)], own: &str, next: Option<&[(&str, &str)]>| {
        let changes = changes_of(&uapi, defaults, &[(OVERRIDE, own)], next);
        assert_eq!(changes.len(), 1, "{changes:?}");
        (changes[0].kind, changes[0].override_value.clone(), changes[0].line)
    };
    for says in ["[A]\na=1\n", "[A]\na=2\n", "[A]\na=3\n"] {
        let drop_in = ("usr/lib/x/x.conf.d/50.conf", says);
        let both = [main, drop_in];
        let then = if says == main.1 { Override } else { DefaultChanged };
        let conflict = (Conflict, Some("2".to_owned()), Some(2));
        assert_eq!(beaten(&[main], "[A]\na=2\n", Some(&both)), conflict, "it comes: {says}");
        assert_eq!(beaten(&both, "[A]\na=2\n", None), conflict, "it is there: {says}");
        assert_eq!(beaten(&both, "[A]\na=2\n", Some(&[main])).0, then, "it goes: {says}");
    }
    assert_eq!(beaten(&[main], "[A]\na=1\n", None).0, Redundant);
    let accumulated = |shipped| {
        let shipped = [("usr/lib/x/x.conf.d/50.conf", shipped)];
        changes_of(&uapi, &shipped, &[(DROP_IN, "[A]\nm=2\n")], None)[0].kind
    };
    assert_eq!(accumulated("[A]\nm=3\n"), Override, "it is added to");
    assert_eq!(accumulated("[A]\nm=\nm=3\n"), Conflict);
}

#[test]
fn options_on_one_line_are_told_apart() {
    let (shipped, own) = ([(SHIPPED, "{\"a\": 1, \"b\": 2}")], [(OVERRIDE, "{\"a\": 3, \"b\": 4}")]);
    let next = [(SHIPPED, "{\"a\": 1, \"b\": 5}")];
    let wanted = [("a".to_owned(), Override), ("b".to_owned(), DefaultChanged)];
    assert_eq!(kinds("model = 'json'", &shipped, &own, Some(&next)), wanted);
}
