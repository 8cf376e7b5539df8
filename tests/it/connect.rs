//! The connect stage over real sockets.

#![expect(clippy::expect_used, reason = "what a test asks the lab for, it needs")]

use std::net::SocketAddr;
use std::time::Duration;

use linkwatch::outcome::ConnectFailure;
use linkwatch::probe::connect::connect;
use tokio::time::Instant;

use crate::lab::{Connect, WebLab, web::UNREACHABLE};

#[tokio::test]
async fn an_open_port_connects_without_delaying_small_writes() {
    let site = WebLab::plain().start().await;
    let stream = connect(site.addr(), soon()).await.expect("a connection");
    assert!(stream.nodelay().expect("the option"));
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let site = WebLab::plain().start().await;
    site.connect(Connect::Refuse).await;
    assert_eq!(failure(site.addr()).await, ConnectFailure::Refused);
}

#[tokio::test]
async fn silence_is_a_timeout_by_the_deadline() {
    let site = WebLab::plain().start().await;
    site.connect(Connect::Hang).await;
    let (began, patience) = (Instant::now(), Duration::from_millis(200));
    let failure = connect(site.addr(), began + patience)
        .await
        .expect_err("no connection");
    assert_eq!(failure, ConnectFailure::Timeout);
    assert!(began.elapsed() >= patience);
}

#[tokio::test]
async fn no_route_is_unreachable() {
    assert_eq!(
        failure((UNREACHABLE, 443).into()).await,
        ConnectFailure::Unreachable
    );
}

async fn failure(address: SocketAddr) -> ConnectFailure {
    connect(address, soon()).await.expect_err("no connection")
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}
