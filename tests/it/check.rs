//! `linkwatch check` over every prober: each asks a real socket that is as it should be, and one that is not; by URL, by
//! name, and by module.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fmt::Write as _;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use linkwatch::cause::Cause;
use linkwatch::diagnosis::remedy;
use linkwatch::endpoint::{Endpoint, NO_NAME};

use crate::lab::web::UNREACHABLE;
use crate::lab::{
    Answer, Authority, Connect, DnsLab, Flaw, GrpcLab, Move, Says, SocketLab, TalkLab, Turn, WebLab,
};
use crate::prober::Asking;
use crate::program::{Home, run};
use crate::terminal::{err, out, steady, words};
use crate::watched::{assert_golden, group};

/// What is asked of what, and what must come of it.
struct Case {
    /// The endpoint, and its group.
    name: &'static str,
    module: &'static str,
    url: String,
    cause: Option<Cause>,
    /// What the remedy says.
    remedy: &'static str,
}

/// Servers for every prober, as they should be and otherwise.
struct Street {
    authority: Authority,
    home: Home,
    /// Where the sockets are: by a path that is as long on every machine.
    sockets_at: tempfile::TempDir,
    resolver: DnsLab,
    talks: Vec<TalkLab>,
    servers: Vec<DnsLab>,
    calls: Vec<GrpcLab>,
    sockets: Vec<SocketLab>,
    sites: Vec<WebLab>,
    cases: Vec<Case>,
}

impl Street {
    async fn start() -> Self {
        let mut street = Self {
            authority: Authority::new(),
            home: Home::new(""),
            sockets_at: tempfile::tempdir_in("/tmp").unwrap(),
            resolver: DnsLab::start().await,
            talks: Vec::new(),
            servers: Vec::new(),
            calls: Vec::new(),
            sockets: Vec::new(),
            sites: Vec::new(),
            cases: Vec::new(),
        };
        for name in ["mail.test", "ns.test", "orders.test", "feed.test"] {
            street.resolver.a(name, &["127.0.0.1"]);
        }
        street.tcp().await;
        street.dns().await;
        street.icmp();
        street.grpc().await;
        street.unix();
        street.websocket().await;
        street.configure();
        street
    }

