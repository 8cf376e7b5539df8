//! An echo request and its reply (RFC 792, RFC 4443 section 4): blackbox_exporter's `icmp` prober.

use std::net::{IpAddr, SocketAddr};

use tokio::time::{Instant, timeout_at};

use super::call::Call;
use super::{Addressing, connect, host_of};
use crate::outcome::{AnswerFacts, Attempt, EchoFacts, ExchangeFailure, Failure, Hop, Peer};

mod packet;
mod socket;

use packet::Echo;
use socket::Opened;

/// The largest payload that fits into a packet: 65,535 bytes without the headers of IPv4 and ICMP.
pub const PAYLOAD_LIMIT: u16 = 65_507;

/// How long a payload is where a module does not say: as blackbox_exporter's text.
pub const PAYLOAD: u16 = 28;

/// A module of the icmp prober: blackbox_exporter's keys, resolved.
#[derive(Debug)]
pub struct Settings {
    /// Which of the target's addresses are asked.
    pub addressing: Addressing,
    /// The address of ours to ask from; `None`: the system's choice.
    pub source: Option<IpAddr>,
    /// Bytes of payload.
    pub payload: u16,
    /// Whether no router may take the request apart. Over IPv4 only; over IPv6 none ever may.
    pub dont_fragment: bool,
    /// Hops that the request may take.
    pub hop_limit: u8,
}

/// Sends an echo request to an address and waits for its reply.
pub(super) async fn attempt(call: Call<'_>, settings: &Settings, address: IpAddr) -> Attempt {
    let peer = SocketAddr::new(address, 0);
    let mut hop = call.first_hop(call.request.url.as_str().to_owned());
    hop.address = Some(peer);
    match echoed(&call, settings, address, &mut hop).await {
        Ok(facts) => hop.answer = Some(AnswerFacts::Echo(facts)),
        Err(failure) => hop.failure = Some(failure),
    }
    Attempt {
        peer: Peer::Address(peer),
        hops: vec![hop],
        violations: Vec::new(),
    }
}

async fn echoed(
    call: &Call<'_>,
    settings: &Settings,
    address: IpAddr,
    hop: &mut Hop,
) -> Result<EchoFacts, Failure> {
    call.permit(&host_of(call.request.url), address)?;
    let begun = Instant::now();
    let echo = Echo::new(settings.payload)?;
    let opened = socket::open(settings, address, &echo);
    hop.timings.connect = begun.elapsed();
    let opened = opened?;
    let begun = Instant::now();
    let exchange = exchange(&opened, &echo, settings, address);
    let answered = timeout_at(call.request.deadline, exchange).await;
    hop.timings.processing = begun.elapsed();
    let hop_limit = answered.unwrap_or(Err(Failure::Exchange(ExchangeFailure::Timeout)))?;
    Ok(EchoFacts {
        from: address,
        hop_limit,
        socket: opened.kind(),
    })
}

/// Sends the request once and waits for its reply; what else arrives is passed over. The socket is connected: nothing but
/// what the target sends arrives, and what routers say of the request is an error of the socket.
async fn exchange(
    opened: &Opened,
    echo: &Echo,
    settings: &Settings,
    address: IpAddr,
) -> Result<Option<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::Connect(connect::classify(&error));
    let request = echo.request(address, opened.kind(), settings);
    opened.send(&request).await.map_err(failed)?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let heard = opened.receive(&mut buffer).await.map_err(failed)?;
        let bytes = buffer.get(..heard.length).unwrap_or_default();
        if echo.is_answered_by(bytes, address, opened.kind()) {
            return Ok(heard.hop_limit);
        }
    }
}
