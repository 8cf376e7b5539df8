use std::{error::Error as _, io, time::Duration};

use async_compression::tokio::bufread::{BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Body as _, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::AsyncReadExt as _,
    net::TcpStream,
    task::JoinSet,
    time::{Instant, timeout},
};

use super::transport::{shake_with, trusting};
use crate::lab::{Answer, Authority, Coding, Reply, WebLab, Webhook, web::Framing};

#[tokio::test]
async fn a_healthy_server_answers_and_remembers_who_asked() {
    let site = WebLab::plain().start().await;
    let response = get(&site, "/c/canary?x=1").await.expect("a response");
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().contains_key("date"));
    assert_eq!(whole(response).await.expect("a body"), "ok\n");
    let seen = site.last_request();
    assert_eq!(
        (seen.method.as_str(), seen.path.as_str(), seen.query.as_str()),
        ("GET", "/c/canary", "x=1")
    );
    assert_eq!(
        (seen.host.as_str(), seen.header("user-agent")),
        ("a.test", Some("lab"))
    );
    assert_eq!((site.requests(), site.connections()), (1, 1));
}

#[tokio::test]
async fn routes_are_chosen_by_host_then_path_and_can_change() {
    let site = WebLab::plain().route("/gone", Answer::status(410)).start().await;
    site.host("b.test", Answer::status(503));
    site.host_route("a.test", "/c", Answer::redirect(302, "https://example.com/"));
    assert_eq!(status(&site, "/gone").await, 410);
    assert_eq!(status(&site, "/").await, 200);
    let redirect = get(&site, "/c").await.expect("a response");
    assert_eq!(redirect.headers()["location"], "https://example.com/");
    site.answer(Answer::rate_limited(7));
    assert_eq!(
        get(&site, "/").await.expect("a response").headers()["retry-after"],
        "7"
    );
    site.heal().await;
    assert_eq!(status(&site, "/gone").await, 200);
}

#[tokio::test]
async fn a_decision_sees_the_request_and_a_chain_of_redirects_ends() {
    let site = WebLab::plain().start().await;
    site.answer(Answer::decide(|request| Answer::text(&request.path)));
    assert_eq!(
        whole(get(&site, "/x").await.expect("a response"))
            .await
            .expect("a body"),
        "/x"
    );
    site.answer(Answer::redirect_chain(2));
    for (path, location) in [
        ("/c", Some("/c?hop=1")),
        ("/c?hop=1", Some("/c?hop=2")),
        ("/c?hop=2", None),
    ] {
        let response = get(&site, path).await.expect("a response");
        let seen = response
            .headers()
            .get("location")
            .map(|value| value.to_str().expect("text"));
        assert_eq!(seen, location);
    }
}

#[tokio::test]
async fn every_framing_carries_the_same_body() {
    let body = "a line\n".repeat(10_000);
    let site = WebLab::plain().start().await;
    for framing in [Framing::Length, Framing::Chunked, Framing::Close] {
        site.answer(Reply::text(&body).framing(framing));
        assert_eq!(
            whole(get(&site, "/").await.expect("a response"))
                .await
                .expect("a body"),
            body
        );
    }
}

#[tokio::test]
async fn every_coding_is_what_it_says() {
    let site = WebLab::plain().start().await;
    for coding in [Coding::Gzip, Coding::Brotli, Coding::Deflate, Coding::RawDeflate] {
        site.answer(Reply::text("hello").coded(coding).await);
        let response = get(&site, "/").await.expect("a response");
        assert_eq!(response.headers()["content-encoding"], coding.token());
        let body = response.collect().await.expect("a body").to_bytes();
        let mut text = String::new();
        let read = match coding {
            Coding::Gzip => GzipDecoder::new(&body[..]).read_to_string(&mut text).await,
            Coding::Brotli => BrotliDecoder::new(&body[..]).read_to_string(&mut text).await,
            Coding::Deflate => ZlibDecoder::new(&body[..]).read_to_string(&mut text).await,
            Coding::RawDeflate => DeflateDecoder::new(&body[..]).read_to_string(&mut text).await,
        };
        read.expect("a body in this coding");
        assert_eq!(text, "hello");
    }
}

#[tokio::test]
async fn a_bomb_is_small_on_the_wire() {
    let bomb = Reply::bomb(20, Coding::Gzip).await;
    assert!(bomb.body.len() < 64 * 1024, "{} bytes", bomb.body.len());
    let mut unpacked = GzipDecoder::new(&bomb.body[..]);
    assert_eq!(
        tokio::io::copy(&mut unpacked, &mut tokio::io::sink())
            .await
            .expect("gzip"),
        20 << 20
    );
}

