//! What the status page costs: the whole request, compressed, over a socket, with a fleet of which a tenth is down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use linkwatch::clock::{Clock as _, SystemClock};
use linkwatch::endpoint::{
    AddressChoice, Confirm, Endpoint, EndpointName, Expectation, Group, GroupName, Labels, ModuleName,
    ProberName,
};
use linkwatch::observation::AttemptKind;
use linkwatch::outcome::{
    Attempt, ConnectFailure, Failure, Hop, Outcome, Peer, Resolution, ResponseFacts, Timings,
};
use linkwatch::record::{Recorder, Seen};
use linkwatch::state::{Catalogue, Own, State};
use linkwatch::web::{Front, Gate, Limits, ProbeAnswer, ProbeRequest, Probing, Room, Site, Unprobed, serve};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::Options;
use crate::meter::cpu;

/// Processor time that one page may take.
const MOST_CPU: Duration = Duration::from_millis(50);

/// Bytes that one page may be, compressed.
const MOST_BYTES: usize = 1_000_000;

/// Endpoints of a group.
const GROUP: usize = 250;

/// Probes that are remembered of each endpoint.
const PROBES: usize = 40;

/// Asks for the page again and again; `false` when a ceiling was passed.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let (endpoints, pages) = (options.number("endpoints", 5000), options.number("pages", 50));
    ensure!(
        endpoints > 0 && pages > 0,
        "there must be something to show, and to ask for"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(endpoints, pages))
}

/// No probes are made.
#[derive(Debug)]
struct Nobody;

impl Probing for Nobody {
    fn probe(&self, _: ProbeRequest) -> BoxFuture<'_, Result<Arc<ProbeAnswer>, Unprobed>> {
        async { Err(Unprobed::Forbidden("only pages are asked for".to_owned())) }.boxed()
    }
}

async fn measure(endpoints: usize, pages: usize) -> anyhow::Result<bool> {
    let state = fleet(endpoints)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (commands, _asked) = mpsc::channel(1);
    let room = Room {
        running: 1,
        waiting: 0,
    };
    let site = Site {
        access: Arc::default(),
        gate: Arc::new(ArcSwap::from_pointee(Gate::new(room, Arc::clone(&state)))),
        prefix: "".into(),
        state,
        clock: Arc::new(SystemClock),
        front: Arc::new(ArcSwap::from_pointee(Front::default())),
        commands,
        probing: Arc::new(Nobody),
        timeout_offset: Duration::ZERO,
        limits: Limits::default(),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let mut server = JoinSet::new();
    server.spawn(serve(listener, site, async move {
        let _ = stopped.await;
    }));
    // The first answer warms what is warm in use.
    let bytes = page(address).await?;
    let before = cpu(std::process::id())?;
    for _ in 0..pages {
        page(address).await?;
    }
    let used = cpu(std::process::id())?.saturating_sub(before);
    let each = used / u32::try_from(pages)?;
    let _ = stop.send(());
    server.join_all().await;
    println!("the status page of {endpoints} endpoints, a tenth of them down, asked for {pages} times");
    println!(
        "  processor time each  {:.1} ms, client's share included (ceiling {} ms)",
        each.as_secs_f64() * 1e3,
        MOST_CPU.as_millis()
    );
    println!("  sent, compressed     {bytes} bytes (ceiling {MOST_BYTES})");
    Ok(each < MOST_CPU && bytes < MOST_BYTES)
}

/// Bytes of the compressed page.
async fn page(address: SocketAddr) -> anyhow::Result<usize> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = b"GET / HTTP/1.1\r\nhost: bench\r\naccept-encoding: gzip\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    ensure!(answer.starts_with(b"HTTP/1.1 200 "), "the page is not answered");
    Ok(answer.len())
}

fn fleet(count: usize) -> anyhow::Result<Arc<State>> {
    let state = Arc::new(State::new(Catalogue::default(), Own::new(false)));
    let recorder = Recorder::new(Arc::clone(&state), Arc::new(SystemClock), None);
    let groups: Vec<_> = (0..count.div_ceil(GROUP)).map(group).collect();
    let mut endpoints = Vec::with_capacity(count);
    for number in 0..count {
        let host = format!("endpoint-{number:05}.example");
        let group = groups.get(number / GROUP).context("a group for each endpoint")?;
        endpoints.push(Arc::new(Endpoint {
            name: EndpointName::from(host.as_str()),
            group: Arc::clone(group),
            url: format!("https://{host}/c/canary").parse()?,
            host,
            labels: Labels::default(),
            told: None,
        }));
    }
    let labelled = groups.iter().map(|group| (Arc::clone(group), Labels::default()));
    recorder.replace_catalogue(labelled, endpoints, |_| None);
    for (number, slot) in state.catalogue().slots.iter().enumerate() {
        for _ in 0..PROBES {
            recorder.record(Seen {
                slot: Arc::clone(slot),
                kind: AttemptKind::Scheduled,
                outcome: outcome(number.is_multiple_of(10))?,
            });
        }
    }
    Ok(state)
}

fn group(number: usize) -> Arc<Group> {
    Arc::new(Group {
        name: GroupName::from(format!("group-{number:02}").as_str()),
        module: ModuleName::from("http_2xx"),
        interval: Duration::from_secs(60),
        timeout: Duration::from_secs(5),
        confirm: Confirm {
            attempts: 0,
            pause: Duration::ZERO,
        },
        addresses: AddressChoice::All,
        page: true,
        maintenance: Vec::new(),
        accepted: Vec::new(),
        expect: Expectation::default(),
    })
}

fn outcome(refused: bool) -> anyhow::Result<Outcome> {
    let answer = ResponseFacts {
        status: 200,
        version: 2.0,
        location: None,
        content_length: None,
        body_length: 512,
        last_modified: None,
        clock_offset: None,
        limited: false,
    };
    let address: SocketAddr = "192.0.2.7:443".parse()?;
    let hop = Hop {
        url: "https://endpoint.example/c/canary".to_owned(),
        address: Some(address),
        proxy: None,
        revocation: None,
        timings: Timings::default(),
        tls: None,
        response: (!refused).then_some(answer),
        failure: refused.then_some(Failure::Connect(ConnectFailure::Refused)),
        answer: None,
    };
    Ok(Outcome {
        prober: ProberName::Http,
        judges_json: false,
        started: SystemClock.now(),
        elapsed: Duration::from_millis(40),
        resolution: Resolution {
            addresses: vec![address.ip()],
            ..Resolution::default()
        },
        attempts: vec![Attempt {
            peer: Peer::Address(address),
            hops: vec![hop],
            violations: Vec::new(),
        }],
    })
}
