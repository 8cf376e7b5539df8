//! A case for every cause: what makes it stand, over real sockets.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hickory_proto::rr::rdata::CAA;
use hickory_proto::rr::{RData, RecordType};
use linkwatch::cause::Cause;

use crate::lab::web::{UNREACHABLE, WebSpec};
use crate::lab::{
    Answer, Authority, Connect, DAY, DnsLab, Flaw, Handshake, Issued, ProxyLab, Proxying, Reply, Says,
    Staple, TalkLab, Turn, WebLab,
};

/// The authority whose renewals are watched.
const WATCHED: &str = "Watched Authority";

/// What takes the time that a warning says was too long.
const SLOW: Duration = Duration::from_millis(600);

/// One internet for all cases, each with a host of its own.
pub(crate) struct Internet {
    pub(crate) authority: Authority,
    /// Another one, whose renewals are watched, and which does not answer.
    watched: Authority,
    /// The roots of both.
    roots: tempfile::NamedTempFile,
    nobody: WebLab,
    /// Two resolvers that say the same, but where a case is about them.
    resolvers: [DnsLab; 2],
    sites: Vec<WebLab>,
    talks: Vec<TalkLab>,
    /// It lets nobody through.
    proxy: ProxyLab,
    name_servers: Vec<DnsLab>,
    groups: String,
    platforms: String,
    intermediates: tempfile::NamedTempFile,
}

/// What a case adds to the group of its host.
#[derive(Default)]
struct Extra {
    module: Option<&'static str>,
    expect: String,
    interval: Option<&'static str>,
}

impl Extra {
    fn expect(expect: &str) -> Self {
        Self {
            expect: expect.to_owned(),
            ..Self::default()
        }
    }

    fn module(module: &'static str) -> Self {
        Self {
            module: Some(module),
            ..Self::default()
        }
    }
}

/// The host whose endpoint has this cause.
pub(crate) fn host(cause: Cause) -> String {
    format!("{}.test", cause.as_str().replace('_', "-"))
}

impl Internet {
    /// Healthy so far.
    pub(crate) async fn start() -> Self {
        let authority = Authority::new();
        let intermediates = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(intermediates.path(), authority.intermediate_pem()).unwrap();
        let watched = Authority::named(authority.now(), WATCHED);
        let roots = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(roots.path(), authority.root_pem() + &watched.root_pem()).unwrap();
        let nobody = WebLab::plain().start().await;
        nobody.connect(Connect::Refuse).await;
        Self {
            authority,
            watched,
            roots,
            proxy: ProxyLab::start(Proxying::Says("HTTP/1.1 403 Forbidden\r\n\r\n"), nobody.addr()).await,
            nobody,
            resolvers: [DnsLab::start().await, DnsLab::start().await],
            sites: Vec::new(),
            talks: Vec::new(),
            name_servers: Vec::new(),
            groups: String::new(),
            platforms: String::new(),
            intermediates,
        }
    }

    /// The configuration that watches every host of it.
    pub(crate) fn config(&self, vantage: &str) -> String {
        let [first, second] = self.resolvers.each_ref().map(DnsLab::addr);
        format!(
            r#"global:
  interval: 3s
  timeout: 2s
  confirm: {{attempts: 1, pause: 100ms}}
  intermediates_file: "{intermediates}"
resolver:
  servers: ["udp://{first}", "udp://{second}"]
  authoritative_port: {authoritative_port}
{vantage}
foresight:
  interval: 10s
  authorities: [{{name: lab, directory: "{nobody}", issuer: "{WATCHED}", caa: [lab.test]}}]
platforms:
{platforms}modules:
  followed: {{prober: http, http: {{tls_config: {{ca_file: "{roots}"}}}}}}
  named: {{prober: dns, dns: {{query_name: a.test}}}}
  greeted: {{prober: tcp, tcp: {{query_response: [{{expect: "^220 "}}]}}}}
  proxied: {{prober: http, http: {{proxy_url: "http://{proxy}", tls_config: {{ca_file: "{roots}"}}}}}}
  tokened: {{prober: http, http: {{oauth2: {{client_id: a, token_url: "{nobody}"}}, tls_config: {{ca_file: "{roots}"}}}}}}
  limited: {{prober: http, http: {{body_size_limit: 1KB, tls_config: {{ca_file: "{roots}"}}}}}}
groups:
{groups}"#,
            intermediates = self.intermediates.path().display(),
            authoritative_port = first.port(),
            proxy = self.proxy.addr(),
            roots = self.roots.path().display(),
            nobody = self.nobody.url("/directory"),
            platforms = self.platforms,
            groups = self.groups,
        )
    }

