//! A whole probe: the stages in their order, what each leaves behind, and the time each may take.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what a test asks its servers for, it needs"
)]

use std::sync::Arc;
use std::time::Duration;

use linkwatch::clock::SystemClock;
use linkwatch::endpoint::{AddressChoice, DnsExpectation, DnsTarget, Expectation};
use linkwatch::outcome::{
    Attempt, ConnectFailure, Failure, Family, Hop, HttpFailure, Outcome, Peer, Reply, TargetStanding,
    TlsFailure,
};
use linkwatch::probe::http::Settings;
use linkwatch::probe::policy;
use linkwatch::probe::{Addressing, Module, Prober, ProberKind, Request, dns, tls};
use tokio::time::Instant;
use url::Url;

use crate::lab::authority::{Authority, Flaw};
use crate::lab::dns::{DnsLab, Says};
use crate::lab::web::{Answer, Connect, Handshake, Reply as WebReply, UNREACHABLE, WebLab};

/// Time enough for everything that answers.
const PLENTY: Duration = Duration::from_secs(10);

/// One probe as a test describes it.
pub(crate) struct Probing {
    pub(crate) settings: Settings,
    pub(crate) expect: Expectation,
    pub(crate) former_targets: Vec<String>,
    pub(crate) addresses: AddressChoice,
    pub(crate) hostname: Option<String>,
    pub(crate) marked: bool,
    pub(crate) timeout: Duration,
    pub(crate) servers: Vec<dns::Server>,
}

impl Default for Probing {
    fn default() -> Self {
        Self::trusting(tls::Settings::default())
    }
}

impl Probing {
    /// With these settings of TLS.
    pub(crate) fn trusting(tls: tls::Settings) -> Self {
        Self {
            settings: Settings {
                addressing: Addressing {
                    preferred: Family::Ipv4,
                    fallback: true,
                },
                ..Settings::new(tls::Connector::new(tls).expect("settings of TLS that fit"))
            },
            expect: Expectation::default(),
            former_targets: Vec::new(),
            addresses: AddressChoice::One,
            hostname: None,
            marked: false,
            timeout: PLENTY,
            servers: vec![dns::Server::System],
        }
    }

    /// With the authority's root as the only one.
    pub(crate) fn with_root(authority: &Authority) -> Self {
        Self::trusting(tls::Settings {
            roots: Some(authority.root_pem().into_bytes()),
            ..tls::Settings::default()
        })
    }

    /// With names looked up in the lab.
    pub(crate) fn asking(mut self, dns: &DnsLab) -> Self {
        self.servers = vec![dns::Server::Udp(dns.addr())];
        self
    }

    /// With this much time for all of it.
    pub(crate) fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// With this expectation.
    pub(crate) fn expecting(mut self, expect: Expectation) -> Self {
        self.expect = expect;
        self
    }

    /// With the settings changed.
    pub(crate) fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Probes once.
    pub(crate) async fn probe(self, url: &str) -> Outcome {
        let prober = Prober {
            resolver: dns::Resolver::new(dns::Settings {
                servers: self.servers,
                ..dns::Settings::default()
            }),
            clock: Arc::new(SystemClock),
            intermediates: tls::Intermediates::default(),
            bodies: Arc::default(),
        };
        let module = Module {
            timeout: None,
            prober: ProberKind::Http(Box::new(self.settings)),
        };
        let url = Url::parse(url).expect("a URL");
        let request = Request {
            url: &url,
            module: &module,
            addresses: self.addresses,
            expect: &self.expect,
            told: &[],
            former_targets: &self.former_targets,
            marked: self.marked,
            hostname: self.hostname.as_deref(),
            policy: &policy::OPEN,
            deadline: Instant::now() + self.timeout,
        };
        prober.probe(&request).await
    }

    /// Probes once; there must be exactly one attempt.
    pub(crate) async fn attempt(self, url: &str) -> Attempt {
        let mut outcome = self.probe(url).await;
        assert_eq!(outcome.attempts.len(), 1, "{outcome:?}");
        outcome.attempts.remove(0)
    }
}

/// The judged hop.
pub(crate) fn last(attempt: &Attempt) -> &Hop {
    attempt.last().expect("at least one hop")
}

