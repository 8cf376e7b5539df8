//! From an address to the judged answer: every hop resolved, dialled, shaken, asked and timed.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::header::HOST;
use http::response::Parts;
use http::uri::Authority;
use jiff::Timestamp;
use url::Url;

use super::body::{self, Reading};
use super::exchange::{self, Answer, Version};
use super::redirect::{self, Trail};
use super::request::Ask;
use super::rules::Rules;
use super::{Settings, response};
use crate::outcome::{Attempt, Failure, Hop, HttpFailure, Peer, Violation};
use crate::probe::call::{Call, Dial};
use crate::probe::host_of;
use crate::probe::line::{Line, Socket};
use crate::probe::tls::Alpn;

/// What all attempts of one probe share.
#[derive(Debug, Clone, Copy)]
pub(in crate::probe) struct Journey<'a> {
    /// What is probed, and with what.
    pub(in crate::probe) call: Call<'a>,
    /// How.
    pub(in crate::probe) settings: &'a Settings,
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
    /// Asks the host at one of its addresses, or at whichever answers, and goes where it sends us.
    pub(in crate::probe) async fn attempt(self, address: Option<IpAddr>) -> Attempt {
        let mut url = Cow::Borrowed(self.call.request.url);
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
        let url = self.call.request.url;
        Attempt {
            peer: match address {
                Some(address) => Peer::Address(SocketAddr::new(address, port_of(url))),
                None => Peer::Name(format!("{}:{}", host_of(url), port_of(url))),
            },
            hops,
            violations,
        }
    }

    async fn leg(&self, url: &Url, trail: &Trail, home_address: Option<IpAddr>, first: bool) -> Leg {
        let home = first || url.host() == self.call.request.url.host();
        let mut leg = Leg {
            hop: Hop::new(without_credentials(url)),
            redirect: None,
            violations: Vec::new(),
        };
        if first {
            leg.hop.timings.dns = self.call.dns;
        }
        let dialled = match home_address.filter(|_| home) {
            Some(address) => {
                self.dial(url, &[SocketAddr::new(address, port_of(url))], &mut leg.hop)
                    .await
            }
            None => self.look_up_and_dial(url, &mut leg.hop).await,
        };
        let ready = match dialled {
            Ok(socket) if url.scheme() == "https" => self.shake(socket, url, home, &mut leg.hop).await,
            Ok(socket) => Ok((Line::Plain(socket), Version::Http1)),
            Err(failure) => Err(failure),
        };
        match ready {
            Ok((line, version)) => {
                let cookies = trail.cookies(url);
                let referer = trail.referer(url);
                let ask = Ask {
                    url,
                    method: &trail.method,
                    with_body: trail.with_body,
                    home,
                    hostname: self.call.request.hostname,
                    marked: self.call.request.marked,
                    cookies: cookies.as_ref(),
                    referer: referer.as_ref(),
                };
                self.exchange(&ask, line, version, &mut leg).await;
            }
            Err(failure) => leg.hop.failure = Some(failure),
        }
        leg
    }

    /// A host that a redirect named: looked up as any other, its addresses tried in turn.
    async fn look_up_and_dial(&self, url: &Url, hop: &mut Hop) -> Result<Socket, Failure> {
        let preferred = self.settings.addressing.preferred;
        let addresses = self
            .call
            .look_up(&host_of(url), port_of(url), preferred, hop)
            .await?;
        self.dial(url, &addresses, hop).await
    }

    async fn dial(&self, url: &Url, addresses: &[SocketAddr], hop: &mut Hop) -> Result<Socket, Failure> {
        let host = host_of(url);
        let dial = Dial {
            host: &host,
            addresses,
            source: None,
        };
        self.call.dial(dial, hop).await
    }

    async fn shake(
        &self,
        socket: Socket,
        url: &Url,
        home: bool,
        hop: &mut Hop,
    ) -> Result<(Line, Version), Failure> {
        let host = match self.host_header() {
            Some(host) if home => name_of(host),
            Some(_) | None => host_of(url),
        };
        let alpn = if self.settings.http2 {
            Alpn::Http2OrHttp1
        } else {
            Alpn::Http1
        };
        let line = self
            .call
            .shake(&self.settings.tls, socket, (&host, alpn), hop)
            .await?;
        let agreed = hop.tls.as_ref().and_then(|tls| tls.alpn.as_deref());
        let version = match agreed {
            Some("h2") => Version::Http2,
            Some(_) | None => Version::Http1,
        };
        Ok((line, version))
    }

    async fn exchange(&self, ask: &Ask<'_>, line: Line, version: Version, leg: &mut Leg) {
        let Some(request) = ask.request(self.settings, version) else {
            let what = format!("no request can be written for {}", leg.hop.url);
            leg.hop.failure = Some(Failure::Http(HttpFailure::Protocol(what)));
            return;
        };
        let rules = self.rules();
        let follows = self.settings.follow_redirects && !self.call.request.expect.judges_first_answer();
        let mut received = Timestamp::UNIX_EPOCH;
        let mut judged = None;
        let reading = |head: &Parts| {
            received = self.call.prober.clock.now();
            if follows && redirect::leads_on(head) {
                return None;
            }
            let violations = judged.insert(rules.judge_head(ask.url, head));
            Some(self.reading(violations))
        };
        let answer = exchange::exchange(line, version, request, reading, self.call.request.deadline).await;
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
        self.call.request.hostname.or_else(own)
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
            expect: self.call.request.expect,
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
