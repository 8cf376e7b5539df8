//! What `/probe` may not ask hears nothing, whichever prober it is that would ask: every prober has a row here.
//!
//! Echo requests go to a kernel, not to a socket that a test could hold, so all of this runs in a network of its own
//! (`unshare -n`), whose counters are nobody else's.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as the test does")]

use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use linkwatch::endpoint::ProberName;
use tokio::task::{JoinSet, spawn_blocking};
use url::form_urlencoded::byte_serialize;

use crate::lab::DnsLab;
use crate::program::{Answer, Home, Program, Site, until};

/// Says to the test that it runs in a network of its own.
const ALONE: &str = "LINKWATCH_TEST_ALONE";

/// The hosts by which 127.0.0.1 is asked for: its address, the same as IPv6 has it, a name that leads there.
const HOSTS: [&str; 4] = [
    "127.0.0.1",
    "[::ffff:127.0.0.1]",
    "harmless.test",
    "harmless.test.",
];

/// The same as numbers, which are that address in URLs of the web and names everywhere else.
const NUMBERS: [&str; 3] = ["2130706433", "0x7f.1", "127.1"];

/// Where something arrives, if anything is sent.
enum Ear {
    Stream(TcpListener),
    Datagram(UdpSocket),
    Socket(UnixListener),
    /// This kernel; with how many echo requests it had heard.
    Kernel(u64),
}

impl Ear {
    fn stream() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self::Stream(listener)
    }

    fn datagram() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        Self::Datagram(socket)
    }

    fn socket(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self::Socket(listener)
    }

    fn port(&self) -> String {
        match self {
            Self::Stream(listener) => format!(":{}", listener.local_addr().unwrap().port()),
            Self::Datagram(socket) => format!(":{}", socket.local_addr().unwrap().port()),
            Self::Socket(_) | Self::Kernel(_) => String::new(),
        }
    }

    /// Whether anything came since it was asked last. What was sent on loopback is there when the sender goes on.
    fn heard(&mut self) -> bool {
        let mut heard = false;
        while self.hears() {
            heard = true;
        }
        heard
    }

    fn hears(&mut self) -> bool {
        let came = match self {
            Self::Stream(listener) => listener.accept().map(drop),
            Self::Datagram(socket) => socket.recv(&mut [0; 2048]).map(drop),
            Self::Socket(listener) => listener.accept().map(drop),
            Self::Kernel(before) => {
                let now = echo_requests();
                let more = now > *before;
                *before = now;
                return more;
            }
        };
        match came {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                false
            }
        }
    }
}

/// Echo requests that have reached this network, of both families.
fn echo_requests() -> u64 {
    let four = std::fs::read_to_string("/proc/self/net/snmp").unwrap();
    let mut rows = four.lines().filter_map(|line| line.strip_prefix("Icmp: "));
    let (names, values) = (rows.next().unwrap(), rows.next().unwrap());
    let mut pairs = names.split(' ').zip(values.split(' '));
    let four = pairs.find(|(name, _)| *name == "InEchos").unwrap().1;
    let six = std::fs::read_to_string("/proc/self/net/snmp6").unwrap();
    let mut pairs = six
        .lines()
        .filter_map(|line| line.split_once(char::is_whitespace));
    let six = pairs.find(|(name, _)| *name == "Icmp6InEchos").unwrap().1;
    [four, six]
        .map(|count| count.trim().parse::<u64>().unwrap())
        .iter()
        .sum()
}

/// A way of asking, and who would hear it.
struct Row {
    prober: ProberName,
    name: &'static str,
    /// The module's own section.
    keys: &'static str,
    ear: Ear,
    /// Targets that lead to the ear, and would be heard there if they were asked for.
    targets: Vec<String>,
    /// Targets that lead there in some readings of an address, or cannot be spoken to by this prober's sockets.
    doubtful: Vec<String>,
}

impl Row {
    fn new(prober: ProberName, name: &'static str, keys: &'static str, ear: Ear, scheme: &str) -> Self {
        let port = ear.port();
        let targets = |hosts: &[&str]| hosts.iter().map(|host| format!("{scheme}{host}{port}")).collect();
        Self {
            targets: targets(&HOSTS),
            doubtful: targets(&NUMBERS),
            prober,
            name,
            keys,
            ear,
        }
    }

