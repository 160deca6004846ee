//! Sensible guesses for known programs whose bundles declare nothing.
//!
//! What is told here is how Debian ships these programs, moved beneath `/usr`: services of OpenStack with the generated
//! list of all options as their shipped file, the programs of systemd with their options as comments. Programs that read one
//! file and know of no layers (nginx, OpenSSH) are `opaque`, as is everything that is not known.

use super::{Declaration, Model};

/// What is known of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// How its files combine.
    pub declaration: Declaration,
    /// The name of its directories, where that is not its own.
    pub directory: Option<&'static str>,
    /// Shipped directories beyond those of every program, the lowest first.
    pub shipped: &'static [&'static str],
    /// Shipped directories of what packages copy to `etc`. The program never looks there, so what lies there is no default
    /// for want of an override.
    pub templates: &'static [&'static str],
    /// Shipped files that list the known options.
    pub options: Vec<String>,
}

/// Services that read oslo.config: name, main files, where Debian ships them.
const OSLO: [(&str, &[&str], &[&str]); 6] = [
    ("cinder", &["cinder.conf"], &["usr/share/cinder-common"]),
    ("glance", &["glance-api.conf"], &["usr/share/glance-common"]),
    ("keystone", &["keystone.conf"], &["usr/share/keystone"]),
    ("neutron", &["neutron.conf", "plugins/ml2/ml2_conf.ini"], &["usr/share/neutron-common"]),
    ("nova", &["nova.conf"], &["usr/share/nova-common"]),
    ("placement", &["placement.conf"], &["usr/share/placement-common"]),
];
/// Options of theirs that are secrets: what they and their libraries (castellan, glance_store, keystoneauth,
/// keystonemiddleware, oslo.cache, oslo.db, oslo.messaging) register with `secret=True`, but for paths of files. Names
/// that follow the same habits are taken along.
const OSLO_SECRETS: [&str; 29] = [
    "*.*password*",
    "*.*passphrase*",
    "*.*passcode",
    "*.*_pass",
    "*.*secret*",
    "*.*private_key*",
    "*.*access_key",
    "*.*encryption_key",
    "*.*customer_key",
    "*.*swift*_key",
    "*.fixed_key",
    "*.token",
    "*.admin_token",
    "*.*access_token",
    "*.*api_token",
    "*.*token_id",
    "*.*role_id",
    "*.*code",
    "*.*jwt",
    // Addresses with a password in them.
    "*.connection",
    "*.*slave_connection",
    "*.asyncio_connection",
    "*.transport_url",
    "*.backend_url",
    "*.*proxy_url",
    // Several settings in one, passwords among them.
    "*.backend_argument",
    "*.replication_device",
    "*.swift_store_user",
    "*.swift_store_application_credential_id",
];
/// Options of theirs that accumulate and that the lists of older releases do not mark.
const OSLO_MULTI: [&str; 2] = ["pci.alias", "pci.device_spec"];

/// A program that shares its directories with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// The sections that it reads.
    pub sections: &'static [&'static str],
}

/// The directory that the programs of systemd share.
const SYSTEMD_DIRECTORY: &str = "systemd";
/// Programs of systemd: each reads `NAME.conf` with its drop-ins and none of the others', in which it knows these sections,
/// and adds up these options. Those are all of which its manual or its source (`config_parse_strv`, `config_parse_environ`,
/// `config_parse_dns_servers` and their like) says that an assignment adds and an empty one takes away.
const SYSTEMD: [(&str, &[&str], &[&str]); 14] = [
    ("coredump", &["Coredump"], &[]),
    ("homed", &["Home"], &[]),
    ("journal-remote", &["Remote"], &[]),
    ("journal-upload", &["Upload"], &[]),
    ("journald", &["Journal"], &[]),
    ("logind", &["Login"], &["Login.KillOnlyUsers", "Login.KillExcludeUsers"]),
    ("networkd", &["Network", "IPv6AcceptRA", "DHCPv4", "DHCPv6", "DHCPServer"], &["Network.RouteTable"]),
    ("oomd", &["OOM"], &[]),
    ("pstore", &["PStore"], &[]),
    (
        "resolved",
        &["Resolve"],
        &["Resolve.DNS", "Resolve.FallbackDNS", "Resolve.Domains", "Resolve.DNSStubListenerExtra"],
    ),
    ("sleep", &["Sleep"], &[]),
    ("system", &["Manager"], &MANAGER_MULTI),
    ("timesyncd", &["Time"], &["Time.NTP", "Time.FallbackNTP"]),
    ("user", &["Manager"], &MANAGER_MULTI),
];
/// Options of the managers of the system and of users that accumulate.
const MANAGER_MULTI: [&str; 3] = ["Manager.CPUAffinity", "Manager.DefaultEnvironment", "Manager.ManagerEnvironment"];

/// The programs that a name of several stands for; none for the name of one.
pub fn members(name: &str) -> Vec<Member> {
    if name != SYSTEMD_DIRECTORY {
        return Vec::new();
    }
    SYSTEMD.iter().map(|(program, sections, _)| Member { name: format!("{name}-{program}"), sections }).collect()
}

/// The names of all known programs; one of several stands for all of them ([`members`]).
pub fn known_apps() -> impl Iterator<Item = &'static str> {
    OSLO.iter().map(|(name, ..)| *name).chain(["nginx", "ssh", SYSTEMD_DIRECTORY])
}

/// What is known of the program; none when nothing is.
pub fn guess(name: &str) -> Option<Known> {
    if let Some((_, main, shipped)) = OSLO.iter().find(|(known, ..)| *known == name) {
        let mut declaration = Declaration::of(Model::Oslo);
        declaration.files = main.iter().map(ToString::to_string).chain([format!("{name}.conf.d")]).collect();
        declaration.secret = Some(OSLO_SECRETS.map(String::from).to_vec());
        declaration.multi = OSLO_MULTI.map(String::from).to_vec();
        let options = main.iter().map(ToString::to_string).collect();
        return Some(Known { shipped, options, ..Known::of(declaration) });
    }
    let of_systemd = name.strip_prefix("systemd-").and_then(|name| SYSTEMD.iter().find(|(known, ..)| *known == name));
    if let Some((program, _, multi)) = of_systemd {
        let (main, drop_ins) = (format!("{program}.conf"), format!("{program}.conf.d"));
        let mut declaration = Declaration::of(Model::Uapi);
        declaration.files = vec![main.clone(), drop_ins];
        declaration.multi = multi.iter().map(ToString::to_string).collect();
        return Some(Known { directory: Some(SYSTEMD_DIRECTORY), options: vec![main], ..Known::of(declaration) });
    }
    match name {
        "ssh" => {
            let mut known = Known::of(Declaration::of(Model::Opaque));
            known.declaration.files =
                ["ssh_config", "ssh_config.d", "sshd_config", "sshd_config.d"].map(String::from).to_vec();
            known.templates = &["usr/share/openssh"];
            Some(known)
        }
        "nginx" => Some(Known::of(Declaration::of(Model::Opaque))),
        _ => None,
    }
}

impl Known {
    /// Only a declaration.
    pub fn of(declaration: Declaration) -> Self {
        Self { declaration, directory: None, shipped: &[], templates: &[], options: Vec::new() }
    }
}
