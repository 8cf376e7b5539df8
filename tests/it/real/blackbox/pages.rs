//! The pages that are probed: statuses, redirects, echoes, bodies, answers that break off.

use std::time::Duration;

use crate::lab::web::Framing;
use crate::lab::{Answer, Coding, Reply, WebLab};

/// Every page that every site has.
pub(super) async fn lay_out(site: &WebLab) {
    answers(site);
    echoes(site);
    bodies(site);
    broken(site);
    compressed(site).await;
}

fn answers(site: &WebLab) {
    for status in [204, 206, 302, 304, 404, 500] {
        site.route(&format!("/status/{status}"), Answer::status(status));
    }
    for status in [300, 301, 302, 303, 307, 308] {
        site.route(&format!("/redirect/{status}"), Answer::redirect(status, "/"));
        site.route(
            &format!("/redirect-echo/{status}"),
            Answer::redirect(status, "/echo"),
        );
    }
    site.route("/chain/10", Answer::redirect_chain(10));
    site.route("/chain/11", Answer::redirect_chain(11));
    site.route("/loop", Answer::redirect_loop());
    site.route("/to-nothing", Answer::redirect(302, "http://nothing.onion/"));
    site.route("/to-ftp", Answer::redirect(302, "ftp://127.0.0.1/"));
    site.route("/to-garbage", Answer::redirect(302, "http://[::1"));
    let cookie = Reply::new(302, "")
        .header("location", "/echo")
        .header("set-cookie", "seen=yes; Path=/");
    site.route("/cookie", cookie);
    site.route(
        "/once",
        Answer::decide(|request| match request.header("cookie") {
            Some("seen=yes") => Answer::text("seen\n"),
            _ => Reply::new(302, "")
                .header("location", "/once")
                .header("set-cookie", "seen=yes")
                .into(),
        }),
    );
}

fn echoes(site: &WebLab) {
    site.route("/echo", Answer::decide(echo));
    site.route(
        "/echo-body",
        Answer::decide(|request| {
            Answer::text(&format!(
                "{} {}",
                request.method,
                String::from_utf8_lossy(&request.body)
            ))
        }),
    );
    site.route(
        "/basic",
        Answer::decide(|request| match request.header("authorization") {
            Some("Basic dTpw") => Answer::text("welcome\n"),
            _ => Answer::status(401),
        }),
    );
}

fn bodies(site: &WebLab) {
    let json =
        r#"{"foo": "bar", "baz": "qux", "count": 3, "flag": true, "nothing": null, "list": [1, 2, 3]}"#;
    site.route("/json", Answer::text(json));
    for (path, json) in [
        ("/json-object", "{}"),
        ("/json-text", "\"foo\""),
        ("/json-list", r#"["foo", "bar", "baz"]"#),
        ("/json-true", "true"),
        (
            "/json-times",
            r#"{"expires": "2026-03-01T12:30:45.5+01:00", "issued": 1767225600, "wait": "1h30m", "space": "2026-03-01 12:30:45Z"}"#,
        ),
        ("/json-emoji", r#"{"foo": {"bar": "🤠🤠🤠"}}"#),
        ("/emoji", "🤠🤠🤠"),
    ] {
        site.route(path, Answer::text(json));
    }
    let token = r#"{"access_token": "abc", "token_type": "bearer", "expires_in": 60}"#;
    site.route(
        "/token",
        Reply::new(200, token).header("content-type", "application/json"),
    );
    site.route("/lines", Answer::text("one\ntwo\n"));
    site.route("/empty", Answer::text(""));
    site.route("/binary", Reply::new(200, vec![0_u8, 0xff, 0xfe, 0]));
    let headers = Reply::text("headers\n").header("x-kind", "good");
    site.route(
        "/headers",
        headers.header("x-twice", "first").header("x-twice", "second"),
    );
    site.route("/chunked", Reply::text("in chunks\n").framing(Framing::Chunked));
    site.route(
        "/until-close",
        Reply::text("until the end\n").framing(Framing::Close),
    );
    site.route("/large", Reply::text(&"x".repeat(1_000_000)));
    for (path, status, date) in [
        ("/modified", 200, "Tue, 02 Jun 2026 10:00:00 GMT"),
        ("/modified-500", 500, "Tue, 02 Jun 2026 10:00:00 GMT"),
        ("/modified-old", 200, "Tuesday, 02-Jun-26 10:00:00 GMT"),
        ("/modified-garbage", 200, "yesterday"),
    ] {
        site.route(path, Reply::new(status, "dated\n").header("last-modified", date));
    }
}

/// The request, as lines of text.
fn echo(request: &crate::lab::SeenRequest) -> Answer {
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"));
    let head = format!("{} {}?{}\n", request.method, request.path, request.query);
    let body = String::from_utf8_lossy(&request.body);
    // The two call themselves by other names: the length must not say so.
    let lines = headers.filter(|line| {
        !line.starts_with("user-agent: linkwatch") && !line.starts_with("user-agent: Blackbox")
    });
    Answer::text(&format!("{head}{}\n{body}\n", lines.collect::<String>()))
}

fn broken(site: &WebLab) {
    for (path, answer) in [
        ("/stall", Answer::Stall),
        ("/stall-head", Answer::StallInHead),
        ("/stall-body", Answer::StallInBody),
        (
            "/slow",
            Answer::After(Duration::from_millis(300), Box::new(Answer::text("late\n"))),
        ),
        ("/close", Answer::CloseBeforeHead),
        ("/close-head", Answer::CloseInHead),
        ("/close-body", Answer::CloseInBody),
        ("/reset", Answer::ResetAfterRequest),
        ("/reset-body", Answer::ResetInBody),
        ("/bad-chunk", Answer::BadChunk),
        ("/bad-length", Answer::BadLength),
        ("/not-http", Answer::NotHttp),
        ("/endless-head", Answer::EndlessHeader),
        ("/endless-interim", Answer::EndlessInterim),
        ("/endless-body", Answer::EndlessBody),
    ] {
        site.route(path, answer);
    }
}

async fn compressed(site: &WebLab) {
    let text = || Reply::text(&"compressed ".repeat(40));
    for (path, coding) in [
        ("/gzip", Coding::Gzip),
        ("/br", Coding::Brotli),
        ("/deflate", Coding::RawDeflate),
        ("/deflate-zlib", Coding::Deflate),
    ] {
        site.route(path, text().coded(coding).await);
    }
    let unknown = Reply::text("as it is\n").header("content-encoding", "xxx");
    site.route("/unknown-coding", unknown);
    let garbage = Reply::new(200, "this is no gzip").header("content-encoding", "gzip");
    site.route("/gzip-garbage", garbage);
    let mut short = text().coded(Coding::Gzip).await;
    short.body.truncate(short.body.len() - 6);
    site.route("/gzip-short", short);
}
