//! A zone as its server transfers it (RFC 5936), signed with a shared key (TSIG, RFC 8945) where one is given.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use hickory_net::client::{Client, ClientHandle as _};
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::tcp::TcpClientStream;
use hickory_net::xfer::DnsMultiplexer;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{Name, TSigner};
use tokio::task::JoinSet;

use super::source::CoverageError;
use super::{MOST_HOSTS, host, zone};
use crate::text::bounded;

/// A transfer may take so long in all.
const LIMIT: Duration = Duration::from_secs(60);

/// Records of one zone at most, those of hosts and all others.
const MOST_RECORDS: usize = 20 * MOST_HOSTS;

/// How far the two clocks may be apart, in seconds (RFC 8945 section 10).
const FUDGE: u16 = 300;

/// A zone, and who has it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server.
    pub server: SocketAddr,
    /// The zone.
    pub zone: String,
    /// The key that the server knows.
    pub key: Option<TsigKey>,
}

/// A key that server and client share.
#[derive(Clone)]
pub struct TsigKey {
    /// Its name, as the server knows it.
    pub name: String,
    /// What it is used with.
    pub algorithm: TsigAlgorithm,
    /// The key itself.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TsigKey")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The hosts of the zone.
pub(super) async fn hosts(settings: &Settings) -> Result<BTreeSet<String>, CoverageError> {
    let transfer = tokio::time::timeout(LIMIT, transfer(settings));
    transfer.await.unwrap_or_else(|_| {
        Err(failed(
            settings,
            &format!("it takes longer than {} s", LIMIT.as_secs()),
        ))
    })
}

async fn transfer(settings: &Settings) -> Result<BTreeSet<String>, CoverageError> {
    let failed = |error: &dyn std::fmt::Display| failed(settings, &error.to_string());
    let origin = Name::from_ascii(&settings.zone).map_err(|error| failed(&error))?;
    let runtime = TokioRuntimeProvider::new();
    let (stream, handle) = TcpClientStream::new(settings.server, None, Some(LIMIT), runtime);
    let stream = stream.await.map_err(|error| failed(&error))?;
    let mut sender = DnsMultiplexer::new(stream, handle).with_timeout(LIMIT);
    if let Some(key) = &settings.key {
        let name = Name::from_ascii(&key.name).map_err(|error| failed(&error))?;
        let signer = TSigner::new(key.secret.clone(), key.algorithm.clone(), name, FUDGE);
        sender = sender.with_signer(signer.map_err(|error| failed(&error))?);
    }
    let (mut client, exchange) = Client::<TokioRuntimeProvider>::from_sender(sender);
    let mut background = JoinSet::new();
    background.spawn(exchange);

    let mut messages = client.zone_transfer(origin, None);
    let (mut hosts, mut records, mut ends) = (BTreeSet::new(), 0_usize, 0);
    while let Some(message) = messages.next().await {
        let message = message.map_err(|error| failed(&error))?;
        let code = message.metadata.response_code;
        if code != ResponseCode::NoError {
            return Err(failed(&refusal(code)));
        }
        for record in &message.answers {
            let kind = record.record_type();
            ends += usize::from(kind == hickory_proto::rr::RecordType::SOA);
            if zone::leads_somewhere(kind) {
                hosts.extend(host(&record.name.to_string()));
            }
        }
        records += message.answers.len();
        if records > MOST_RECORDS || hosts.len() > MOST_HOSTS {
            return Err(CoverageError::TooMany(settings.zone.clone()));
        }
    }
    // It begins and ends with the zone's SOA (RFC 5936 section 2.2).
    if ends < 2 {
        return Err(failed(&"it ends before the zone does"));
    }
    Ok(hosts)
}

fn refusal(code: ResponseCode) -> String {
    if code == ResponseCode::Refused {
        "refused; let this machine transfer the zone, or give the key that it asks for".to_owned()
    } else if code == ResponseCode::NotAuth {
        "not authoritative, or another key or clock than the server's".to_owned()
    } else {
        code.to_string()
    }
}

fn failed(settings: &Settings, error: &str) -> CoverageError {
    CoverageError::Transfer {
        server: settings.server,
        zone: settings.zone.clone(),
        error: bounded(error),
    }
}