    /// A host that is as it should be.
    pub(crate) async fn healthy(&mut self, host: &str) {
        self.addressed(host, "127.0.0.1");
        let site = WebLab::tls(self.authority.good(host));
        self.serve(host, host, site, Extra::default()).await;
    }

    /// A host with a bad certificate, or any other; its place among the sites is the answer.
    pub(crate) async fn presenting(&mut self, host: &str, issued: Issued) -> usize {
        self.addressed(host, "127.0.0.1");
        self.serve(host, host, WebLab::tls(issued), Extra::default())
            .await
    }

    pub(crate) fn site(&self, place: usize) -> &WebLab {
        &self.sites[place]
    }

    /// The URL of a place that refuses connections, which nothing watches.
    pub(crate) async fn refusing(&mut self, address: &str) -> String {
        let site = WebLab::plain().at((address.parse::<IpAddr>().unwrap(), 0).into());
        let site = site.start().await;
        site.connect(Connect::Refuse).await;
        let url = site.url("/");
        self.sites.push(site);
        url
    }

    fn addressed(&self, host: &str, address: &str) {
        for resolver in &self.resolvers {
            resolver.a(host, &[address]);
        }
    }

    async fn serve(&mut self, group: &str, host: &str, site: WebSpec, extra: Extra) -> usize {
        let site = site.start().await;
        self.watch(group, &site.url_of(host, "/"), &extra);
        self.sites.push(site);
        self.sites.len() - 1
    }

    fn watch(&mut self, group: &str, url: &str, extra: &Extra) {
        let module = extra.module.unwrap_or("followed");
        let interval = extra.interval.unwrap_or("3s");
        let host = url::Url::parse(url).unwrap().host_str().unwrap().to_owned();
        let url = url.replace(&host, "{host}");
        writeln!(
            self.groups,
            "  - name: \"{group}\"\n    hosts: [\"{host}\"]\n    url: \"{url}\"\n    module: {module}\n    interval: {interval}\n    timeout: {}\n    expect: {{{}}}",
            if interval == "1s" { "1s" } else { "2s" },
            extra.expect,
        )
        .unwrap();
    }