    fn module(&self) -> String {
        format!(
            "  {}: {{prober: {}, {}: {{{}}}}}",
            self.name,
            self.prober.as_str(),
            self.prober.as_str(),
            self.keys
        )
    }

    /// Whether the prober's sockets speak to a target at all: of those of IPv6 only connections reach IPv4, and none from an
    /// address of IPv4.
    fn reaches(&self, target: &str) -> bool {
        let connects = matches!(self.ear, Ear::Stream(_)) && !self.keys.contains("source_ip_address");
        connects || !target.contains("::ffff")
    }

    async fn ask(&self, site: Site, target: &str) -> Answer {
        let target: String = byte_serialize(target.as_bytes()).collect();
        site.get(&format!("/probe?module={}&debug=true&target={target}", self.name))
            .await
    }
}

/// The ways of asking that a prober has. A new prober does not compile without its own.
fn rows_of(prober: ProberName, directory: &Path) -> Vec<Row> {
    let row = |name, keys, ear, scheme| Row::new(prober, name, keys, ear, scheme);
    match prober {
        ProberName::Http => vec![
            row("http", "", Ear::stream(), "http://"),
            row("http_bare", "", Ear::stream(), ""),
            row("https", "", Ear::stream(), "https://"),
            row(
                "http3",
                "enable_http3: true, enable_http2: false, valid_http_versions: [HTTP/3.0]",
                Ear::datagram(),
                "https://",
            ),
        ],
        ProberName::Tcp => vec![
            row("tcp", "", Ear::stream(), ""),
            row("tcp_tls", "tls: true", Ear::stream(), "tcp://"),
            row("tcp_from", "source_ip_address: 127.0.0.1", Ear::stream(), ""),
        ],
        ProberName::Dns => vec![
            row("dns_udp", "query_name: a.test", Ear::datagram(), ""),
            row(
                "dns_tcp",
                "query_name: a.test, transport_protocol: tcp",
                Ear::stream(),
                "dns://",
            ),
            row(
                "dns_tls",
                "query_name: a.test, transport_protocol: tcp, dns_over_tls: true",
                Ear::stream(),
                "",
            ),
        ],
        ProberName::Grpc => vec![
            row("grpc", "", Ear::stream(), ""),
            row("grpc_tls", "tls: true", Ear::stream(), "grpc://"),
            row("grpc_web", "", Ear::stream(), "http://"),
        ],
        ProberName::WebSocket => vec![
            row("ws", "", Ear::stream(), "ws://"),
            row("ws_bare", "", Ear::stream(), ""),
            row("wss", "", Ear::stream(), "wss://"),
        ],
        ProberName::Icmp => vec![
            row("icmp", "", Ear::Kernel(echo_requests()), ""),
            row("icmp_url", "", Ear::Kernel(echo_requests()), "icmp://"),
        ],
        ProberName::Unix => vec![sockets(directory)],
    }
}

/// Sockets have paths: an address is the path, another spelling one with detours, a name a link to it.
fn sockets(directory: &Path) -> Row {
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let (socket, link) = (path("ear.sock"), path("link.sock"));
    let ear = Ear::socket(Path::new(&socket));
    symlink(&socket, &link).unwrap();
    std::fs::create_dir(directory.join("open")).unwrap();
    // From where everything may be asked to where nothing may: the socket itself, and the directory that it is in.
    let (out, up) = (path("open/out.sock"), path("open/up"));
    symlink(&socket, &out).unwrap();
    symlink(directory, &up).unwrap();
    Row {
        targets: vec![
            socket.clone(),
            format!("unix://{socket}"),
            link,
            out,
            format!("{up}/ear.sock"),
        ],
        doubtful: vec![
            path("open/../ear.sock"),
            format!("unix://{}", path("open/../ear.sock")),
            format!("unix://{}", path("open/%2e%2e/ear.sock")),
            path("./ear.sock"),
        ],
        ..Row::new(ProberName::Unix, "unix", "", ear, "")
    }
}

