//! A real certificate authority: a certificate obtained by ACME, its renewal window, a window that is missed, and an
//! authority that goes away and comes back.

#![expect(clippy::unwrap_used, reason = "what cannot be run fails the test")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::Method;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, RetryPolicy,
    RevocationRequest,
};
use linkwatch::cause::Cause;
use linkwatch::fetch::{Client, Settings};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::peers::{Generation, Program as Real, find_or_leave_out};
use crate::causes::program::Program;
use crate::lab::{Answer, Authority, DnsLab, Issued, WebLab};

const LIMIT: Duration = Duration::from_secs(60);

const HOST: &str = "renewed.test";

/// A running Pebble; dropping it ends it.
struct Pebble {
    child: Child,
    address: String,
    /// Of its own web server.
    authority: Authority,
    folder: tempfile::TempDir,
}

impl Drop for Pebble {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Pebble {
    /// Starts at an address of this process' own: Pebble does not say which port it was given.
    async fn start(program: &Path) -> Self {
        let process = std::process::id();
        let address = format!("127.{}.{}.1", 64 + (process >> 8) % 128, process & 255);
        let authority = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        let own = authority.good(&address);
        let file = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let config = serde_json::json!({"pebble": {
            "listenAddress": format!("{address}:14000"),
            "managementListenAddress": format!("{address}:15000"),
            "certificate": file("chain.pem", own.chain_pem()),
            "privateKey": file("key.pem", own.key_pem()),
            "httpPort": 5002,
            "tlsPort": 5001,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "profiles": {"default": {"description": "ninety days", "validityPeriod": 7_776_000}},
        }});
        file("pebble.json", config.to_string());
        let child = Self::run(program, folder.path());
        let pebble = Self {
            child,
            address,
            authority,
            folder,
        };
        pebble.listens().await;
        pebble
    }

