//! What every prober does before it speaks: resolve, dial, shake hands, and write down what it took.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use url::Url;

use super::budget::{self, Stage};
use super::connect::FoundSocket;
use super::line::{Line, Socket};
use super::policy::Policy;
use super::tls::{self, Alpn, Handshake, ShakeFailure};
use super::{Prober, Request, connect, dns, host_of};
use crate::endpoint::{AddressChoice, Expectation};
use crate::outcome::{ConnectFailure, Failure, Family, Hop, Reply, Resolution, Timings};

/// Addresses of one name that are tried one after the other.
const DIALS_LIMIT: usize = 8;

/// What all attempts of one probe share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    /// Resolver, clock and known intermediates.
    pub(super) prober: &'a Prober,
    /// What is probed.
    pub(super) request: &'a Request<'a>,
    /// How long the look-up of the host took.
    pub(super) dns: Duration,
}

/// How a peer is dialled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dial<'a> {
    /// Whose addresses they are.
    pub(super) host: &'a str,
    /// Tried in turn.
    pub(super) addresses: &'a [SocketAddr],
    /// The address of ours to send from; `None`: the system's choice.
    pub(super) source: Option<IpAddr>,
}

impl<'a> Call<'a> {
    /// The record of the first hop, with nothing in it but the time of the look-up.
    pub(super) fn first_hop(&self, url: String) -> Hop {
        let timings = Timings {
            dns: self.dns,
            ..Timings::default()
        };
        Hop {
            timings,
            ..Hop::new(url)
        }
    }

    /// The addresses of a further host, as any is looked up; at most eight.
    pub(super) async fn look_up(
        &self,
        host: &str,
        port: u16,
        preferred: Family,
        hop: &mut Hop,
    ) -> Result<Vec<SocketAddr>, Failure> {
        let question = dns::Question {
            host,
            preferred,
            fallback: true,
            thorough: false,
            targets: &[],
        };
        let until = budget::until(Stage::Dns, self.request.deadline);
        let resolution = self.prober.resolver.resolve(&question, until).await;
        hop.timings.dns += resolution.elapsed;
        let addresses = resolution.addresses.iter().take(DIALS_LIMIT);
        let addresses: Vec<_> = addresses.map(|address| SocketAddr::new(*address, port)).collect();
        if addresses.is_empty() {
            return Err(Failure::Dns(Box::new(telling_reply(resolution))));
        }
        Ok(addresses)
    }

    /// Connects to the first address that lets us; each may use its part of the time that is left.
    pub(super) async fn dial(&self, dial: Dial<'_>, hop: &mut Hop) -> Result<Socket, Failure> {
        let begun = Instant::now();
        let until = budget::until(Stage::Connect, self.request.deadline);
        let mut failure = Failure::Connect(ConnectFailure::Unreachable);
        for (left, address) in (1..=dial.addresses.len()).rev().zip(dial.addresses) {
            let now = Instant::now();
            let parts = u32::try_from(left).unwrap_or(u32::MAX);
            let deadline = now + until.saturating_duration_since(now) / parts;
            if let Err(refusal) = self.permit(dial.host, address.ip()) {
                hop.address = Some(*address);
                failure = refusal;
                continue;
            }
            let connected = connect::connect_from(dial.source, *address, deadline).await;
            hop.timings.connect = begun.elapsed();
            match connected {
                Ok(stream) => {
                    hop.address = Some(*address);
                    return Ok(Socket::Tcp(stream));
                }
                // A family that this machine does not have says less than what another address met.
                Err(ConnectFailure::Unreachable) if hop.address.is_some() => {}
                Err(met) => {
                    hop.address = Some(*address);
                    failure = Failure::Connect(met);
                }
            }
        }
        Err(failure)
    }

    /// Connects to the target at one of its addresses, from an address of ours where one is given.
    pub(super) async fn dial_target(
        &self,
        address: SocketAddr,
        source: Option<IpAddr>,
        hop: &mut Hop,
    ) -> Result<Socket, Failure> {
        let dial = Dial {
            host: &host_of(self.request.url),
            addresses: &[address],
            source,
        };
        self.dial(dial, hop).await
    }

    /// Whether a host may be asked at an address: to be asked before anything is sent there.
    pub(super) fn permit(&self, host: &str, address: IpAddr) -> Result<(), Failure> {
        let permitted = self.request.policy.permits(host, address);
        permitted.map_err(|refusal| Failure::Forbidden(refusal.to_string()))
    }

    /// Whether a host may be asked, by its name alone.
    pub(super) fn permit_host(&self, host: &str) -> Result<(), Failure> {
        let permitted = self.request.policy.permits_host(host);
        permitted.map_err(|refusal| Failure::Forbidden(refusal.to_string()))
    }

