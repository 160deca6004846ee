//! What the small OS has beside the texts of `fixtures/os/trees`: all that a checkout cannot hold, or that would make it
//! large.

/// A file made by [`super::program::program`].
pub struct Program {
    /// The bundle that has it.
    pub bundle: &'static str,
    /// Where; `{abi}` and `{so}` are put in by release, so such a file is renamed from one release to the next.
    pub path: &'static str,
    /// About its size.
    pub kib: usize,
    /// Permission bits.
    pub mode: u32,
    /// Whether release 20 has a newer build of it.
    pub rebuilt: bool,
}

const fn program(bundle: &'static str, path: &'static str, kib: usize, mode: u32, rebuilt: bool) -> Program {
    Program { bundle, path, kib, mode, rebuilt }
}

/// The programs, libraries and kernel modules.
pub const PROGRAMS: &[Program] = &[
    program("os-core", "usr/bin/ping", 16, 0o755, false),
    program("os-core", "usr/bin/sshd", 96, 0o755, true),
    program("os-core", "usr/bin/su", 24, 0o4755, false),
    program("os-core", "usr/lib/libdemo.so.{so}", 160, 0o644, true),
    program("os-core", "usr/lib/kernel/vmlinuz-{abi}", 384, 0o644, true),
    program("os-core", "usr/lib/modules/{abi}/kernel/drivers/net/virtio_net.ko", 48, 0o644, true),
    program("os-core", "usr/lib/modules/{abi}/kernel/drivers/net/vxlan.ko", 64, 0o644, true),
    program("os-core", "usr/lib/modules/{abi}/kernel/drivers/block/loop.ko", 24, 0o644, true),
    program("os-core", "usr/lib/modules/{abi}/kernel/fs/btrfs.ko", 192, 0o644, true),
    program("os-core", "usr/lib/modules/{abi}/kernel/fs/overlay.ko", 80, 0o644, true),
    program("os-core", "usr/lib/modules/{abi}/kernel/net/bridge.ko", 96, 0o644, true),
    program("python3-basic", "usr/bin/python3.11", 12, 0o755, false),
    program("python3-basic", "usr/lib/libpython3.11.so.1.0", 320, 0o644, true),
    program("web-server", "usr/bin/webd", 128, 0o755, true),
    program("openstack-compute", "usr/bin/libvirtd", 160, 0o755, true),
    program("openstack-compute", "usr/bin/ovs-vswitchd", 128, 0o755, false),
    program("openstack-compute", "usr/bin/qemu-system", 512, 0o755, true),
    program("openstack-compute", "usr/lib/modules/{abi}/kernel/kvm.ko", 72, 0o644, true),
];

/// Symlinks that name a release: bundle, path, target; placeholders as in [`Program::path`].
pub const LINKS: &[(&str, &str, &str)] = &[
    ("os-core", "usr/lib/libdemo.so.1", "libdemo.so.{so}"),
    ("os-core", "usr/lib/libdemo.so", "libdemo.so.1"),
    ("os-core", "usr/lib/kernel/default", "vmlinuz-{abi}"),
    ("python3-basic", "usr/lib/libpython3.11.so", "libpython3.11.so.1.0"),
];

/// A text that two bundles have, entry for entry.
pub const SHARED: (&[&str], &str, &str) =
    (&["web-server", "editors"], "usr/share/licenses/common/MIT", "Permission is hereby granted, free of charge.\n");

/// Files without content.
pub const EMPTY_FILES: &[(&str, &str)] =
    &[("os-core", "usr/share/defaults/etc/machine-id"), ("python3-basic", "usr/lib/python3.11/py.typed")];

/// Directories without entries, and their modes.
pub const EMPTY_DIRECTORIES: &[(&str, &str, u32)] =
    &[("os-core", "usr/share/empty", 0o755), ("os-core", "usr/share/polkit/rules.d", 0o700)];

/// Second names of files: bundle, existing name, further name.
pub const HARD_LINKS: &[(&str, &str, &str)] = &[("web-server", "usr/bin/webd", "usr/bin/webd-worker")];

/// Modes that a checkout does not keep: first release that has it so, bundle, path, mode.
pub const MODES: &[(u32, &str, &str, u32)] = &[
    (10, "os-core", "usr/share/defaults/etc/gshadow", 0o640),
    (20, "os-core", "usr/share/defaults/etc/ssh/sshd_config", 0o600),
    (20, "openstack-compute", "usr/share/defaults/etc/nova/policy.yaml", 0o640),
];

/// Files that do not belong to root's group: bundle, path, group. Set by root only.
pub const GROUPS: &[(&str, &str, u32)] = &[("os-core", "usr/share/defaults/etc/gshadow", 42)];

/// A file capability, set by root only and where the file system takes it: bundle, path, `cap_net_raw=ep` as the kernel
/// stores it (`struct vfs_cap_data`, revision 2, of `linux/capability.h`).
pub const CAPABILITY: (&str, &str, [u8; 20]) =
    ("os-core", "usr/bin/ping", [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/// What release 20 no longer has, or has as something else.
pub const REMOVED: &[(&str, &str)] = &[
    ("os-core", "usr/bin/collect-logs"),
    ("os-core", "usr/share/doc/os-core/news"),
    ("os-core", "usr/share/legacy"),
    ("os-core", "usr/share/os-core/motd"),
    ("python3-basic", "usr/lib/python3.11/imp.py"),
    ("web-server", "usr/share/webd/html/error.html"),
];

/// A file whose time has a fraction of a second, and the fraction in nanoseconds.
pub const FRACTION: (&str, i64) = ("usr/lib/os-release", 123_456_789);
