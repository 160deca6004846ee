//! Seeds of configuration: a little of everything that each format has.

use stateless_update::overlay::{Saved, SavedFile, SavedKind};

use super::Seeds;
use super::seeds::joined;

pub(super) fn seeds() -> Seeds {
    let bytes = |texts: &[&str]| -> Vec<Vec<u8>> { texts.iter().map(|text| text.as_bytes().to_vec()).collect() };
    let mut seeds = Seeds::new();
    seeds.insert(
        "config_oslo",
        bytes(&[
            "[DEFAULT]\na = 1\nb: 'x'\n# c\n[g]\nlist = a,\n  b\nurl = http://$a:${DEFAULT.b}/$$ \\$\n",
            "[DEFAULT]\na = $a $b\nb = $a\n\n[Mixed_Case]\r\nk = \"\r\n",
            "[a]\nk\n",
        ]),
    );
    seeds.insert(
        "config_ini",
        bytes(&[
            "\u{feff}[S]\na=C:\\\\dir\\\\\nb = first\n    second=2\n\n\tthird\nalone\n",
            "\\\nS1[=\\",
            "a=0\n[S]\n;x\nk = 1 \\\n# c\n   2\nl=\nl=3\n",
            "[S\n",
            "[S]\nk\\\n",
        ]),
    );
    seeds.insert(
        "config_keyvalue",
        bytes(&[
            "A=\"one \\\n two\"\nB='x\n$y'\nC=a\\\nb\nD=x'\nUMASK\t077\n",
            "# c\nnet.x = 1\nPort 22\nexport A=\"b c\"\nalone\nx==\n",
        ]),
    );
    seeds.insert("config_toml", bytes(&["a = 1\n[t.u]\nb = [1, \"x\"]\n'c.d' = 1979-05-27\n[[l]]\nx = 0x1f\n"]));
    seeds.insert("config_json", bytes(&["{\"a\": 1, \"t\": {\"b.c\": null, \"d\": [{\"e\": 1.5}]}, \"\": {}}", "[]"]));
    seeds.insert(
        "config_yaml",
        bytes(&[
            "? ",
            "a: 1\nt:\n  b: [x, {c: 2}]\n  d: |\n    text\n'n': ~\n",
            "a: &x 1\nb: *x\n",
            "a: !!str 1\n---\nb: 2\n",
        ]),
    );
    seeds.insert(
        "config_options",
        bytes(&[
            "[DEFAULT]\n\n# How many. (integer value)\n# Minimum value: 0\n# Deprecated group/name - [x]/y\n#a = 3\n#b=<None>\n",
        ]),
    );
    let declared = |text: &str, file: &str| joined(&[text.as_bytes(), file.as_bytes()]);
    seeds.insert(
        "config_declaration",
        vec![
            declared(
                "model = 'oslo'\nmulti = ['*.m']\nsecret = ['a.p*']\noptions = 'x.conf'\n",
                "[a]\nm = 1\nm = 2\np = 3\n",
            ),
            declared("model = 'uapi'\nfiles = ['x.conf', 'x.conf.d']\nformat = 'keyvalue'\n", "a=1\n"),
            declared("model = 'json'\nfiles = ['x.json']\ndeprecated = { 'a.b' = 'c' }\n", "{\"a\": {\"b\": 1}}"),
            declared("model = 'opaque'\nfiles = ['../x']\n", ""),
        ],
    );
    let file = |path: &str, kind| SavedFile { path: path.into(), mode: 0o640, uid: 0, gid: 7, kind };
    let files = vec![
        file("etc/x", SavedKind::Directory),
        file("etc/x/x.conf", SavedKind::File(b"[a]\nk = 1\n".to_vec())),
        file("etc/x/y.conf", SavedKind::Symlink("/dev/null".into())),
    ];
    seeds.insert("config_saved", vec![Saved { version: 20, files }.to_tar()]);
    seeds
}
