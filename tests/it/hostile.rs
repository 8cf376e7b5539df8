//! Requests that nobody should send: odd methods, endless paths, absurd parameters, headers that mean nothing. Each is
//! answered in time with a status that fits, small, and the next one is served as ever.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::time::Duration;

use linkwatch::web::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::program::LIMIT;
use crate::watched::large;
use crate::web::Running;

/// Every path with a page, a document or a picture behind it.
const PATHS: &[&str] = &[
    "/",
    "/incidents",
    "/endpoints/a.example",
    "/badges/endpoints/a.example.svg",
    "/badges/groups/tracking.svg",
    "/metrics",
    "/config",
    "/-/healthy",
    "/-/ready",
    "/api/v1/endpoints",
    "/api/v1/endpoints/a.example",
    "/api/v1/incidents",
    "/api/v1/traffic",
    "/api/v1/openapi.yaml",
];

/// All that comes for these bytes, until the server closes or says no more.
async fn raw(server: &Running, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut answer = Vec::new();
    let exchange = async {
        // A server that has refused reads no further.
        let _ = stream.write_all(bytes).await;
        let _ = stream.read_to_end(&mut answer).await;
    };
    tokio::time::timeout(LIMIT, exchange).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn absurd_parameters_are_as_if_they_were_not_there() {
    let server = Running::small().await;
    let long = "x".repeat(20_000);
    let queries = [
        "page=0",
        "page=-1",
        "page=99999999999999999999999999",
        "page=18446744073709551615",
        "page=1e9",
        "refresh=0",
        "refresh=-5",
        "refresh=4294967296",
        "refresh=NaN",
        "state=%00",
        "state=down&state=up&state=",
        "group=%F0%9F%92%A9%FF%FE",
        "cause=%E2%80%AE",
        "q=%ZZ%",
        "q=%0d%0aSet-Cookie:%20a=b",
        "&&&===&=&q",
        "q[]=1&q[$ne]=1",
        &format!("q={long}"),
        &format!("{long}={long}"),
        &"a=b&".repeat(5_000),
    ];
    for path in ["/", "/incidents", "/endpoints/a.example"] {
        let plain = server.get(path).await;
        for query in &queries {
            let reply = server.get(&format!("{path}?{query}")).await;
            let shown = query.get(..40).unwrap_or(query);
            assert!(
                [200, 404].contains(&reply.status),
                "{path}?{shown}: {}",
                reply.status
            );
            assert_eq!(reply.status, plain.status, "{path}?{shown}");
            assert!(
                reply.body.len() < plain.body.len() + 8_000,
                "{path}?{shown}: {}",
                reply.body.len()
            );
            assert_eq!(reply.header("set-cookie"), None);
            assert_eq!(reply.header("refresh"), None, "{path}?{shown}");
        }
    }
}

#[tokio::test]
async fn odd_methods_are_refused_with_those_that_are_taken() {
    let server = Running::small().await;
    for path in PATHS {
        for method in [
            "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "X",
        ] {
            let reply = server.ask(method, path, &["content-length: 0"]).await;
            assert_eq!(
                (reply.status, reply.header("allow")),
                (405, Some("GET, HEAD")),
                "{method} {path}"
            );
        }
    }
    let reply = server.get("/-/reload").await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST, PUT")));
    assert!(
        raw(
            &server,
            b"CONNECT a.example:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        )
        .await
        .starts_with("HTTP/1.1 4")
    );
}

#[tokio::test]
async fn a_name_is_answered_whatever_it_is_and_is_not_given_back_at_length() {
    let server = Running::small().await;
    let long = "%41".repeat(8_000);
    for name in [
        "..",
        "%2e%2e%2f%2e%2e",
        "%00",
        "%FF%FE",
        "a.example/../b",
        "%",
        "%GG",
        "+",
        "",
        "a.example%0d%0aX:%20y",
        &long,
    ] {
        for path in [
            format!("/endpoints/{name}"),
            format!("/api/v1/endpoints/{name}"),
            format!("/badges/endpoints/{name}.svg"),
            format!("/badges/groups/{name}.svg"),
        ] {
            let reply = server.get(&path).await;
            let shown = path.get(..60).unwrap_or(&path);
            assert_eq!(reply.status, 404, "{shown}");
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{shown}");
            assert_eq!(reply.header("x"), None);
            assert!(reply.body.len() < 12_000, "{shown}: {} bytes", reply.body.len());
        }
    }
}

#[tokio::test]
async fn headers_that_mean_nothing_change_nothing() {
    let server = Running::small().await;
    let many: Vec<String> = (0..60).map(|number| format!("x-{number}: y")).collect();
    let long = format!("accept: {}", "text/html;q=0.1,".repeat(1_000));
    let odd = [
        vec!["accept: "],
        vec!["accept: */*;q=banana"],
        vec!["accept: ;;;,,,"],
        vec!["accept: application/vnd.google.protobuf;proto=evil;encoding=x"],
        vec!["accept-encoding: gzip;q=0, identity;q=0, *;q=0"],
        vec!["accept-encoding: \u{1}"],
        vec!["range: bytes=0-1", "if-none-match: *", "expect: something"],
        vec!["x-prometheus-scrape-timeout-seconds: -1e999"],
        vec![&*long],
        many.iter().map(String::as_str).collect(),
    ];
    for path in PATHS {
        for headers in &odd {
            let reply = server.ask("GET", path, headers).await;
            assert!(
                [200, 400, 404, 503].contains(&reply.status),
                "{path} {headers:?}: {}",
                reply.status
            );
        }
        let reply = server.get(path).await;
        assert!(
            [200, 404, 503].contains(&reply.status),
            "{path}: {}",
            reply.status
        );
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_the_next_is_served() {
    let limits = Limits {
        head: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = Running::with(large(3), limits).await;
    let endless = [
        b"GET /".as_slice(),
        &b"a".repeat(100_000),
        b" HTTP/1.1\r\nhost: x\r\n\r\n",
    ]
    .concat();
    let heads = [
        b"GET / HTTP/1.1\r\n".as_slice(),
        &b"a: b\r\n".repeat(20_000),
        b"\r\n",
    ]
    .concat();
    for (bytes, what) in [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(), "TLS"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2"),
        (b"GET / HTTP/9.9\r\n\r\n", "a version to come"),
        (b"\0\0\0\0\r\n\r\n", "zeroes"),
        (
            b"GET / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            "two lengths",
        ),
        (
            b"GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\nzzz",
            "smuggling",
        ),
        (b"GET /\x01 HTTP/1.1\r\n\r\n", "a control character"),
        (b"GET", "half a word"),
        (&endless, "an endless path"),
        (&heads, "endless headers"),
    ] {
        let answer = raw(&server, bytes).await;
        let refused =
            answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4");
        assert!(
            refused || what == "smuggling",
            "{what}: {}",
            answer.get(..200).unwrap_or(&answer)
        );
        assert_eq!(server.get("/-/healthy").await.status, 200, "after {what}");
    }
}

#[tokio::test]
async fn readers_that_take_a_byte_at_a_time_hold_up_nobody() {
    let limits = Limits {
        stall: Duration::from_secs(1),
        ..Limits::default()
    };
    let server = Running::with(large(5_000), limits).await;
    let mut slow = Vec::new();
    for path in ["/", "/metrics", "/api/v1/endpoints", "/incidents"] {
        for _ in 0..8 {
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut byte = [0];
            stream.read_exact(&mut byte).await.unwrap();
            slow.push(stream);
        }
    }
    let asked = tokio::time::timeout(LIMIT, server.get("/")).await;
    assert_eq!(asked.unwrap().status, 200);
}
