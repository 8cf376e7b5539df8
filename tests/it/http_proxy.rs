//! Ways through a proxy: by CONNECT, by SOCKS, with the request itself, and everything that fails on them.

use std::net::SocketAddr;
use std::time::Duration;

use crate::lab::{Answer, Authority, Connect, DnsLab, Flaw, ProxyLab, Proxying, Reply, WebLab};
use crate::prober::{Asking, Seen};

/// A module that trusts an authority and goes by a proxy.
fn module(authority: &Authority, proxy: &str, more: &str) -> String {
    let roots = authority.root_pem().replace('\n', "\n      ");
    format!(
        "prober: http\nhttp:\n  preferred_ip_protocol: ip4\n  proxy_url: \"{proxy}\"\n{more}  tls_config:\n    ca: |\n      {roots}"
    )
}

async fn ask(authority: &Authority, proxy: &str, url: &str) -> Seen {
    Asking::by(&module(authority, proxy, "")).probe(url).await
}

fn root(seen: &Seen) -> (&'static str, String, String) {
    let root = seen.verdict.root.as_ref().expect("a root");
    (root.cause.as_str(), root.expected.clone(), root.actual.clone())
}

#[tokio::test]
async fn https_goes_through_a_tunnel_and_the_certificate_is_the_targets() {
    let authority = Authority::new();
    for alpn in [["http/1.1"], ["h2"]] {
        let web = WebLab::tls(authority.good("127.0.0.1")).alpn(&alpn).start().await;
        let proxy = ProxyLab::start(Proxying::Http, web.addr()).await;
        let by = format!("http://me:sweet-secret@{}", proxy.addr());
        let seen = ask(&authority, &by, &web.url("/x")).await;
        assert_eq!(
            (seen.root(), seen.value("probe_success")),
            ("", Some(1.0)),
            "{seen:?}"
        );
        assert_eq!(seen.value("probe_ip_protocol"), Some(4.0));
        assert_eq!(seen.value("probe_http_ssl"), Some(1.0));
        let told = proxy.told();
        assert_eq!(told[0], format!("CONNECT {} HTTP/1.1", web.addr()));
        assert!(
            told.iter()
                .any(|line| line == "proxy-authorization: Basic bWU6c3dlZXQtc2VjcmV0"),
            "{told:?}"
        );
        assert!(!format!("{seen:?}").contains("sweet-secret"));
        assert_eq!(web.last_request().header("proxy-authorization"), None);
    }
}

#[tokio::test]
async fn http_is_handed_to_the_proxy_with_the_whole_url() {
    let authority = Authority::new();
    let web = WebLab::plain().answer(Answer::text("hello")).start().await;
    let dns = DnsLab::start().await;
    dns.a("a.test", &["127.0.0.1"]);
    let proxy = ProxyLab::start(Proxying::Http, web.addr()).await;
    let by = module(&authority, &format!("http://{}", proxy.addr()), "");
    let seen = Asking::by(&by)
        .asking(&dns)
        .probe(&web.url_of("a.test", "/x?y=1"))
        .await;
    assert_eq!(seen.root(), "", "{seen:?}");
    let told = proxy.told();
    // As blackbox_exporter does: resolved here, so the proxy need not ask again.
    assert_eq!(told[0], format!("GET http://{}/x?y=1 HTTP/1.1", web.addr()));
    assert!(told.contains(&format!("host: a.test:{}", web.port())), "{told:?}");
}