#[tokio::test]
async fn a_skewed_clock_shows_in_the_date() {
    let site = WebLab::plain().start().await;
    site.clock_skew(-3600);
    let response = get(&site, "/").await.expect("a response");
    let date = response.headers()["date"].to_str().expect("text");
    let said = jiff::fmt::rfc2822::parse(date).expect("a date").timestamp();
    let authority = Authority::new();
    let now = jiff::Timestamp::try_from(authority.now()).expect("a time");
    assert!((3595..=3605).contains(&now.duration_since(said).as_secs()));
    site.answer(Reply::text("").undated());
    assert!(
        !get(&site, "/")
            .await
            .expect("a response")
            .headers()
            .contains_key("date")
    );
}

#[tokio::test]
async fn a_broken_head_is_an_error_before_a_response() {
    let site = WebLab::plain().start().await;
    let broken = [
        Answer::CloseBeforeHead,
        Answer::CloseInHead,
        Answer::ResetAfterRequest,
        Answer::BadLength,
        Answer::NotHttp,
        Answer::EndlessHeader,
        Answer::EndlessInterim,
    ];
    let mut said = Vec::new();
    for answer in broken {
        site.answer(answer);
        said.push(
            timeout(LIMIT, get(&site, "/"))
                .await
                .map(|outcome| outcome.expect_err("no response")),
        );
    }
    let error = |index: usize| said[index].as_ref().expect("an error in time");
    assert!(
        error(0).is_incomplete_message() && error(1).is_incomplete_message(),
        "{said:?}"
    );
    assert_eq!(io_kind(error(2)), Some(io::ErrorKind::ConnectionReset));
    assert!(error(3).is_parse() && error(4).is_parse(), "{said:?}");
    assert!(error(5).is_parse_too_large(), "{said:?}");
    assert!(said[6].is_err(), "hyper skips informational responses for ever");
}

#[tokio::test]
async fn a_broken_body_is_an_error_after_the_head() {
    let site = WebLab::plain().start().await;
    let broken = [
        (Answer::CloseInBody, io::ErrorKind::UnexpectedEof),
        (Answer::ResetInBody, io::ErrorKind::ConnectionReset),
        (Answer::BadChunk, io::ErrorKind::InvalidInput),
    ];
    for (answer, kind) in broken {
        site.answer(answer.clone());
        let response = get(&site, "/").await.expect("a response");
        let error = whole(response).await.expect_err("a broken body");
        assert_eq!(io_kind(&error), Some(kind), "{error:?}");
    }
}

#[tokio::test]
async fn stalls_and_drips_outlast_a_patient_client() {
    let site = WebLab::plain().start().await;
    for answer in [
        Answer::Stall,
        Answer::StallInHead,
        Answer::SlowHead(Duration::from_millis(50)),
    ] {
        site.answer(answer);
        assert!(timeout(SHORT, get(&site, "/")).await.is_err());
    }
    for answer in [Answer::StallInBody, Answer::SlowBody(Duration::from_millis(5))] {
        site.answer(answer);
        let response = get(&site, "/").await.expect("a response");
        assert!(timeout(SHORT, whole(response)).await.is_err());
    }
    site.answer(Answer::After(
        Duration::from_millis(50),
        Box::new(Answer::status(204)),
    ));
    let begin = Instant::now();
    assert_eq!(status(&site, "/").await, 204);
    assert!(begin.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn an_endless_body_goes_on_for_as_long_as_it_is_read() {
    let site = WebLab::plain().answer(Answer::EndlessBody).start().await;
    assert!(read_up_to(get(&site, "/").await.expect("a response"), 10 << 20).await >= 10 << 20);
}

#[tokio::test]
async fn http2_answers_as_http1_does() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good("a.test"))
        .alpn(&["h2", "http/1.1"])
        .start()
        .await;
    let response = get2(&site, &authority, "/x?y").await.expect("a response");
    assert_eq!(whole(response).await.expect("a body"), "ok\n");
    let seen = site.last_request();
    assert_eq!(
        (seen.version, seen.host.as_str(), seen.sni.as_deref()),
        (http::Version::HTTP_2, "a.test", Some("a.test"))
    );
    site.answer(Answer::redirect(302, "/elsewhere"));
    let redirect = get2(&site, &authority, "/").await.expect("a response");
    assert_eq!(
        (redirect.status(), redirect.headers()["location"].as_bytes()),
        (StatusCode::FOUND, &b"/elsewhere"[..])
    );
}

