//! Lists of options as oslo's generator writes them.

use super::*;

#[test]
fn the_list_of_options_is_read_as_the_generator_writes_it() {
    let declaration = Declaration::of(Model::Oslo);
    let options = Options::parse(&declaration, "list", LIST.as_bytes()).expect("a list");
    let workers = options.option("DEFAULT", "workers").expect("workers");
    assert_eq!((&workers.defaults[..], workers.kind, workers.minimum), (&["4".to_owned()][..], Kind::Integer, Some(1)));
    assert_eq!(workers.refuses("0").as_deref(), Some("at least 1 is wanted"));
    assert!(workers.refuses("x").is_some() && workers.refuses("$x").is_none() && workers.refuses("7").is_none());
    let hosts = options.option("DEFAULT", "hosts").expect("hosts");
    assert_eq!((hosts.told(), hosts.untold, hosts.kind), (None, false, Kind::List));
    assert!(options.option("DEFAULT", "Hosts").is_none());
    assert_eq!(options.former().count(), 1);
}

/// What release 10 of the generator makes of options with defaults of every kind.
const GENERATED: &str = "\
[DEFAULT]

#
# From x
#

# Opt out. (multi valued)
#opt_out = a
#opt_out = b

# None, or an empty one. (multi valued)
#empty =

# Twice, and the first counts. (string value)
#once = a
#once = b

# IP. (host address value)
#
# This option has a sample default set, which means that
# its actual default value may vary from the one documented
# below.
#my_ip = <host_ipv4>

# proxy (string value)
#proxy = $my_ip

# text (string value)
#text = one
#    two
#      three
# Not a line of it.

# spaced (string value)
#spaced = \" x \"

# quoted (string value)
#quoted = \"x\"
";

#[test]
fn defaults_are_read_as_the_generator_means_them() {
    let options = Options::parse(&Declaration::of(Model::Oslo), "list", GENERATED.as_bytes()).expect("a list");
    let cases: [(&str, &[&str], bool); 8] = [
        ("opt_out", &["a", "b"], false),
        ("empty", &[], true),
        ("once", &["a"], false),
        ("my_ip", &[], true),
        ("proxy", &["$my_ip"], false),
        ("text", &["one\ntwo\n  three"], false),
        ("spaced", &[" x "], false),
        ("quoted", &["\"x\""], false),
    ];
    for (key, defaults, untold) in cases {
        let known = options.option("DEFAULT", key).expect(key);
        assert_eq!(
            (&known.defaults[..], known.untold),
            (&defaults.iter().map(ToString::to_string).collect::<Vec<_>>()[..], untold),
            "{key}"
        );
    }
    // A list in two files that both have an option tells the first.
    let twice = [GENERATED, "\n", GENERATED].concat();
    assert_eq!(Options::parse(&Declaration::of(Model::Oslo), "list", twice.as_bytes()), Ok(options));
}

const LISTED: &str = "model = 'oslo'\noptions = 'x.conf'";

#[test]
fn an_override_is_redundant_when_it_says_all_of_the_default() {
    let list = [(SHIPPED, GENERATED)];
    let cases = [
        ("opt_out = a", ChangeKind::Override),
        ("opt_out = a\nopt_out = b", ChangeKind::Redundant),
        ("my_ip = <host_ipv4>", ChangeKind::Override),
        ("empty =", ChangeKind::Override),
        ("text = one", ChangeKind::Override),
        ("spaced = ' x '", ChangeKind::Redundant),
        ("quoted = x", ChangeKind::Override),
    ];
    for (line, kind) in cases {
        let key = line.split(' ').next().expect("a name").to_owned();
        let own = format!("[DEFAULT]\n{line}\n");
        assert_eq!(kinds(LISTED, &list, &[(OVERRIDE, &own)], None), [(key, kind)], "{line}");
    }
    let own = [(OVERRIDE, "[DEFAULT]\nopt_out = mine\n")];
    let next = GENERATED.replace("#opt_out = b", "#opt_out = c");
    let changed = [("opt_out".to_owned(), ChangeKind::DefaultChanged)];
    assert_eq!(kinds(LISTED, &list, &own, Some(&[(SHIPPED, &next)])), changed);
}

