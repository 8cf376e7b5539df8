//! From an address to the judged answer: every hop resolved, dialled, shaken, asked and timed.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::header::HOST;
use http::response::Parts;
use http::uri::Authority;
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::Instant;
use url::Url;

use super::body::{self, Reading};
use super::exchange::{self, Answer, Version};
use super::redirect::{self, Trail};
use super::request::Ask;
use super::rules::Rules;
use super::stream::Transport;
use super::{Settings, response};
use crate::outcome::{
    Attempt, ConnectFailure, Failure, Hop, HttpFailure, Reply, Resolution, Timings, Violation,
};
use crate::probe::budget::{self, Stage};
use crate::probe::tls::{Handshake, ShakeFailure};
use crate::probe::{Prober, Request, connect, dns, host_of};

/// Addresses of a redirect's host that are tried one after the other.
const DIALS_LIMIT: usize = 8;

/// What all attempts of one probe share.
#[derive(Debug, Clone, Copy)]
pub(in crate::probe) struct Journey<'a> {
    /// Resolver, clock and known intermediates.
    pub(in crate::probe) prober: &'a Prober,
    /// What is probed.
    pub(in crate::probe) request: &'a Request<'a>,
    /// How.
    pub(in crate::probe) settings: &'a Settings,
    /// How long the look-up of the first host took.
    pub(in crate::probe) dns: Duration,
}

/// A hop, and what follows from it.
struct Leg {
    hop: Hop,
    /// The head of a redirect that is to be followed.
    redirect: Option<Parts>,
    /// What the answer broke; empty for one that is not judged.
    violations: Vec<Violation>,
}

