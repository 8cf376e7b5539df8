//! `linkwatch cert`: the chain that a host presents, looked at closely.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;
use url::Url;

use super::check::plan::{Asked, Ways, of_targets};
use super::target::{self, Place};
use super::{Exit, complain, lasting};
use crate::app;
use crate::certificate::{Detail, Presented, detail};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::diagnosis::layers::servers;
use crate::outcome::{ChainFacts, Family, TlsFacts};
use crate::probe::dns::Question;
use crate::probe::tls::{Alpn, Connector, Handshake, ShakeFailure};
use crate::probe::{Prober, ProberKind, connect};

mod outlook;
mod report;

use outlook::Outlook;

/// What `cert` can be told.
#[derive(Debug, Args)]
pub(super) struct CertArgs {
    /// The host, with a port unless it is 443.
    #[arg(value_name = "HOST[:PORT]")]
    target: String,
    /// Ask this DNS server in place of the system's.
    #[arg(long, value_name = "ADDR[:PORT]")]
    resolver: Option<String>,
    /// Trust these certificate authorities (PEM) in place of the public ones.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Time for all of it.
    #[arg(long, default_value = "5s", value_parser = lasting, value_name = "DURATION")]
    timeout: Duration,
    /// Ask the authority when it wants the certificate renewed (ARI, RFC 9773).
    #[arg(long)]
    ari: bool,
    /// The ACME directory of an authority that is not known by its name.
    #[arg(long, value_name = "URL", requires = "ari")]
    ari_directory: Option<Url>,
    /// Print one line per certificate.
    #[arg(long, conflicts_with = "output")]
    short: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A report to read.
    Text,
    /// An object.
    Json,
    /// The certificates as presented.
    Pem,
}

/// What one address presented.
#[derive(Debug)]
struct Shown {
    address: SocketAddr,
    facts: TlsFacts,
    presented: Option<Presented>,
    /// Why the handshake did not come to its end, whatever the chain is worth.
    failure: Option<String>,
}

impl Shown {
    fn chain(&self) -> Option<&ChainFacts> {
        self.facts.chain.as_deref()
    }
}

/// All that was found out.
#[derive(Debug)]
struct Found {
    place: Place,
    now: Timestamp,
    /// The addresses in order; those that present the same stand together.
    shown: Vec<(Vec<SocketAddr>, Shown)>,
    details: Vec<Option<Detail>>,
    /// The root that the first chain leads to.
    root: Option<String>,
    outlook: Outlook,
}

/// Looks at the certificate of what the arguments name.
pub(super) fn run(args: &CertArgs) -> Exit {
    let prepared = target::place(&args.target).and_then(|place| Ok((config(args)?, place)));
    let (config, place) = match prepared {
        Ok(prepared) => prepared,
        Err(message) => return complain(&message),
    };
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    match runtime.block_on(look(&config, place, args)) {
        Ok(found) => print(&found, args),
        Err(message) => {
            super::warn(&message);
            Exit::Cause
        }
    }
}

fn config(args: &CertArgs) -> Result<Config, String> {
    of_targets(&Asked {
        targets: std::slice::from_ref(&args.target),
        resolvers: args.resolver.as_slice(),
        authoritative_port: None,
        ca_file: args.ca_file.as_deref(),
        timeout: args.timeout,
        ways: Ways::default(),
        expect_status: &[],
        expect_location: None,
        expect_dns: &[],
    })
}

fn print(found: &Found, args: &CertArgs) -> Exit {
    match (args.output, args.short) {
        (Output::Text, true) => report::short(found),
        (Output::Text, false) => report::text(found),
        (Output::Json, _) => report::json(found),
        (Output::Pem, _) => report::pem(found),
    }
    let sound = |shown: &Shown| shown.failure.is_none() && shown.chain().is_some_and(ChainFacts::trusted);
    if found.shown.iter().all(|(_, shown)| sound(shown)) {
        Exit::Fine
    } else {
        Exit::Cause
    }
}