    fn case(
        &mut self,
        name: &'static str,
        module: &'static str,
        url: String,
        wrong: Option<(Cause, &'static str)>,
    ) {
        let (cause, remedy) = wrong.unzip();
        self.cases.push(Case {
            name,
            module,
            url,
            cause,
            remedy: remedy.unwrap_or_default(),
        });
    }

    async fn talk(
        &mut self,
        name: &'static str,
        module: &'static str,
        script: Vec<Turn>,
        wrong: Option<(Cause, &'static str)>,
    ) {
        let server = TalkLab::start(script).await;
        self.case(name, module, server.url_of("mail.test"), wrong);
        self.talks.push(server);
    }

    async fn tcp(&mut self) {
        let good = Arc::new(self.authority.good("mail.test").server_config(&[]));
        let old = Arc::new(self.authority.bad("mail.test", Flaw::Expired).server_config(&[]));
        self.talk("tcp-fine", "connects", vec![Turn::Hang], None).await;
        self.talk(
            "tcp-greets",
            "greeted",
            vec![Turn::Tls(good), Turn::say("220 ready\r\n")],
            None,
        )
        .await;
        let wrong = (Cause::TlsExpired, "Renew the certificate of mail.test");
        self.talk("tcp-expired", "greeted", vec![Turn::Tls(old)], Some(wrong))
            .await;
        let wrong = (
            Cause::ExchangeMismatch,
            "Compare what the service at tcp://mail.test",
        );
        self.talk(
            "tcp-rude",
            "plainly",
            vec![Turn::say("550 go away\r\n")],
            Some(wrong),
        )
        .await;
        let wrong = (Cause::ExchangeTimeout, "waits for");
        self.talk("tcp-silent", "plainly", vec![Turn::Hang], Some(wrong))
            .await;
        let wrong = (Cause::ExchangeClosed, "hangs up");
        self.talk("tcp-hangs-up", "plainly", vec![], Some(wrong)).await;
        let nobody = WebLab::plain().start().await;
        nobody.connect(Connect::Refuse).await;
        let url = format!("tcp://127.0.0.1:{}", nobody.port());
        self.sites.push(nobody);
        let wrong = (Cause::ConnectRefused, "listens on port");
        self.case("tcp-refused", "connects", url, Some(wrong));
    }

    async fn ask(
        &mut self,
        name: &'static str,
        module: &'static str,
        says: Option<Says>,
        wrong: Option<(Cause, &'static str)>,
    ) {
        let server = DnsLab::start().await;
        server.a("www.test", &["192.0.2.1"]);
        if let Some(says) = says {
            server.says_to_all(says);
        }
        self.case(
            name,
            module,
            format!("dns://ns.test:{}", server.addr().port()),
            wrong,
        );
        self.servers.push(server);
    }

    async fn dns(&mut self) {
        self.ask("dns-fine", "asks", None, None).await;
        let wrong = (Cause::ExchangeStatus, "zone");
        self.ask("dns-fails", "asks", Some(Says::ServFail(None)), Some(wrong))
            .await;
        let wrong = (Cause::ExchangeTimeout, "over UDP and TCP");
        self.ask("dns-silent", "asks", Some(Says::Silent), Some(wrong))
            .await;
        let wrong = (Cause::ExchangeMismatch, "records");
        self.ask("dns-moved", "asks-elsewhere", None, Some(wrong)).await;
    }

    fn icmp(&mut self) {
        self.case("icmp-fine", "echo", "icmp://127.0.0.1".to_owned(), None);
        let wrong = (Cause::ConnectUnreachable, "route");
        self.case(
            "icmp-unreachable",
            "echo",
            format!("icmp://{UNREACHABLE}"),
            Some(wrong),
        );
        let wrong = (Cause::DnsNxdomain, "Create a record for gone.test");
        self.case(
            "icmp-nameless",
            "echo",
            "icmp://gone.test".to_owned(),
            Some(wrong),
        );
    }

    async fn grpc(&mut self) {
        use crate::lab::Check;
        let old = self
            .authority
            .bad("orders.test", Flaw::WrongName)
            .server_config(&[b"h2"]);
        let bad = Some((Cause::ExchangeStatus, "NOT_SERVING"));
        for (name, module, server, wrong) in [
            (
                "grpc-fine",
                "health",
                GrpcLab::plain(Check::Health(1)).await,
                None,
            ),
            (
                "grpc-not-serving",
                "health",
                GrpcLab::plain(Check::Health(2)).await,
                bad,
            ),
            (
                "grpc-unknown",
                "health",
                GrpcLab::plain(Check::Status("12", "unknown service grpc.health.v1.Health")).await,
                Some((Cause::ExchangeStatus, "health")),
            ),
            (
                "grpc-page",
                "health",
                GrpcLab::plain(Check::Page(404)).await,
                Some((Cause::ExchangeProtocol, "gRPC")),
            ),
            (
                "grpc-misnamed",
                "health-tls",
                GrpcLab::tls(old, Check::Health(1)).await,
                Some((
                    Cause::TlsHostnameMismatch,
                    "have a certificate issued for orders.test",
                )),
            ),
        ] {
            self.case(name, module, server.url_of("orders.test"), wrong);
            self.calls.push(server);
        }
    }

    fn unix(&mut self) {
        let path = |name: &str| self.sockets_at.path().join(name);
        let url = |name: &str| format!("unix://{}", path(name).display());
        let (fine, rude) = (url("fine.sock"), url("rude.sock"));
        self.talks.push(TalkLab::unix(
            &path("fine.sock"),
            [Turn::say("+PONG\r\n"), Turn::Hang],
        ));
        self.talks.push(TalkLab::unix(
            &path("rude.sock"),
            [Turn::say("-ERR\r\n"), Turn::Hang],
        ));
        drop(UnixListener::bind(path("left.sock")).unwrap());
        let (left, gone) = (url("left.sock"), url("gone.sock"));
        self.case("unix-fine", "local", fine, None);
        self.case(
            "unix-rude",
            "local",
            rude,
            Some((Cause::ExchangeTimeout, "waits for")),
        );
        self.case(
            "unix-left",
            "local",
            left,
            Some((Cause::ConnectRefused, "left.sock")),
        );
        self.case(
            "unix-gone",
            "local",
            gone,
            Some((Cause::ConnectUnreachable, "gone.sock")),
        );
    }

    async fn websocket(&mut self) {
        let own = self
            .authority
            .bad("feed.test", Flaw::SelfSigned)
            .server_config(&[]);
        for (name, scheme, server, wrong) in [
            (
                "ws-fine",
                "ws",
                SocketLab::plain([Move::say("ready"), Move::Hang]).await,
                None,
            ),
            (
                "ws-refused",
                "ws",
                SocketLab::refusing(503).await,
                Some((Cause::ExchangeStatus, "upgrade")),
            ),
            (
                "ws-rude",
                "ws",
                SocketLab::plain([Move::say("not yet"), Move::Hang]).await,
                Some((Cause::ExchangeMismatch, "ws://feed.test")),
            ),
            (
                "ws-self-signed",
                "wss",
                SocketLab::tls(own, [Move::say("ready"), Move::Hang]).await,
                Some((Cause::TlsSelfSigned, "Install a certificate")),
            ),
        ] {
            let url = format!("{scheme}://feed.test:{}/events", server.addr().port());
            self.case(name, "feed", url, wrong);
            self.sockets.push(server);
        }
    }

    fn configure(&self) {
        let roots = self.authority.root_pem_file();
        let roots = format!("{{ca_file: '{}'}}", roots.display());
        let mut config = format!(
            r#"global: {{interval: 1s, timeout: 1s}}
resolver: {{servers: ["{resolver}"]}}
modules:
  connects: {{prober: tcp}}
  plainly: {{prober: tcp, tcp: {{query_response: [{{expect: "^220 "}}]}}}}
  greeted: {{prober: tcp, tcp: {{tls: true, tls_config: {roots}, query_response: [{{expect: "^220 "}}]}}}}
  asks: {{prober: dns, dns: {{query_name: www.test, query_type: A}}}}
  asks-elsewhere: {{prober: dns, dns: {{query_name: www.test, query_type: A, validate_answer_rrs: {{fail_if_not_matches_regexp: ["192\\.0\\.2\\.9"]}}}}}}
  echo: {{prober: icmp}}
  health: {{prober: grpc}}
  health-tls: {{prober: grpc, grpc: {{tls: true, tls_config: {roots}}}}}
  local: {{prober: unix, unix: {{query_response: [{{send: PING}}, {{expect: "^\\+PONG$"}}]}}}}
  feed: {{prober: websocket, websocket: {{query_response: [{{expect: "^ready$"}}]}}}}
groups:
"#,
            resolver = self.resolver.addr()
        );
        for Case {
            name, module, url, ..
        } in &self.cases
        {
            writeln!(
                config,
                "  - {{name: {name}, hosts: ['{url}'], module: {module}, endpoint_name: '{name} {{host}}'}}"
            )
            .unwrap();
        }
        self.home.configure(&config);
    }

    fn file(&self) -> String {
        self.home.config_file().to_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_prober_has_a_report_with_the_right_verdict_and_a_remedy_of_its_own() {
    let street = Street::start().await;
    let file = street.file();
    let mut told = String::new();
    for case in &street.cases {
        let arguments = ["check", "--config.file", &file, "--group", case.name];
        let checked = run(&arguments).await;
        let text = out(&checked);
        let code = i32::from(case.cause.is_some());
        assert_eq!(checked.status.code(), Some(code), "{}: {text}", case.name);
        if let Some(cause) = case.cause {
            assert!(text.contains(&format!("\ncause      {cause}: ")), "{text}");
            let (_, remedy) = text.split_once("\ndo ").unwrap();
            let remedy = remedy.split("\n\n").next().unwrap();
            assert!(words(remedy).contains(case.remedy), "{}: {text}", case.name);
        }
        let text = steady(text)
            .replace(&street.sockets_at.path().display().to_string(), "/run")
            .replace("a datagram socket", "a SOCKET")
            .replace("a raw socket", "a SOCKET");
        writeln!(told, "{text}").unwrap();
    }
    assert_golden("tests/golden/check-every-prober.txt", &told);
}

/// What is said of one target that is named by hand.
async fn asked(arguments: &[&str]) -> (Option<i32>, String) {
    let checked = run(&[&["check", "--timeout=1s"], arguments].concat()).await;
    (
        checked.status.code(),
        format!("{}{}", out(&checked), err(&checked)),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scheme_is_asked_without_a_configuration() {
    let street = Street::start().await;
    let resolver = format!("--resolver={}", street.resolver.addr());
    let url = |name: &str| {
        let case = street.cases.iter().find(|case| case.name == name);
        case.unwrap().url.clone()
    };
    for (name, cause) in [
        ("tcp-fine", None),
        ("tcp-refused", Some("connect_refused")),
        ("dns-fine", None),
        ("dns-fails", Some("exchange_status")),
        ("icmp-fine", None),
        ("icmp-unreachable", Some("connect_unreachable")),
        ("grpc-fine", None),
        ("grpc-not-serving", Some("exchange_status")),
        ("unix-fine", None),
        ("unix-gone", Some("connect_unreachable")),
        ("ws-fine", None),
        ("ws-refused", Some("exchange_status")),
        ("ws-self-signed", Some("tls_self_signed")),
    ] {
        let (code, text) = asked(&[&url(name), &resolver]).await;
        assert_eq!(code, Some(i32::from(cause.is_some())), "{name}: {text}");
        let said = cause.map_or_else(
            || "verdict    Up: it works as expected.".to_owned(),
            |cause| format!("cause      {cause}: "),
        );
        assert!(text.contains(&said), "{name}: {text}");
    }
    let roots = street.authority.root_pem_file();
    let roots = format!("--ca-file={}", roots.display());
    for (name, cause) in [
        ("tcp-greets", None),
        ("grpc-misnamed", Some("tls_hostname_mismatch")),
    ] {
        let (code, text) = asked(&[&url(name), &resolver, &roots, "--tls"]).await;
        assert_eq!(code, Some(i32::from(cause.is_some())), "{name}: {text}");
        assert!(
            text.contains("\nchain      ") && text.contains(cause.unwrap_or("trusted until")),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dns_server_is_asked_whether_it_answers_or_for_a_name() {
    let server = DnsLab::start().await;
    server.a("www.test", &["192.0.2.1"]);
    let url = format!("dns://{}", server.addr());
    server.says(".", Says::Refused);
    let (code, text) = asked(&[&url]).await;
    assert_eq!(
        code,
        Some(0),
        "one that serves zones of its own refuses all else: {text}"
    );
    let (code, text) = asked(&[&url, "--query-name=www.test"]).await;
    assert!(
        code == Some(0) && text.contains("www.test. 300 IN A 192.0.2.1"),
        "{text}"
    );
    let (code, text) = asked(&[&url, "--query-name=gone.test", "--query-type=MX"]).await;
    assert!(code == Some(1) && text.contains("NXDOMAIN"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_of_several_probers_are_one_table() {
    let talk = TalkLab::start([Turn::Hang]).await;
    let call = GrpcLab::plain(crate::lab::Check::Health(2)).await;
    let site = WebLab::plain().start().await;
    let (tcp, grpc, http) = (talk.url_of("127.0.0.1"), call.url_of("127.0.0.1"), site.url("/"));
    let (code, text) = asked(&[&tcp, "icmp://127.0.0.1", &grpc, &http, "--details=0"]).await;
    assert_eq!(code, Some(1), "{text}");
    for group in [
        "http  1 of 1 ok",
        "tcp  1 of 1 ok",
        "icmp  1 of 1 ok",
        "grpc  0 of 1 ok",
    ] {
        assert!(text.contains(group), "{text}");
    }
    assert!(
        text.contains("3 of 4 endpoints are as they should be: 1 down, 3 ok"),
        "{text}"
    );
    // One host, asked by two schemes: the URLs tell the endpoints apart.
    let (code, text) = asked(&[
        "icmp://127.0.0.1",
        &format!("tcp://127.0.0.1:{}", talk.addr().port()),
    ])
    .await;
    assert_eq!(code, Some(0), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_checked_by_name_host_or_url_and_others_by_module() {
    let street = Street::start().await;
    let file = street.file();
    let check = async |arguments: &[&str]| {
        let checked = run(&[&["check", "--config.file", &file], arguments].concat()).await;
        (
            checked.status.code(),
            format!("{}{}", out(&checked), err(&checked)),
        )
    };
    let case = |name: &str| street.cases.iter().find(|case| case.name == name).unwrap();
    let serving = &case("grpc-fine").url;
    let name = serving.replace("grpc://", "grpc-fine ");
    for given in [&name, serving] {
        let (code, text) = check(&[given]).await;
        assert!(code == Some(0) && text.starts_with(&name), "{text}");
    }
    let (code, text) = check(&["feed.test", "--details=0"]).await;
    assert!(
        code == Some(1) && text.contains("1 of 4 endpoints are as they should be"),
        "{text}"
    );
    let (code, text) = check(&["orders.test", "--group=grpc-fine"]).await;
    assert!(code == Some(0) && text.starts_with(&name), "{text}");
    let greets = case("tcp-greets").url.replace("tcp://", "");
    let (code, text) = check(&[&greets, "--module=greeted"]).await;
    assert!(
        code == Some(0) && text.contains("chain      trusted until"),
        "{text}"
    );
    let (code, text) = check(&[&greets, "--module=plainly"]).await;
    assert!(code == Some(1) && text.contains("exchange_"), "{text}");
    for (arguments, said) in [
        (&["feed.tset"][..], "has no endpoint \"feed.tset\""),
        (&["https://nobody.test/"], "--module"),
        (&["a.test", "--module=healht"], "did you mean \"health\"?"),
        (&["--group=grpc-fein"], "did you mean \"grpc-fine\"?"),
        (&["https://a.test/", "--module=connects"], "the scheme \"https\""),
        (&["a.test", "--module=connects"], "names no port"),
        (&["--module=connects"], "<TARGETS>"),
    ] {
        let (code, text) = check(arguments).await;
        assert!(code == Some(2) && text.contains(said), "{arguments:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fleet_is_checked_with_the_hosts_that_its_sources_tell_of() {
    let talk = TalkLab::start([Turn::Hang]).await;
    let home = Home::new(
        "modules: {up: {prober: tcp}}\n\
         platforms: [{name: edge, type: heroku, app: a, token: t}]\n\
         groups: [{name: mail, module: up, discover: [{file_sd: {files: [hosts.json]}}, {http_sd: {url: \"http://127.0.0.1:9/sd\"}}, {platform: edge}]}]\n",
    );
    home.write(
        "hosts.json",
        &format!("[{{\"targets\": [\"{}\", \"a b\"]}}]", talk.addr()),
    );
    let checked = run(&["check", "--config.file", home.config_file().to_str().unwrap()]).await;
    assert_eq!(
        checked.status.code(),
        Some(0),
        "{}{}",
        out(&checked),
        err(&checked)
    );
    assert!(
        out(&checked).starts_with(&format!("{} is ok now", talk.addr())),
        "{}",
        out(&checked)
    );
    assert!(
        err(&checked).contains("\"a b\" is not checked: "),
        "{}",
        err(&checked)
    );
    assert!(
        err(&checked).contains("hosts of group mail are missing: "),
        "{}",
        err(&checked)
    );
    assert!(
        err(&checked).contains("the hosts that platform edge tells group mail of are not checked"),
        "{}",
        err(&checked)
    );
    let nobody = Home::new("groups: []\n");
    let checked = run(&["check", "--config.file", nobody.config_file().to_str().unwrap()]).await;
    assert_eq!(checked.status.code(), Some(2), "{}", out(&checked));
    assert!(err(&checked).contains("nothing to check"), "{}", err(&checked));
}

#[tokio::test]
async fn what_a_target_cannot_be_asked_is_refused() {
    for (arguments, said) in [
        (&["a.test", "--tls"][..], "--tls is for tcp"),
        (
            &["tcp://a.test:25", "--query-name=b.test"],
            "--query-name is for dns",
        ),
        (&["tcp://a.test:25", "--expect-status=200"], "for http and https"),
        (&["tcp://a.test"], "names no port"),
        (&["grpcs://a.test"], "grpc://a.test with --tls"),
        (
            &["dns://a.test", "--query-name=a.test", "--query-type=MXX"],
            "did you mean \"MX\"?",
        ),
        (
            &["dns://a.test", "--query-name=a..test"],
            "a label is 1 to 63 bytes",
        ),
        (&["/run/app.sock"], "unix:///run/app.sock"),
        (&["a..test"], "a label has 1 to 63 bytes"),
    ] {
        let (code, text) = asked(arguments).await;
        assert!(code == Some(2) && text.contains(said), "{arguments:?}: {text}");
    }
}

#[tokio::test]
async fn a_name_that_dns_cannot_hold_is_told_as_that_and_nobody_is_asked_for_it() {
    let resolver = DnsLab::start().await;
    resolver.a("a.test", &["127.0.0.1"]);
    let long = format!("{}.test", "a".repeat(64));
    let site = WebLab::plain()
        .answer(Answer::redirect(302, &format!("http://{long}/")))
        .start()
        .await;
    let redirecting = format!("http://a.test:{}/", site.port());
    // A caller of /probe may ask for one; a configuration may not, nor may a target.
    for (url, questions) in [(&format!("https://{long}/"), 0), (&redirecting, 2)] {
        let seen = Asking::by("prober: http").asking(&resolver).probe(url).await;
        let root = seen.verdict.root.as_ref().unwrap();
        assert_eq!(root.cause, Cause::DnsNxdomain, "{root:?}");
        assert!(root.actual.starts_with(NO_NAME), "{root:?}");
        let endpoint = Endpoint::of(url.parse().unwrap(), group("tested"));
        let remedy = remedy(root, &endpoint);
        assert!(remedy.starts_with("Correct the name"), "{remedy}");
        assert_eq!(resolver.all_queries(), questions, "{url}");
    }
    let (code, text) = asked(&[&redirecting, &format!("--resolver={}", resolver.addr())]).await;
    assert!(
        code == Some(1) && words(&text).contains("a label has 1 to 63 bytes"),
        "{text}"
    );
}

#[tokio::test]
async fn what_fails_after_a_redirect_is_mended_where_the_redirect_led() {
    let resolver = DnsLab::start().await;
    resolver.a("a.test", &["127.0.0.1"]);
    resolver.a("b.test", &["127.0.0.1"]);
    let site = WebLab::plain().answer(Answer::status(404)).start().await;
    let port = site.port();
    let refusing = WebLab::plain().start().await;
    refusing.connect(Connect::Refuse).await;
    let closed = refusing.port();
    for (path, location) in [
        ("/nowhere", "http://nowhere.test/".to_owned()),
        ("/closed", format!("http://a.test:{closed}/")),
        ("/missing", format!("http://b.test:{port}/page?session=1")),
        ("/loop", "/loop".to_owned()),
    ] {
        site.route(path, Answer::redirect(302, &location));
    }
    for (path, remedy) in [
        ("/nowhere", "Create a record for nowhere.test;".to_owned()),
        (
            "/closed",
            format!("listens on port {closed}, and that DNS points a.test"),
        ),
        (
            "/missing",
            format!("application behind b.test knows this name and this path (http://b.test:{port}/page)"),
        ),
        (
            "/loop",
            format!(
                "two rules of a.test that send to each other, often http and https or two spellings of the host: curl -sIL http://a.test:{port}/loop"
            ),
        ),
    ] {
        let url = format!("http://a.test:{port}{path}");
        let resolver = format!("--resolver={}", resolver.addr());
        // The endpoint's own record is as it should be, and setting it would mend nothing.
        let (code, text) = asked(&[&url, &resolver, "--expect-dns=127.0.0.0/8"]).await;
        assert!(
            code == Some(1) && words(&text).contains(&remedy),
            "{remedy}: {text}"
        );
    }
}