#[tokio::test]
async fn a_name_is_left_to_the_proxy_where_the_module_says_so() {
    let authority = Authority::new();
    let web = WebLab::tls(authority.good("hidden.test")).start().await;
    let proxy = ProxyLab::start(Proxying::Http, web.addr()).await;
    let socks = ProxyLab::start(Proxying::Socks(None), web.addr()).await;
    for (by, told) in [
        (
            format!("http://{}", proxy.addr()),
            format!("CONNECT hidden.test:{} HTTP/1.1", web.port()),
        ),
        (
            format!("socks5://{}", socks.addr()),
            format!("hidden.test:{}", web.port()),
        ),
    ] {
        let module = module(&authority, &by, "  skip_resolve_phase_with_proxy: true\n");
        let seen = Asking::by(&module).probe(&web.url_of("hidden.test", "/")).await;
        assert_eq!(
            (seen.root(), seen.value("probe_success")),
            ("", Some(1.0)),
            "{seen:?}"
        );
        let series = seen.series();
        for absent in [
            "probe_dns_lookup_time_seconds",
            "probe_ip_protocol",
            "probe_ip_addr_hash",
            "phase=\"resolve\"",
        ] {
            assert!(!series.contains(absent), "{absent} in {series}");
        }
        let heard = [proxy.told(), socks.told()].concat();
        assert!(heard.contains(&told), "{heard:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_wants_tls_is_verified_by_its_own_name() {
    let authority = Authority::new();
    let secure = WebLab::tls(authority.good("127.0.0.1")).start().await;
    let plain = WebLab::plain().start().await;
    for web in [&secure, &plain] {
        let proxy = ProxyLab::start(Proxying::Https(authority.good("127.0.0.1")), web.addr()).await;
        let seen = ask(&authority, &format!("https://{}", proxy.addr()), &web.url("/")).await;
        assert_eq!(seen.root(), "", "{seen:?}");
    }
    let expired = authority.bad("127.0.0.1", Flaw::Expired);
    let proxy = ProxyLab::start(Proxying::Https(expired), secure.addr()).await;
    let seen = ask(&authority, &format!("https://{}", proxy.addr()), &secure.url("/")).await;
    let (cause, _, actual) = root(&seen);
    assert_eq!(cause, "tls_expired");
    assert!(
        actual.ends_with(&format!(", at the proxy {}", proxy.addr())),
        "{actual}"
    );
    assert!(!seen.series().contains("probe_ssl"), "{}", seen.series());
}

#[tokio::test]
async fn socks_takes_its_user_and_refuses_others() {
    let authority = Authority::new();
    let web = WebLab::plain().start().await;
    let proxy = ProxyLab::start(Proxying::Socks(Some(("me", "sweet-secret"))), web.addr()).await;
    for scheme in ["socks5", "socks5h"] {
        let seen = ask(
            &authority,
            &format!("{scheme}://me:sweet-secret@{}", proxy.addr()),
            &web.url("/"),
        )
        .await;
        assert_eq!(seen.root(), "", "{seen:?}");
    }
    assert_eq!(proxy.told()[0], web.addr().to_string());
    let seen = ask(
        &authority,
        &format!("socks5://me:wrong@{}", proxy.addr()),
        &web.url("/"),
    )
    .await;
    let (cause, expected, actual) = root(&seen);
    assert_eq!(
        (cause, expected),
        (
            "connect_proxy",
            format!("a connection by the proxy {}", proxy.addr())
        )
    );
    assert_eq!(actual, "socks: password auth failure, code: 1");
}

#[tokio::test]
async fn what_a_proxy_refuses_is_told_apart_from_what_the_target_answers() {
    let authority = Authority::new();
    let web = WebLab::tls(authority.good("127.0.0.1")).start().await;
    for (says, actual) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "it answers 407 Proxy Authentication Required",
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad",
            "it answers 502 Bad Gateway",
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n", "its answer is not http"),
        ("", "it closed the connection"),
    ] {
        let proxy = ProxyLab::start(Proxying::Says(says), web.addr()).await;
        let seen = ask(&authority, &format!("http://{}", proxy.addr()), &web.url("/")).await;
        let root = root(&seen);
        assert_eq!((root.0, root.2.as_str()), ("connect_proxy", actual));
        assert_eq!(seen.value("probe_success"), Some(0.0));
        assert_eq!(seen.value("probe_http_status_code"), Some(0.0));
    }
    let plain = WebLab::plain().answer(Reply::new(407, "no")).start().await;
    let seen = ask(
        &authority,
        &format!("http://{}", plain.addr()),
        "http://127.0.0.1:1/",
    )
    .await;
    assert_eq!(root(&seen).0, "http_status");
    assert_eq!(seen.value("probe_http_status_code"), Some(407.0));
}

#[tokio::test]
async fn a_proxy_that_is_not_there_or_silent_is_named_with_its_address() {
    let authority = Authority::new();
    let web = WebLab::tls(authority.good("127.0.0.1")).start().await;
    let gone = WebLab::plain().start().await;
    gone.connect(Connect::Refuse).await;
    let seen = ask(&authority, &format!("http://{}", gone.addr()), &web.url("/")).await;
    let (cause, _, actual) = root(&seen);
    assert_eq!(
        (cause, actual),
        (
            "connect_refused",
            format!("connection refused, at the proxy {}", gone.addr())
        )
    );
    let silent = ProxyLab::start(Proxying::Hangs, web.addr()).await;
    let asking = Asking::by(&module(&authority, &format!("http://{}", silent.addr()), ""));
    let seen = asking
        .within(Duration::from_millis(500))
        .probe(&web.url("/"))
        .await;
    let (cause, _, actual) = root(&seen);
    assert_eq!((cause, actual.as_str()), ("connect_proxy", "no answer in time"));
    let seen = ask(&authority, "http://no-such-proxy.invalid:3128", &web.url("/")).await;
    assert!(root(&seen).0.starts_with("dns_"), "{seen:?}");
    assert!(
        root(&seen).2.contains("at the proxy no-such-proxy.invalid:3128"),
        "{seen:?}"
    );
}

#[tokio::test]
async fn what_no_proxy_names_goes_past_and_connect_headers_go_to_the_proxy_alone() {
    let authority = Authority::new();
    let web = WebLab::tls(authority.good("127.0.0.1")).start().await;
    let proxy = ProxyLab::start(Proxying::Http, web.addr()).await;
    let by = format!("http://{}", proxy.addr());
    let past = module(&authority, &by, "  no_proxy: \"inner.test, 10.0.0.0/8\"\n");
    let seen = Asking::by(&past).probe(&web.url("/")).await;
    assert_eq!(
        (seen.root(), proxy.told().len()),
        ("", 0),
        "loopback goes past, as in Go"
    );
    let headers = "  proxy_connect_header: {X-Ticket: [sweet-secret, other]}\n";
    let seen = Asking::by(&module(&authority, &by, headers))
        .probe(&web.url("/"))
        .await;
    assert_eq!(seen.root(), "");
    let told = proxy.told();
    assert!(
        told.contains(&"x-ticket: sweet-secret".to_owned()) && told.contains(&"x-ticket: other".to_owned())
    );
    assert_eq!(web.last_request().header("x-ticket"), None);
}

#[tokio::test]
async fn redirects_go_through_the_proxy_too() {
    let authority = Authority::new();
    let web = WebLab::plain().start().await;
    web.route("/from", Answer::redirect(302, "http://elsewhere.test/to"));
    let proxy = ProxyLab::start(Proxying::Http, web.addr()).await;
    let seen = ask(&authority, &format!("http://{}", proxy.addr()), &web.url("/from")).await;
    assert_eq!(seen.root(), "", "{seen:?}");
    assert!(
        proxy
            .told()
            .contains(&"GET http://elsewhere.test:80/to HTTP/1.1".to_owned()),
        "{:?}",
        proxy.told()
    );
    let address: SocketAddr = proxy.addr();
    assert!(
        seen.outcome.attempts[0]
            .hops
            .iter()
            .all(|hop| hop.address == Some(address))
    );
}
