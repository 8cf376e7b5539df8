//! Both programs see names of the test's own: blackbox_exporter by an `/etc/hosts` and an `/etc/resolv.conf` that are
//! replaced for it alone, linkwatch by its `resolver`.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::lab::DnsLab;

/// The names and their addresses. What else there may be is never asked of the world: `.onion` is not a name of DNS
/// (RFC 7686), and at blackbox_exporter's resolver nothing listens.
const NAMES: [(&str, &[&str]); 5] = [
    ("localhost", &["127.0.0.1", "::1"]),
    ("both.test", &["127.0.0.1", "::1"]),
    ("four.test", &["127.0.0.1"]),
    ("six.test", &["::1"]),
    ("named.test", &["127.0.0.1"]),
];

const RESOLV: &str = "nameserver 127.255.255.254\noptions timeout:1 attempts:1\n";

/// A resolver that knows these names.
pub(super) async fn resolver() -> DnsLab {
    let lab = DnsLab::start().await;
    for (name, addresses) in NAMES {
        let addresses: Vec<_> = addresses
            .iter()
            .map(|address| address.parse().expect("an address"))
            .collect();
        lab.addresses(name, &addresses);
    }
    lab
}

/// A program that runs `program` with these names, in a mount namespace of its own, and with a proxy by its environment.
pub(super) fn with_names(folder: &Path, program: &Path, proxy: &str) -> PathBuf {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("write names");
        path.display().to_string()
    };
    let lines = NAMES
        .iter()
        .flat_map(|(name, addresses)| addresses.iter().map(move |address| format!("{address} {name}\n")));
    let hosts = write("hosts", &lines.collect::<String>());
    let resolv = write("resolv.conf", RESOLV);
    // Root keeps what it may (raw sockets); anybody else needs a user namespace to mount at all.
    let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let namespaces = if root { "-m" } else { "-rm" };
    let name = program.file_name().expect("a program").to_string_lossy();
    let wrapper = write(
        &format!("{name}-with-names"),
        &format!(
            "#!/bin/sh\nexport HTTP_PROXY={proxy}\nexec unshare {namespaces} sh -c 'mount --bind {hosts} /etc/hosts && mount --bind {resolv} \
             /etc/resolv.conf && exec \"$0\" \"$@\"' {} \"$@\"\n",
            program.display()
        ),
    );
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&wrapper, executable).expect("make a wrapper executable");
    wrapper.into()
}
