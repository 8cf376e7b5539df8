//! What is probed: servers of this process and real ones, by the names that the cases call them by.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::version::TLS12;

use super::nginx::Nginx;
use super::pages;
use super::python::Servers;
use super::world_dns::{self, NameServers};
use crate::lab::authority::issued::{Issued, pem};
use crate::lab::talk::{TalkLab, Turn};
use crate::lab::{
    Answer, Authority, Check, Connect, DAY, Flaw, GrpcLab, Handshake, ProxyLab, Proxying, Quic, QuicLab,
    WebLab, WebSpec,
};

/// The dialogues that are held over sockets of this machine too, by the names of their paths.
const SOCKETS: [&str; 7] = [
    "socket_greeter",
    "socket_greets_once",
    "socket_silent",
    "socket_closing",
    "socket_echo_after_greeting",
    "socket_talk_tls",
    "socket_talk_starttls",
];

/// Everything that cases speak of; dropping it ends all servers.
pub(super) struct World {
    values: BTreeMap<&'static str, String>,
    _sites: Vec<WebLab>,
    _talks: Vec<TalkLab>,
    _services: Vec<GrpcLab>,
    _proxies: Vec<ProxyLab>,
    _quic: QuicLab,
    _nginx: Nginx,
    _python: Servers,
    _name_servers: NameServers,
    _authority: Authority,
    _folder: tempfile::TempDir,
}

/// What is being built.
struct Draft<'a> {
    authority: &'a Authority,
    folder: &'a Path,
    values: BTreeMap<&'static str, String>,
    sites: Vec<WebLab>,
    talks: Vec<TalkLab>,
    services: Vec<GrpcLab>,
}

impl World {
    pub(super) async fn start() -> Self {
        let authority = Authority::new();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut draft = Draft {
            authority: &authority,
            folder: folder.path(),
            values: BTreeMap::new(),
            sites: Vec::new(),
            talks: Vec::new(),
            services: Vec::new(),
        };
        draft.files();
        draft.connections().await;
        draft.certificates().await;
        draft.handshakes().await;
        draft.talks().await;
        draft.services().await;
        let nginx = Nginx::start(&authority.good("127.0.0.1")).await;
        draft.values.insert("nginx", nginx.plain());
        draft.values.insert("nginx_tls", nginx.tls());
        let python = Servers::start(&authority.good("127.0.0.1"), folder.path()).await;
        draft.values.insert("smtp", python.smtp.clone());
        draft.values.insert("real_health", python.health.clone());
        draft.pages().await;
        let proxies = draft.proxies().await;
        let hello = Quic::Reply(200, Vec::new(), "hello");
        let quic = QuicLab::start(&authority.good("127.0.0.1"), "h3", hello).await;
        draft.values.insert("quic", quic.url("https", ""));
        let name_servers = world_dns::start(&authority, &mut draft.values).await;
        let Draft {
            values,
            sites,
            talks,
            services,
            ..
        } = draft;
        Self {
            values,
            _sites: sites,
            _talks: talks,
            _services: services,
            _proxies: proxies,
            _quic: quic,
            _nginx: nginx,
            _python: python,
            _name_servers: name_servers,
            _authority: authority,
            _folder: folder,
        }
    }

    /// A text with `$name` replaced, the longest name first.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut names: Vec<_> = self.values.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("${name}"), value)
        })
    }
}