/// How it failed over HTTP.
pub(crate) fn http_failure(attempt: &Attempt) -> &HttpFailure {
    match attempt.failure() {
        Some(Failure::Http(failure)) => failure,
        other => panic!("no failure of HTTP: {other:?}"),
    }
}

/// Time for a stall to be noticed.
const SHORT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_healthy_endpoint_leaves_facts_of_every_stage() {
    let authority = Authority::new();
    let dns = DnsLab::start().await;
    dns.a("shop.example", &["127.0.0.1"]);
    let web = WebLab::tls(authority.good("shop.example")).start().await;
    let outcome = Probing::with_root(&authority)
        .asking(&dns)
        .probe(&web.url_of("shop.example", "/"))
        .await;
    assert_eq!(outcome.resolution.name, "shop.example");
    let [attempt] = outcome.attempts.as_slice() else {
        panic!("one address, one attempt: {outcome:?}")
    };
    assert_eq!(attempt.peer, Peer::Address(web.addr()));
    assert_eq!(
        (attempt.failure(), attempt.violations.as_slice()),
        (None, [].as_slice())
    );
    let hop = last(attempt);
    assert_eq!(hop.response.as_ref().map(|response| response.status), Some(200));
    let chain = hop
        .tls
        .as_ref()
        .and_then(|tls| tls.chain.as_ref())
        .expect("a chain");
    assert!(chain.trusted());
    let timings = hop.timings;
    assert_eq!(timings.dns, outcome.resolution.elapsed);
    let phases = [timings.dns, timings.connect, timings.tls, timings.processing];
    assert!(phases.iter().all(|phase| !phase.is_zero()), "{timings:?}");
    assert!(phases.iter().sum::<Duration>() + timings.transfer <= outcome.elapsed);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_leaves_no_attempt() {
    let dns = DnsLab::start().await;
    let outcome = Probing::default()
        .asking(&dns)
        .probe("http://nowhere.example/")
        .await;
    assert!(outcome.attempts.is_empty());
    assert!(outcome.resolution.addresses.is_empty());
    assert!(!outcome.resolution.answers.is_empty());
}

#[tokio::test]
async fn every_address_is_tried_and_keeps_its_own_verdict() {
    let dns = DnsLab::start().await;
    dns.a("two.example", &["127.0.0.1", "127.0.0.2"]);
    let good = WebLab::plain().start().await;
    let bad_at = std::net::SocketAddr::from(([127, 0, 0, 2], good.port()));
    let bad = WebLab::plain()
        .at(bad_at)
        .answer(Answer::status(503))
        .start()
        .await;
    let mut probing = Probing::default().asking(&dns);
    probing.addresses = AddressChoice::All;
    let outcome = probing.probe(&good.url_of("two.example", "/")).await;
    let status = |address| {
        let attempt = outcome
            .attempts
            .iter()
            .find(|attempt| attempt.peer == Peer::Address(address));
        last(attempt.expect("an attempt at the address"))
            .response
            .as_ref()
            .expect("a response")
            .status
    };
    assert_eq!((status(good.addr()), status(bad.addr())), (200, 503));
    assert_eq!(outcome.attempts.len(), 2);
}

#[tokio::test]
async fn one_address_is_tried_when_one_is_asked_for() {
    let dns = DnsLab::start().await;
    dns.a("two.example", &["127.0.0.1", "127.0.0.2"]);
    let web = WebLab::plain().start().await;
    let outcome = Probing::default()
        .asking(&dns)
        .probe(&web.url_of("two.example", "/"))
        .await;
    assert_eq!(outcome.attempts.len(), 1);
}

#[tokio::test]
async fn a_silent_address_does_not_take_the_time_of_the_others() {
    let dns = DnsLab::start().await;
    dns.a("two.example", &["127.0.0.1", "127.0.0.2"]);
    let good = WebLab::plain().start().await;
    let silent_at = std::net::SocketAddr::from(([127, 0, 0, 2], good.port()));
    let silent = WebLab::plain().at(silent_at).answer(Answer::Stall).start().await;
    let mut probing = Probing::default().asking(&dns).within(SHORT);
    probing.addresses = AddressChoice::All;
    let outcome = probing.probe(&good.url_of("two.example", "/")).await;
    let failure = |address| {
        let attempt = outcome
            .attempts
            .iter()
            .find(|attempt| attempt.peer == Peer::Address(address));
        attempt.expect("an attempt at the address").failure().cloned()
    };
    assert_eq!(failure(good.addr()), None);
    assert_eq!(failure(silent.addr()), Some(Failure::Http(HttpFailure::Timeout)));
}

#[tokio::test]
async fn expected_targets_are_looked_up_with_those_expected_before() {
    let dns = DnsLab::start().await;
    dns.a("new.example", &["127.0.0.1"]);
    dns.a("old.example", &["127.0.0.2"]);
    dns.cname("shop.example", "new.example");
    let web = WebLab::plain().start().await;
    let mut probing = Probing::default().asking(&dns).expecting(Expectation {
        dns: Some(DnsExpectation {
            targets: vec![DnsTarget::Name("new.example".to_owned())],
            moving: None,
            proxies: Vec::new(),
            platform: None,
        }),
        ..Expectation::default()
    });
    probing.former_targets = vec!["old.example".to_owned(), "new.example".to_owned()];
    let outcome = probing.probe(&web.url_of("shop.example", "/")).await;
    let mut targets: Vec<_> = outcome.resolution.targets.iter().collect();
    targets.sort_by_key(|target| &target.name);
    let standings: Vec<_> = targets
        .iter()
        .map(|target| (target.name.as_str(), target.standing))
        .collect();
    assert_eq!(
        standings,
        [
            ("new.example", TargetStanding::Current),
            ("old.example", TargetStanding::Former)
        ]
    );
}

#[tokio::test]
async fn silence_in_dns_is_a_timeout_of_dns() {
    let dns = DnsLab::start().await;
    dns.says_to_all(Says::Silent);
    let begun = Instant::now();
    let outcome = Probing::default()
        .asking(&dns)
        .within(SHORT)
        .probe("http://shop.example/")
        .await;
    assert!(begun.elapsed() < SHORT, "{:?}", begun.elapsed());
    assert!(outcome.attempts.is_empty());
    assert!(
        outcome
            .resolution
            .answers
            .iter()
            .all(|answer| answer.reply == Reply::Timeout)
    );
    assert!(!outcome.resolution.answers.is_empty());
}

#[tokio::test]
async fn silence_of_the_port_is_a_timeout_of_connect() {
    let web = WebLab::plain().start().await;
    web.connect(Connect::Hang).await;
    let begun = Instant::now();
    let attempt = Probing::default().within(SHORT).attempt(&web.url("/")).await;
    assert!(begun.elapsed() < SHORT, "{:?}", begun.elapsed());
    assert_eq!(
        attempt.failure(),
        Some(&Failure::Connect(ConnectFailure::Timeout))
    );
    assert!(last(&attempt).timings.connect >= SHORT / 2);
}

#[tokio::test]
async fn a_refused_and_an_unreachable_address_are_told_apart() {
    let web = WebLab::plain().start().await;
    web.connect(Connect::Refuse).await;
    let attempt = Probing::default().attempt(&web.url("/")).await;
    assert_eq!(
        attempt.failure(),
        Some(&Failure::Connect(ConnectFailure::Refused))
    );
    let attempt = Probing::default()
        .attempt(&format!("http://{UNREACHABLE}/"))
        .await;
    assert_eq!(
        attempt.failure(),
        Some(&Failure::Connect(ConnectFailure::Unreachable))
    );
    assert_eq!(attempt.peer.to_string().rsplit(':').next(), Some("80"));
}

#[tokio::test]
async fn a_stall_in_the_handshake_is_a_timeout_of_tls() {
    let authority = Authority::new();
    let web = WebLab::tls(authority.good("127.0.0.1")).start().await;
    web.handshake(Handshake::Stall);
    let begun = Instant::now();
    let attempt = Probing::with_root(&authority)
        .within(SHORT)
        .attempt(&web.url("/"))
        .await;
    assert!(begun.elapsed() < SHORT, "{:?}", begun.elapsed());
    assert_eq!(attempt.failure(), Some(&Failure::Tls(TlsFailure::Timeout)));
    let hop = last(&attempt);
    assert_eq!(hop.address, Some(web.addr()));
    assert!(!hop.timings.connect.is_zero() && hop.timings.processing.is_zero());
}

#[tokio::test]
async fn a_stall_in_the_answer_is_a_timeout_of_http_and_leaves_the_certificate() {
    let authority = Authority::new();
    for http2 in [false, true] {
        let web = WebLab::tls(authority.good("127.0.0.1"))
            .alpn(&["h2", "http/1.1"])
            .answer(Answer::Stall);
        let web = web.start().await;
        let probing = Probing::with_root(&authority)
            .within(SHORT)
            .set(|settings| settings.http2 = http2);
        let attempt = probing.attempt(&web.url("/")).await;
        assert_eq!(attempt.failure(), Some(&Failure::Http(HttpFailure::Timeout)));
        let hop = last(&attempt);
        let chain = hop
            .tls
            .as_ref()
            .and_then(|tls| tls.chain.as_ref())
            .expect("a chain");
        assert!(chain.trusted());
        assert!(hop.timings.processing >= SHORT / 2, "{:?}", hop.timings);
        assert!(hop.response.is_none());
    }
}

#[tokio::test]
async fn a_stall_in_the_body_leaves_the_response() {
    let web = WebLab::plain().answer(Answer::StallInBody).start().await;
    let attempt = Probing::default().within(SHORT).attempt(&web.url("/")).await;
    assert_eq!(http_failure(&attempt), &HttpFailure::Timeout);
    let hop = last(&attempt);
    assert_eq!(hop.response.as_ref().map(|response| response.status), Some(200));
    assert!(hop.timings.transfer > hop.timings.processing, "{:?}", hop.timings);
}

#[tokio::test]
async fn nothing_is_sent_over_an_untrusted_connection() {
    let authority = Authority::new();
    let web = WebLab::tls(authority.bad("127.0.0.1", Flaw::Expired))
        .start()
        .await;
    let attempt = Probing::with_root(&authority).attempt(&web.url("/")).await;
    assert_eq!(attempt.failure(), Some(&Failure::Untrusted));
    assert_eq!(web.requests(), 0);
    let tls = last(&attempt).tls.as_ref().expect("facts of TLS");
    assert!(!tls.chain.as_ref().expect("a chain").trusted());
}

#[tokio::test]
async fn a_refused_client_certificate_is_an_alert_whenever_it_comes() {
    let authority = Authority::new();
    let clients = Authority::new();
    for alpn in ["http/1.1", "h2"] {
        let web = WebLab::tls(authority.good("127.0.0.1"))
            .alpn(&[alpn])
            .demand_client(&clients)
            .start()
            .await;
        let attempt = Probing::with_root(&authority).attempt(&web.url("/")).await;
        assert!(
            matches!(attempt.failure(), Some(Failure::Tls(TlsFailure::Alert(_)))),
            "{alpn}: {:?}",
            attempt.failure()
        );
    }
}

#[tokio::test]
async fn another_hostname_replaces_the_host_header_and_the_server_name() {
    let authority = Authority::new();
    for alpn in ["http/1.1", "h2"] {
        let web = WebLab::tls(authority.good("shop.example"))
            .alpn(&[alpn])
            .start()
            .await;
        let mut probing = Probing::with_root(&authority);
        probing.hostname = Some("shop.example:8443".to_owned());
        let attempt = probing.attempt(&web.url("/")).await;
        assert_eq!(attempt.failure(), None, "{alpn}");
        let seen = web.last_request();
        assert_eq!(
            (seen.host.as_str(), seen.sni.as_deref()),
            ("shop.example", Some("shop.example"))
        );
    }
}

#[tokio::test]
async fn the_judged_hop_of_a_redirect_to_a_silent_host_keeps_what_came_before() {
    let dns = DnsLab::start().await;
    let silent = WebLab::plain().answer(Answer::Stall).start().await;
    dns.a("silent.example", &["127.0.0.1"]);
    let to = silent.url_of("silent.example", "/");
    let web = WebLab::plain()
        .answer(WebReply::new(301, "").header("location", &to))
        .start()
        .await;
    let attempt = Probing::default()
        .asking(&dns)
        .within(SHORT)
        .attempt(&web.url("/"))
        .await;
    let [first, second] = attempt.hops.as_slice() else {
        panic!("two hops: {attempt:?}")
    };
    assert_eq!(
        first
            .response
            .as_ref()
            .and_then(|response| response.location.as_deref()),
        Some(to.as_str())
    );
    assert_eq!(second.failure, Some(Failure::Http(HttpFailure::Timeout)));
    assert_eq!(second.address, Some(silent.addr()));
    assert!(!second.timings.dns.is_zero());
}
