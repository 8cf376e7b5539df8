//! The lab: a public internet on loopback, in this process, that can be told to misbehave.
//!
//! Every server is a value. It binds port 0, answers as long as the value lives, and can be changed while it
//! runs. Nothing here depends on linkwatch, so what it says is independent of what it tests.
//!
//! The vocabulary, a cause in about five lines:
//!
//! ```text
//! let authority = Authority::new();                             // root, intermediate; root_pem_file() for ca_file
//! let good = authority.good("a.test");                          // an Issued: chain, key, perhaps a staple
//! let bad  = authority.bad("a.test", Flaw::Expired);            // every bad certificate is a Flaw
//! let own  = authority.leaf("a.test").valid(-60 * DAY, 30 * DAY).issue();
//! let sick = authority.stapled("a.test", Staple::Revoked);      // good, but for the OCSP response it carries
//!
//! let dns = DnsLab::start().await;                              // UDP and TCP on dns.addr()
//! dns.a("a.test", &["127.0.0.1"]);                              // also aaaa, cname, ns, soa, set, remove
//! dns.flatten("a.test", "target.platform.test");                // a.test answers what the target resolves to
//! dns.says("a.test", Says::ServFail(Some(6)));                  // also Silent, Truncated, After(..); dns.heal()
//! dns.queries("a.test");                                        // how often it was asked
//! let zone = DnsLab::nameservers(2).await;                      // distinct addresses, one shared port
//! let rude = RawDns::start(RawAnswer::WrongId).await;           // what a DNS library will not say
//!
//! let site = WebLab::tls(good).start().await;                   // WebLab::plain() for HTTP without TLS
//! site.certificate_for("b.test", &own);                         // by SNI
//! site.route("/c/canary", Answer::redirect(302, "https://example.com/landing"));
//! site.connect(Connect::Refuse).await;                          // also Hang, Reset; Accept heals
//! site.handshake(Handshake::Alert(40));                         // what goes wrong before HTTP
//! site.certificate(&bad);                                       // the next handshake presents it
//! site.answer(Answer::EndlessBody);                             // what goes wrong in HTTP; site.heal()
//! site.last_request().path;                                     // requests, heads and SNI are kept
//!
//! let mail = TalkLab::start([Turn::say("220 ready\r\n"), Turn::Hear]).await;  // a dialogue by a script, TLS in it too
//!
//! let proxy = ProxyLab::start(Proxying::Http, site.addr()).await;   // also Https, Socks, Says(..), Hangs; told()
//! let three = QuicLab::start(&good, "h3", Quic::Stall).await;   // HTTP/3; also Reply(..), Close
//! let health = HealthLab::start(None).await;                    // gRPC's health service; the name asked decides
//!
//! let platform = HerokuLab::start().await;                      // what a hosting platform says of its domains
//! platform.domain("a.test", "new.dns.test", "ok", None);        // the target, the certificate's status, and why
//!
//! let hook = Webhook::start().await;                            // an Alertmanager receiver
//! let page = hook.next(Duration::from_secs(60)).await;          // the body and the instant of its arrival
//!
//! let clicks = ClickLab::spec().host("a.test", 30.0);           // clicks per minute; also metric, seed, past
//! let clicks = clicks.start(|| now()).await;                    // a Prometheus at clicks.url(), weeks of past
//! clicks.quiet("a.test", t..);                                  // also fall, vanish, gap, reset, late; resume, heal
//! ```
//!
//! Outside the integration tests (an example, a bench) it is included through its directory, so that its files
//! are found, and publicly, so that what is not used there is not dead code:
//!
//! ```text
//! #[path = "../tests/it"]
//! pub mod it {
//!     pub mod lab;
//! }
//! ```

#![expect(
    clippy::expect_used,
    reason = "a lab that cannot be set up fails the test that asked for it"
)]
#![expect(
    clippy::missing_panics_doc,
    reason = "every one of them is the failure of the test"
)]

pub mod authority;
pub mod clicks;
pub mod dns;
pub mod health;
pub mod heroku;
pub mod proxy;
pub mod quic;
pub mod talk;
pub mod web;
pub mod webhook;

pub use authority::{Authority, DAY, Flaw, HOUR, Issued, LeafSpec, Staple};
pub use clicks::{ClickLab, ClickSpec};
pub use dns::{DnsLab, DnsSpec, RawAnswer, RawDns, Says};
pub use health::HealthLab;
pub use heroku::HerokuLab;
pub use proxy::{ProxyLab, Proxying};
pub use quic::{Quic, QuicLab};
pub use talk::{TalkLab, Turn};
pub use web::{Answer, Coding, Connect, Handshake, Reply, SeenRequest, WebLab, WebSpec};
pub use webhook::{Delivery, Webhook};