impl Draft<'_> {
    fn file(&mut self, name: &'static str, content: &str) {
        let path = self.folder.join(name);
        std::fs::write(&path, content).expect("write a file");
        self.values.insert(name, path.display().to_string());
    }

    fn files(&mut self) {
        self.values
            .insert("root", self.authority.root_pem_file().display().to_string());
        let inline = self.authority.root_pem().replace('\r', "").replace('\n', "\\n");
        self.values.insert("root_inline", inline);
        self.file("body_file", "from a file\n");
        self.file("password_file", "p\n");
        let client = self.authority.client("client");
        self.file("client", &client.chain_pem());
        self.file("client_key", &client.key_pem());
        let stranger = Authority::new().client("stranger");
        self.file("stranger", &stranger.chain_pem());
        self.file("stranger_key", &stranger.key_pem());
    }

    fn keep(&mut self, name: &'static str, site: WebLab) {
        let port = site.port().to_string();
        match name {
            "named" => drop(self.values.insert("named_port", port)),
            "expired" => drop(self.values.insert("expired_port", port)),
            _ => {}
        }
        self.values.insert(name, site.url(""));
        self.sites.push(site);
    }

    async fn site(&mut self, name: &'static str, issued: Issued, describe: impl FnOnce(WebSpec) -> WebSpec) {
        let site = describe(WebLab::tls(issued)).start().await;
        self.keep(name, site);
    }

    async fn connections(&mut self) {
        for (name, connect) in [
            ("refused", Connect::Refuse),
            ("reset", Connect::Reset),
            ("hang", Connect::Hang),
        ] {
            let site = WebLab::plain().start().await;
            site.connect(connect).await;
            self.values.insert(name, site.addr().to_string());
            self.sites.push(site);
        }
    }

    async fn certificates(&mut self) {
        let authority = self.authority;
        let good = || {
            authority
                .leaf("127.0.0.1")
                .also(&["both.test", "localhost"])
                .issue()
        };
        self.site("tls12", good(), |spec| spec.versions(&[&TLS12])).await;
        self.site("h2", good(), |spec| {
            spec.alpn(&["h2", "http/1.1"])
                .route("/status/404", Answer::status(404))
        })
        .await;
        self.site("named", authority.good("named.test"), |spec| spec)
            .await;
        self.site("clients", good(), |spec| spec.demand_client(authority))
            .await;
        for (name, flaw) in [
            ("expired", Flaw::Expired),
            ("early", Flaw::NotYetValid),
            ("intermediate_expired", Flaw::IntermediateExpired),
            ("self_signed", Flaw::SelfSigned),
            ("unknown", Flaw::UnknownIssuer),
            ("incomplete", Flaw::MissingIntermediate),
            ("for_clients", Flaw::NotForServers),
            ("nameless", Flaw::NoNames),
            ("damaged", Flaw::DamagedSignature),
        ] {
            self.site(name, authority.bad("127.0.0.1", flaw), |spec| spec)
                .await;
        }
        let seated = authority.leaf("127.0.0.1").seated("127.0.0.1").issue();
        self.site("ordered", seated, |spec| spec).await;
        let zeros = authority.leaf("127.0.0.1").numbered(&[0x0a, 0x0b]).issue();
        self.site("zeros", zeros, |spec| spec).await;
        let names = authority
            .leaf("a.test")
            .also(&["b.test", "both.test", "127.0.0.1", "*.c.test"]);
        let site = WebLab::tls(names.valid(-DAY, 5 * DAY).issue()).start().await;
        self.values.insert("many_names_port", site.port().to_string());
        self.sites.push(site);
        self.two_roots().await;
    }

    /// A root with two certificates, of which the one that is presented ends before the leaf does.
    async fn two_roots(&mut self) {
        let earlier = self.authority.root_until(DAY);
        let mut issued = self.authority.leaf("127.0.0.1").valid(-DAY, 2 * DAY).issue();
        issued.chain.push(earlier.clone());
        let site = WebLab::tls(issued).start().await;
        self.values.insert("two_roots_port", site.port().to_string());
        self.sites.push(site);
        let (later, earlier) = (self.authority.root_pem(), pem("CERTIFICATE", &earlier));
        self.file("roots", &format!("{later}{earlier}"));
        self.file("roots_earlier_first", &format!("{earlier}{later}"));
    }

    async fn handshakes(&mut self) {
        for (name, handshake) in [
            ("alert", Handshake::Alert(40)),
            ("closes", Handshake::Close),
            ("stalls", Handshake::Stall),
            ("garbage", Handshake::Garbage),
        ] {
            let site = WebLab::tls(self.authority.good("127.0.0.1")).start().await;
            site.handshake(handshake);
            self.keep(name, site);
        }
    }

    /// What holds a dialogue, over TCP.
    async fn talks(&mut self) {
        let issued = self
            .authority
            .leaf("127.0.0.1")
            .also(&["both.test", "localhost"])
            .issue();
        let tls = Arc::new(issued.server_config(&[]));
        for (name, script) in scripts(&tls) {
            let talk = TalkLab::start(script).await;
            self.values.insert(name, talk.addr().to_string());
            if name == "greeter" {
                self.values.insert("greeter_port", talk.addr().port().to_string());
            }
            self.talks.push(talk);
        }
        self.sockets(&tls);
    }

    /// What holds the same dialogues over sockets of this machine.
    fn sockets(&mut self, tls: &Arc<ServerConfig>) {
        for (name, script) in scripts(tls) {
            let name = SOCKETS
                .iter()
                .find(|socket| socket.strip_prefix("socket_") == Some(name));
            if let Some(name) = name {
                let path = self.folder.join(name);
                self.talks.push(TalkLab::unix(&path, script));
                self.values.insert(name, path.display().to_string());
            }
        }
    }

    /// What answers health checks of gRPC.
    async fn services(&mut self) {
        for (name, check) in [
            ("grpc_serving", Check::Health(1)),
            ("grpc_unknown", Check::Health(0)),
            ("grpc_service_unknown", Check::Health(3)),
            ("grpc_denied", Check::Status("7", "not%20you")),
            ("grpc_unimplemented", Check::Status("12", "")),
            ("grpc_late", Check::LateStatus("14")),
            ("grpc_page_404", Check::Page(404)),
            ("grpc_page_200", Check::Page(200)),
            ("grpc_unfinished", Check::Unfinished),
            ("grpc_empty", Check::LateStatus("0")),
        ] {
            let service = GrpcLab::plain(check).await;
            self.serves(name, service);
        }
        let good = self.authority.leaf("127.0.0.1").also(&["both.test"]).issue();
        let expired = self.authority.bad("127.0.0.1", Flaw::Expired);
        for (name, issued, alpn, check) in [
            ("grpc_tls", &good, &[b"h2".as_slice()][..], Check::Health(1)),
            ("grpc_tls_down", &good, &[b"h2"], Check::Health(2)),
            ("grpc_tls_denied", &good, &[b"h2"], Check::Status("7", "")),
            ("grpc_unagreed", &good, &[], Check::Health(1)),
            ("grpc_expired", &expired, &[b"h2"], Check::Health(1)),
        ] {
            let service = GrpcLab::tls(issued.server_config(alpn), check).await;
            self.serves(name, service);
        }
    }

    fn serves(&mut self, name: &'static str, service: GrpcLab) {
        self.values.insert(name, service.addr().to_string());
        self.services.push(service);
    }

    /// Ways to the pages.
    async fn proxies(&mut self) -> Vec<ProxyLab> {
        let address = |values: &BTreeMap<&str, String>, name: &str| -> SocketAddr {
            values[name].parse().expect("the address of a site")
        };
        let plain = address(&self.values, "plain_address");
        let tls = address(&self.values, "tls_address");
        let refusal =
            "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let mut proxies = Vec::new();
        for (name, how, target) in [
            ("proxy", Proxying::Http, plain),
            ("tunnel", Proxying::Http, tls),
            ("socks", Proxying::Socks(None), plain),
            ("closed", Proxying::Says(refusal), plain),
        ] {
            let proxy = ProxyLab::start(how, target).await;
            let text = match name {
                "socks" | "closed" => proxy.addr().to_string(),
                _ => format!("http://{}", proxy.addr()),
            };
            self.values.insert(name, text);
            proxies.push(proxy);
        }
        proxies
    }

    /// The pages, without and with TLS; the plain ones at both families.
    async fn pages(&mut self) {
        let plain = WebLab::plain().start().await;
        let good = self
            .authority
            .leaf("127.0.0.1")
            .also(&["both.test", "localhost"])
            .issue();
        let tls = WebLab::tls(good).start().await;
        let six = SocketAddr::from((Ipv6Addr::LOCALHOST, plain.port()));
        let other_family = WebLab::plain().at(six).start().await;
        self.values.insert("plain_port", plain.port().to_string());
        self.values.insert("plain_address", plain.addr().to_string());
        self.values.insert("tls_port", tls.port().to_string());
        self.values.insert("tls_address", tls.addr().to_string());
        for site in [&plain, &tls, &other_family] {
            pages::lay_out(site).await;
        }
        plain.route("/to-tls", Answer::redirect(302, &tls.url("/")));
        plain.route("/to-four", Answer::redirect(302, &plain.url_of("four.test", "/")));
        plain.route(
            "/to-refused",
            Answer::redirect(302, &format!("http://{}/", self.values["refused"])),
        );
        tls.route("/to-plain", Answer::redirect(302, &plain.url("/")));
        self.keep("plain", plain);
        self.keep("tls", tls);
        self.sites.push(other_family);
    }
}