    /// Makes a cause stand. Without a wildcard: a cause that is added needs a case to compile.
    #[expect(
        clippy::too_many_lines,
        reason = "one table, an arm per cause: split up it would need wildcards"
    )]
    pub(crate) async fn provoke(&mut self, cause: Cause) {
        self.addressed(&host(cause), "127.0.0.1");
        match cause {
            // Of the place, not of a host: what answers does not matter.
            Cause::VantageOffline => self.healthy(&host(cause)).await,
            Cause::PlatformTargetChanged => self.hosted(cause, moving_target(&host(cause))).await,
            Cause::PlatformDomainMissing => self.hosted(cause, Answer::text("[]")).await,
            Cause::PlatformCertificateFailing => {
                let row = format!(
                    r#"[{{"hostname": "{}", "target": "127.0.0.1", "status": "failing", "reason": "CAA"}}]"#,
                    host(cause)
                );
                self.hosted(cause, Answer::text(&row)).await;
            }
            Cause::DnsNxdomain => self.resolves(cause, Says::NxDomain).await,
            Cause::DnsNoRecords => self.resolves(cause, Says::NoData).await,
            Cause::DnsServfail => self.resolves(cause, Says::ServFail(None)).await,
            Cause::DnsRefused => self.resolves(cause, Says::Refused).await,
            Cause::DnsTimeout => self.resolves(cause, Says::Silent).await,
            Cause::DnsBogus => self.resolves(cause, Says::Bogus).await,
            Cause::DnsTargetDangling | Cause::DnsTargetDrift => self.leads_elsewhere(cause).await,
            Cause::DnsDisagreement => {
                self.resolvers[1].says(&host(cause), Says::NxDomain);
                self.answers(cause, Answer::text("ok\n"), Extra::default()).await;
            }
            Cause::ConnectRefused => self.connects(cause, Connect::Refuse).await,
            Cause::ConnectTimeout => self.connects(cause, Connect::Hang).await,
            Cause::ConnectReset => self.connects(cause, Connect::Reset).await,
            Cause::ConnectUnreachable => {
                self.addressed(&host(cause), &UNREACHABLE.to_string());
                self.answers(cause, Answer::text("ok\n"), Extra::default()).await;
            }
            Cause::ConnectProxy => {
                self.answers(cause, Answer::text("ok\n"), Extra::module("proxied"))
                    .await;
            }
            Cause::TlsHostnameMismatch => self.flawed(cause, Flaw::WrongName).await,
            Cause::TlsExpired => self.flawed(cause, Flaw::Expired).await,
            Cause::TlsNotYetValid => self.flawed(cause, Flaw::NotYetValid).await,
            Cause::TlsSelfSigned => self.flawed(cause, Flaw::SelfSigned).await,
            Cause::TlsUnknownIssuer => self.flawed(cause, Flaw::UnknownIssuer).await,
            Cause::TlsIncompleteChain => self.flawed(cause, Flaw::MissingIntermediate).await,
            Cause::TlsBadCertificate => self.flawed(cause, Flaw::DamagedSignature).await,
            Cause::TlsRevoked => {
                let issued = self.authority.stapled(&host(cause), Staple::Revoked);
                self.serve(
                    cause.as_str(),
                    &host(cause),
                    WebLab::tls(issued),
                    Extra::default(),
                )
                .await;
            }
            Cause::TlsUnexpectedIssuer => {
                let extra = Extra::expect("certificate: {issuer: \"Another Authority\"}");
                self.answers(cause, Answer::text("ok\n"), extra).await;
            }
            Cause::TlsAlert => self.shakes_hands(cause, Handshake::Alert(40)).await,
            Cause::TlsProtocol => self.shakes_hands(cause, Handshake::PlainText).await,
            Cause::TlsClosed => self.shakes_hands(cause, Handshake::Close).await,
            Cause::TlsTimeout => self.shakes_hands(cause, Handshake::Stall).await,
            Cause::HttpToken => {
                self.answers(cause, Answer::text("ok\n"), Extra::module("tokened"))
                    .await;
            }
            Cause::HttpTimeout => self.answers(cause, Answer::Stall, Extra::default()).await,
            Cause::HttpClosed => {
                self.answers(cause, Answer::CloseInBody, Extra::default()).await;
            }
            Cause::HttpProtocol => self.answers(cause, Answer::NotHttp, Extra::default()).await,
            Cause::HttpTooLarge => {
                self.answers(cause, Answer::EndlessBody, Extra::module("limited"))
                    .await;
            }
            Cause::HttpRedirectLoop => {
                self.answers(cause, Answer::redirect_loop(), Extra::default())
                    .await;
            }
            Cause::HttpRedirectWrong => {
                let answer = Answer::redirect(302, "https://wrong.test/");
                let extra = Extra::expect("status: [302], location: \"https://right.test/\"");
                self.answers(cause, answer, extra).await;
            }
            Cause::HttpRateLimited => {
                self.answers(cause, Answer::rate_limited(60), Extra::default())
                    .await;
            }
            Cause::HttpStatus => self.answers(cause, Answer::status(503), Extra::default()).await,
            Cause::HttpHeader => {
                let answer = Reply::text("ok\n").header("x-served-by", "old").into();
                self.answers(cause, answer, Extra::expect("headers: {x-served-by: new}"))
                    .await;
            }
            Cause::HttpBody => {
                let extra = Extra::expect("body: \"welcome\"");
                self.answers(cause, Answer::text("parked\n"), extra).await;
            }
            Cause::HttpSlow => {
                let answer = Answer::After(SLOW, Box::new(Answer::text("ok\n")));
                self.answers(cause, answer, Extra::expect("duration: 500ms"))
                    .await;
            }
            Cause::ExchangeTimeout => self.talks(cause, [Turn::Hang]).await,
            Cause::ExchangeClosed => self.talks(cause, []).await,
            Cause::ExchangeProtocol => {
                let endless = Turn::Say(vec![b'x'; 70_000]);
                self.talks(cause, [endless, Turn::Hang]).await;
            }
            Cause::ExchangeStatus => self.serves_names(cause, Says::Refused).await,
            Cause::ExchangeMismatch => self.talks(cause, [Turn::say("550 go away\r\n")]).await,
            Cause::CertificateExpiring => {
                let extra = Extra::expect("certificate: {lifetime_left: 90%}");
                self.answers(cause, Answer::text("ok\n"), extra).await;
            }
            Cause::RenewalOverdue => self.valid(cause, -80, 10).await,
            Cause::IssuerDown => self.valid(cause, -70, 30).await,
            Cause::CaaForbidsIssuer => {
                let only = CAA::new_issue(false, Some("other.test.".parse().unwrap()), Vec::new());
                for resolver in &self.resolvers {
                    resolver.set(&host(cause), RecordType::CAA, 60, vec![RData::CAA(only.clone())]);
                }
                self.valid(cause, -1, 89).await;
            }
            // The site is as it should be; the recorder is told of the clicks and of the registration.
            Cause::TrafficLow | Cause::RegistrationExpiring => {
                self.answers(cause, Answer::text("ok\n"), Extra::default()).await;
            }
            Cause::Flapping => {
                let extra = Extra {
                    interval: Some("1s"),
                    ..Extra::default()
                };
                self.answers(cause, every_second_fails(), extra).await;
            }
        }
    }

    /// A mail server that does not greet as it should.
    async fn talks<const N: usize>(&mut self, cause: Cause, script: [Turn; N]) {
        let server = TalkLab::start(script).await;
        self.watch(
            cause.as_str(),
            &server.url_of(&host(cause)),
            &Extra::module("greeted"),
        );
        self.talks.push(server);
    }

    /// A DNS server that answers everything alike.
    async fn serves_names(&mut self, cause: Cause, says: Says) {
        let server = DnsLab::start().await;
        server.says_to_all(says);
        let url = format!("dns://{}:{}", host(cause), server.addr().port());
        self.watch(cause.as_str(), &url, &Extra::module("named"));
        self.name_servers.push(server);
    }

    async fn resolves(&mut self, cause: Cause, says: Says) {
        for resolver in &self.resolvers {
            resolver.says(&host(cause), says.clone());
        }
        self.answers(cause, Answer::text("ok\n"), Extra::default()).await;
    }

    /// The expected target has addresses; the name leads to another, which has some too or does not exist.
    async fn leads_elsewhere(&mut self, cause: Cause) {
        let host = host(cause);
        for resolver in &self.resolvers {
            resolver.a("new.platform.test", &["127.0.0.2"]);
            resolver.a("old.platform.test", &["127.0.0.1"]);
            if cause == Cause::DnsTargetDangling {
                resolver.cname(&host, "gone.platform.test");
            } else {
                resolver.flatten(&host, "old.platform.test");
            }
        }
        let target = if cause == Cause::DnsTargetDangling {
            "gone.platform.test"
        } else {
            "new.platform.test"
        };
        let extra = Extra::expect(&format!("dns: {{target: {target}}}"));
        self.answers(cause, Answer::text("ok\n"), extra).await;
    }

    async fn connects(&mut self, cause: Cause, connect: Connect) {
        let place = self.presenting_as(cause, self.authority.good(&host(cause))).await;
        self.sites[place].connect(connect).await;
    }

    async fn shakes_hands(&mut self, cause: Cause, handshake: Handshake) {
        let place = self.presenting_as(cause, self.authority.good(&host(cause))).await;
        self.sites[place].handshake(handshake);
    }

    async fn flawed(&mut self, cause: Cause, flaw: Flaw) {
        let issued = self.authority.bad(&host(cause), flaw);
        self.presenting_as(cause, issued).await;
    }

    async fn presenting_as(&mut self, cause: Cause, issued: Issued) -> usize {
        let site = WebLab::tls(issued);
        self.serve(cause.as_str(), &host(cause), site, Extra::default())
            .await
    }

    /// A healthy host with a certificate of so many days.
    async fn valid(&mut self, cause: Cause, from: i64, until: i64) {
        let name = host(cause);
        let issued = self.watched.leaf(&name).valid(from * DAY, until * DAY).issue();
        let site = WebLab::tls(issued).answer(Answer::text("ok\n"));
        self.serve(cause.as_str(), &name, site, Extra::default()).await;
    }

    /// A healthy host whose platform gives this list.
    async fn hosted(&mut self, cause: Cause, list: Answer) {
        let platform = WebLab::plain().answer(list).start().await;
        writeln!(
            self.platforms,
            "  - {{name: \"{cause}\", type: json, interval: 10s, url: \"{}\", json: {{host: /hostname, target: /target, \
             status: /status, reason: /reason, issued: [ok], failing: [failing]}}}}",
            platform.url("/domains")
        )
        .unwrap();
        self.sites.push(platform);
        let extra = Extra::expect(&format!("dns: {{platform: \"{cause}\"}}"));
        self.answers(cause, Answer::text("ok\n"), extra).await;
    }

    async fn answers(&mut self, cause: Cause, answer: Answer, extra: Extra) {
        let site = WebLab::tls(self.authority.good(&host(cause))).answer(answer);
        self.serve(cause.as_str(), &host(cause), site, extra).await;
    }
}

/// A platform that expects the host to lead where it leads, and from the second look on elsewhere.
fn moving_target(host: &str) -> Answer {
    let (asked, host) = (AtomicU64::new(0), host.to_owned());
    Answer::decide(move |_| {
        let last = if asked.fetch_add(1, Ordering::Relaxed) == 0 {
            1
        } else {
            9
        };
        Answer::text(&format!(
            r#"[{{"hostname": "{host}", "target": "127.0.0.{last}", "status": "ok"}}]"#
        ))
    })
}

fn every_second_fails() -> Answer {
    let asked = Arc::new(AtomicU64::new(0));
    Answer::decide(move |_| {
        let status = if asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            503
        } else {
            200
        };
        Answer::status(status)
    })
}
