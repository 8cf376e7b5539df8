//! Secrets in the running program: none of those in its files, or in what it is asked for, is in anything that it answers
//! or writes, whatever comes of the probes and of the files.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as the test does")]

use std::fmt::Write as _;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::join_all;
use url::form_urlencoded::byte_serialize;

use crate::lab::{
    Answer, Check, Connect, DnsLab, GrpcLab, Move, ProxyLab, Proxying, Reply, SocketLab, TalkLab, Turn,
    WebLab,
};
use crate::program::{Home, Served, Site, until};

/// What every secret begins with, and nothing else.
const MARK: &str = "hush-";

/// The modules, by name and as they are written; `WEB`, `GONE`, `TOKENS` and `PROXY` are addresses.
const MODULES: &[(&str, &str)] = &[
    (
        "basic",
        "prober: http, http: {basic_auth: {username: me, password: hush-basic}}",
    ),
    (
        "basic_file",
        "prober: http, http: {basic_auth: {username: me, password_file: password.txt}}",
    ),
    ("bearer", "prober: http, http: {bearer_token: hush-bearer}"),
    (
        "tagged",
        "prober: http, http: {bearer_token: !hush-tag hush-bearer}",
    ),
    (
        "bearer_file",
        "prober: http, http: {bearer_token_file: token.txt}",
    ),
    (
        "credentials",
        "prober: http, http: {authorization: {type: Token, credentials: hush-credentials}}",
    ),
    (
        "credentials_file",
        "prober: http, http: {authorization: {credentials_file: token.txt}}",
    ),
    (
        "headers",
        "prober: http, http: {headers: {X-Token: hush-header, Cookie: hush-cookie}}",
    ),
    (
        "authorized",
        "prober: http, http: {headers: {Authorization: Basic hush-authorization}}",
    ),
    (
        "http_headers",
        "prober: http, http: {http_headers: {X-A: {secrets: [hush-value]}, X-Token: {values: [hush-plain]}, X-C: {files: \
         [token.txt]}}}",
    ),
    ("body", "prober: http, http: {method: POST, body: hush-body}"),
    (
        "body_file",
        "prober: http, http: {method: POST, body_file: token.txt}",
    ),
    (
        "strict",
        "prober: http, http: {body: hush-body, headers: {X-Token: hush-header}, valid_status_codes: [299], \
         fail_if_body_not_matches_regexp: [never]}",
    ),
    (
        "proxy",
        "prober: http, http: {proxy_url: \"http://me:hush-proxy@PROXY\", proxy_connect_header: {Proxy-Authorization: \
         [hush-connect]}, tls_config: {insecure_skip_verify: true}}",
    ),
    (
        "proxy_refuses",
        "prober: http, http: {proxy_url: \"http://me:hush-proxy@REFUSES\", proxy_connect_header: {X-Any: [hush-connect]}}",
    ),
    (
        "proxy_gone",
        "prober: http, http: {proxy_url: \"http://hush-user:hush-proxy@GONE\", proxy_connect_header: {X-Any: \
         [hush-connect]}}",
    ),
    (
        "oauth2",
        "prober: http, http: {oauth2: {client_id: me, client_secret: hush-client, token_url: \"http://TOKENS/good\", endpoint_params: {a: hush-parameter}}}",
    ),
    (
        "oauth2_file",
        "prober: http, http: {oauth2: {client_id: me, client_secret_file: password.txt, token_url: \"http://TOKENS/refused\"}}",
    ),
    (
        "oauth2_odd",
        "prober: http, http: {oauth2: {client_id: me, client_secret: hush-client, token_url: \"http://TOKENS/odd\"}}",
    ),
    (
        "oauth2_broken",
        "prober: http, http: {oauth2: {client_id: me, client_secret: hush-client, token_url: \"http://TOKENS/broken\"}}",
    ),
    (
        "oauth2_gone",
        "prober: http, http: {oauth2: {client_id: me, client_secret: hush-client, token_url: \"http://GONE/token\"}}",
    ),
    (
        "oauth2_proxy",
        "prober: http, http: {oauth2: {client_id: me, client_secret: hush-client, proxy_url: \"http://me:hush-proxy@GONE\", \
         proxy_connect_header: {X-Any: [hush-connect]}, token_url: \"http://TOKENS/good\"}}",
    ),
    (
        "http3",
        "prober: http, http: {enable_http3: true, enable_http2: false, bearer_token: hush-bearer}",
    ),
    (
        "tcp",
        "prober: tcp, tcp: {query_response: [{send: hush-send}, {expect: \"^never$\"}]}",
    ),
    (
        "tcp_bytes",
        "prober: tcp, tcp: {query_response: [{expect: \"^220 (.*)$\", send: \"PASS hush-send ${1}\"}, {expect_bytes: never}]}",
    ),
    (
        "tcp_tls",
        "prober: tcp, tcp: {query_response: [{send: hush-send, starttls: true}], tls_config: {server_name: a.test}}",
    ),
    (
        "unix",
        "prober: unix, unix: {query_response: [{send: hush-send}]}",
    ),
    (
        "grpc",
        "prober: grpc, grpc: {metadata: {authorization: [hush-metadata], x-token: [hush-more]}}",
    ),
    (
        "grpc_tls",
        "prober: grpc, grpc: {tls: true, metadata: {authorization: [hush-metadata]}}",
    ),
    (
        "ws",
        "prober: websocket, websocket: {headers: {Cookie: hush-cookie, X-A: {secrets: [hush-value]}}, http_config: \
         {basic_auth: {username: me, password: hush-basic}}, query_response: [{send: hush-message}, {expect: \"^never$\"}]}",
    ),
    (
        "ws_bearer",
        "prober: websocket, websocket: {http_config: {bearer_token: hush-bearer, http_headers: {X-Token: {values: [hush-plain]}}}}",
    ),
    (
        "ws_proxy",
        "prober: websocket, websocket: {http_config: {proxy_url: \"http://me:hush-proxy@PROXY\", proxy_connect_header: {X-Any: \
         [hush-connect]}}}",
    ),
    (
        "ws_oauth2",
        "prober: websocket, websocket: {http_config: {oauth2: {client_id: me, client_secret: hush-client, token_url: \
         \"http://TOKENS/good\"}}}",
    ),
    ("dns", "prober: dns, dns: {query_name: a.test}"),
    ("icmp", "prober: icmp"),
];

