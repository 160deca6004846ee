//! What is never shown.

use super::*;

#[test]
fn what_has_the_name_of_a_secret_anywhere_in_it_is_one() {
    let listed = "model = 'yaml'\nsecret = ['db.token']";
    let cases = [
        ("model = 'yaml'", "users:\n- name: x\n  password: hunter2\n", "", "users", true),
        ("model = 'yaml'", "users:\n- [{a: {b: [{passwords: {x: hunter2}}]}}]\n", "", "users", true),
        ("model = 'yaml'", "users:\n- name: password\n", "", "users", false),
        ("model = 'json'", r#"{"db": [{"password": "hunter2"}]}"#, "", "db", true),
        ("model = 'toml'", "[[db]]\npassword = 'hunter2'\n", "", "db", true),
        ("model = 'toml'", "[passwords]\nroot = 'hunter2'\n", "passwords", "root", true),
        ("model = 'ini'", "[passwords]\nlength = 8\n", "passwords", "length", false),
        (listed, "users:\n- token: hunter2\n", "", "users", true),
        (listed, "users:\n- password: shown\n", "", "users", false),
        ("model = 'ini'\nsecret = ['S.db.password']", "[S]\ndb.password=hunter2\n", "S", "db.password", true),
        ("model = 'ini'\nsecret = ['S.db.password']", "[S]\npassword=shown\n", "S", "password", false),
        ("model = 'keyvalue'\nsecret = ['*.password']", "password=hunter2\n", "", "password", true),
        ("model = 'keyvalue'\nsecret = ['*.password']", "db.password=hunter2\n", "", "db.password", true),
        ("model = 'keyvalue'\nsecret = ['*.password']", "passwords=shown\n", "", "passwords", false),
    ];
    for (declared, text, section, key, is_secret) in cases {
        let found = values(&app(declared), &[(SHIPPED, text)]);
        let value = found.find(section, key).expect(text);
        assert_eq!(value.secret, is_secret, "{declared} {text}");
    }
}

#[test]
fn a_value_beneath_that_has_a_secret_in_it_hides_both() {
    let app = app("model = 'json'");
    let (shipped, own) = (r#"{"db": [{"password": "hunter2"}]}"#, r#"{"db": ["a"]}"#);
    assert!(values(&app, &[(SHIPPED, shipped), (OVERRIDE, own)]).find("", "db").expect("db").secret);
}
