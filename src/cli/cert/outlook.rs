//! What lies ahead of a certificate: who may issue the next one, and when its authority wants it renewed.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use url::Url;

use super::CertArgs;
use crate::fetch;
use crate::foresight::acme::{Authority, KNOWN, Known, Settings};
use crate::outcome::CertificateFacts;
use crate::outlook::caa::{Answer, Caa, judge};
use crate::outlook::renewal::Window;
use crate::probe::{Prober, tls};

/// A climb through the CAA records, and a question to an authority, may take so long.
const LIMIT: Duration = Duration::from_secs(10);

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    /// The authority that issued it, if it is one that is known by name.
    pub(super) authority: Option<&'static str>,
    /// What DNS says of who may issue, the closest name first.
    pub(super) records: Vec<(String, Answer)>,
    /// Whether the issuer may, where it is known.
    pub(super) permits: Option<Caa>,
    /// When it should be renewed; asked for only when told to.
    pub(super) window: Option<Result<Option<Window>, String>>,
}

/// Finds out.
pub(super) async fn of(
    prober: &Prober,
    leaf: &CertificateFacts,
    host: &str,
    args: &CertArgs,
    now: Timestamp,
) -> Outlook {
    let issued_by =
        |known: &&Known| leaf.issuer.contains(known.issuer) || leaf.issuer_name.contains(known.issuer);
    let known = KNOWN.iter().find(issued_by);
    let named = host.parse::<std::net::IpAddr>().is_err();
    let records = if named {
        prober.resolver.caa(host, Instant::now() + LIMIT).await
    } else {
        Vec::new()
    };
    let permits = known.filter(|_| named).map(|known| {
        let identifiers: Vec<String> = known.identifiers.iter().map(ToString::to_string).collect();
        judge(&records, host, &identifiers)
    });
    let window = if args.ari {
        Some(window(leaf, known, args, now).await)
    } else {
        None
    };
    Outlook {
        authority: known.map(|known| known.name),
        records,
        permits,
        window,
    }
}

async fn window(
    leaf: &CertificateFacts,
    known: Option<&Known>,
    args: &CertArgs,
    now: Timestamp,
) -> Result<Option<Window>, String> {
    let certificate = leaf
        .renewal_id
        .as_deref()
        .ok_or("the certificate does not identify the key of its issuer")?;
    let directory = match (&args.ari_directory, known) {
        (Some(directory), _) => directory.clone(),
        (None, Some(known)) => Url::parse(known.directory).map_err(|error| error.to_string())?,
        (None, None) => {
            return Err(format!(
                "{} is not an authority that is known by name: say its ACME directory with --ari-directory",
                leaf.issuer_name
            ));
        }
    };
    let roots = args.ca_file.as_ref().map(std::fs::read).transpose();
    let settings = Settings {
        name: "asked".to_owned(),
        directory,
        issuers: Vec::new(),
        identifiers: Vec::new(),
        client: fetch::Settings {
            tls: tls::Settings {
                roots: roots.map_err(|error| error.to_string())?,
                ..tls::Settings::default()
            },
            timeout: LIMIT,
            ..fetch::Settings::default()
        },
    };
    let asked = async {
        let authority = Authority::new(settings)?;
        let Some(renewal_info) = authority.probe().await?.renewal_info else {
            return Ok(None);
        };
        let (window, _) = authority.window(&renewal_info, certificate, now).await?;
        Ok(window)
    };
    asked
        .await
        .map_err(|error: crate::foresight::acme::AcmeError| error.to_string())
}