/// Modules that cannot be used, each with a secret in what is wrong.
const BROKEN: &[&str] = &[
    "prober: http, http: {basic_auth: {username: me, password: [hush-wrong]}}",
    "prober: http, http: {basic_auth: {username: me, password: {hush: hush-wrong}}}",
    "prober: http, http: {basic_auth: {username: me, password: hush-wrong, password_file: password.txt}}",
    "prober: http, http: {basic_auth: hush-wrong}",
    "prober: http, http: {bearer_token: hush-wrong, basic_auth: {username: me, password: hush-wrong}}",
    "prober: http, http: {bearer_token: \"hush-wrong\\u0001\"}",
    "prober: http, http: {bearer_tokem: hush-wrong}",
    "prober: http, http: {authorization: hush-wrong}",
    "prober: http, http: {authorization: {type: Basic, credentials: hush-wrong}}",
    "prober: http, http: {authorization: {credentials: [hush-wrong]}}",
    "prober: http, http: {headers: {X-Token: {a: hush-wrong}}}",
    "prober: http, http: {headers: {X-Token: \"hush-wrong\\nX: y\"}}",
    "prober: http, http: {headers: hush-wrong}",
    "prober: http, http: {http_headers: {X-Token: hush-wrong}}",
    "prober: http, http: {http_headers: {Authorization: {secrets: [hush-wrong]}}}",
    "prober: http, http: {http_headers: {X-A: {secrets: hush-wrong}}}",
    "prober: http, http: {body: [hush-wrong]}",
    "prober: http, http: {body: hush-wrong, body_file: token.txt}",
    "prober: http, http: {proxy_url: \"http://me:hush-wrong@bad host\"}",
    "prober: http, http: {proxy_url: \"gopher://me:hush-wrong@127.0.0.1:1\"}",
    "prober: http, http: {proxy_url: \"me:hush-wrong@127.0.0.1:1\"}",
    "prober: http, http: {proxy_url: [\"http://me:hush-wrong@127.0.0.1:1\"]}",
    "prober: http, http: {proxy_url: \"http://127.0.0.1:1\", proxy_connect_header: {X-A: hush-wrong}}",
    "prober: http, http: {proxy_connect_header: {X-A: [hush-wrong]}}",
    "prober: http, http: {oauth2: hush-wrong}",
    "prober: http, http: {oauth2: {client_id: me, client_secret: hush-wrong}}",
    "prober: http, http: {oauth2: {client_id: me, client_secret: [hush-wrong], token_url: \"http://a.test/\"}}",
    "prober: http, http: {oauth2: {client_id: me, client_secret: x, token_url: \"http://me:hush-wrong@bad host/\"}}",
    "prober: http, http: {oauth2: {client_id: me, client_secret: x, endpoint_params: {a: [hush-wrong]}, token_url: \
     \"http://a.test/\"}}",
    "prober: http, http: {tls_config: {key: hush-wrong, cert: hush-wrong}}",
    "prober: http, http: {tls_config: {ca: hush-wrong}}",
    "prober: tcp, tcp: {bearer_token: hush-wrong}",
    "prober: tcp, tcp: {query_response: [{send: [hush-wrong]}]}",
    "prober: tcp, tcp: {query_response: [{send: hush-wrong, send: hush-wrong}]}",
    "prober: tcp, tcp: {query_response: [hush-wrong]}",
    "prober: grpc, grpc: {metadata: {authorization: hush-wrong}}",
    "prober: grpc, grpc: {metadata: {authorization: [\"hush-wrong\\u0001\"]}}",
    "prober: websocket, websocket: {headers: {Cookie: [hush-wrong]}}",
    "prober: websocket, websocket: {http_config: {oauth2: {client_secret: hush-wrong}}}",
    // No YAML at all, from the secret's own line on.
    "prober: http, http: {bearer_token: \"hush-wrong}",
    "prober: http, http: {bearer_token: *hush-wrong}",
    "prober: http, http: {bearer_token: &hush-wrong hush-wrong, basic_auth: *hush-other}",
    "prober: http, http: {bearer_token: hush-wrong]}",
    "prober: http, http: {bearer_token: hush-wrong: hush-wrong: x}",
    "prober: http, http: {bearer_token: \"\\q hush-wrong\"}",
];

