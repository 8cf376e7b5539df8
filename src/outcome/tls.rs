//! What a handshake showed: the agreed protocol, and the presented chain with what it is worth.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a handshake showed.
#[derive(Debug, Clone, Serialize)]
pub struct TlsFacts {
    /// Protocol version, as in `TLS 1.3`; `None` until it is agreed.
    pub version: Option<&'static str>,
    /// Cipher suite by its standard name.
    pub cipher: Option<&'static str>,
    /// The protocol agreed by ALPN.
    pub alpn: Option<String>,
    /// The chain as presented and its verdict; `None` when no certificate arrived.
    pub chain: Option<Arc<ChainFacts>>,
}

/// What the lists of revoked certificates say of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevocationFacts {
    /// Each list of each certificate.
    pub lists: Vec<ListFacts>,
    /// Until all were there.
    pub took: Duration,
}

/// What one list says of one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListFacts {
    /// The certificate's position in the chain; 0 is the leaf.
    pub position: usize,
    /// Where the list is.
    pub url: String,
    /// Whether it came, signed by the certificate's issuer.
    pub available: bool,
    /// Whether it is no longer current.
    pub stale: bool,
    /// Whether it revokes the certificate.
    pub revoked: bool,
    /// Until when it is current, if it says so.
    pub next_update: Option<Timestamp>,
}

/// A presented certificate chain and what it is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainFacts {
    /// Leaf first, in the presented order; at most 16.
    pub certificates: Vec<CertificateFacts>,
    /// Everything wrong with it, most telling first; empty: trusted.
    pub problems: Vec<ChainProblem>,
    /// What the stapled OCSP response says (RFC 6960).
    pub staple: Staple,
    /// The earliest end of validity on the path that was verified; `None` when none was.
    pub verified_until: Option<Timestamp>,
}

impl ChainFacts {
    /// Whether a browser would accept it.
    #[must_use]
    pub fn trusted(&self) -> bool {
        self.problems.is_empty()
    }

    /// The server's own certificate.
    #[must_use]
    pub fn leaf(&self) -> Option<&CertificateFacts> {
        self.certificates.first()
    }
}

/// What a certificate says (RFC 5280).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// Subject, as an RFC 4514 style text.
    pub subject: String,
    /// Issuer, likewise.
    pub issuer: String,
    /// The issuer's organisation, else its common name, else empty: what a person calls it.
    pub issuer_name: String,
    /// Serial number in lower-case hexadecimal, leading zeros kept.
    pub serial: String,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub fingerprint_sha256: String,
    /// First instant of validity.
    pub not_before: Timestamp,
    /// Last instant of validity.
    pub not_after: Timestamp,
    /// DNS names and addresses of the subject alternative name extension, at most 100 kept.
    pub names: Vec<String>,
    /// How many names it holds in all.
    pub name_count: usize,
    /// Whether issuer and subject are the same and its own key signed it.
    pub self_signed: bool,
    /// Whether it says where its issuer's certificate can be fetched (caIssuers).
    pub has_ca_issuers: bool,
    /// Its identifier towards its authority (RFC 9773 section 4.1): key identifier of the issuer and serial number.
    #[serde(default)]
    pub renewal_id: Option<String>,
}

/// What is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainProblem {
    /// The leaf is not for this name.
    HostnameMismatch,
    /// The certificate at this position ended before now.
    Expired {
        /// 0 is the leaf.
        position: usize,
        /// When it ended.
        not_after: Timestamp,
    },
    /// The certificate at this position begins after now.
    NotYetValid {
        /// 0 is the leaf.
        position: usize,
        /// When it begins.
        not_before: Timestamp,
    },
    /// The leaf signed itself.
    SelfSigned,
    /// Nobody trusted vouches for it.
    UnknownIssuer,
    /// An intermediate certificate is missing; `proven` when it validates with a known one.
    IncompleteChain {
        /// Whether it was shown with a known intermediate, or only made likely by a caIssuers URL.
        proven: bool,
    },
    /// Signature, constraint, algorithm or encoding: what.
    Bad(String),
    /// Its issuer has revoked it (by the verified staple).
    Revoked {
        /// Since when.
        at: Timestamp,
    },
}

/// What a stapled OCSP response was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Staple {
    /// None was sent.
    Absent,
    /// Signed, current, good.
    Good,
    /// Signed, current, revoked.
    Revoked,
    /// It proves nothing: wrongly signed, out of date, for another certificate, or unreadable.
    Invalid,
}
