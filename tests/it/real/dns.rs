//! Real DNS servers: Knot (DNSSEC, transfers with TSIG), `PowerDNS` (an apex flattened by ALIAS), Unbound (a validating
//! resolver); where names lead is judged right over all of them.

#![expect(clippy::unwrap_used, reason = "what cannot be run fails the test")]

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use linkwatch::cause::Cause;
use linkwatch::clock::{Clock as _, SystemClock};
use linkwatch::coverage::source::{CoverageError, Kind, Settings, Transfer, TsigKey};
use linkwatch::coverage::unwatched;
use linkwatch::diagnosis::{Context, TargetState, Verdict, diagnose};
use linkwatch::probe::Request;
use linkwatch::{app, config};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::peers::{Generation, Program, find_or_leave_out};
use crate::coverage as zone_of_500;

const LIMIT: Duration = Duration::from_secs(30);

const PORT: u16 = 5300;

/// What the servers share, in base64.
const SECRET: &str = "bGlua3dhdGNoIHRlc3Qga2V5IG9mIDMyIGJ5dGVzISE=";

/// Server programs that end with the value, and their files.
struct Servers {
    running: Vec<Child>,
    folder: tempfile::TempDir,
    knot: Ipv4Addr,
    powerdns: Ipv4Addr,
    resolver: Ipv4Addr,
    /// Says the same but of `split.test`.
    other_resolver: Ipv4Addr,
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.running {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The programs, or `None` after saying that the test is left out.
fn programs(test: &str) -> Option<[PathBuf; 3]> {
    let find = |program| find_or_leave_out(test, program, Generation::Current);
    Some([
        find(Program::Knot)?,
        find(Program::PowerDns)?,
        find(Program::Unbound)?,
    ])
}

impl Servers {
    /// Starts all of them at addresses of this process' own.
    async fn start([knot, powerdns, unbound]: [PathBuf; 3], number: u8) -> Self {
        let process = std::process::id();
        let [high, low] = [(process >> 8).to_le_bytes()[0] | 128, process.to_le_bytes()[0]];
        let address = |last| Ipv4Addr::new(127, high.max(1), low, number * 16 + last);
        let mut servers = Self {
            running: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
            knot: address(1),
            powerdns: address(2),
            resolver: address(3),
            other_resolver: address(4),
        };
        servers.start_knot(&knot);
        servers.start_powerdns(&powerdns);
        servers.listens(servers.knot).await;
        servers.listens(servers.powerdns).await;
        servers.start_unbound(&unbound, servers.resolver, "");
        servers.start_unbound(
            &unbound,
            servers.other_resolver,
            "local-zone: \"split.test.\" always_nxdomain\n",
        );
        servers.listens(servers.resolver).await;
        servers.listens(servers.other_resolver).await;
        servers
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn run(&mut self, program: &Path, arguments: &[String]) {
        let name = program.file_name().unwrap().to_string_lossy().into_owned();
        let log = self
            .folder
            .path()
            .join(format!("{name}-{}.log", self.running.len()));
        let log = std::fs::File::create(log).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running.push(child);
    }

    /// What the programs have said.
    fn logs(&self) -> String {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let logs = files.filter_map(|file| Some(file.ok()?.path()));
        let logs = logs.filter(|path| path.extension().is_some_and(|end| end == "log"));
        logs.filter_map(|path| std::fs::read_to_string(path).ok())
            .collect()
    }

    async fn listens(&self, address: Ipv4Addr) {
        let deadline = Instant::now() + LIMIT;
        while TcpStream::connect((address, PORT)).await.is_err() {
            assert!(
                Instant::now() < deadline,
                "nothing listens on {address}:\n{}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Targets, a signed zone, one that is not signed although its parent says so, and the zone of 500 hosts.
    fn start_knot(&mut self, program: &Path) {
        let head = |address: Ipv4Addr| {
            format!("$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A {address}\n")
        };
        let zones = [
            (
                "hosting.test",
                "old A 127.0.0.11\nold A 127.0.0.12\nnew A 127.0.0.21\n",
            ),
            ("signed.test", "www A 127.0.0.1\n"),
            ("bogus.test", "www A 127.0.0.1\n"),
            ("split.test", "www A 127.0.0.1\n"),
        ];
        let folder = self.folder.path().display();
        let mut config = format!(
            "server:\n    listen: {}@{PORT}\n    rundir: \"{folder}\"\n    user: root\ndatabase:\n    storage: \"{folder}\"\n\
             key:\n  - id: linkwatch\n    algorithm: hmac-sha256\n    secret: {SECRET}\n\
             acl:\n  - id: transfer\n    key: linkwatch\n    action: transfer\nzone:\n",
            self.knot,
        );
        for (zone, records) in zones {
            let file = self.write(zone, &(head(self.knot) + records));
            let signed = if zone == "signed.test" { "on" } else { "off" };
            writeln!(
                config,
                "  - domain: {zone}\n    file: \"{}\"\n    dnssec-signing: {signed}\n    zonefile-sync: -1",
                file.display()
            )
            .unwrap();
        }
        let file = self.write("example.com", &zone_of_500::master_file());
        writeln!(
            config,
            "  - domain: example.com\n    file: \"{}\"\n    acl: transfer\n    semantic-checks: off",
            file.display()
        )
        .unwrap();
        let config = self.write("knot.conf", &config);
        self.run(program, &["-c".to_owned(), config.display().to_string()]);
    }

    /// Zones whose apex is an ALIAS, which it flattens through the resolver.
    fn start_powerdns(&mut self, program: &Path) {
        let zones = [
            ("flat.test", "@ ALIAS old.hosting.test.\n"),
            ("moved.test", "@ ALIAS new.hosting.test.\n"),
            ("partly.test", "@ A 127.0.0.11\n@ A 127.0.0.99\n"),
        ];
        let mut bind = String::new();
        for (zone, records) in zones {
            let text = format!(
                "$TTL 60\n$ORIGIN {zone}.\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A {}\n{records}",
                self.powerdns
            );
            let file = self.write(&format!("pdns/{zone}"), &text);
            writeln!(
                bind,
                "zone \"{zone}\" {{ type master; file \"{}\"; }};",
                file.display()
            )
            .unwrap();
        }
        let bind = self.write("pdns/named.conf", &bind);
        let real = program.canonicalize().unwrap();
        let modules = std::fs::read_dir(real.parent().unwrap().join("../dns/usr/lib"))
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path().join("pdns")))
            .find(|path| path.is_dir());
        let mut config = format!(
            "launch=bind\nbind-config={}\nlocal-address={}\nlocal-port={PORT}\nsocket-dir={}\nexpand-alias=yes\n\
             resolver={}:{PORT}\nguardian=no\ndaemon=no\ncache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\n",
            bind.display(),
            self.powerdns,
            self.folder.path().display(),
            self.resolver,
        );
        if let Some(modules) = modules {
            writeln!(config, "module-dir={}", modules.display()).unwrap();
        }
        self.write("pdns/pdns.conf", &config);
        let folder = format!("--config-dir={}", self.folder.path().join("pdns").display());
        self.run(program, &[folder]);
    }

    fn start_unbound(&mut self, program: &Path, address: Ipv4Addr, more: &str) {
        let of = |zones: &[&str], server: Ipv4Addr| -> String {
            let stub =
                |zone: &&str| format!("stub-zone:\n  name: \"{zone}\"\n  stub-addr: {server}@{PORT}\n");
            zones.iter().map(stub).collect()
        };
        let config = format!(
            "server:\n  interface: {address}\n  port: {PORT}\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n  directory: \"{folder}\"\n  \
             pidfile: \"\"\n  use-syslog: no\n  access-control: 127.0.0.0/8 allow\n  do-not-query-localhost: no\n  do-ip6: no\n  \
             module-config: \"validator iterator\"\n  ede: yes\n  cache-max-ttl: 0\n  local-zone: \"test.\" nodefault\n  \
             domain-insecure: \"test.\"\n  \
             trust-anchor: \"bogus.test. DS 12345 13 2 {digest}\"\n  {more}\n{knot}{powerdns}",
            folder = self.folder.path().display(),
            digest = "ab".repeat(32),
            knot = of(
                &["hosting.test", "signed.test", "bogus.test", "split.test"],
                self.knot
            ),
            powerdns = of(&["flat.test", "moved.test", "partly.test"], self.powerdns),
        );
        let config = self.write(&format!("unbound-{address}.conf"), &config);
        self.run(
            program,
            &["-d".to_owned(), "-c".to_owned(), config.display().to_string()],
        );
    }

    /// The verdict on a host that should lead to a target.
    async fn verdict(&self, host: &str, target: &str) -> Verdict {
        let config = format!(
            "global: {{interval: 10s, timeout: 4s}}\nresolver: {{servers: [\"udp://{}:{PORT}\", \"udp://{}:{PORT}\"], authoritative_port: {PORT}}}\n\
             groups: [{{name: web, hosts: [{host}], url: \"http://{{host}}:9/\", expect: {{dns: {{target: {target}}}}}}}]\n",
            self.resolver, self.other_resolver
        );
        let config = config::parse(
            Path::new("test.yml"),
            config.as_bytes(),
            config::Files::memory([]),
        )
        .unwrap();
        let prober = app::prober(&config, Arc::new(SystemClock), Arc::default());
        let endpoint = &config.groups[0].endpoints[0];
        let module = &config.modules[&endpoint.group.module];
        let outcome = prober.probe(&Request::catalogue(endpoint, module, &[])).await;
        diagnose(&outcome, endpoint, &Context::at(SystemClock.now()))
    }
}

fn causes(verdict: &Verdict) -> Vec<Cause> {
    verdict.findings().map(|finding| finding.cause).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_names_lead_is_judged_right_over_real_servers() {
    let Some(programs) = programs("real DNS servers") else {
        return;
    };
    let servers = Servers::start(programs, 0).await;

    let flattened = servers.verdict("flat.test", "old.hosting.test").await;
    assert_eq!(flattened.target, Some(TargetState::Match), "{flattened:?}");
    let drifted = servers.verdict("moved.test", "old.hosting.test").await;
    assert_eq!(drifted.target, Some(TargetState::Drift), "{drifted:?}");
    assert_eq!(drifted.root.as_ref().unwrap().cause, Cause::DnsTargetDrift);
    let partial = servers.verdict("partly.test", "old.hosting.test").await;
    assert_eq!(partial.target, Some(TargetState::Unverifiable), "{partial:?}");
    // The target itself cannot be looked up.
    let unknown = servers.verdict("flat.test", "www.bogus.test").await;
    assert_eq!(unknown.target, Some(TargetState::Unverifiable), "{unknown:?}");

    let bogus = servers.verdict("www.bogus.test", "127.0.0.1").await;
    assert_eq!(
        bogus.symptom.as_ref().unwrap().cause,
        Cause::DnsBogus,
        "{bogus:?}"
    );
    let signed = servers.verdict("www.signed.test", "127.0.0.1").await;
    assert_eq!(signed.target, Some(TargetState::Match), "{signed:?}");
    assert!(!causes(&signed).contains(&Cause::DnsBogus), "{signed:?}");
    let split = servers.verdict("www.split.test", "127.0.0.1").await;
    assert!(causes(&split).contains(&Cause::DnsDisagreement), "{split:?}");
    assert!(!causes(&signed).contains(&Cause::DnsDisagreement), "{signed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_is_transferred_with_its_key_and_refused_without() {
    let Some(programs) = programs("transfers from Knot") else {
        return;
    };
    let servers = Servers::start(programs, 1).await;
    let transfer = async |key: Option<TsigKey>| -> Result<_, CoverageError> {
        let source = Settings {
            name: "zone".to_owned(),
            interval: LIMIT,
            kind: Kind::Transfer(Transfer {
                server: (servers.knot, PORT).into(),
                zone: "example.com".to_owned(),
                key,
            }),
        };
        source.ask().await
    };
    let key = |secret: &str, algorithm| {
        Some(TsigKey {
            name: "linkwatch".to_owned(),
            algorithm,
            secret: BASE64.decode(secret).unwrap(),
        })
    };
    let hosts = transfer(key(SECRET, TsigAlgorithm::HmacSha256)).await.unwrap();
    assert_eq!(hosts.len(), 500);
    assert_eq!(
        unwatched(&hosts, &zone_of_500::watched(), &[]),
        zone_of_500::missing()
    );
    let refused = transfer(None).await.unwrap_err().to_string();
    assert!(refused.contains("does not transfer example.com"), "{refused}");
    let wrong = transfer(key("d3Jvbmc=", TsigAlgorithm::HmacSha256))
        .await
        .unwrap_err();
    assert!(!wrong.to_string().contains("d3Jvbmc"), "{wrong}");
    let other = transfer(key(SECRET, TsigAlgorithm::HmacSha512))
        .await
        .unwrap_err();
    assert!(other.to_string().contains("does not transfer"), "{other}");
}
