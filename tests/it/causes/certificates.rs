//! Nothing disappears: what a bad certificate says is known, and stays known of an endpoint that is gone.

use linkwatch::cause::Cause;

use super::cases::Internet;
use super::program::{Program, label, series};
use super::{LIMIT, named, of};
use crate::lab::{Connect, Flaw};

/// The flaws, what they are called, and who issues such a certificate.
const CASES: [(Flaw, &str, Cause, &str); 5] = [
    (
        Flaw::Expired,
        "expired.test",
        Cause::TlsExpired,
        "Lab Intermediate",
    ),
    (
        Flaw::WrongName,
        "wrong-name.test",
        Cause::TlsHostnameMismatch,
        "Lab Intermediate",
    ),
    (
        Flaw::SelfSigned,
        "self-signed.test",
        Cause::TlsSelfSigned,
        "self-signed.test",
    ),
    (
        Flaw::UnknownIssuer,
        "unknown-issuer.test",
        Cause::TlsUnknownIssuer,
        "Private Intermediate",
    ),
    (
        Flaw::MissingIntermediate,
        "incomplete.test",
        Cause::TlsIncompleteChain,
        "Lab Intermediate",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn bad_certificates_are_known_and_stay_known_when_their_endpoint_is_gone() {
    let mut internet = Internet::start().await;
    let mut dates = Vec::new();
    let mut places = Vec::new();
    for (flaw, name, ..) in CASES {
        let issued = internet.authority.bad(name, flaw);
        dates.push(not_after(issued.leaf()));
        places.push(internet.presenting(name, issued).await);
    }
    let program = Program::start(&internet.config("")).await;
    await_roots(&program, |cause| cause).await;
    let before = program.get("/metrics").await;
    for ((_, name, _, issuer), date) in CASES.iter().zip(&dates) {
        assert_facts(&program, &before, name, issuer, *date).await;
    }

    for place in places {
        internet.site(place).connect(Connect::Refuse).await;
    }
    await_roots(&program, |_| Cause::ConnectRefused).await;
    let after = program.get("/metrics").await;
    for ((_, name, _, issuer), date) in CASES.iter().zip(&dates) {
        assert_facts(&program, &after, name, issuer, *date).await;
        let observed = number(&after, "linkwatch_certificate_observed_timestamp_seconds", name);
        let first = number(&before, "linkwatch_certificate_observed_timestamp_seconds", name);
        let last_run = number(&after, "linkwatch_probe_last_run_timestamp_seconds", name);
        assert!(
            first <= observed && observed < last_run,
            "{name}: observed {observed}, probed {last_run}"
        );
    }
    program.stop().await;
}

async fn await_roots(program: &Program, cause: impl Fn(Cause) -> Cause) {
    let missing = |program: &Program| {
        CASES
            .iter()
            .filter(|(_, name, own, _)| program.root(name) != Some(cause(*own)))
            .map(|(_, name, ..)| format!("{name}: root {:?}", program.root(name)))
            .collect()
    };
    program.wait(LIMIT, missing).await;
}

/// Dates and issuer on the metric, names in the interface, and no trust.
async fn assert_facts(program: &Program, scraped: &str, name: &str, issuer: &str, date: i64) {
    let leaf = |family: &str| {
        let mut all = series(scraped, family).into_iter();
        all.find(|(series, _)| {
            label(series, "name") == Some(name) && matches!(label(series, "position"), None | Some("0"))
        })
        .unwrap_or_else(|| panic!("{family} of {name} is missing"))
    };
    let (_, shown) = leaf("linkwatch_certificate_not_after_timestamp_seconds");
    assert!(
        (shown.parse::<f64>().unwrap() - f64::from(i32::try_from(date).unwrap())).abs() < 0.5,
        "{name}: ends {shown}, not {date}"
    );
    assert_eq!(
        of(scraped, "linkwatch_certificate_trusted", name),
        ["0"],
        "{name}"
    );
    let (info, _) = leaf("linkwatch_certificate_info");
    assert!(info.contains(issuer), "{info}");
    let endpoints = program.endpoints().await;
    let certificate = &named(&endpoints, name)["certificate"];
    assert_eq!(certificate["trusted"], false, "{name}");
    assert!(certificate["observed"].is_string(), "{name}");
    let facts = &certificate["chain"][0];
    assert!(facts["issuer"].as_str().unwrap().contains(issuer), "{facts:#}");
    let expected = if name == "wrong-name.test" {
        "elsewhere.test"
    } else {
        name
    };
    assert_eq!(facts["names"][0], expected, "{facts:#}");
}

fn number(scraped: &str, family: &str, endpoint: &str) -> f64 {
    let values = of(scraped, family, endpoint);
    assert_eq!(values.len(), 1, "{family} of {endpoint}");
    values[0].parse().unwrap()
}

/// The end of a certificate as another parser reads it, in seconds since 1970.
fn not_after(der: &[u8]) -> i64 {
    let (_, parsed) = x509_parser::parse_x509_certificate(der).unwrap();
    parsed.validity().not_after.timestamp()
}