/// The servers that are asked.
struct Lab {
    dns: DnsLab,
    web: WebLab,
    gone: WebLab,
    tokens: WebLab,
    proxy: ProxyLab,
    refuses: ProxyLab,
    talk: TalkLab,
    grpc: GrpcLab,
    socket: SocketLab,
}

impl Lab {
    async fn start() -> Self {
        let web = WebLab::plain().start().await;
        web.route(
            "/away",
            Answer::redirect(302, &format!("http://me:hush-away@{}/", web.addr())),
        );
        let gone = WebLab::plain().start().await;
        gone.connect(Connect::Refuse).await;
        let tokens = WebLab::plain().start().await;
        let token = |kind: &str| format!(r#"{{"access_token": "hush-issued", "token_type": "{kind}"}}"#);
        tokens.route("/good", Reply::text(&token("bearer")));
        tokens.route("/odd", Reply::text(&token("mac")));
        tokens.route("/broken", Reply::text(r#"{"access_token": "hush-issued", "#));
        tokens.route("/refused", Reply::new(401, r#"{"error": "invalid_client"}"#));
        Self {
            dns: DnsLab::start().await,
            proxy: ProxyLab::start(Proxying::Http, web.addr()).await,
            refuses: ProxyLab::start(
                Proxying::Says("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"),
                web.addr(),
            )
            .await,
            talk: TalkLab::start([Turn::say("220 ready\r\n"), Turn::Hear, Turn::say("no\r\n")]).await,
            grpc: GrpcLab::plain(Check::Status("16", "no")).await,
            socket: SocketLab::plain([Move::say("no")]).await,
            web,
            gone,
            tokens,
        }
    }

    /// Every server that is there, and one that is not.
    fn addresses(&self) -> [SocketAddr; 5] {
        [
            self.web.addr(),
            self.talk.addr(),
            self.grpc.addr(),
            self.socket.addr(),
            self.gone.addr(),
        ]
    }

    /// A configuration with these modules.
    fn config(&self, modules: &[(&str, &str)]) -> String {
        let mut config = format!("resolver: {{servers: [\"{}\"]}}\n", self.dns.addr());
        config
            .push_str("probe: {allow: [127.0.0.0/8, /run]}\nglobal: {interval: 2s, timeout: 1s}\nmodules:\n");
        for (name, module) in modules {
            writeln!(config, "  {name}: {{timeout: 300ms, {module}}}").unwrap();
        }
        for (place, addr) in [
            ("GONE", self.gone.addr()),
            ("TOKENS", self.tokens.addr()),
            ("PROXY", self.proxy.addr()),
            ("REFUSES", self.refuses.addr()),
        ] {
            config = config.replace(place, &addr.to_string());
        }
        config
    }

    /// The hosts of a group that is probed by this module, and the URL of one where the usual one is not meant.
    fn watched(&self, module: &str) -> (String, &'static str) {
        let hosts = |addr: SocketAddr| format!("[\"{addr}\", \"{}\"]", self.gone.addr());
        let prober = module.strip_prefix("prober: ").unwrap();
        match &prober[..prober.find(',').unwrap_or(prober.len())] {
            "http" => (hosts(self.web.addr()), ", url: \"http://{host}/\""),
            "websocket" => (hosts(self.socket.addr()), ", url: \"ws://{host}/\""),
            "grpc" => (hosts(self.grpc.addr()), ""),
            "unix" => ("[/run/nothing.sock]".to_owned(), ""),
            "icmp" => ("[127.0.0.1]".to_owned(), ""),
            _ => (hosts(self.talk.addr()), ""),
        }
    }

    /// What every module is asked for: with and without credentials, right and wrong.
    fn targets(&self) -> Vec<String> {
        let (web, port) = (self.web.addr(), self.web.port());
        let mut targets: Vec<_> = self.addresses().map(|addr| addr.to_string()).into();
        for scheme in [
            "", "http://", "https://", "tcp://", "grpc://", "ws://", "dns://", "icmp://", "unix://",
        ] {
            targets.push(format!("{scheme}me:hush-target@{web}/x"));
            targets.push(format!("{scheme}hush-user@127.0.0.1"));
        }
        for wrong in [
            "http://me:hush-target@127.0.0.1:99999/".to_owned(),
            "http://me:hush-target@:80/".to_owned(),
            format!("http://me:hush-target/x@{web}/"),
            format!("me:hush-target?x@127.0.0.1:{port}"),
            format!("http:me:hush-target@{web}/"),
            format!("http:/me:hush-target@{web}/"),
            format!("http://me:%68ush-target-hush-@{web}/"),
            "http://me:hush-target@[::1/".to_owned(),
            format!("http://{web}/away"),
            "/run/nothing.sock".to_owned(),
        ] {
            targets.push(wrong);
        }
        targets
    }
}

/// Reads an answer, which must hold no secret.
async fn read(site: Site, path: &str) -> String {
    let answer = site.get(path).await;
    clean(&answer.body, path);
    answer.body
}

/// A probe, with all that tells of it.
async fn probe(site: Site, module: &str, target: &str) {
    let target: String = byte_serialize(target.as_bytes()).collect();
    for path in ["/probe?", "/probe?debug=true&", "/logs?"] {
        read(site, &format!("{path}module={module}&target={target}")).await;
    }
}

/// Every page and every document, and what was written so far.
async fn everything(served: &Served) {
    for path in [
        "/",
        "/config",
        "/incidents",
        "/metrics",
        "/probes",
        "/logs?id=1",
        "/api/v1/endpoints",
        "/api/v1/incidents",
        "/api/v1/traffic",
    ] {
        read(served.web, path).await;
    }
    clean(&served.log(), "the log");
}

/// No secret is in this text: not as it is, and not as credentials are sent.
#[track_caller]
fn clean(text: &str, what: &str) {
    let coded = [
        "me:hush-basic",
        "me:hush-proxy",
        "me:hush-client",
        "me:hush-file",
        "me:hush-target",
    ]
    .map(|credentials| BASE64_STANDARD.encode(credentials));
    for secret in coded.iter().map(String::as_str).chain([MARK, "hush%2D"]) {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} in {what}");
    }
}

/// Asks every module for everything.
async fn probe_all(lab: &Lab, served: &Served) {
    let targets = lab.targets();
    for (module, _) in MODULES {
        join_all(targets.iter().map(|target| probe(served.web, module, target))).await;
        read(served.web, "/probes").await;
    }
    probe(served.web, "unknown", "http://me:hush-target@127.0.0.1/").await;
    everything(served).await;
    let lines = served.log();
    for (module, _) in MODULES {
        assert!(
            lines.contains(&format!("module={module} ")),
            "{module}: {lines:.2000}"
        );
    }
    let tokens = (lab.tokens.requests(), lab.proxy.told().len());
    assert!(
        tokens.0 > 0 && tokens.1 > 0,
        "what is secret was sent: {tokens:?}"
    );
    let metadata = lab.grpc.last_call().headers;
    assert!(metadata.contains_key("x-token"), "{metadata:?}");
}

/// Reloads every file that cannot be used.
async fn break_all(lab: &Lab, home: &Home, served: &Served) {
    for broken in BROKEN {
        home.configure(&lab.config(&[("m", broken)]));
        let answer = served.web.reload().await;
        assert_ne!(answer.status, 200, "{broken}");
        clean(&answer.body, broken);
    }
    everything(served).await;
}

/// Watches something by every module, and reads all that is known of it.
async fn watch_all(lab: &Lab, home: &Home, served: &Served) {
    let mut groups = lab.config(MODULES);
    groups.push_str("groups:\n");
    for (module, text) in MODULES {
        let (hosts, url) = lab.watched(text);
        let name = format!("endpoint_name: \"{module}-{{host}}\"");
        writeln!(
            groups,
            "  - {{name: {module}, module: {module}, {name}, hosts: {hosts}{url}}}"
        )
        .unwrap();
    }
    home.configure(&groups);
    let answer = served.web.reload().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let listed: serde_json::Value =
        serde_json::from_str(&read(served.web, "/api/v1/endpoints").await).unwrap();
    let listed = listed.as_array().unwrap();
    assert!(listed.len() > MODULES.len());
    until("everything is probed", async || {
        let metrics = served.web.metrics().await.0;
        let probed = metrics
            .matches("\nlinkwatch_probe_last_run_timestamp_seconds{")
            .count();
        (probed == listed.len()).then_some(())
    })
    .await;
    everything(served).await;
    for endpoint in listed {
        let name = endpoint["name"].as_str().unwrap();
        for place in ["/endpoints/", "/api/v1/endpoints/"] {
            let page = served.web.get(&format!("{place}{name}")).await;
            assert_eq!(page.status, 200, "{place}{name}");
            clean(&page.body, name);
        }
    }
    clean(&served.log(), "the log");
}

#[tokio::test]
async fn no_secret_leaves_the_program_whatever_is_asked_of_it() {
    let lab = Lab::start().await;
    let home = Home::new(&lab.config(MODULES));
    for file in ["password.txt", "token.txt"] {
        home.write(file, "hush-file\n");
    }
    let served = Served::start(&home, &["--log.level=debug", "--log.prober=debug"]).await;
    probe_all(&lab, &served).await;
    break_all(&lab, &home, &served).await;
    watch_all(&lab, &home, &served).await;
}