    /// Connects to a socket of this machine. Where not every one may be asked, it is judged by where its path leads, and
    /// that one is asked.
    pub(super) async fn dial_socket(&self, path: &Path, hop: &mut Hop) -> Result<Socket, Failure> {
        let policy = self.request.policy;
        permit_path(policy, path)?;
        let begun = Instant::now();
        let until = budget::until(Stage::Connect, self.request.deadline);
        let connecting = async {
            if policy.is_open() {
                return connect::connect_to_path(path, until)
                    .await
                    .map_err(Failure::Connect);
            }
            let found = FoundSocket::at(path, until).await.map_err(Failure::Connect)?;
            let real = timeout_at(until, real(policy)).await;
            let real = real.map_err(|_elapsed| Failure::Connect(ConnectFailure::Timeout))?;
            permit_path(&real, found.real())?;
            found.connect(until).await.map_err(Failure::Connect)
        };
        let connected = connecting.await;
        hop.timings.connect = begun.elapsed();
        connected.map(Socket::Unix)
    }

    /// Connects and shakes hands in one, over QUIC.
    pub(super) async fn shake_over_quic(
        &self,
        tls: &tls::Connector,
        address: SocketAddr,
        host: &str,
        hop: &mut Hop,
    ) -> Result<tls::quic::Session, Failure> {
        let begun = Instant::now();
        let handshake = self.handshake(host, Alpn::Nothing);
        hop.address = Some(address);
        let shaken = tls.over_quic(address, handshake).await;
        hop.timings.tls += begun.elapsed();
        hop.tls = Some(shaken.facts);
        shaken.session.map_err(failure_of)
    }

    fn handshake<'h>(&'h self, host: &'h str, alpn: Alpn) -> Handshake<'h> {
        Handshake {
            host: host.trim_end_matches('.'),
            alpn,
            now: self.prober.clock.now(),
            intermediates: &self.prober.intermediates,
            deadline: budget::until(Stage::Tls, self.request.deadline),
        }
    }

    /// Shakes hands over a socket; what the handshake showed stays in the hop, whatever came of it.
    pub(super) async fn shake(
        &self,
        tls: &tls::Connector,
        socket: Socket,
        peer: (&str, Alpn),
        hop: &mut Hop,
    ) -> Result<Line, Failure> {
        self.shake_and_record(tls, socket, peer, hop).await.0
    }

    /// Shakes hands, and gives the record of what was presented beside the line.
    pub(super) async fn shake_and_record(
        &self,
        tls: &tls::Connector,
        socket: Socket,
        (host, alpn): (&str, Alpn),
        hop: &mut Hop,
    ) -> (Result<Line, Failure>, Option<Arc<tls::Recorder>>) {
        let begun = Instant::now();
        let handshake = self.handshake(host, alpn);
        let (shaken, recorder) = tls.record(socket, handshake).await;
        hop.timings.tls += begun.elapsed();
        hop.tls = Some(shaken.facts);
        let stream = shaken.stream.map_err(failure_of);
        (stream.map(|stream| Line::Tls(Box::new(stream))), recorder)
    }

    /// A request for something else that the probe needs, within its time.
    pub(super) fn aside<'r>(&self, url: &'r Url, expect: &'r Expectation) -> Request<'r>
    where
        'a: 'r,
    {
        Request {
            url,
            addresses: AddressChoice::One,
            expect,
            told: &[],
            former_targets: &[],
            marked: false,
            hostname: None,
            ..*self.request
        }
    }
}

fn permit_path(policy: &Policy, path: &Path) -> Result<(), Failure> {
    let permitted = policy.permits_path(path);
    permitted.map_err(|refusal| Failure::Forbidden(refusal.to_string()))
}

/// The policy with its paths as they lead now: where `/var/run` is a link, what it names lies below `/run`.
async fn real(policy: &Policy) -> Policy {
    let mut leads = HashMap::new();
    for path in policy.paths() {
        // What does not exist holds no socket either.
        if let Ok(real) = tokio::fs::canonicalize(path).await {
            leads.insert(path, real);
        }
    }
    policy.with_paths(&leads)
}

fn failure_of(failure: ShakeFailure) -> Failure {
    match failure {
        ShakeFailure::Untrusted => Failure::Untrusted,
        ShakeFailure::Tls(failure) => Failure::Tls(failure),
        ShakeFailure::Connect(failure) => Failure::Connect(failure),
    }
}

/// What says most about a name without addresses: a message, else the first reply.
fn telling_reply(resolution: Resolution) -> Reply {
    let mut replies = resolution.answers.into_iter().map(|answer| answer.reply);
    let Some(first) = replies.next() else {
        return Reply::Timeout;
    };
    match first {
        Reply::Message(_) => first,
        Reply::Timeout | Reply::Broken(_) | Reply::NoName => replies
            .find(|reply| matches!(reply, Reply::Message(_)))
            .unwrap_or(first),
    }
}
