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

/// Options that OpenStack registers with `secret=True`, and some that it does not and that sound alike.
#[test]
fn what_openstack_calls_a_secret_is_one() {
    let secret = [
        "DEFAULT.backup_swift_key",
        "DEFAULT.backup_s3_store_access_key",
        "DEFAULT.backup_s3_sse_customer_key",
        "DEFAULT.metadata_encryption_key",
        "DEFAULT.transport_url",
        "api_database.connection",
        "backend.lightos_jwt",
        "backend.replication_device",
        "backend.san_password",
        "backend.synology_one_time_pass",
        "backend.vast_api_token",
        "backend.zadara_access_key",
        "barbican.code",
        "cache.backend_argument",
        "coordination.backend_url",
        "database.asyncio_connection",
        "database.asyncio_slave_connection",
        "database.slave_connection",
        "glance_store.s3_store_access_key",
        "glance_store.swift_store_key",
        "glance_store.swift_store_user",
        "key_manager.fixed_key",
        "keystone_authtoken.application_credential_secret",
        "keystone_authtoken.memcache_secret_key",
        "keystone_authtoken.passcode",
        "keystone_authtoken.token",
        "neutron.metadata_proxy_shared_secret",
        "oslo_messaging_rabbit.ssl_client_key_password",
        "service_user.access_token",
        "vault.approle_role_id",
        "vault.root_token_id",
    ];
    let plain = [
        "DEFAULT.connection_type",
        "database.connection_recycle_time",
        "keystone_authtoken.token_cache_time",
        "keystone_authtoken.username",
        "neutron.service_metadata_proxy",
        "ovn.ovn_nb_connection",
        "ovs.ovsdb_connection",
        "service_user.send_service_user_token",
        "token.provider",
        "vnc.novncproxy_base_url",
    ];
    for program in ["cinder", "glance", "keystone", "neutron", "nova", "placement"] {
        let declaration = guess(program).expect("known").declaration;
        let is_secret = |option: &&str| {
            let (section, key) = declaration.option(option);
            declaration.is_secret(&section, &key)
        };
        assert_eq!(secret.into_iter().find(|option| !is_secret(option)), None, "{program}");
        assert_eq!(plain.into_iter().find(is_secret), None, "{program}");
    }
}

#[test]
fn programs_of_systemd_share_a_directory_and_no_file() {
    let members = crate::overlay::members("systemd");
    assert!(crate::overlay::members("nova").is_empty() && crate::overlay::members("systemd-logind").is_empty());
    let mut files = Vec::new();
    for member in &members {
        let app = App::new(&member.name, None);
        assert_eq!((app.declaration.model, app.override_directory().as_str()), (Model::Uapi, "etc/systemd"));
        files.extend(app.places().into_iter().filter(|place| place.side == Side::Override).map(|place| place.path));
    }
    assert_eq!(files.len(), members.len() * 2 * 3, "a main file and drop-ins beneath etc, run and usr/local/lib");
    assert_eq!(files.iter().collect::<std::collections::BTreeSet<_>>().len(), files.len());
    assert!(files.contains(&"etc/systemd/logind.conf".to_owned()), "{files:?}");
}

#[test]
fn what_systemd_adds_up_is_added_up_until_an_empty_assignment() {
    let read = |name: &str, section: &str, key: &str, texts: [&str; 2]| {
        let app = App::new(name, None);
        let own = app.places().into_iter().rfind(|place| place.side == Side::Override && place.reach == Reach::File);
        let own = own.expect("a main file").path;
        let lines = |text: &str| text.split(' ').map(|value| format!("{key}={value}\n")).collect::<String>();
        let texts = texts.map(|text| format!("[{section}]\n{}", lines(text)));
        let found = values(&app, &[(&own, &texts[0]), (&format!("{own}.d/50-corp.conf"), &texts[1])]);
        found.find(section, key).expect("set").values.clone()
    };
    let options = [
        ("systemd-logind", "Login", "KillExcludeUsers"),
        ("systemd-networkd", "Network", "RouteTable"),
        ("systemd-resolved", "Resolve", "DNS"),
        ("systemd-resolved", "Resolve", "Domains"),
        ("systemd-system", "Manager", "DefaultEnvironment"),
        ("systemd-timesyncd", "Time", "NTP"),
        ("systemd-user", "Manager", "ManagerEnvironment"),
    ];
    for (name, section, key) in options {
        assert_eq!(read(name, section, key, ["a", "b c"]), ["a", "b", "c"], "{name} {key}");
        assert_eq!(read(name, section, key, ["a b", " c"]), ["c"], "{name} {key}");
    }
    assert_eq!(read("systemd-resolved", "Resolve", "LLMNR", ["yes", "no"]), ["no"]);
}