/// Runs a test once more in a network of its own; it must pass there.
async fn alone(test: &str) {
    // Root keeps what it may; anybody else needs a user namespace to have a network at all.
    let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let mut command = Command::new("unshare");
    command
        .arg(if root { "-n" } else { "-rn" })
        .args(["sh", "-c", "ip link set lo up && exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, "yes");
    let output = spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// The program with every row's module, and what `/probe` may be asked for.
async fn program(dns: &DnsLab, rows: &[Row], probe: &str) -> Program {
    let modules: Vec<_> = rows.iter().map(Row::module).collect();
    let config = format!(
        "resolver: {{servers: [\"{}\"]}}\nprobe: {probe}\nmodules:\n{}\n",
        dns.addr(),
        modules.join("\n")
    );
    Program::start(Home::new(&config).settings()).await
}

/// Asks for everything that is refused; nothing may be heard of it.
async fn ask_in_vain(site: Site, rows: &mut [Row], closed: &str) {
    let refused = async || {
        let metrics = site.metrics().await;
        metrics
            .value("linkwatch_probe_requests_refused_total", &[])
            .unwrap()
    };
    for row in rows {
        let before = refused().await;
        for target in row.targets.clone() {
            let answer = row.ask(site, &target).await;
            let told = format!(
                "{closed}: {} {target}: {} {}",
                row.name, answer.status, answer.body
            );
            assert!(answer.body.contains("may not be probed: it is"), "{told}");
            let failed = answer.status == 200 && answer.body.contains("\nprobe_success 0\n");
            assert!(answer.status == 403 || failed, "{told}");
            assert!(!row.ear.heard(), "{told}");
        }
        let counted = f64::from(u32::try_from(row.targets.len()).unwrap());
        assert!((refused().await - before - counted).abs() < 0.5, "{}", row.name);
        for target in row.doubtful.clone() {
            let answer = row.ask(site, &target).await;
            let told = format!(
                "{closed}: {} {target}: {} {}",
                row.name, answer.status, answer.body
            );
            assert!(!answer.body.contains("\nprobe_success 1\n"), "{told}");
            assert!(!row.ear.heard(), "{told}");
        }
    }
}

/// Asks for everything where it is allowed; all of it must be heard.
async fn ask_and_be_heard(site: Site, rows: &mut [Row]) {
    for row in rows {
        for target in row.targets.clone() {
            if !row.reaches(&target) {
                continue;
            }
            let path: String = byte_serialize(target.as_bytes()).collect();
            let path = format!("/probe?module={}&target={path}", row.name);
            let mut asking = JoinSet::new();
            asking.spawn(async move { site.get(&path).await.status });
            let what = format!("{} {target} is heard", row.name);
            let ear = Mutex::new(&mut row.ear);
            until(&what, async || ear.lock().unwrap().heard().then_some(())).await;
        }
    }
}

#[tokio::test]
async fn what_may_not_be_probed_hears_nothing_of_any_prober_and_the_answer_says_why() {
    if std::env::var_os(ALONE).is_none() {
        let name = "what_may_not_be_probed_hears_nothing_of_any_prober_and_the_answer_says_why";
        return alone(&format!("probe_forbidden::{name}")).await;
    }
    let dns = DnsLab::start().await;
    dns.a("harmless.test", &["127.0.0.1"]);
    let directory = tempfile::tempdir().unwrap();
    let all = ProberName::ALL.into_iter();
    let mut rows: Vec<_> = all.flat_map(|prober| rows_of(prober, directory.path())).collect();
    let here = directory.path().display();
    for closed in [
        "{}".to_owned(),
        // What names something else, or more than this machine.
        format!("{{allow: [harmless.test, 0.0.0.0/0, \"::/0\", 127.0.0.2, {here}/open]}}"),
        format!("{{allow: [127.0.0.0/8, /], deny: [127.0.0.1, {here}]}}"),
    ] {
        let program = program(&dns, &rows, &closed).await;
        ask_in_vain(program.web, &mut rows, &closed).await;
        program.stop().await;
    }
    let open = format!("{{allow: [127.0.0.0/8, {here}]}}");
    let program = program(&dns, &rows, &open).await;
    ask_and_be_heard(program.web, &mut rows).await;
    program.stop().await;
}
