//! What is guessed of known programs.

use super::*;

#[test]
fn a_copy_of_a_template_is_in_force_and_never_redundant() {
    let ssh = App::new("ssh", None);
    let (template, fallback, own) =
        ("usr/share/openssh/sshd_config", "usr/share/defaults/etc/ssh/sshd_config", "etc/ssh/sshd_config");
    type Files<'a> = &'a [(&'a str, &'a str)];
    let cases: &[(Files<'_>, Option<Files<'_>>, ChangeKind)] = &[
        (&[(template, "mine")], None, ChangeKind::Override),
        (&[(template, "other")], Some(&[(template, "mine")]), ChangeKind::Override),
        (&[(template, "mine")], Some(&[(template, "other")]), ChangeKind::Conflict),
        (&[(template, "other"), (fallback, "mine")], None, ChangeKind::Redundant),
    ];
    for (defaults, next, kind) in cases {
        assert_eq!(
            kinds_of(&ssh, defaults, &[(own, "mine")], *next),
            [("sshd_config".to_owned(), *kind)],
            "{defaults:?}"
        );
    }
}