#[tokio::test]
async fn http2_breaks_as_it_is_told() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good("a.test")).alpn(&["h2"]).start().await;
    for answer in [
        Answer::GoAway,
        Answer::StreamReset,
        Answer::CloseBeforeHead,
        Answer::NotHttp,
    ] {
        site.answer(answer.clone());
        let outcome = timeout(LIMIT, get2(&site, &authority, "/"))
            .await
            .expect("an outcome in time");
        assert!(outcome.is_err(), "{answer:?}");
    }
    site.answer(Answer::CloseInBody);
    let response = get2(&site, &authority, "/").await.expect("a response");
    assert!(
        timeout(LIMIT, whole(response))
            .await
            .expect("an outcome in time")
            .is_err()
    );
    site.answer(Answer::Stall);
    assert!(timeout(SHORT, get2(&site, &authority, "/")).await.is_err());
    site.answer(Answer::EndlessBody);
    let response = get2(&site, &authority, "/").await.expect("a response");
    assert!(read_up_to(response, 1 << 20).await >= 1 << 20);
}

#[tokio::test]
async fn a_webhook_arrives_with_its_body_and_time_or_not_at_all() {
    let hook = Webhook::start().await;
    assert!(hook.next(Duration::from_millis(50)).await.is_none());
    let begin = Instant::now();
    let stream = TcpStream::connect(hook.addr()).await.expect("a connection");
    let request = Request::post("/page")
        .header("host", "a.test")
        .body(Full::<Bytes>::from(r#"{"status":"firing"}"#));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .expect("a connection");
    let mut task = JoinSet::new();
    task.spawn(connection);
    let response = sender
        .send_request(request.expect("a request"))
        .await
        .expect("a response");
    assert_eq!(response.status(), StatusCode::OK);
    let delivery = hook.next(LIMIT).await.expect("a delivery");
    assert_eq!(
        (delivery.path.as_str(), &delivery.json()["status"]),
        ("/page", &"firing".into())
    );
    assert!(delivery.at >= begin);
    assert!(hook.pending().await.is_empty());
}

/// A response whose connection lives in the task set beside it.
#[derive(Debug)]
struct Received {
    response: Response<Incoming>,
    _connection: JoinSet<()>,
}

impl std::ops::Deref for Received {
    type Target = Response<Incoming>;

    fn deref(&self) -> &Self::Target {
        &self.response
    }
}

impl Received {
    async fn collect(self) -> Result<http_body_util::Collected<Bytes>, hyper::Error> {
        self.response.into_body().collect().await
    }
}

async fn get(site: &WebLab, path: &str) -> Result<Received, hyper::Error> {
    let stream = TcpStream::connect(site.addr()).await.expect("a connection");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut task = JoinSet::new();
    task.spawn(async { drop(connection.await) });
    let request = Request::get(path)
        .header("host", "a.test")
        .header("user-agent", "lab")
        .body(Full::default());
    let request: Request<Full<Bytes>> = request.expect("a request");
    let response = sender.send_request(request).await?;
    Ok(Received {
        response,
        _connection: task,
    })
}

async fn get2(site: &WebLab, authority: &Authority, path: &str) -> Result<Received, hyper::Error> {
    let stream = shake_with(site, trusting(authority, &["h2"]), "a.test")
        .await
        .expect("a handshake");
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let mut task = JoinSet::new();
    task.spawn(async { drop(connection.await) });
    let request = Request::get(format!("https://a.test{path}")).body(Full::<Bytes>::default());
    let response = sender.send_request(request.expect("a request")).await?;
    Ok(Received {
        response,
        _connection: task,
    })
}

async fn status(site: &WebLab, path: &str) -> u16 {
    get(site, path).await.expect("a response").status().as_u16()
}

async fn whole(received: Received) -> Result<String, hyper::Error> {
    let bytes = received.collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn read_up_to(mut received: Received, limit: usize) -> usize {
    let mut read = 0;
    while read < limit && !received.is_end_stream() {
        let frame = received
            .response
            .frame()
            .await
            .expect("no end")
            .expect("no error");
        read += frame.data_ref().map_or(0, Bytes::len);
    }
    read
}

impl Received {
    fn is_end_stream(&self) -> bool {
        self.response.body().is_end_stream()
    }
}

/// hyper's body errors have no names: the I/O error is somewhere in the chain.
fn io_kind(error: &hyper::Error) -> Option<io::ErrorKind> {
    let mut next = error.source();
    while let Some(source) = next {
        if let Some(io) = source.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        next = source.source();
    }
    None
}

const SHORT: Duration = Duration::from_millis(300);
const LIMIT: Duration = Duration::from_secs(2);
