//! What a check prints of one endpoint: the verdict and the remedy, then layer by layer what it rests on.

use super::{Checked, Health, Kinds, layers};
use crate::cause::{Cause, Stage};
use crate::cli::chain;
use crate::cli::terminal::{BOLD, DIM, GOOD, PLAIN, Sheet, Span, WARNING, styled};
use crate::diagnosis::layers::account;
use crate::diagnosis::{self, Finding};
use crate::platform::Kind;
use crate::text::without_credentials;

/// Where the texts begin, behind their labels.
pub(super) const LABEL: usize = 11;

/// The report of one endpoint.
pub(super) fn write(sheet: &mut Sheet, checked: &Checked, kinds: &Kinds) {
    let Checked { endpoint, probed, .. } = checked;
    let account = account(endpoint, &probed.outcome, &checked.verdict);
    verdict(sheet, checked, kinds);
    sheet.gap();
    layers::write(sheet, &account.layers);
    if let Some(chain) = probed.outcome.chain_of(account.peer.as_ref()) {
        sheet.gap();
        chain::write(sheet, LABEL, chain, probed.at);
    }
    layers::waterfall(sheet, &account);
    if account.addresses.len() > 1 {
        sheet.gap();
        layers::addresses(sheet, &account.addresses, checked.verdict.addresses_up);
    }
    if endpoint.url.scheme() == "http" && checked.verdict.root.is_none() {
        sheet.gap();
        sheet.line(&[styled(DIM, "asked over http: no certificate was looked at")]);
    }
}

/// How it stands, why, and what to do; then what follows from it.
fn verdict(sheet: &mut Sheet, checked: &Checked, kinds: &Kinds) {
    let Checked {
        endpoint,
        probed,
        verdict,
    } = checked;
    let health = Health::of(verdict);
    sheet.line(&[
        styled(BOLD, endpoint.name.as_str()),
        " is ".into(),
        styled(health.style(), health.as_str()),
        " now".into(),
        styled(
            DIM,
            format!(
                "  {}  {}",
                probed.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
                without_credentials(&endpoint.url)
            ),
        ),
    ]);
    sheet.gap();
    let Some(root) = &verdict.root else {
        return sheet.row((PLAIN, "verdict"), LABEL, &[diagnosis::summary(verdict).into()]);
    };
    finding(sheet, "cause", health.style(), root);
    let remedy = diagnosis::remedy(root, endpoint);
    sheet.row((BOLD, "do"), LABEL, &[styled(BOLD, remedy)]);
    let kind = endpoint.platform().and_then(|name| kinds.get(name));
    if let Some(command) = kind.and_then(|kind| command(kind, root.cause, &endpoint.host)) {
        sheet.row((PLAIN, ""), LABEL, &[format!("$ {command}").into()]);
    }
    consequences(sheet, checked, root);
}

fn finding(sheet: &mut Sheet, label: &str, style: anstyle::Style, finding: &Finding) {
    let meaning = format!(": {}", finding.cause.meaning());
    sheet.row(
        (PLAIN, label),
        LABEL,
        &[styled(style, finding.cause.as_str()), meaning.into()],
    );
    sheet.row(
        (PLAIN, "expected"),
        LABEL,
        &[styled(GOOD, finding.expected.as_str())],
    );
    let at = finding
        .address
        .map_or_else(String::new, |address| format!(" (at {address})"));
    sheet.row(
        (PLAIN, "actual"),
        LABEL,
        &[styled(style, finding.actual.as_str()), at.into()],
    );
}

/// The symptom where the root explains it, and every other cause that holds.
fn consequences(sheet: &mut Sheet, checked: &Checked, root: &Finding) {
    let verdict = &checked.verdict;
    let symptom = verdict.symptom.iter().filter(|one| one.cause != root.cause);
    let others = verdict.others.iter();
    let labelled = symptom
        .map(|one| ("hence", one))
        .chain(others.map(|one| ("also", one)));
    for (label, one) in labelled {
        sheet.row(
            (PLAIN, label),
            LABEL,
            &[
                styled(WARNING, one.cause.as_str()),
                format!(": {}", one.cause.meaning()).into(),
            ],
        );
        let at = one
            .address
            .map_or_else(String::new, |address| format!(" at {address}"));
        let values = format!("expected {}; actual {}{at}", one.expected, one.actual);
        sheet.row((PLAIN, ""), LABEL, &[Span::from(values)]);
    }
}

/// The platform's own command about a cause, where it has one.
fn command(kind: &Kind, cause: Cause, host: &str) -> Option<String> {
    let of_target = matches!(cause.stage(), Stage::Platform | Stage::Dns);
    let of_certificate = cause == Cause::PlatformCertificateFailing || cause.stage() == Stage::Tls;
    if !of_target && !of_certificate {
        return None;
    }
    match kind {
        Kind::Heroku { app } if cause == Cause::PlatformDomainMissing => {
            Some(format!("heroku domains:add {host} --app {app}"))
        }
        Kind::Heroku { app } if of_certificate => Some(format!("heroku certs:auto --app {app}")),
        Kind::Heroku { app } => Some(format!("heroku domains --app {app}")),
        Kind::Fly { app } if cause == Cause::PlatformDomainMissing => {
            Some(format!("fly certs add {host} --app {app}"))
        }
        Kind::Fly { app } => Some(format!("fly certs check {host} --app {app}")),
        Kind::Vercel { .. } => Some(format!("vercel domains inspect {host}")),
        Kind::Railway { .. } => Some("railway domain".to_owned()),
        Kind::Cloudflare { .. } | Kind::Netlify { .. } | Kind::Render { .. } | Kind::Json(_) => None,
    }
}
