//! What is printed of a chain: a report, a line per certificate, JSON, or the certificates themselves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Found, Shown};
use crate::certificate::Detail;
use crate::cli::terminal::{self, BAD, BOLD, DIM, GOOD, PLAIN, Sheet, Span, styled};
use crate::cli::{chain, records};
use crate::outcome::{CertificateFacts, ChainFacts, ChainProblem, Staple};
use crate::outlook::caa::Caa;
use crate::outlook::renewal;

/// Where the texts begin, behind their labels.
const LABEL: usize = 11;

/// The columns of a PEM body (RFC 7468 section 2).
const PEM_COLUMNS: usize = 64;

/// The whole report.
pub(super) fn text(found: &Found) {
    let mut sheet = Sheet::new(terminal::columns());
    for (place, (addresses, shown)) in found.shown.iter().enumerate() {
        sheet.gap();
        headline(&mut sheet, found, addresses, shown);
        let Some(chain) = shown.chain() else { continue };
        verdict(&mut sheet, found, chain, place == 0);
        for (position, certificate) in chain.certificates.iter().enumerate() {
            sheet.gap();
            let detail = shown
                .presented
                .as_ref()
                .and_then(|presented| presented.chain.get(position))
                .and_then(|der| crate::certificate::detail(der));
            self::certificate(&mut sheet, position, certificate, detail.as_ref(), found);
        }
    }
    if found.shown.iter().any(|(_, shown)| shown.chain().is_some()) {
        sheet.gap();
        outlook(&mut sheet, found);
    }
    sheet.print();
}

fn headline(sheet: &mut Sheet, found: &Found, addresses: &[std::net::SocketAddr], shown: &Shown) {
    let listed: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let agreed: Vec<&str> = [shown.facts.version, shown.facts.cipher]
        .into_iter()
        .flatten()
        .collect();
    let agreed = if agreed.is_empty() {
        String::new()
    } else {
        format!("  {}", agreed.join(", "))
    };
    sheet.line(&[
        styled(BOLD, found.place.host.as_str()),
        styled(DIM, format!("  at {}{agreed}", listed.join(", "))),
    ]);
    if let Some(failure) = &shown.failure {
        sheet.row((PLAIN, "failed"), LABEL, &[styled(BAD, failure.as_str())]);
    }
}

/// Whether it is trusted, by which root, and what a browser would say.
fn verdict(sheet: &mut Sheet, found: &Found, chain: &ChainFacts, first: bool) {
    sheet.row((PLAIN, "verdict"), LABEL, &[chain::verdict(chain)]);
    let root = match (&found.root, first) {
        (Some(root), true) => root.clone(),
        (None, true) => "the chain leads to no trusted root at this time".to_owned(),
        (_, false) => String::new(),
    };
    if !root.is_empty() {
        sheet.row((PLAIN, "root"), LABEL, &[root.into()]);
    }
    sheet.row((PLAIN, "browser"), LABEL, &[browser(chain)]);
    let staple = match chain.staple {
        Staple::Absent => "no OCSP response is stapled",
        Staple::Good => "the stapled OCSP response says good",
        Staple::Revoked => "the stapled OCSP response says revoked",
        Staple::Invalid => {
            "the stapled OCSP response proves nothing: signature, time or certificate do not fit"
        }
    };
    sheet.row((PLAIN, "OCSP"), LABEL, &[staple.into()]);
}

