//! From an address to the judged answer: every hop resolved, dialled, shaken, asked and timed.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::HOST;
use http::response::Parts;
use http::uri::Authority;
use jiff::Timestamp;
use url::Url;

use super::exchange::{self, Answer, Version};
use super::http3;
use super::proxy::Proxy;
use super::redirect::{self, Trail};
use super::request::Ask;
use super::room::Held;
use super::rules::Rules;
use super::tunnel::Tunnels;
use super::{Settings, response};
use crate::outcome::{Attempt, Failure, Hop, HttpFailure, Peer, Violation};
use crate::probe::call::{Call, Dial};
use crate::probe::host_of;
use crate::probe::line::{Line, Socket};
use crate::probe::tls::quic::Session;
use crate::probe::tls::{Alpn, Recorder};
use crate::text::without_credentials;

/// What all attempts of one probe share.
#[derive(Debug, Clone, Copy)]
pub(in crate::probe) struct Journey<'a> {
    /// What is probed, and with what.
    pub(in crate::probe) call: Call<'a>,
    /// How.
    pub(in crate::probe) settings: &'a Settings,
}

/// A hop, and what follows from it.
pub(super) struct Leg {
    pub(super) hop: Hop,
    /// The body of the answer, where it is wanted.
    pub(super) body: Held,
    keeps_body: bool,
    /// What the server presented, where somebody wants to look at it again.
    pub(super) record: Option<Arc<Recorder>>,
    /// The head of a redirect that is to be followed.
    redirect: Option<Parts>,
    /// What the answer broke; empty for one that is not judged.
    violations: Vec<Violation>,
}

