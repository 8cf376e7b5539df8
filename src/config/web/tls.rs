//! `tls_server_config`, in Go's names.

use rustls::{CipherSuite, NamedGroup};

use crate::config::at::At;
use crate::config::credential::either;
use crate::config::error::{Place, did_you_mean, shown};
use crate::config::raw::web::TlsServer;
use crate::config::resolve::Resolving;
use crate::web::access::tls::{ClientAuth, Clients, Settings, Versions};

/// Policies by Go's names; `RequireClientCert` is an old one of the toolkit's.
const POLICIES: [(&str, ClientAuth); 6] = [
    ("NoClientCert", ClientAuth::None),
    ("RequestClientCert", ClientAuth::Request),
    ("RequireAnyClientCert", ClientAuth::RequireAny),
    ("RequireClientCert", ClientAuth::RequireAny),
    ("VerifyClientCertIfGiven", ClientAuth::VerifyIfGiven),
    ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerify),
];

/// Suites by Go's names. `None`: Go has it, this program does not.
const SUITES: [(&str, Option<CipherSuite>); 15] = {
    use CipherSuite as Suite;
    [
        ("TLS_AES_128_GCM_SHA256", Some(Suite::TLS13_AES_128_GCM_SHA256)),
        ("TLS_AES_256_GCM_SHA384", Some(Suite::TLS13_AES_256_GCM_SHA384)),
        (
            "TLS_CHACHA20_POLY1305_SHA256",
            Some(Suite::TLS13_CHACHA20_POLY1305_SHA256),
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            Some(Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            Some(Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            Some(Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
        ),
        (
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            Some(Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
        ),
        (
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            Some(Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
        ),
        (
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            Some(Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
        ),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", None),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", None),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", None),
        ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", None),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", None),
        ("TLS_RSA_WITH_AES_256_GCM_SHA384", None),
    ]
};

/// Curves by Go's names.
const CURVES: [(&str, NamedGroup); 5] = [
    ("X25519MLKEM768", NamedGroup::X25519MLKEM768),
    ("X25519", NamedGroup::X25519),
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
    ("CurveP521", NamedGroup::secp521r1),
];

const VERSIONS: [&str; 4] = ["TLS10", "TLS11", "TLS12", "TLS13"];

impl Resolving<'_> {
    /// TLS as the file says; `None` where it says nothing, or nothing that can be used.
    pub(super) fn server_tls(
        &mut self,
        At { place, value: raw }: At<TlsServer>,
        http2: bool,
    ) -> Option<Settings> {
        let clients = self.clients(place, &raw);
        let chain = self.text("cert", raw.cert.as_ref(), raw.cert_file.as_ref());
        let inline = raw.key.as_ref().filter(|key| !key.value.reveal().is_empty());
        let inline = inline.map(|key| (key.place, key.value.reveal()));
        let key_file = raw.key_file.as_ref().filter(|file| !file.value.is_empty());
        let key = either("key", inline, key_file, self).map(String::into_bytes);
        let given = |text: &Option<At<String>>| text.as_ref().is_some_and(|text| !text.value.is_empty());
        let cert_given = given(&raw.cert) || given(&raw.cert_file);
        let key_given = inline.is_some() || key_file.is_some();
        let versions = self.versions(&raw);
        let cipher_suites = raw.cipher_suites.as_ref().filter(|names| !names.value.is_empty());
        let cipher_suites = cipher_suites.map(|names| self.suites(names, versions));
        let groups = raw
            .curve_preferences
            .map_or_else(Vec::new, |names| self.curves(&names.value));
        if !cert_given && !key_given && clients.auth == ClientAuth::None && clients.authorities.is_none() {
            // As in the toolkit: what chooses how TLS is spoken does not turn it on.
            return None;
        }
        for (given, key) in [(cert_given, "cert"), (key_given, "key")] {
            if !given {
                let hint = format!("give {key} or {key}_file: without it there is no TLS");
                self.findings.missing(place, key, &hint);
            }
        }
        Some(Settings {
            chain: chain?,
            key: key?,
            clients,
            versions,
            cipher_suites,
            groups,
            own_order: raw.prefer_server_cipher_suites.unwrap_or(true),
            http2,
        })
    }

    fn clients(&mut self, place: Place, raw: &TlsServer) -> Clients {
        let policy = raw
            .client_auth_type
            .as_ref()
            .filter(|policy| !policy.value.is_empty());
        let auth = policy.map_or(ClientAuth::None, |policy| self.policy(policy));
        let authorities = self.text("client_ca", raw.client_ca.as_ref(), raw.client_ca_file.as_ref());
        let verifies = matches!(auth, ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify);
        if authorities.is_some() && auth == ClientAuth::None {
            let hint = "write client_auth_type: RequireAndVerifyClientCert";
            self.findings.fault_with_hint(
                place,
                "client_ca without a client_auth_type asks no client for anything",
                hint,
            );
        }
        if verifies && authorities.is_none() && raw.client_ca_file.is_none() {
            let what = "client_auth_type verifies clients, but no client_ca says against what";
            let hint = "give client_ca or client_ca_file: any public authority would be too many";
            self.findings.fault_with_hint(place, what, hint);
        }
        let names = raw.client_allowed_sans.as_ref();
        if let Some(names) = names
            && !matches!(auth, ClientAuth::RequireAny | ClientAuth::RequireAndVerify)
        {
            let hint = "write client_auth_type: RequireAndVerifyClientCert (or RequireAnyClientCert)";
            let what = "client_allowed_sans has no effect while clients need no certificate";
            self.findings.fault_with_hint(names.place, what, hint);
        }
        Clients {
            auth,
            authorities,
            allowed_names: names.map(|names| names.value.iter().map(|name| name.value.clone()).collect()),
        }
    }

    fn policy(&self, name: &At<String>) -> ClientAuth {
        let known = POLICIES.iter().find(|(known, _)| *known == name.value);
        known.map_or_else(
            || {
                let all = POLICIES.map(|(known, _)| known);
                let hint =
                    did_you_mean(&name.value, all).unwrap_or_else(|| format!("one of {}", all.join(", ")));
                let what = format!("there is no client_auth_type {}", shown(&name.value));
                self.findings.fault_with_hint(name.place, what, hint);
                ClientAuth::None
            },
            |(_, policy)| *policy,
        )
    }

    fn versions(&self, raw: &TlsServer) -> Versions {
        let rank = |version: Option<&At<String>>, default| {
            let Some(version) = version else { return default };
            let place = VERSIONS.iter().position(|known| *known == version.value);
            place.unwrap_or_else(|| {
                let what = format!("there is no version {}", shown(&version.value));
                self.findings
                    .fault_with_hint(version.place, what, "one of TLS12 and TLS13");
                default
            })
        };
        let (lowest, highest) = (
            rank(raw.min_version.as_ref(), 2),
            rank(raw.max_version.as_ref(), 3),
        );
        if let Some(version) = raw.min_version.as_ref().filter(|_| lowest < 2) {
            let what = format!(
                "{} is not spoken: TLS12 is the oldest version here",
                version.value
            );
            let hint = "TLS 1.0 and 1.1 are withdrawn (RFC 8996)";
            self.findings.warn(version.place, what, hint);
        }
        let newest = raw.max_version.as_ref();
        if let Some(version) = newest.filter(|_| highest < 2 || highest < lowest) {
            let what = format!("no version is left between min_version and {}", version.value);
            self.findings
                .fault_with_hint(version.place, what, "write max_version: TLS13, or leave it out");
        }
        Versions {
            tls12: lowest <= 2 && highest >= 2,
            tls13: highest >= 3,
        }
    }

    fn suites(&self, names: &At<Vec<At<String>>>, versions: Versions) -> Vec<CipherSuite> {
        let mut suites = Vec::new();
        for name in &names.value {
            match SUITES.iter().find(|(known, _)| *known == name.value) {
                Some((_, Some(suite))) => suites.push(*suite),
                Some((known, None)) => {
                    let hint = "it has no forward secrecy or no authenticated encryption; the others of the list stay";
                    self.findings
                        .warn(name.place, format!("{known} is not spoken here"), hint);
                }
                None => {
                    let what = format!("there is no cipher suite {}", shown(&name.value));
                    let all = SUITES.map(|(known, _)| known);
                    let hint = did_you_mean(&name.value, all).unwrap_or_else(|| {
                        "write it as Go does, as in TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256".to_owned()
                    });
                    self.findings.fault_with_hint(name.place, what, hint);
                }
            }
        }
        let old = suites
            .iter()
            .any(|suite| suite.as_str().is_some_and(|name| !name.starts_with("TLS13_")));
        if !old && versions.tls12 && !versions.tls13 {
            let what = "none of these suites is spoken in TLS 1.2, and max_version is TLS12";
            self.findings.fault_with_hint(
                names.place,
                what,
                "add one such as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            );
        }
        suites
    }

    fn curves(&self, names: &[At<String>]) -> Vec<NamedGroup> {
        let mut groups = Vec::new();
        for name in names {
            if let Some((_, group)) = CURVES.iter().find(|(known, _)| *known == name.value) {
                groups.push(*group);
                continue;
            }
            let what = format!("there is no curve {}", shown(&name.value));
            let all = CURVES.map(|(known, _)| known);
            let hint = did_you_mean(&name.value, all).unwrap_or_else(|| format!("one of {}", all.join(", ")));
            self.findings.fault_with_hint(name.place, what, hint);
        }
        groups
    }
}
