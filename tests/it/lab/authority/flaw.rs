//! Every way in which a certificate can be bad.

use rcgen::{
    CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, NameConstraints,
};
use rustls_pki_types::CertificateDer;
use time::Duration;

use super::{Authority, DAY, HOUR, Issued, Issuer, LeafSpec, ca_params, issued::private_key, new_key};

/// One thing wrong with a certificate; all else is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// Ended an hour ago.
    Expired,
    /// Begins in an hour.
    NotYetValid,
    /// The intermediate ended an hour ago.
    IntermediateExpired,
    /// For `elsewhere.test`.
    WrongName,
    /// The name stands in the common name only.
    NoNames,
    /// Signed by itself, not an authority.
    SelfSigned,
    /// Signed by itself and an authority, as `openssl req -x509` makes it.
    SelfSignedAuthority,
    /// Of a private authority, its root sent along.
    UnknownIssuer,
    /// Of a private authority, its root not sent.
    UnknownIssuerWithoutRoot,
    /// The intermediate is not sent, and nothing says where to get it.
    MissingIntermediate,
    /// The intermediate is not sent; the leaf says where it could be fetched (nothing answers there).
    MissingIntermediateWithUrl,
    /// A bit of the leaf's signature is flipped.
    DamagedSignature,
    /// Signed by an issuer of the right name with another key.
    OtherIssuerKey,
    /// A good certificate, presented with another private key.
    OtherLeafKey,
    /// For clients, not for servers.
    NotForServers,
    /// Issued by a certificate that is no authority.
    IssuerNotAuthority,
    /// Under an intermediate that may only issue for `allowed.test`.
    NameConstraint,
    /// With a critical extension that nobody knows.
    UnknownCriticalExtension,
    /// Cut off in the middle.
    BrokenEncoding,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Expired,
        Self::NotYetValid,
        Self::IntermediateExpired,
        Self::WrongName,
        Self::NoNames,
        Self::SelfSigned,
        Self::SelfSignedAuthority,
        Self::UnknownIssuer,
        Self::UnknownIssuerWithoutRoot,
        Self::MissingIntermediate,
        Self::MissingIntermediateWithUrl,
        Self::DamagedSignature,
        Self::OtherIssuerKey,
        Self::OtherLeafKey,
        Self::NotForServers,
        Self::IssuerNotAuthority,
        Self::NameConstraint,
        Self::UnknownCriticalExtension,
        Self::BrokenEncoding,
    ];
}

impl Authority {
    /// A certificate for `name` with one flaw.
    #[must_use]
    pub fn bad(&self, name: &str, flaw: Flaw) -> Issued {
        let leaf = self.leaf(name);
        match flaw {
            Flaw::Expired => leaf.valid(-90 * DAY, -HOUR).issue(),
            Flaw::NotYetValid => leaf.valid(HOUR, 90 * DAY).issue(),
            Flaw::IntermediateExpired => self.below_intermediate(leaf, |ca| {
                ca.not_after = self.now - Duration::hours(1);
            }),
            Flaw::WrongName => self.good("elsewhere.test"),
            Flaw::NoNames => leaf.without_names().issue(),
            Flaw::SelfSigned => leaf.self_signed(),
            Flaw::SelfSignedAuthority => self_signed_authority(leaf),
            Flaw::UnknownIssuer => self.unknown(name, true),
            Flaw::UnknownIssuerWithoutRoot => self.unknown(name, false),
            Flaw::MissingIntermediate => leaf.alone().issue(),
            Flaw::MissingIntermediateWithUrl => leaf
                .ca_issuers("http://127.0.0.1:9/intermediate.der")
                .alone()
                .issue(),
            Flaw::DamagedSignature => damaged(leaf.issue()),
            Flaw::OtherIssuerKey => self.other_issuer_key(leaf),
            Flaw::OtherLeafKey => Issued {
                key: private_key(&new_key()),
                ..leaf.issue()
            },
            Flaw::NotForServers => leaf.usage(ExtendedKeyUsagePurpose::ClientAuth).issue(),
            Flaw::IssuerNotAuthority => self.below_intermediate(leaf, |ca| ca.is_ca = IsCa::ExplicitNoCa),
            Flaw::NameConstraint => self.below_intermediate(leaf, |ca| {
                let permitted_subtrees = vec![GeneralSubtree::DnsName("allowed.test".to_owned())];
                ca.name_constraints = Some(NameConstraints {
                    permitted_subtrees,
                    excluded_subtrees: Vec::new(),
                });
            }),
            Flaw::UnknownCriticalExtension => leaf.extension(critical_extension()).issue(),
            Flaw::BrokenEncoding => cut(leaf.issue()),
        }
    }

    /// Under an intermediate of its own that is changed first.
    fn below_intermediate(&self, leaf: LeafSpec<'_>, change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut params = ca_params("Lab Other Intermediate", "Lab", self.now);
        change(&mut params);
        let issuer = Issuer::signed_by(params, new_key(), &self.root).expect("sign an intermediate");
        leaf.issue_by(&issuer, vec![issuer.der().clone()])
    }

    fn unknown(&self, name: &str, root_sent: bool) -> Issued {
        let private = Self::named(self.now(), "Private");
        let mut issued = private.good(name);
        if root_sent {
            issued.chain.push(private.root());
        }
        issued
    }

    /// Signed with a key that is not the intermediate's, and presented with the real intermediate.
    fn other_issuer_key(&self, leaf: LeafSpec<'_>) -> Issued {
        let impostor = Self::at(self.now());
        leaf.issue_by(&impostor.intermediate, vec![self.intermediate()])
    }
}

fn self_signed_authority(mut leaf: LeafSpec<'_>) -> Issued {
    leaf.params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    leaf.params.key_usages.clear();
    leaf.params.extended_key_usages.clear();
    leaf.self_signed()
}

/// The signature's value stands last in a certificate.
fn damaged(mut issued: Issued) -> Issued {
    let mut der = issued.leaf().to_vec();
    *der.last_mut().expect("a certificate is not empty") ^= 1;
    issued.chain[0] = CertificateDer::from(der);
    issued
}

fn cut(mut issued: Issued) -> Issued {
    let der = issued.leaf().to_vec();
    issued.chain[0] = CertificateDer::from(der[..der.len() / 2].to_vec());
    issued
}

fn critical_extension() -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 55555, 1], vec![5, 0]);
    extension.set_criticality(true);
    extension
}