/// What is said by the servers that hold a dialogue.
fn scripts(tls: &Arc<ServerConfig>) -> [(&'static str, Vec<Turn>); 11] {
    let greeting = || Turn::say("220 mail.test ESMTP\r\n");
    let begin_tls = || Turn::Tls(Arc::clone(tls));
    let secure = || Turn::say("250 secure\r\n");
    let long_line = format!("{}\nend\n", "x".repeat(100_000));
    [
        ("greeter", vec![greeting(), Turn::Hang]),
        ("greets_once", vec![greeting()]),
        (
            "many_lines",
            vec![Turn::say("250-one\r\n250-two\r\n250 three\r\n")],
        ),
        (
            "helo",
            vec![greeting(), Turn::Hear, Turn::say("250 me\r\n"), Turn::Hang],
        ),
        ("echo_after_greeting", vec![greeting(), Turn::Echo, Turn::Hang]),
        ("echo", vec![Turn::Echo, Turn::Hang]),
        ("silent", vec![Turn::Hang]),
        ("closing", vec![]),
        ("long_line", vec![Turn::say(&long_line), Turn::Hang]),
        ("talk_tls", vec![begin_tls(), greeting(), Turn::Hang]),
        (
            "talk_starttls",
            vec![
                greeting(),
                Turn::Hear,
                Turn::say("220 go\r\n"),
                begin_tls(),
                secure(),
                Turn::Hang,
            ],
        ),
    ]
}
