//! The icmp prober: echoes over real sockets of each kind, and a machine that may open none.
//!
//! What a kind of socket takes is set up in a network of the test's own (`unshare -n`), in which the program runs.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as the test does")]

use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::time::Duration;

use linkwatch::outcome::{AnswerFacts, EchoFacts, EchoSocket};

use crate::lab::web::UNREACHABLE;
use crate::prober::{Asking, Seen};
use crate::program::Home;

fn asking(settings: &str) -> Asking {
    Asking::by(&format!("prober: icmp\nicmp: {{{settings}}}"))
}

fn facts(seen: &Seen) -> Option<&EchoFacts> {
    match seen.outcome.attempts.first()?.last()?.answer.as_ref()? {
        AnswerFacts::Echo(facts) => Some(facts),
        AnswerFacts::Dialogue(_) | AnswerFacts::Dns(_) | AnswerFacts::Grpc(_) | AnswerFacts::WebSocket(_) => {
            None
        }
    }
}

/// Runs `linkwatch check` in a network of its own, after a few commands that set that up, with only what the kernel grants
/// everybody.
fn check_alone(set_up: &str, prefix: &str, settings: &str, url: &str) -> String {
    let home = Home::new(&format!(
        "global: {{timeout: 1s, interval: 1s}}\nresolver: {{servers: [127.0.0.1]}}\nmodules: {{echo: {{prober: icmp, icmp: {{{settings}}}}}}}\ngroups: [{{name: g, hosts: ['{url}'], module: echo}}]\n"
    ));
    // Root keeps what it may; anybody else needs a user namespace to have a network at all.
    let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let script =
        format!("set -e; ip link set lo up; {set_up}; exec {prefix} \"$0\" check --config.file \"$1\"");
    let output = Command::new("unshare")
        .arg(if root { "-n" } else { "-rn" })
        .args(["sh", "-c", &script, env!("CARGO_BIN_EXE_linkwatch")])
        .arg(home.config_file())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without any privilege.
const BARE: &str = "setpriv --bounding-set=-all --inh-caps=-all --";

const EVERYBODY: &str = "echo 0 65535 > /proc/sys/net/ipv4/ping_group_range";
const NOBODY: &str = "echo 1 0 > /proc/sys/net/ipv4/ping_group_range";

#[tokio::test]
async fn this_machine_answers_itself_over_both_families() {
    for (address, version) in [("127.0.0.1", 4.0), ("[::1]", 6.0)] {
        let seen = asking("").probe(&format!("icmp://{address}")).await;
        assert_eq!(seen.root(), "", "{seen:?}");
        assert_eq!(seen.value("probe_success"), Some(1.0));
        assert_eq!(seen.value("probe_ip_protocol"), Some(version));
        assert_eq!(seen.value("probe_icmp_reply_hop_limit"), Some(64.0));
        for phase in ["resolve", "setup", "rtt"] {
            let series = format!("probe_icmp_duration_seconds{{phase=\"{phase}\"}}");
            let zero = seen.value(&series).unwrap() == 0.0;
            assert_eq!(zero, phase == "resolve", "{series}");
        }
        let facts = facts(&seen).unwrap();
        eprintln!("{address}: {:?}", facts.socket);
        assert_eq!(seen.outcome.attempts[0].peer.to_string(), facts.from.to_string());
    }
}

#[tokio::test]
async fn every_size_of_payload_comes_back_and_the_socket_is_known() {
    for (settings, header) in [
        ("payload_size: 1", false),
        ("payload_size: 1400", false),
        ("payload_size: 65507", false),
        ("dont_fragment: true", true),
        ("dont_fragment: true, payload_size: 1400, ttl: 1", true),
    ] {
        let seen = asking(settings).probe("icmp://127.0.0.1").await;
        assert_eq!(seen.root(), "", "{settings}: {seen:?}");
        let socket = facts(&seen).unwrap().socket;
        assert_eq!(
            socket == EchoSocket::RawWithHeader,
            header,
            "{settings}: {socket:?}"
        );
    }
    // Larger than the loopback's packets: only a router could take it apart.
    let whole = asking("dont_fragment: true, payload_size: 65507")
        .probe("icmp://127.0.0.1")
        .await;
    assert_eq!(whole.root(), "", "65,535 bytes fit: {whole:?}");
}

#[tokio::test]
async fn an_address_without_a_way_to_it_is_unreachable() {
    let seen = asking("").probe(&format!("icmp://{UNREACHABLE}")).await;
    assert_eq!(seen.root(), "connect_unreachable");
    assert_eq!(
        seen.value("probe_icmp_duration_seconds{phase=\"rtt\"}"),
        Some(0.0)
    );
    assert_eq!(seen.value("probe_icmp_reply_hop_limit"), None);
    for (source, cause) in [
        ("127.0.0.9", ""),
        ("192.0.2.1", "connect_unreachable"),
        ("'::1'", "connect_unreachable"),
    ] {
        for more in ["", ", dont_fragment: true"] {
            let seen = asking(&format!("source_ip_address: {source}{more}"))
                .probe("icmp://127.0.0.1")
                .await;
            assert_eq!(seen.root(), cause, "from {source}{more}");
        }
    }
}

#[test]
fn a_datagram_socket_needs_no_privilege_where_the_kernel_consents() {
    for url in ["icmp://127.0.0.1", "icmp://[::1]"] {
        let text = check_alone(EVERYBODY, BARE, "", url);
        assert!(
            text.contains("a reply with a hop limit of 64, to a datagram socket"),
            "{text}"
        );
    }
}

#[test]
fn a_raw_socket_is_used_where_the_kernel_does_not_consent() {
    for url in ["icmp://127.0.0.1", "icmp://[::1]"] {
        let text = check_alone(NOBODY, "", "", url);
        assert!(
            text.contains("a reply with a hop limit of 64, to a raw socket"),
            "{text}"
        );
    }
}

#[test]
fn a_machine_that_may_open_neither_says_what_it_lacks_and_nothing_of_the_target() {
    for (settings, url, lacks) in [
        (
            "",
            "icmp://127.0.0.1",
            "net.ipv4.ping_group_range does not hold its group, and it has no CAP_NET_RAW",
        ),
        (
            "",
            "icmp://[::1]",
            "net.ipv4.ping_group_range does not hold its group, and it has no CAP_NET_RAW",
        ),
        (
            "dont_fragment: true",
            "icmp://127.0.0.1",
            "dont_fragment takes a raw socket, and it has no CAP_NET_RAW",
        ),
    ] {
        let text = check_alone(NOBODY, BARE, settings, url);
        let expected = format!("this machine could not make the probe: {lacks}");
        assert!(text.contains(&expected), "{text}");
        assert!(text.contains("Not judged"), "{text}");
        assert!(!text.contains("Down:"), "{text}");
    }
}

#[test]
fn no_reply_is_a_timeout_and_a_route_that_says_no_is_unreachable() {
    let silent = "echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all";
    for (consent, prefix) in [(EVERYBODY, BARE), (NOBODY, "")] {
        let text = check_alone(&format!("{consent}; {silent}"), prefix, "", "icmp://127.0.0.1");
        assert!(text.contains("exchange_timeout"), "{text}");
        let route = format!("{consent}; ip route add unreachable 192.0.2.1/32");
        let text = check_alone(&route, prefix, "", "icmp://192.0.2.1");
        assert!(text.contains("connect_unreachable"), "{text}");
    }
}

/// Nobody has the address of the next hop: the kernel says so in a router's stead, after the request has gone out.
#[test]
fn what_is_said_of_the_request_on_its_way_is_an_error_of_the_socket() {
    let network = "ip link add east type veth peer name west; ip addr add 192.0.2.1/24 dev east; ip link set east up; \
                   ip link set west up; echo 1 > /proc/sys/net/ipv4/neigh/east/mcast_solicit; \
                   echo 100 > /proc/sys/net/ipv4/neigh/east/retrans_time_ms";
    for (consent, prefix) in [(EVERYBODY, BARE), (NOBODY, "")] {
        let text = check_alone(&format!("{consent}; {network}"), prefix, "", "icmp://192.0.2.7");
        assert!(text.contains("connect_unreachable"), "{text}");
    }
}

/// A raw socket is given what all others are sent: large replies must not crowd out a small one.
#[tokio::test]
async fn many_echoes_at_once_are_all_answered() {
    let large = asking("payload_size: 65507, dont_fragment: true");
    let small = asking("dont_fragment: true");
    let probes = (0..60).map(|number| if number % 2 == 0 { &large } else { &small });
    let probes = probes.map(|asking| asking.probe("icmp://127.0.0.1"));
    for seen in futures_util::future::join_all(probes).await {
        assert_eq!(seen.root(), "");
    }
}

#[tokio::test]
async fn a_deadline_holds() {
    // Nothing of the exchange may take longer, whatever the kernel does.
    let seen = asking("").within(Duration::ZERO).probe("icmp://127.0.0.1").await;
    assert!(seen.outcome.elapsed < Duration::from_secs(1));
}