impl Journey<'_> {
    /// Asks the host at one of its addresses, or at whichever answers, and goes where it sends us.
    pub(in crate::probe) async fn attempt(self, address: Option<IpAddr>) -> Attempt {
        let mut url = self.first_url();
        let mut trail = Trail::new(self.settings.method.clone());
        trail.body = Bytes::copy_from_slice(&self.settings.body);
        let mut hops = Vec::new();
        match self.authorization().await {
            Ok(authorization) => trail.authorization = authorization,
            Err(failure) => return self.unasked(address, failure),
        }
        let violations = loop {
            let mut leg = self.leg(&url, &trail, address, hops.is_empty()).await;
            self.look_at_lists(&mut leg).await;
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
        self.forget_refused(&trail, hops.last()).await;
        Attempt {
            peer: self.peer(address),
            hops,
            violations,
        }
    }

    fn peer(&self, address: Option<IpAddr>) -> Peer {
        let url = &self.first_url();
        match address {
            Some(address) => Peer::Address(SocketAddr::new(address, port_of(url))),
            None => Peer::Name(format!("{}:{}", host_of(url), port_of(url))),
        }
    }

    /// An attempt that ended before it began.
    fn unasked(&self, address: Option<IpAddr>, failure: Failure) -> Attempt {
        let mut hop = self
            .call
            .first_hop(without_credentials(self.call.request.url).to_string());
        hop.failure = Some(failure);
        Attempt {
            peer: self.peer(address),
            hops: vec![hop],
            violations: Vec::new(),
        }
    }

    pub(super) async fn leg(
        &self,
        url: &Url,
        trail: &Trail,
        home_address: Option<IpAddr>,
        first: bool,
    ) -> Leg {
        let home = first || url.host() == self.call.request.url.host();
        let mut leg = Leg {
            hop: Hop::new(without_credentials(url).to_string()),
            body: Held::default(),
            keeps_body: trail.keeps_body,
            record: None,
            redirect: None,
            violations: Vec::new(),
        };
        if first {
            leg.hop.timings.dns = self.call.dns;
        }
        let address = home_address.filter(|_| home);
        let secure = url.scheme() == "https";
        let over_quic = self.settings.http3 && secure;
        let proxy = self.settings.proxies.of(url, address).filter(|_| !over_quic);
        let ready = if over_quic {
            self.shake_over_quic(url, (address, home), &mut leg.hop).await
        } else {
            self.line(url, proxy, (address, home), &mut leg).await
        };
        match ready {
            Ok(ready) => {
                let cookies = trail.cookies(url);
                let referer = trail.referer(url);
                let along = proxy.filter(|proxy| proxy.takes_requests(url));
                let ask = Ask {
                    url,
                    method: &trail.method,
                    body: trail.with_body.then_some(&trail.body),
                    authorization: trail.authorization.as_ref(),
                    home,
                    hostname: self.call.request.hostname,
                    marked: self.call.request.marked,
                    cookies: cookies.as_ref(),
                    referer: referer.as_ref(),
                    proxy: along.map(|proxy| (proxy, address)),
                };
                self.exchange(&ask, ready, &mut leg).await;
            }
            Err(failure) => leg.hop.failure = Some(failure),
        }
        leg
    }

    /// Where the probe begins; HTTP/3 has no plain text.
    fn first_url(&self) -> Cow<'_, Url> {
        let url = self.call.request.url;
        if !self.settings.http3 || url.scheme() == "https" {
            return Cow::Borrowed(url);
        }
        let mut secure = url.clone();
        // Cannot fail between the two schemes.
        let _ = secure.set_scheme("https");
        Cow::Owned(secure)
    }

    /// A line to the target, or to the proxy that takes its requests.
    async fn line(
        &self,
        url: &Url,
        proxy: Option<&Proxy>,
        (address, home): (Option<IpAddr>, bool),
        leg: &mut Leg,
    ) -> Result<Ready, Failure> {
        let hop = &mut leg.hop;
        let way = match (proxy, address) {
            (Some(proxy), _) => {
                let way = self.by_proxy(proxy, url, address, hop);
                Box::pin(way).await?
            }
            (None, Some(address)) => {
                let address = SocketAddr::new(address, port_of(url));
                Way::Through(self.dial(url, &[address], hop).await?)
            }
            (None, None) => Way::Through(Box::pin(self.look_up_and_dial(url, hop)).await?),
        };
        match way {
            Way::Through(socket) if url.scheme() == "https" => self.shake(socket, url, home, leg).await,
            Way::Through(socket) => Ok(Ready::Line(Line::Plain(socket), Version::Http1)),
            Way::Along(line) => Ok(Ready::Line(line, Version::Http1)),
        }
    }

    /// Goes to a proxy and, but for plain HTTP, through it.
    async fn by_proxy(
        &self,
        proxy: &Proxy,
        url: &Url,
        address: Option<IpAddr>,
        hop: &mut Hop,
    ) -> Result<Way, Failure> {
        let tunnels = Tunnels {
            call: self.call,
            proxies: &self.settings.proxies,
            preferred: self.settings.addressing.preferred,
        };
        let address = tunnels.permit(url, address, hop).await?;
        let line = tunnels.reach(proxy, hop).await?;
        if proxy.takes_requests(url) {
            return Ok(Way::Along(line));
        }
        let opened = tunnels.open((proxy, line), url, address, hop);
        opened.await.map(Way::Through)
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

    async fn shake(&self, socket: Socket, url: &Url, home: bool, leg: &mut Leg) -> Result<Ready, Failure> {
        let host = self.server_name(url, home);
        let alpn = if self.settings.http2 {
            Alpn::Http2OrHttp1
        } else {
            Alpn::Http1
        };
        let peer = (host.as_ref(), alpn);
        let shaken = self
            .call
            .shake_and_record(&self.settings.tls, socket, peer, &mut leg.hop);
        let (line, record) = shaken.await;
        leg.record = record.filter(|_| self.settings.lists.is_some());
        let line = line?;
        let agreed = leg.hop.tls.as_ref().and_then(|tls| tls.alpn.as_deref());
        let version = match agreed {
            Some("h2") => Version::Http2,
            Some(_) | None => Version::Http1,
        };
        Ok(Ready::Line(line, version))
    }

    async fn exchange(&self, ask: &Ask<'_>, ready: Ready, leg: &mut Leg) {
        let Some(request) = ask.request(self.settings, ready.version()) else {
            let what = format!("no request can be written for {}", leg.hop.url);
            leg.hop.failure = Some(Failure::Http(HttpFailure::Protocol(what)));
            return;
        };
        let rules = self.rules();
        let follows = self.settings.follow_redirects && !self.call.request.expect.judges_first_answer();
        let mut received = Timestamp::UNIX_EPOCH;
        let (mut judged, keeps_body) = (None, leg.keeps_body);
        let reading = |head: &Parts| {
            received = self.call.prober.clock.now();
            if follows && redirect::leads_on(head) {
                return None;
            }
            let violations = judged.insert(rules.judge_head(ask.url, head));
            Some(self.reading(violations, keeps_body))
        };
        let deadline = self.call.request.deadline;
        let answer = match ready {
            Ready::Line(line, version) => exchange::exchange(line, version, request, reading, deadline).await,
            Ready::Quic(session) => {
                let request = (request.map(drop), ask.body.cloned().unwrap_or_default());
                // On the heap, as all that most probes do without: the rest need not carry the room for it.
                Box::pin(http3::exchange(session, request, reading, deadline)).await
            }
        };
        let Answer {
            head, body, failure, ..
        } = answer;
        let waited = body.kept.waited();
        let mut failure = failure.map(|met| self.call.prober.bodies.blame(met, waited));
        leg.hop.timings.processing = answer.processing;
        leg.hop.timings.transfer = answer.transfer.saturating_sub(waited);
        leg.hop.response = head.as_ref().map(|head| response::facts(head, &body, received));
        match judged {
            Some(mut violations) => {
                leg.body = body.kept;
                if failure.is_none() && rules.judges_body_after(&violations) {
                    match self.judge_body(&mut leg.body).await {
                        Ok(more) => violations.extend(more),
                        Err(met) => failure = Some(met),
                    }
                }
                if !leg.keeps_body {
                    leg.body = Held::default();
                }
                leg.violations = violations;
            }
            None => leg.redirect = head,
        }
        leg.hop.failure = failure;
    }

    /// The name that the server is asked by and verified by.
    pub(super) fn server_name<'u>(&'u self, url: &'u Url, home: bool) -> Cow<'u, str> {
        match self.host_header() {
            Some(host) if home => name_of(host),
            Some(_) | None => host_of(url),
        }
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

    pub(super) fn rules(&self) -> Rules<'_> {
        Rules {
            settings: self.settings,
            expect: self.call.request.expect,
        }
    }
}

/// Where requests for the target can go.
enum Way {
    /// A connection to the target.
    Through(Socket),
    /// A line to a proxy, which takes requests for the target.
    Along(Line),
}

/// What a request can be sent on.
pub(super) enum Ready {
    Line(Line, Version),
    Quic(Session),
}

impl Ready {
    const fn version(&self) -> Version {
        match self {
            Self::Line(_, version) => *version,
            Self::Quic(_) => Version::Http3,
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

pub(super) fn port_of(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or(80)
}