    fn run(program: &Path, folder: &Path) -> Child {
        Command::new(program)
            .arg("-config")
            .arg(folder.join("pebble.json"))
            .env("PEBBLE_VA_ALWAYS_VALID", "1")
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    async fn listens(&self) {
        let deadline = Instant::now() + LIMIT;
        let address = format!("{}:15000", self.address);
        while TcpStream::connect(&address).await.is_err() {
            assert!(Instant::now() < deadline, "pebble does not listen on {address}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    async fn start_again(&mut self, program: &Path) {
        self.child = Self::run(program, self.folder.path());
        self.listens().await;
    }

    fn directory(&self) -> String {
        format!("https://{}:14000/dir", self.address)
    }

    /// The root of what it issues.
    async fn root(&self) -> PathBuf {
        let mut settings = Settings::default();
        settings.tls.roots = Some(self.authority.root_pem().into_bytes());
        let client = Client::new(&settings).unwrap();
        let url = format!("https://{}:15000/roots/0", self.address);
        let request = client.request(Method::GET, url.parse().unwrap());
        let path = self.folder.path().join("root.pem");
        std::fs::write(&path, client.ask(request).await.unwrap().body).unwrap();
        path
    }

    async fn account(&self) -> Account {
        let builder = Account::builder_with_root(self.authority.root_pem_file()).unwrap();
        let account = NewAccount {
            contact: &[],
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        builder.create(&account, self.directory(), None).await.unwrap().0
    }
}

/// A certificate for the host, as a client gets it.
async fn obtain(account: &Account) -> Issued {
    let identifiers = [Identifier::Dns(HOST.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await.unwrap();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.unwrap();
        if authorization.status == AuthorizationStatus::Pending {
            let mut challenge = authorization.challenge(ChallengeType::Http01).unwrap();
            challenge.set_ready().await.unwrap();
        }
    }
    order.poll_ready(&RetryPolicy::default()).await.unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    let request = params.serialize_request(&key).unwrap();
    order.finalize_csr(request.der()).await.unwrap();
    let chain = order.poll_certificate(&RetryPolicy::default()).await.unwrap();
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes());
    Issued {
        chain: chain.collect::<Result<_, _>>().unwrap(),
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        staple: None,
        serial: Vec::new(),
    }
}

/// linkwatch, watching the host and the authority.
async fn watch(pebble: &Pebble, dns: &DnsLab, site: &WebLab) -> Program {
    let root = pebble.root().await;
    let config = format!(
        r#"global: {{interval: 2s, timeout: 1s, confirm: {{attempts: 1, pause: 100ms}}}}
resolver: {{servers: ["udp://{dns}"], authoritative_port: {dns_port}}}
modules:
  own: {{prober: http, http: {{tls_config: {{ca_file: "{root}"}}}}}}
foresight:
  interval: 10s
  authorities:
    - {{name: pebble, directory: "{directory}", issuer: Pebble, caa: pebble.test, tls_config: {{ca_file: "{own}"}}}}
groups:
  - {{name: web, hosts: ["{HOST}:{port}"], endpoint_name: "{HOST}-{{host}}", module: own}}
"#,
        dns = dns.addr(),
        dns_port = dns.addr().port(),
        root = root.display(),
        directory = pebble.directory(),
        own = pebble.authority.root_pem_file().display(),
        port = site.port(),
    );
    Program::start(&config).await
}

fn endpoint(site: &WebLab) -> String {
    format!("{HOST}-{HOST}:{}", site.port())
}

/// Waits until the authority is up, or down.
async fn wait_for_authority(program: &Program, wanted: bool) {
    let told = |program: &Program| {
        let foresight = program.state.foresight();
        foresight.authorities.first().and_then(|authority| authority.up)
    };
    program
        .wait(LIMIT, |program| {
            let now = told(program);
            let missing = (now != Some(wanted)).then(|| format!("the authority is up: {now:?}"));
            missing.into_iter().collect()
        })
        .await;
    let scraped = program.get("/metrics").await;
    let line = format!(
        "linkwatch_certificate_authority_up{{authority=\"pebble\"}} {}",
        u8::from(wanted)
    );
    assert!(scraped.contains(&line), "{scraped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_renewal_window_and_an_authority_that_is_down_are_named() {
    let test = "renewal windows of Pebble";
    let Some(real) = find_or_leave_out(test, Real::Pebble, Generation::Current) else {
        return;
    };
    let mut pebble = Pebble::start(&real).await;
    let account = pebble.account().await;
    let issued = obtain(&account).await;
    let dns = DnsLab::start().await;
    dns.a(HOST, &["127.0.0.1"]);
    let site = WebLab::tls(issued.clone())
        .answer(Answer::text("ok\n"))
        .start()
        .await;
    let name = endpoint(&site);

    // The window is there, and in the future.
    let program = watch(&pebble, &dns, &site).await;
    wait_for_authority(&program, true).await;
    program
        .wait(LIMIT, |program| {
            let catalogue = program.state.catalogue();
            let window = catalogue
                .find(&name)
                .and_then(|slot| slot.outlook().window.clone());
            window
                .is_none()
                .then(|| "no window".to_owned())
                .into_iter()
                .collect()
        })
        .await;
    let scraped = program.get("/metrics").await;
    let window = "linkwatch_certificate_renewal_window_end_timestamp_seconds{";
    assert!(scraped.contains(window), "{scraped}");
    assert_eq!(program.root(&name), None);
    program.stop().await;

    // The authority wants it renewed at once, for it is revoked; the same serial is still served.
    let revocation = RevocationRequest {
        certificate: &issued.chain[0],
        reason: None,
    };
    account.revoke(&revocation).await.unwrap();
    let program = watch(&pebble, &dns, &site).await;
    program
        .wait(LIMIT, |program| {
            let root = program.root(&name);
            let missing = (root != Some(Cause::RenewalOverdue)).then(|| format!("root {root:?}"));
            missing.into_iter().collect()
        })
        .await;

    pebble.stop();
    wait_for_authority(&program, false).await;
    pebble.start_again(&real).await;
    wait_for_authority(&program, true).await;
    program.stop().await;
}
