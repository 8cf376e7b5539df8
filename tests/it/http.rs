//! The HTTP stage: every way an exchange fails, every rule, redirects, cookies, compression, both versions.

#![expect(clippy::expect_used, reason = "what a test asks its servers for, it needs")]

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use linkwatch::build_info;
use linkwatch::endpoint::{Expectation, HeaderExpectation, TextMatch};
use linkwatch::outcome::{Attempt, ConnectFailure, Failure, HttpFailure, ResponseFacts, Rule};
use linkwatch::probe::http::{Compression, HeaderRule};
use regex::Regex;

use crate::lab::authority::Authority;
use crate::lab::dns::DnsLab;
use crate::lab::web::{Answer, Coding, Connect, Framing, Reply, WebLab};
use crate::probe::{Probing, http_failure, last};

/// Time for a stall to be noticed.
const SHORT: Duration = Duration::from_secs(1);

fn response(attempt: &Attempt) -> &ResponseFacts {
    last(attempt).response.as_ref().expect("a response")
}

/// The rules that were broken, with what was expected and seen.
fn violations(attempt: &Attempt) -> Vec<(Rule, &str, &str)> {
    assert_eq!(attempt.failure(), None);
    let texts = attempt.violations.iter();
    texts
        .map(|violation| {
            (
                violation.rule,
                violation.expected.as_str(),
                violation.actual.as_str(),
            )
        })
        .collect()
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

fn exact(text: &str) -> TextMatch {
    TextMatch::Exact(text.to_owned())
}

/// Asks a plain server that answers so.
async fn ask(answer: impl Into<Answer>, probing: Probing) -> Attempt {
    let web = WebLab::plain().answer(answer).start().await;
    probing.attempt(&web.url("/")).await
}

/// Asks a server that speaks HTTP/2 and answers so.
async fn ask_http2(answer: impl Into<Answer>, change: impl FnOnce(&mut Probing)) -> Attempt {
    let authority = Authority::new();
    let web = WebLab::tls(authority.good("127.0.0.1"))
        .alpn(&["h2"])
        .answer(answer)
        .start()
        .await;
    let mut probing = Probing::with_root(&authority);
    change(&mut probing);
    probing.attempt(&web.url("/")).await
}

mod failures {
    use super::*;

    #[tokio::test]
    async fn a_reset_before_the_first_byte_is_one_of_the_connection() {
        let web = WebLab::plain().start().await;
        web.connect(Connect::Reset).await;
        let attempt = Probing::default().attempt(&web.url("/")).await;
        assert_eq!(attempt.failure(), Some(&Failure::Connect(ConnectFailure::Reset)));
        let attempt = ask(Answer::ResetAfterRequest, Probing::default()).await;
        assert_eq!(attempt.failure(), Some(&Failure::Connect(ConnectFailure::Reset)));
    }

    #[tokio::test]
    async fn an_end_before_the_answer_is_complete_is_closed() {
        for answer in [
            Answer::CloseBeforeHead,
            Answer::CloseInHead,
            Answer::CloseInBody,
            Answer::ResetInBody,
        ] {
            let attempt = ask(answer, Probing::default()).await;
            assert_eq!(http_failure(&attempt), &HttpFailure::Closed);
        }
    }

    #[tokio::test]
    async fn what_came_before_the_end_stays() {
        let attempt = ask(Answer::CloseInBody, Probing::default()).await;
        assert_eq!(response(&attempt).status, 200);
        assert!(response(&attempt).body_length > 0);
    }

    #[tokio::test]
    async fn a_reset_after_the_handshake_is_closed() {
        let authority = Authority::new();
        let web = WebLab::tls(authority.good("127.0.0.1"))
            .answer(Answer::ResetAfterRequest)
            .start()
            .await;
        let attempt = Probing::with_root(&authority).attempt(&web.url("/")).await;
        assert_eq!(http_failure(&attempt), &HttpFailure::Closed);
    }

    #[tokio::test]
    async fn what_is_not_http_is_a_matter_of_protocol() {
        for answer in [Answer::NotHttp, Answer::BadChunk, Answer::BadLength] {
            let attempt = ask(answer, Probing::default()).await;
            assert!(
                matches!(http_failure(&attempt), HttpFailure::Protocol(_)),
                "{attempt:?}"
            );
        }
    }

    #[tokio::test]
    async fn silence_and_drips_are_timeouts() {
        let pause = Duration::from_millis(50);
        let answers = [
            Answer::Stall,
            Answer::StallInHead,
            Answer::StallInBody,
            Answer::SlowHead(pause),
            Answer::SlowBody(pause),
            Answer::EndlessInterim,
        ];
        let begun = tokio::time::Instant::now();
        let attempts = answers.map(|answer| ask(answer, Probing::default().within(SHORT)));
        for attempt in futures_util::future::join_all(attempts).await {
            assert_eq!(http_failure(&attempt), &HttpFailure::Timeout);
        }
        assert!(begun.elapsed() < 2 * SHORT, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn an_endless_head_is_cut_off() {
        let attempt = ask(Answer::EndlessHeader, Probing::default()).await;
        assert_eq!(http_failure(&attempt), &HttpFailure::TooLarge(64 * 1024));
    }

    #[tokio::test]
    async fn an_endless_body_is_left_unread_where_nothing_is_asked_of_it() {
        let attempt = ask(Answer::EndlessBody, Probing::default()).await;
        assert_eq!(violations(&attempt), []);
        assert_eq!(response(&attempt).body_length, 8 << 20);
    }

    #[tokio::test]
    async fn an_endless_body_is_too_large_for_a_rule() {
        let probing =
            Probing::default().set(|settings| settings.fail_if_body_matches = vec![pattern("fail")]);
        let attempt = ask(Answer::EndlessBody, probing).await;
        assert_eq!(http_failure(&attempt), &HttpFailure::TooLarge(8 << 20));
    }

    #[tokio::test]
    async fn a_body_over_the_modules_limit_is_too_large_and_one_at_it_is_not() {
        let limited = |limit| Probing::default().set(move |settings| settings.body_size_limit = limit);
        let attempt = ask(Answer::text("0123456789"), limited(9)).await;
        assert_eq!(http_failure(&attempt), &HttpFailure::TooLarge(9));
        let attempt = ask(Answer::text("0123456789"), limited(10)).await;
        assert_eq!(violations(&attempt), []);
    }

    #[tokio::test]
    async fn an_end_without_close_notify_completes_a_body_that_ends_with_the_connection() {
        let authority = Authority::new();
        let answer = Reply::text("to the end").framing(Framing::Close);
        let web = WebLab::tls(authority.good("127.0.0.1"))
            .answer(answer)
            .start()
            .await;
        let attempt = Probing::with_root(&authority).attempt(&web.url("/")).await;
        assert_eq!(violations(&attempt), []);
        assert_eq!(response(&attempt).body_length, 10);
    }
}

mod http2 {
    use super::*;

    #[tokio::test]
    async fn is_spoken_where_it_is_offered_and_agreed() {
        let attempt = ask_http2(Answer::text("ok"), |_| ()).await;
        assert_eq!(violations(&attempt), []);
        assert!((response(&attempt).version - 2.0).abs() < f64::EPSILON);
        assert_eq!(response(&attempt).body_length, 2);
        let timings = last(&attempt).timings;
        assert!(
            !timings.processing.is_zero() && !timings.transfer.is_zero(),
            "{timings:?}"
        );
    }

    #[tokio::test]
    async fn a_body_is_sent_and_a_large_one_received() {
        let authority = Authority::new();
        let large = Reply::new(200, vec![b'x'; 1 << 20]);
        let web = WebLab::tls(authority.good("127.0.0.1"))
            .alpn(&["h2"])
            .answer(large)
            .start()
            .await;
        let probing = Probing::with_root(&authority).set(|settings| {
            settings.method = Method::POST;
            settings.body = b"hello".to_vec();
        });
        let attempt = probing.attempt(&web.url("/a?b=c")).await;
        assert_eq!(response(&attempt).body_length, 1 << 20);
        let seen = web.last_request();
        assert_eq!(
            (seen.method.as_str(), seen.path.as_str(), seen.query.as_str()),
            ("POST", "/a", "b=c")
        );
        assert_eq!(seen.body.as_ref(), b"hello");
    }

    #[tokio::test]
    async fn an_end_of_the_stream_or_connection_is_told_from_silence() {
        let attempt = ask_http2(Answer::Stall, |probing| probing.timeout = SHORT).await;
        assert_eq!(http_failure(&attempt), &HttpFailure::Timeout);
        for answer in [
            Answer::GoAway,
            Answer::StreamReset,
            Answer::CloseBeforeHead,
            Answer::CloseInBody,
            Answer::ResetInBody,
        ] {
            let attempt = ask_http2(answer, |_| ()).await;
            assert_eq!(http_failure(&attempt), &HttpFailure::Closed);
        }
    }

    #[tokio::test]
    async fn an_endless_head_is_cut_off_and_garbage_is_a_matter_of_protocol() {
        let attempt = ask_http2(Answer::EndlessHeader, |_| ()).await;
        assert_eq!(http_failure(&attempt), &HttpFailure::TooLarge(64 * 1024));
        let attempt = ask_http2(Answer::NotHttp, |_| ()).await;
        assert!(
            matches!(http_failure(&attempt), HttpFailure::Protocol(_)),
            "{attempt:?}"
        );
    }

    #[tokio::test]
    async fn an_endless_body_is_bounded() {
        let attempt = ask_http2(Answer::EndlessBody, |probing| {
            probing.settings.body_size_limit = 1000;
        })
        .await;
        assert_eq!(http_failure(&attempt), &HttpFailure::TooLarge(1000));
    }
}

mod requests {
    use super::*;

    #[tokio::test]
    async fn say_who_asks_and_mark_catalogue_probes() {
        let web = WebLab::plain().start().await;
        let probing = Probing {
            marked: true,
            ..Probing::default()
        };
        probing.attempt(&web.url("/path?query=1")).await;
        let seen = web.last_request();
        assert_eq!(seen.header("user-agent"), Some(build_info::USER_AGENT));
        assert_eq!(seen.header(build_info::MARKER_HEADER), Some("1"));
        assert_eq!(seen.header("host"), Some(web.addr().to_string().as_str()));
        assert_eq!((seen.path.as_str(), seen.query.as_str()), ("/path", "query=1"));
        Probing::default().attempt(&web.url("/")).await;
        assert_eq!(web.last_request().header(build_info::MARKER_HEADER), None);
    }

    #[tokio::test]
    async fn carry_the_modules_headers_method_and_body() {
        let web = WebLab::plain().start().await;
        let probing = Probing::default().set(|settings| {
            settings.method = Method::PUT;
            settings.body = b"{}".to_vec();
            settings.headers = vec![
                (http::header::HOST, HeaderValue::from_static("other.example")),
                (http::header::USER_AGENT, HeaderValue::from_static("custom")),
                (HeaderName::from_static("x-one"), HeaderValue::from_static("1")),
            ];
            settings.authorization = Some(HeaderValue::from_static("Bearer token"));
        });
        probing.attempt(&web.url("/")).await;
        let seen = web.last_request();
        assert_eq!(
            (seen.method.as_str(), seen.body.as_ref()),
            ("PUT", b"{}".as_slice())
        );
        assert_eq!(seen.header("host"), Some("other.example"));
        assert_eq!(seen.header("user-agent"), Some("custom"));
        assert_eq!(seen.header("x-one"), Some("1"));
        assert_eq!(seen.header("authorization"), Some("Bearer token"));
    }

    #[tokio::test]
    async fn carry_credentials_of_the_url_which_no_fact_repeats() {
        let web = WebLab::plain().start().await;
        let url = format!("http://user:secret@{}/", web.addr());
        let attempt = Probing::default().attempt(&url).await;
        assert_eq!(
            web.last_request().header("authorization"),
            Some("Basic dXNlcjpzZWNyZXQ=")
        );
        assert!(!format!("{attempt:?}").contains("secret"));
    }
}

mod facts {
    use super::*;

    #[tokio::test]
    async fn hold_the_head_of_the_response() {
        let reply = Reply::text("hello").header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
        let attempt = ask(reply, Probing::default()).await;
        let response = response(&attempt);
        assert_eq!(
            (response.status, response.content_length, response.body_length),
            (200, Some(5), 5)
        );
        assert!((response.version - 1.1).abs() < f64::EPSILON);
        assert_eq!(response.last_modified, "1994-11-06T08:49:37Z".parse().ok());
        let offset = response.clock_offset.expect("a date");
        assert!(offset.as_secs().abs() <= 2, "{offset}");
    }

    #[tokio::test]
    async fn tell_a_clock_that_is_off() {
        let web = WebLab::plain().start().await;
        web.clock_skew(-3600);
        let attempt = Probing::default().attempt(&web.url("/")).await;
        let offset = response(&attempt).clock_offset.expect("a date");
        assert!((offset.as_secs() + 3600).abs() <= 2, "{offset}");
        let attempt = ask(Reply::text("ok").undated(), Probing::default()).await;
        assert_eq!(response(&attempt).clock_offset, None);
    }

    #[tokio::test]
    async fn know_no_content_length_that_was_not_announced() {
        for framing in [Framing::Chunked, Framing::Close] {
            let attempt = ask(Reply::text("hello").framing(framing), Probing::default()).await;
            let response = response(&attempt);
            assert_eq!((response.content_length, response.body_length), (None, 5));
        }
    }

    #[tokio::test]
    async fn tell_limits_and_bot_walls_beside_the_status() {
        for answer in [Answer::rate_limited(5), Answer::bot_wall()] {
            let attempt = ask(answer, Probing::default()).await;
            assert!(response(&attempt).limited);
            assert_eq!(attempt.violations[0].rule, Rule::Status);
        }
        let attempt = ask(Answer::status(503), Probing::default()).await;
        assert!(!response(&attempt).limited);
    }

    #[tokio::test]
    async fn time_waiting_and_transfer_apart() {
        let wait = Duration::from_millis(200);
        let answer = Answer::After(wait, Box::new(Answer::text("late")));
        let attempt = ask(answer, Probing::default()).await;
        let timings = last(&attempt).timings;
        assert!(
            timings.processing >= wait && timings.transfer < wait,
            "{timings:?}"
        );
        let attempt = ask(
            Answer::SlowBody(Duration::from_millis(50)),
            Probing::default().within(SHORT),
        )
        .await;
        let timings = last(&attempt).timings;
        assert!(timings.transfer > timings.processing, "{timings:?}");
    }
}

mod rules {
    use super::*;

    #[tokio::test]
    async fn any_2xx_is_right_unless_statuses_are_named() {
        assert_eq!(
            violations(&ask(Answer::status(204), Probing::default()).await),
            []
        );
        let attempt = ask(Answer::status(404), Probing::default()).await;
        assert_eq!(violations(&attempt), [(Rule::Status, "2xx", "404")]);
        let named = || Probing::default().set(|settings| settings.valid_status_codes = vec![404, 401]);
        assert_eq!(violations(&ask(Answer::status(404), named()).await), []);
        let attempt = ask(Answer::status(200), named()).await;
        assert_eq!(violations(&attempt), [(Rule::Status, "401, 404", "200")]);
    }

    #[tokio::test]
    async fn the_endpoints_statuses_come_before_the_modules() {
        let expect = Expectation {
            status: vec![410],
            ..Expectation::default()
        };
        let probing = Probing::default().set(|settings| settings.valid_status_codes = vec![200]);
        assert_eq!(
            violations(&ask(Answer::status(410), probing.expecting(expect)).await),
            []
        );
    }

    #[tokio::test]
    async fn versions_and_tls_are_judged() {
        let probing = Probing::default().set(|settings| {
            settings.valid_http_versions = vec!["HTTP/2.0".to_owned()];
            settings.fail_if_not_ssl = true;
        });
        let attempt = ask(Answer::status(200), probing).await;
        assert_eq!(
            violations(&attempt),
            [
                (Rule::Version, "HTTP/2.0", "HTTP/1.1"),
                (Rule::Tls, "tls", "no tls")
            ]
        );
        let attempt = ask_http2(Answer::status(200), |probing| {
            probing.settings.valid_http_versions = vec!["HTTP/2.0".to_owned()];
            probing.settings.fail_if_ssl = true;
        })
        .await;
        assert_eq!(violations(&attempt), [(Rule::Tls, "no tls", "tls")]);
    }

    fn header_rule(header: &str, text: &str, allow_missing: bool) -> HeaderRule {
        HeaderRule {
            header: header.to_owned(),
            pattern: pattern(text),
            allow_missing,
        }
    }

    #[tokio::test]
    async fn headers_are_judged_value_by_value() {
        let reply = Reply::text("ok")
            .header("x-cache", "MISS")
            .header("x-cache", "HIT");
        let probing = Probing::default().set(|settings| {
            settings.fail_if_header_matches = vec![
                header_rule("x-cache", "HIT", false),
                header_rule("x-none", ".", true),
            ];
            settings.fail_if_header_not_matches = vec![
                header_rule("x-cache", "MISS", false),
                header_rule("x-gone", ".", false),
            ];
        });
        assert_eq!(
            violations(&ask(reply, probing).await),
            [
                (Rule::Header, "x-cache: no match of /HIT/", "HIT"),
                (Rule::Header, "x-gone: /./", "missing"),
            ]
        );
    }

    #[tokio::test]
    async fn a_wrong_status_leaves_headers_and_body_unjudged() {
        let probing = Probing::default().set(|settings| {
            settings.fail_if_header_not_matches = vec![header_rule("x-gone", ".", false)];
            settings.fail_if_body_matches = vec![pattern("500")];
        });
        let attempt = ask(Answer::status(500), probing).await;
        assert_eq!(violations(&attempt), [(Rule::Status, "2xx", "500")]);
    }

    #[tokio::test]
    async fn bodies_are_judged_and_never_repeated() {
        let probing = Probing::default()
            .set(|settings| {
                settings.fail_if_body_matches = vec![pattern("(?i)fatal"), pattern("absent")];
                settings.fail_if_body_not_matches = vec![pattern("welcome"), pattern("error")];
            })
            .expecting(Expectation {
                body: vec![
                    exact("Fatal error"),
                    exact("goodbye"),
                    TextMatch::Regexp(pattern("^no")),
                ],
                ..Expectation::default()
            });
        let attempt = ask(Answer::text("Fatal error 42"), probing).await;
        assert_eq!(
            violations(&attempt),
            [
                (Rule::Body, "no match of /(?i)fatal/", "found in 14 bytes"),
                (Rule::Body, "/welcome/", "not found in 14 bytes"),
                (Rule::Body, "goodbye", "not found in 14 bytes"),
                (Rule::Body, "/^no/", "not found in 14 bytes"),
            ]
        );
    }

    #[tokio::test]
    async fn the_endpoints_headers_are_equal_or_match_or_exist() {
        let expecting = |name: &str, value| {
            let name = name.to_owned();
            Probing::default().expecting(Expectation {
                headers: vec![HeaderExpectation { name, value }],
                ..Expectation::default()
            })
        };
        let reply = || {
            Reply::text("ok")
                .header("x-app", "v12")
                .header("set-cookie", "id=secret")
        };
        for (name, value) in [
            ("x-app", Some(exact("v12"))),
            ("x-app", Some(TextMatch::Regexp(pattern("^v[0-9]+$")))),
            ("x-app", None),
        ] {
            assert_eq!(violations(&ask(reply(), expecting(name, value)).await), []);
        }
        let attempt = ask(reply(), expecting("x-app", Some(exact("v1")))).await;
        assert_eq!(violations(&attempt), [(Rule::Header, "x-app: v1", "v12")]);
        let attempt = ask(reply(), expecting("x-gone", None)).await;
        assert_eq!(
            violations(&attempt),
            [(Rule::Header, "x-gone present", "missing")]
        );
        let attempt = ask(reply(), expecting("set-cookie", Some(exact("a=b")))).await;
        assert_eq!(
            violations(&attempt),
            [(Rule::Header, "set-cookie: a=b", "another value")]
        );
    }

    #[tokio::test]
    async fn an_expected_location_is_compared_as_sent_and_as_meant() {
        let web = WebLab::plain()
            .answer(Answer::redirect(301, "/new"))
            .start()
            .await;
        let absolute = web.url("/new");
        let expecting = |location| {
            Probing::default().expecting(Expectation {
                location: Some(location),
                ..Expectation::default()
            })
        };
        for right in [
            exact("/new"),
            exact(&absolute),
            TextMatch::Regexp(pattern("/new$")),
        ] {
            let attempt = expecting(right).attempt(&web.url("/")).await;
            assert_eq!(violations(&attempt), []);
            assert_eq!(attempt.hops.len(), 1);
        }
        let attempt = expecting(exact("/old")).attempt(&web.url("/")).await;
        assert_eq!(violations(&attempt), [(Rule::Location, "/old", "/new")]);
        web.answer(Answer::status(200));
        let attempt = expecting(exact("/new")).attempt(&web.url("/")).await;
        let missing = (Rule::Location, "/new", "no redirect: status 200");
        assert_eq!(violations(&attempt), [missing, (Rule::Status, "3xx", "200")]);
        web.answer(Answer::status(500));
        let attempt = expecting(exact("/new")).attempt(&web.url("/")).await;
        assert_eq!(violations(&attempt), [(Rule::Status, "3xx", "500")]);
    }
}

mod redirects {
    use super::*;

    #[tokio::test]
    async fn are_followed_and_each_hop_is_timed() {
        let attempt = ask(Answer::redirect_chain(3), Probing::default()).await;
        assert_eq!(violations(&attempt), []);
        let statuses: Vec<_> = attempt
            .hops
            .iter()
            .filter_map(|hop| Some(hop.response.as_ref()?.status))
            .collect();
        assert_eq!(statuses, [302, 302, 302, 200]);
        assert!(attempt.hops.iter().all(|hop| !hop.timings.connect.is_zero()));
    }

    #[tokio::test]
    async fn are_not_followed_where_the_module_says_so() {
        let probing = Probing::default().set(|settings| settings.follow_redirects = false);
        let attempt = ask(Answer::redirect(302, "/next"), probing).await;
        assert_eq!(violations(&attempt), [(Rule::Status, "2xx", "302")]);
        assert_eq!(response(&attempt).location.as_deref(), Some("/next"));
    }

    #[tokio::test]
    async fn ten_are_followed_and_the_last_answer_is_kept() {
        let attempt = ask(Answer::redirect_chain(10), Probing::default()).await;
        assert_eq!(violations(&attempt), []);
        let attempt = ask(Answer::redirect_chain(11), Probing::default()).await;
        assert_eq!(http_failure(&attempt), &HttpFailure::RedirectLoop);
        assert_eq!((attempt.hops.len(), response(&attempt).status), (11, 302));
        assert_eq!(attempt.violations[0].rule, Rule::Status);
    }

    #[tokio::test]
    async fn a_loop_is_seen_at_once() {
        let attempt = ask(Answer::redirect_loop(), Probing::default()).await;
        assert_eq!(http_failure(&attempt), &HttpFailure::RedirectLoop);
        assert_eq!(attempt.hops.len(), 1);
    }

    #[tokio::test]
    async fn out_of_http_are_not_followed() {
        let attempt = ask(Answer::redirect(302, "ftp://127.0.0.1/"), Probing::default()).await;
        assert_eq!(
            http_failure(&attempt),
            &HttpFailure::BadRedirect("ftp://127.0.0.1/".to_owned())
        );
        assert_eq!(response(&attempt).status, 302);
    }

    #[tokio::test]
    async fn without_a_location_are_judged_themselves() {
        let attempt = ask(Answer::status(302), Probing::default()).await;
        assert_eq!(violations(&attempt), [(Rule::Status, "2xx", "302")]);
    }

    #[tokio::test]
    async fn of_a_post_keep_method_and_body_only_when_temporary() {
        let web = WebLab::plain().start().await;
        let post = || {
            Probing::default().set(|settings| {
                settings.method = Method::POST;
                settings.body = b"order".to_vec();
            })
        };
        for (status, method, body) in [
            (302, "GET", ""),
            (303, "GET", ""),
            (307, "POST", "order"),
            (308, "POST", "order"),
        ] {
            web.route("/from", Answer::redirect(status, "/to"));
            post().attempt(&web.url("/from")).await;
            let seen = web.last_request();
            assert_eq!(
                (seen.path.as_str(), seen.method.as_str()),
                ("/to", method),
                "{status}"
            );
            assert_eq!(seen.body.as_ref(), body.as_bytes(), "{status}");
        }
    }

    #[tokio::test]
    async fn to_another_host_leave_credentials_and_host_header_behind() {
        let dns = DnsLab::start().await;
        dns.a("a.example", &["127.0.0.1"]);
        dns.a("b.example", &["127.0.0.1"]);
        let web = WebLab::plain().start().await;
        web.host("a.example", Answer::redirect(302, &web.url_of("b.example", "/")));
        let probing = || {
            Probing::default().asking(&dns).set(|settings| {
                settings.authorization = Some(HeaderValue::from_static("Bearer token"));
                settings.headers = vec![(http::header::COOKIE, HeaderValue::from_static("own=1"))];
            })
        };
        let attempt = probing().attempt(&web.url_of("a.example", "/")).await;
        assert_eq!(violations(&attempt), []);
        let seen = web.last_request();
        assert_eq!(seen.host, "b.example");
        assert_eq!(
            (seen.header("authorization"), seen.header("cookie")),
            (None, None)
        );
        assert!(!last(&attempt).timings.dns.is_zero());
        web.host("a.example", Answer::text("ok"));
        web.host_route("a.example", "/from", Answer::redirect(302, "/to"));
        probing().attempt(&web.url_of("a.example", "/from")).await;
        assert_eq!(web.last_request().header("authorization"), Some("Bearer token"));
    }

    #[tokio::test]
    async fn to_a_name_that_does_not_resolve_fail_in_dns() {
        let dns = DnsLab::start().await;
        let web = WebLab::plain()
            .answer(Answer::redirect(302, "http://nowhere.example/"))
            .start()
            .await;
        let attempt = Probing::default().asking(&dns).attempt(&web.url("/")).await;
        assert!(matches!(attempt.failure(), Some(Failure::Dns(_))), "{attempt:?}");
        assert_eq!(last(&attempt).address, None);
    }

    #[tokio::test]
    async fn try_the_next_address_of_a_host_that_refuses() {
        let dns = DnsLab::start().await;
        dns.a("two.example", &["127.0.0.3", "127.0.0.1"]);
        let web = WebLab::plain().start().await;
        let refusing_at = std::net::SocketAddr::from(([127, 0, 0, 3], web.port()));
        let refusing = WebLab::plain().at(refusing_at).start().await;
        refusing.connect(Connect::Refuse).await;
        web.route("/from", Answer::redirect(302, &web.url_of("two.example", "/")));
        let attempt = Probing::default().asking(&dns).attempt(&web.url("/from")).await;
        assert_eq!(violations(&attempt), []);
        assert_eq!(last(&attempt).address, Some(web.addr()));
    }

    #[tokio::test]
    async fn from_http_to_https_shake_hands_on_the_way() {
        let authority = Authority::new();
        let secure = WebLab::tls(authority.good("127.0.0.1")).start().await;
        let web = WebLab::plain()
            .answer(Answer::redirect(301, &secure.url("/")))
            .start()
            .await;
        let attempt = Probing::with_root(&authority)
            .set(|settings| settings.fail_if_not_ssl = true)
            .attempt(&web.url("/"))
            .await;
        assert_eq!(violations(&attempt), []);
        assert!(attempt.hops[0].tls.is_none() && last(&attempt).tls.is_some());
    }

    #[tokio::test]
    async fn carry_the_cookies_set_on_the_way() {
        let web = WebLab::plain().start().await;
        let wall = Answer::decide(|request| match request.header("cookie") {
            Some("own=1; seen=1; lang=en" | "own=1; lang=en; seen=1") => Answer::text("in"),
            _ => Reply::new(302, "")
                .header("location", "/")
                .header("set-cookie", "seen=1; Path=/")
                .header("set-cookie", "lang=en; Path=/; HttpOnly")
                .into(),
        });
        web.answer(wall);
        let own = (http::header::COOKIE, HeaderValue::from_static("own=1"));
        let probing = Probing::default().set(|settings| settings.headers = vec![own]);
        let attempt = probing.attempt(&web.url("/")).await;
        assert_eq!(violations(&attempt), []);
        assert_eq!(attempt.hops.len(), 2);
    }
}

mod compression {
    use super::*;

    fn decoding(compression: Compression) -> Probing {
        Probing::default().set(|settings| {
            settings.compression = Some(compression);
            settings.fail_if_body_not_matches = vec![pattern("^hello hello$")];
        })
    }

    #[tokio::test]
    async fn every_coding_is_asked_for_and_decoded() {
        for (compression, coding) in [
            (Compression::Gzip, Coding::Gzip),
            (Compression::Brotli, Coding::Brotli),
            (Compression::Deflate, Coding::Deflate),
            (Compression::Deflate, Coding::RawDeflate),
        ] {
            let web = WebLab::plain()
                .answer(Reply::text("hello hello").coded(coding).await)
                .start()
                .await;
            let attempt = decoding(compression).attempt(&web.url("/")).await;
            assert_eq!(violations(&attempt), [], "{coding:?}");
            assert_eq!(response(&attempt).body_length, 11);
            assert_eq!(web.last_request().header("accept-encoding"), Some(coding.token()));
        }
    }

    #[tokio::test]
    async fn what_is_not_in_the_coding_is_a_matter_of_protocol() {
        let attempt = ask(Answer::text("hello hello"), decoding(Compression::Gzip)).await;
        assert!(
            matches!(http_failure(&attempt), HttpFailure::Protocol(_)),
            "{attempt:?}"
        );
    }

    #[tokio::test]
    async fn an_end_in_the_middle_is_still_closed() {
        let attempt = ask(Answer::CloseInBody, decoding(Compression::Identity)).await;
        assert_eq!(http_failure(&attempt), &HttpFailure::Closed);
    }

    #[tokio::test]
    async fn no_body_needs_no_decoding() {
        let probing = Probing::default().set(|settings| settings.compression = Some(Compression::Gzip));
        assert_eq!(violations(&ask(Reply::new(204, ""), probing).await), []);
    }

    #[tokio::test]
    async fn a_bomb_is_stopped_at_the_bound() {
        let bomb = Reply::bomb(64, Coding::Gzip).await;
        let attempt = ask(bomb.clone(), decoding(Compression::Gzip)).await;
        assert_eq!(http_failure(&attempt), &HttpFailure::TooLarge(8 << 20));
        let probing = Probing::default().set(|settings| {
            settings.compression = Some(Compression::Gzip);
            settings.body_size_limit = 1 << 20;
        });
        let attempt = ask(bomb, probing).await;
        assert_eq!(http_failure(&attempt), &HttpFailure::TooLarge(1 << 20));
    }
}