impl Journey<'_> {
    /// Asks the host at one of its addresses and goes where it sends us.
    pub(in crate::probe) async fn attempt(&self, address: IpAddr) -> Attempt {
        let mut url = Cow::Borrowed(self.request.url);
        let mut trail = Trail::new(self.settings.method.clone());
        let mut hops = Vec::new();
        let violations = loop {
            let mut leg = self.leg(&url, &trail, address, hops.is_empty()).await;
            let Some(head) = leg.redirect else {
                hops.push(leg.hop);
                break leg.violations;
            };
            match trail.follow(&url, &head) {
                Ok(next) => {
                    url = Cow::Owned(next);
                    hops.push(leg.hop);
                }
                Err(failure) => {
                    leg.hop.failure = Some(Failure::Http(failure));
                    hops.push(leg.hop);
                    break self.rules().judge_head(&url, &head);
                }
            }
        };
        let address = SocketAddr::new(address, port_of(self.request.url));
        Attempt {
            address,
            hops,
            violations,
        }
    }

    async fn leg(&self, url: &Url, trail: &Trail, home_address: IpAddr, first: bool) -> Leg {
        let home = first || url.host() == self.request.url.host();
        let mut leg = Leg {
            hop: Hop {
                url: without_credentials(url),
                address: None,
                timings: Timings::default(),
                tls: None,
                response: None,
                failure: None,
            },
            redirect: None,
            violations: Vec::new(),
        };
        let dialled = if home {
            leg.hop.timings.dns = if first { self.dns } else { Duration::ZERO };
            let address = SocketAddr::new(home_address, port_of(url));
            self.dial(&[address], &mut leg.hop).await
        } else {
            self.look_up_and_dial(url, &mut leg.hop).await
        };
        let ready = match dialled {
            Ok(stream) if url.scheme() == "https" => self.shake(stream, url, home, &mut leg.hop).await,
            Ok(stream) => Ok((Transport::Plain(stream), Version::Http1)),
            Err(failure) => Err(failure),
        };
        match ready {
            Ok((transport, version)) => {
                let cookies = trail.cookies(url);
                let referer = trail.referer(url);
                let ask = Ask {
                    url,
                    method: &trail.method,
                    with_body: trail.with_body,
                    home,
                    hostname: self.request.hostname,
                    marked: self.request.marked,
                    cookies: cookies.as_ref(),
                    referer: referer.as_ref(),
                };
                self.exchange(&ask, transport, version, &mut leg).await;
            }
            Err(failure) => leg.hop.failure = Some(failure),
        }
        leg
    }

    /// A host that a redirect named: looked up as any other, its addresses tried in turn.
    async fn look_up_and_dial(&self, url: &Url, hop: &mut Hop) -> Result<TcpStream, Failure> {
        let host = host_of(url);
        let question = dns::Question {
            host: &host,
            preferred: self.settings.preferred_family,
            fallback: true,
            thorough: false,
            targets: &[],
        };
        let until = budget::until(Stage::Dns, self.request.deadline);
        let resolution = Box::pin(self.prober.resolver.resolve(&question, until)).await;
        hop.timings.dns = resolution.elapsed;
        let addresses = resolution.addresses.iter().take(DIALS_LIMIT);
        let addresses: Vec<_> = addresses
            .map(|address| SocketAddr::new(*address, port_of(url)))
            .collect();
        if addresses.is_empty() {
            return Err(Failure::Dns(Box::new(telling_reply(resolution))));
        }
        self.dial(&addresses, hop).await
    }

    /// Connects to the first address that lets us; each may use its part of the time that is left.
    async fn dial(&self, addresses: &[SocketAddr], hop: &mut Hop) -> Result<TcpStream, Failure> {
        let begun = Instant::now();
        let until = budget::until(Stage::Connect, self.request.deadline);
        let mut failure = ConnectFailure::Unreachable;
        for (left, address) in (1..=addresses.len()).rev().zip(addresses) {
            let now = Instant::now();
            let parts = u32::try_from(left).unwrap_or(u32::MAX);
            let deadline = now + until.saturating_duration_since(now) / parts;
            let connected = connect::connect(*address, deadline).await;
            hop.timings.connect = begun.elapsed();
            match connected {
                Ok(stream) => {
                    hop.address = Some(*address);
                    return Ok(stream);
                }
                // A family that this machine does not have says less than what another address met.
                Err(ConnectFailure::Unreachable) if hop.address.is_some() => {}
                Err(met) => {
                    hop.address = Some(*address);
                    failure = met;
                }
            }
        }
        Err(Failure::Connect(failure))
    }

    async fn shake(
        &self,
        stream: TcpStream,
        url: &Url,
        home: bool,
        hop: &mut Hop,
    ) -> Result<(Transport, Version), Failure> {
        let host = match self.host_header() {
            Some(host) if home => name_of(host),
            Some(_) | None => host_of(url),
        };
        let begun = Instant::now();
        let handshake = Handshake {
            host: host.trim_end_matches('.'),
            http2: self.settings.http2,
            now: self.prober.clock.now(),
            intermediates: &self.prober.intermediates,
            deadline: budget::until(Stage::Tls, self.request.deadline),
        };
        let shaken = self.settings.tls.handshake(stream, handshake).await;
        hop.timings.tls = begun.elapsed();
        let version = match shaken.facts.alpn.as_deref() {
            Some("h2") => Version::Http2,
            Some(_) | None => Version::Http1,
        };
        hop.tls = Some(shaken.facts);
        match shaken.stream {
            Ok(stream) => Ok((Transport::Tls(Box::new(stream)), version)),
            Err(ShakeFailure::Untrusted) => Err(Failure::Untrusted),
            Err(ShakeFailure::Tls(failure)) => Err(Failure::Tls(failure)),
            Err(ShakeFailure::Connect(failure)) => Err(Failure::Connect(failure)),
        }
    }

    async fn exchange(&self, ask: &Ask<'_>, transport: Transport, version: Version, leg: &mut Leg) {
        let Some(request) = ask.request(self.settings, version) else {
            let what = format!("no request can be written for {}", leg.hop.url);
            leg.hop.failure = Some(Failure::Http(HttpFailure::Protocol(what)));
            return;
        };
        let rules = self.rules();
        let follows = self.settings.follow_redirects && !self.request.expect.judges_first_answer();
        let mut received = Timestamp::UNIX_EPOCH;
        let mut judged = None;
        let reading = |head: &Parts| {
            received = self.prober.clock.now();
            if follows && redirect::leads_on(head) {
                return None;
            }
            let violations = judged.insert(rules.judge_head(ask.url, head));
            Some(self.reading(violations))
        };
        let answer = exchange::exchange(transport, version, request, reading, self.request.deadline).await;
        let Answer {
            head, body, failure, ..
        } = answer;
        leg.hop.timings.processing = answer.processing;
        leg.hop.timings.transfer = answer.transfer;
        leg.hop.response = head.as_ref().map(|head| response::facts(head, &body, received));
        match judged {
            Some(mut violations) => {
                if failure.is_none() {
                    violations.extend(rules.judge_body(&violations, &body.kept));
                }
                leg.violations = violations;
            }
            None => leg.redirect = head,
        }
        leg.hop.failure = failure;
    }

    /// What `Host` says in place of the URL's host: a server that is asked by that name is verified by it.
    fn host_header(&self) -> Option<&str> {
        let own = || {
            self.settings
                .headers
                .iter()
                .find(|(name, _)| *name == HOST)?
                .1
                .to_str()
                .ok()
        };
        self.request.hostname.or_else(own)
    }

    fn reading(&self, head: &[Violation]) -> Reading {
        let settings = self.settings;
        let keep = self.rules().judges_body_after(head);
        let (limit, limit_is_rule) = match settings.body_size_limit {
            0 => (body::OWN_LIMIT, keep),
            limit => (limit, true),
        };
        Reading {
            limit,
            limit_is_rule,
            keep,
            compression: settings.compression,
        }
    }

    fn rules(&self) -> Rules<'_> {
        Rules {
            settings: self.settings,
            expect: self.request.expect,
        }
    }
}

/// The name in a `Host` header, which may hold a port too.
fn name_of(host: &str) -> Cow<'_, str> {
    match Authority::try_from(host) {
        Ok(authority) => Cow::Owned(authority.host().trim_matches(['[', ']']).to_owned()),
        Err(_) => Cow::Borrowed(host),
    }
}

fn port_of(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or(80)
}

fn without_credentials(url: &Url) -> String {
    if url.username().is_empty() && url.password().is_none() {
        return url.as_str().to_owned();
    }
    let mut url = url.clone();
    // Cannot fail: a URL with credentials may have credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// What says most about a name without addresses: a message, else the first reply.
fn telling_reply(resolution: Resolution) -> Reply {
    let mut replies = resolution.answers.into_iter().map(|answer| answer.reply);
    let Some(first) = replies.next() else {
        return Reply::Timeout;
    };
    match first {
        Reply::Message(_) => first,
        Reply::Timeout | Reply::Broken(_) => replies
            .find(|reply| matches!(reply, Reply::Message(_)))
            .unwrap_or(first),
    }
}
