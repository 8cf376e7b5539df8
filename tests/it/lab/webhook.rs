//! A receiver of webhooks, as Alertmanager sends them.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Mutex, mpsc},
    task::JoinSet,
    time::{Instant, timeout},
};

/// One webhook.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// When it had arrived whole.
    pub at: Instant,
    /// The path it was sent to: receivers can share a server.
    pub path: String,
    /// The body.
    pub body: Bytes,
}

impl Delivery {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a webhook with a body in JSON")
    }
}

/// A running receiver; dropping it ends it. Every delivery is answered 200 and kept until it is taken.
#[derive(Debug)]
pub struct Webhook {
    addr: SocketAddr,
    deliveries: Mutex<mpsc::UnboundedReceiver<Delivery>>,
    _task: JoinSet<()>,
}

impl Webhook {
    /// Binds 127.0.0.1 and receives.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("bind a webhook receiver on loopback");
        let addr = listener.local_addr().expect("the address of a bound socket");
        let (sender, deliveries) = mpsc::unbounded_channel();
        let mut task = JoinSet::new();
        task.spawn(run(listener, sender));
        Self {
            addr,
            deliveries: Mutex::new(deliveries),
            _task: task,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// The next delivery, if one arrives within the limit.
    pub async fn next(&self, limit: Duration) -> Option<Delivery> {
        let mut deliveries = self.deliveries.lock().await;
        timeout(limit, deliveries.recv()).await.ok().flatten()
    }

    /// What has arrived and was not taken yet.
    pub async fn pending(&self) -> Vec<Delivery> {
        let mut deliveries = self.deliveries.lock().await;
        std::iter::from_fn(|| deliveries.try_recv().ok()).collect()
    }
}

async fn run(listener: TcpListener, sender: mpsc::UnboundedSender<Delivery>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(serve(stream, sender.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, sender: mpsc::UnboundedSender<Delivery>) {
    let service = service_fn(|request| receive(request, sender.clone()));
    drop(
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

async fn receive(
    request: Request<Incoming>,
    sender: mpsc::UnboundedSender<Delivery>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    // A body that breaks off is no delivery: its sender will try again.
    if let Ok(body) = Limited::new(request.into_body(), LARGEST).collect().await {
        drop(sender.send(Delivery {
            at: Instant::now(),
            path,
            body: body.to_bytes(),
        }));
    }
    Ok(Response::new(Empty::new()))
}

const LARGEST: usize = 16 * 1024 * 1024;