/// What Chrome and Firefox would show, by the first thing that is wrong.
fn browser(chain: &ChainFacts) -> Span<'static> {
    let Some(problem) = chain.problems.first() else {
        return styled(GOOD, "accepts it");
    };
    let (chrome, firefox) = match problem {
        ChainProblem::HostnameMismatch => ("NET::ERR_CERT_COMMON_NAME_INVALID", "SSL_ERROR_BAD_CERT_DOMAIN"),
        ChainProblem::Expired { .. } => ("NET::ERR_CERT_DATE_INVALID", "SEC_ERROR_EXPIRED_CERTIFICATE"),
        ChainProblem::NotYetValid { .. } => (
            "NET::ERR_CERT_DATE_INVALID",
            "MOZILLA_PKIX_ERROR_NOT_YET_VALID_CERTIFICATE",
        ),
        ChainProblem::SelfSigned => (
            "NET::ERR_CERT_AUTHORITY_INVALID",
            "MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT",
        ),
        ChainProblem::UnknownIssuer => ("NET::ERR_CERT_AUTHORITY_INVALID", "SEC_ERROR_UNKNOWN_ISSUER"),
        ChainProblem::IncompleteChain { .. } => (
            "nothing if it can fetch the intermediate, else NET::ERR_CERT_AUTHORITY_INVALID",
            "nothing if it has met the intermediate before, else SEC_ERROR_UNKNOWN_ISSUER",
        ),
        ChainProblem::Bad(_) => (
            "NET::ERR_CERT_INVALID",
            "SEC_ERROR_BAD_SIGNATURE or another of its kind",
        ),
        ChainProblem::Revoked { .. } => ("NET::ERR_CERT_REVOKED", "SEC_ERROR_REVOKED_CERTIFICATE"),
    };
    styled(BAD, format!("Chrome says {chrome}; Firefox says {firefox}"))
}

fn certificate(
    sheet: &mut Sheet,
    position: usize,
    facts: &CertificateFacts,
    detail: Option<&Detail>,
    found: &Found,
) {
    let mut row = |label: &str, text: String| {
        if !text.is_empty() {
            sheet.row((PLAIN, label), LABEL, &[text.into()]);
        }
    };
    row(&format!("{position}"), facts.subject.clone());
    let more = facts.name_count - facts.names.len();
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    row("names", format!("{}{more}", facts.names.join(", ")));
    row("issuer", facts.issuer.clone());
    row("serial", facts.serial.clone());
    row("sha256", facts.fingerprint_sha256.clone());
    if let Some(detail) = detail {
        row("key", detail.key.clone());
        row("signature", detail.signature.clone());
        let authority = if detail.authority {
            "issuing certificates"
        } else {
            ""
        };
        let uses = detail.usages.iter().copied().chain([authority]);
        let uses: Vec<&str> = uses.filter(|text| !text.is_empty()).collect();
        row("use", uses.join(", "));
        for promise in &detail.timestamps {
            let at = promise.at.map(chain::date).unwrap_or_default();
            row("log", format!("{} {at}", promise.log));
        }
        row("OCSP at", detail.ocsp.join(", "));
        row("CRL at", detail.revocation_lists.join(", "));
        row("issuer at", detail.issuers.join(", "));
    }
    sheet.row((PLAIN, "life"), LABEL, &chain::life(facts, found.now));
}

/// Who may issue the next one, and when.
fn outlook(sheet: &mut Sheet, found: &Found) {
    let outlook = &found.outlook;
    for said in outlook.records.iter().filter_map(records::line) {
        sheet.row((PLAIN, "CAA"), LABEL, &[said.into()]);
    }
    let none = outlook.records.iter().all(|one| records::line(one).is_none());
    let permits = match (&outlook.permits, outlook.authority) {
        (Some(Caa::Permits), Some(authority)) => styled(GOOD, format!("{authority} may renew it")),
        (Some(Caa::Forbids(why)), _) => styled(BAD, format!("the issuer may not renew it: {why}")),
        (Some(Caa::Unknown(why)), _) => styled(BAD, why.clone()),
        _ if none => Span::from("no records: any authority may issue"),
        _ => Span::from("the issuer is not one that is known by its name in CAA records"),
    };
    sheet.row((PLAIN, "CAA"), LABEL, &[permits]);
    sheet.row((PLAIN, "renewal"), LABEL, &[renewal(found).into()]);
}