/// Shakes hands with every address.
async fn look(config: &Config, place: Place, args: &CertArgs) -> Result<Found, String> {
    let deadline = Instant::now() + args.timeout;
    let clock = SystemClock;
    let prober = app::prober(config, Arc::new(SystemClock), Arc::default());
    let addresses = addresses(&prober, &place.host, deadline).await?;
    let mut modules = config.modules.values();
    let Some(tls) = modules.find_map(|module| match &module.prober {
        ProberKind::Http(settings) => Some(&settings.tls),
        ProberKind::Tcp(_)
        | ProberKind::Dns(_)
        | ProberKind::Icmp(_)
        | ProberKind::Unix(_)
        | ProberKind::Grpc(_)
        | ProberKind::WebSocket(_) => None,
    }) else {
        return Err("no module to ask with".to_owned());
    };
    let now = clock.now();
    let handshake = Handshake {
        host: &place.host,
        alpn: Alpn::Http2OrHttp1,
        now,
        intermediates: &prober.intermediates,
        deadline,
    };
    let asked = addresses
        .iter()
        .map(|address| present(tls, SocketAddr::new(*address, place.port), handshake));
    let shown = together(join_all(asked).await);
    let first = shown.iter().find_map(|(_, shown)| shown.presented.as_ref());
    let details = first.map_or_else(Vec::new, |presented| {
        presented.chain.iter().map(|der| detail(der)).collect()
    });
    let root = first.and_then(|presented| tls.roots().reached(presented, now));
    let chain = shown.iter().find_map(|(_, shown)| shown.chain());
    let outlook = match chain.and_then(ChainFacts::leaf) {
        Some(leaf) => outlook::of(&prober, leaf, &place.host, args, now).await,
        None => Outlook::default(),
    };
    Ok(Found {
        place,
        now,
        shown,
        details,
        root,
        outlook,
    })
}

async fn addresses(prober: &Prober, host: &str, deadline: Instant) -> Result<Vec<IpAddr>, String> {
    let question = Question {
        host,
        preferred: Family::Ipv4,
        fallback: true,
        thorough: false,
        targets: &[],
    };
    let resolution = prober.resolver.resolve(&question, deadline).await;
    if resolution.addresses.is_empty() {
        let said = servers::lines(&resolution.answers).join("; ");
        return Err(format!("no address for {host}: {said}; see linkwatch dns {host}"));
    }
    Ok(resolution.addresses)
}

async fn present(tls: &Connector, address: SocketAddr, handshake: Handshake<'_>) -> Shown {
    let nothing = TlsFacts {
        version: None,
        cipher: None,
        alpn: None,
        chain: None,
    };
    let stream = match connect::connect(address, handshake.deadline).await {
        Ok(stream) => stream,
        Err(failure) => {
            return Shown {
                address,
                facts: nothing,
                presented: None,
                failure: Some(crate::outcome::Failure::Connect(failure).to_string()),
            };
        }
    };
    let (shaken, presented) = tls.present(stream.into(), handshake).await;
    let failure = match shaken.stream {
        Ok(_) | Err(ShakeFailure::Untrusted) => None,
        Err(ShakeFailure::Tls(failure)) => Some(crate::outcome::Failure::Tls(failure).to_string()),
        Err(ShakeFailure::Connect(failure)) => Some(crate::outcome::Failure::Connect(failure).to_string()),
    };
    Shown {
        address,
        facts: shaken.facts,
        presented,
        failure,
    }
}

/// Addresses that present the same certificates, or fail alike, are one.
fn together(all: Vec<Shown>) -> Vec<(Vec<SocketAddr>, Shown)> {
    let mut groups: Vec<(Vec<SocketAddr>, Shown)> = Vec::new();
    for shown in all {
        let same = groups
            .iter_mut()
            .find(|(_, first)| first.presented == shown.presented && first.failure == shown.failure);
        match same {
            Some((addresses, _)) => addresses.push(shown.address),
            None => groups.push((vec![shown.address], shown)),
        }
    }
    groups
}
