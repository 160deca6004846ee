//! Tests of answers about configuration layers.

use stateless_update::client::{Shown, ShownOrigin, ShownOverride};

use super::*;

fn value(key: &str, value: Option<&str>) -> ShownValue {
    let origin = Some(ShownOrigin { file: "/etc/x/x.conf".into(), line: 3 });
    let old = ShownOverride { file: "/usr/x.conf".into(), line: 7, value: value.map(|_| "old".to_owned()) };
    ShownValue {
        section: "DEFAULT".into(),
        key: key.into(),
        value: value.map(Into::into),
        values: value.map(|value| vec![value.to_owned(), "two\nlines".to_owned()]),
        origin,
        overrides: vec![old],
        secret: value.is_none(),
    }
}

#[test]
fn values_are_shown_with_origins_or_as_one_file() {
    let values = vec![value("a", Some("1\x1b[31m")), value("p", None)];
    let shown = Shown { app: "x".into(), model: "oslo", values };
    let show = |file, with_origin| of(&Answered::Show { shown: shown.clone(), file, with_origin });
    assert_eq!(show(None, false), "[DEFAULT] a = 1\\u{1b}[31m, two\\nlines\n[DEFAULT] p = (secret)\n");
    assert_eq!(show(Some("a = 1\n".to_owned()), false), "a = 1\n");
    let told = show(None, true);
    assert!(told.contains("\n    from /etc/x/x.conf:3\n    overrides old of /usr/x.conf:7\n"), "{told}");
    assert!(told.contains("overrides (secret) of"), "{told}");
}

#[test]
fn changes_tell_default_override_and_what_comes() {
    let change = Change {
        app: "x".into(),
        section: "s".into(),
        key: "k".into(),
        kind: ChangeKind::DefaultChanged,
        default: Some("1".into()),
        override_value: Some("2".into()),
        next_default: Some("3".into()),
        secret: false,
        file: Some("etc/x/x.conf".into()),
        line: Some(4),
    };
    let wanted = "default-changed  x [s] k\n                 default 1, yours 2, then 3 (/etc/x/x.conf:4)\n";
    assert_eq!(of(&Answered::Diff(vec![change.clone()])), wanted);
    let secret = Change { default: None, override_value: None, next_default: None, secret: true, ..change };
    assert!(of(&Answered::Diff(vec![secret])).contains("default (secret), yours (secret)"));
    assert_eq!(of(&Answered::Diff(Vec::new())), "no overrides\n");
}
