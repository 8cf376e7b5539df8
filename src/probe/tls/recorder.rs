//! The verifier of one handshake: it keeps what the peer presents and lets the handshake go on.
//!
//! Only the signature over the handshake is checked here, so that the peer is known to hold the key. The chain is
//! judged afterwards, from the record, which a handshake that fails later leaves behind all the same.

use std::sync::OnceLock;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::certificate::Presented;

/// Records one chain.
#[derive(Debug)]
pub(in crate::probe) struct Recorder {
    algorithms: WebPkiSupportedAlgorithms,
    presented: OnceLock<Presented>,
}

impl Recorder {
    /// For one handshake.
    pub(super) const fn new(algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self {
            algorithms,
            presented: OnceLock::new(),
        }
    }

    /// What the peer presented, if it came so far.
    pub(in crate::probe) fn presented(&self) -> Option<&Presented> {
        self.presented.get()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.presented
            .get_or_init(|| Presented::new(end_entity, intermediates, ocsp_response));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