#[test]
fn a_sample_is_not_what_a_reference_stands_for() {
    let app = app(LISTED);
    let found = values(&app, &[(SHIPPED, GENERATED), (OVERRIDE, "[DEFAULT]\na = http://$my_ip/\nb = $proxy\n")]);
    for (key, wanted) in [("a", "http://$my_ip/"), ("b", "$my_ip")] {
        let value = found.find("DEFAULT", key).expect(key);
        assert_eq!((value.value.as_str(), &value.unresolved[..]), (wanted, &[][..]), "{key}");
    }
    let found = values(&app, &[(SHIPPED, GENERATED), (OVERRIDE, "[DEFAULT]\nmy_ip = 1\na = $my_ip\n")]);
    assert_eq!(found.find("DEFAULT", "a").expect("a").value, "1");
}

#[test]
fn numbers_are_taken_as_python_takes_them() {
    let of = |kind| KnownOption { kind, minimum: Some(1), maximum: Some(5000), ..KnownOption::default() };
    let cases = [
        (Kind::Integer, "", true),
        (Kind::Integer, " ", true),
        (Kind::Integer, "1_000", true),
        (Kind::Integer, "+7", true),
        (Kind::Integer, "1__0", false),
        (Kind::Integer, "_1", false),
        (Kind::Integer, "1_", false),
        (Kind::Integer, "6_000", false),
        (Kind::Integer, "1.5", false),
        (Kind::Float, "", true),
        (Kind::Float, "1_0.5", true),
        (Kind::Float, "1_.5", false),
        (Kind::Boolean, "", false),
    ];
    for (kind, value, is_taken) in cases {
        assert_eq!(of(kind).refuses(value).is_none(), is_taken, "{kind:?} {value:?}");
    }
}

#[test]
fn sections_that_users_name_have_the_options_of_backends() {
    let with = |list: &str, own: &str| {
        let app = app(LISTED);
        let files = snapshot(&[(SHIPPED, list), (OVERRIDE, own)]);
        let layers = app.layers(&files, WithOverrides::Yes).expect("layers");
        app.options(&files).expect("options").with_backends(&app.declaration, &layers)
    };
    let cinder = "[DEFAULT]\n\n#enabled_backends = <None>\n\n#other = 1\n\n[backend_defaults]\n\n\
        # (integer value)\n#port = 1\n\n# (multi valued)\n#device =\n";
    let own = "[DEFAULT]\nenabled_backends = LVM-1, ceph\n[lvm-1]\nport = x\nother = 1\nprot = 2\n[rbd]\nport = 1\n";
    let options = with(cinder, own);
    let port = options.option("lvm-1", "port").expect("port");
    assert_eq!((port.kind, port.told(), port.untold), (Kind::Integer, None, true), "what is beneath it is not known");
    for (section, key) in [("lvm-1", "prot"), ("lvm-1", "other"), ("rbd", "port")] {
        assert_eq!(options.option(section, key), None, "{section} {key}");
    }
    let glance = "[DEFAULT]\n\n#enabled_backends = <None>\n\n[glance_store]\n\n#filesystem_store_datadir = <None>\n";
    let own = "[DEFAULT]\nenabled_backends = fast:file\n[fast]\nfilesystem_store_datadir = /srv\n";
    assert!(with(glance, own).option("fast", "filesystem_store_datadir").is_some());
    let manila = "[DEFAULT]\n\n#enabled_share_backends = <None>\n\n#driver = a\n";
    let own = "[DEFAULT]\nenabled_share_backends = one\n[one]\ndriver = b\nnothing = 1\n";
    let options = with(manila, own);
    assert!(options.option("one", "driver").is_some() && options.option("one", "nothing").is_none());
}