/// When the authority wants it renewed; where it was not asked, when clients do.
fn renewal(found: &Found) -> String {
    let chain = found.shown.iter().find_map(|(_, shown)| shown.chain());
    match &found.outlook.window {
        Some(Ok(Some(window))) => {
            let why = window
                .explanation
                .as_deref()
                .map_or_else(String::new, |url| format!(", see {url}"));
            format!(
                "the authority wants it renewed between {} and {}{why}",
                chain::date(window.start),
                chain::date(window.end)
            )
        }
        Some(Ok(None)) => "the authority gives no renewal window for it".to_owned(),
        Some(Err(why)) => format!("no renewal window: {why}"),
        None => chain
            .and_then(ChainFacts::leaf)
            .and_then(|leaf| habit(leaf, found))
            .unwrap_or_default(),
    }
}

fn habit(leaf: &CertificateFacts, found: &Found) -> Option<String> {
    let share = renewal::habit(leaf, None);
    let lifetime = leaf.not_after.duration_since(leaf.not_before);
    let at = leaf
        .not_after
        .checked_sub(SignedDuration::try_from_secs_f64(lifetime.as_secs_f64() * share).ok()?)
        .ok()?;
    let word = if at < found.now { "was" } else { "is" };
    Some(format!(
        "{word} usual with {:.0} % of its life left, on {} (--ari asks the authority)",
        share * 100.0,
        chain::date(at)
    ))
}

/// One line per certificate.
pub(super) fn short(found: &Found) {
    let mut sheet = Sheet::new(terminal::columns());
    for (addresses, shown) in &found.shown {
        let listed: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let listed = listed.join(", ");
        let Some(chain) = shown.chain() else {
            let failure = shown.failure.as_deref().unwrap_or("no certificate");
            sheet.line(&[format!("{listed}: ").into(), styled(BAD, failure)]);
            continue;
        };
        sheet.line(&[format!("{listed}: ").into(), chain::verdict(chain)]);
        for (position, facts) in chain.certificates.iter().enumerate() {
            let [_, words] = chain::life(facts, found.now);
            let whom = format!("{position}  {}, by {}", chain::subject(facts), facts.issuer_name);
            sheet.hanging(3, &[format!("{whom}; {}", words.1.trim_start()).into()]);
        }
    }
    sheet.print();
}

/// Everything, for programs.
pub(super) fn json(found: &Found) {
    let outlook = &found.outlook;
    let records: Vec<Value> = outlook.records.iter().map(records::object).collect();
    let window = outlook.window.as_ref().map(|window| match window {
        Ok(window) => json!({ "window": window }),
        Err(why) => json!({ "failed": why }),
    });
    let presented: Vec<Value> = found
        .shown
        .iter()
        .map(|(addresses, shown)| {
            json!({
                "addresses": addresses,
                "version": shown.facts.version,
                "cipher": shown.facts.cipher,
                "trusted": shown.chain().map(ChainFacts::trusted),
                "failure": shown.failure,
                "chain": shown.chain(),
            })
        })
        .collect();
    let object = json!({
        "host": found.place.host,
        "port": found.place.port,
        "presented": presented,
        "details": found.details,
        "root": found.root,
        "caa": { "records": records, "permits_issuer": outlook.permits.as_ref().map(|caa| *caa == Caa::Permits) },
        "renewal": window,
    });
    anstream::println!("{object:#}");
}

/// The certificates of the first address that presents some, as a file of them holds them.
pub(super) fn pem(found: &Found) {
    let presented = found.shown.iter().find_map(|(_, shown)| shown.presented.as_ref());
    for der in presented.iter().flat_map(|presented| &presented.chain) {
        let body = STANDARD.encode(der);
        anstream::println!("-----BEGIN CERTIFICATE-----");
        for start in (0..body.len()).step_by(PEM_COLUMNS) {
            // Base64 is ASCII: every byte is a boundary.
            let line = &body[start..body.len().min(start + PEM_COLUMNS)];
            anstream::println!("{line}");
        }
        anstream::println!("-----END CERTIFICATE-----");
    }
}
