//! Railway: the custom domains of a service, with the records that DNS must hold and how the certificate stands.
//!
//! One query of the public `GraphQL` API tells all. The token is one of an account or a workspace.

use serde::Deserialize;
use serde_json::json;

use super::PlatformError;
use super::api::{Api, Pages};
use crate::endpoint::DnsTarget;
use crate::fetch::Answer;
use crate::outlook::platform::{CertificateState, Domain};

const QUERY: &str = "query domains($projectId: String!, $environmentId: String!, $serviceId: String!) {
  domains(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId) {
    customDomains {
      domain
      status {
        certificateStatus
        certificateErrorMessage
        dnsRecords { recordType requiredValue status purpose }
      }
    }
  }
}";

#[derive(Debug, Deserialize)]
struct Told {
    /// Null where the query has failed.
    data: Option<Data>,
    #[serde(default)]
    errors: Vec<Problem>,
}

#[derive(Debug, Deserialize)]
struct Problem {
    message: String,
}

#[derive(Debug, Deserialize)]
struct Data {
    domains: Domains,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Domains {
    custom_domains: Vec<Row>,
}

/// A domain, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Row {
    domain: String,
    status: Status,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(rename = "certificateStatus")]
    certificate: Option<String>,
    certificate_error_message: Option<String>,
    #[serde(default)]
    dns_records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(rename = "recordType")]
    kind: String,
    required_value: String,
    status: Option<String>,
    purpose: Option<String>,
}

pub(super) async fn domains(
    api: &mut Api,
    project: &str,
    environment: &str,
    service: &str,
) -> Result<Vec<Domain>, PlatformError> {
    let variables = json!({"projectId": project, "environmentId": environment, "serviceId": service});
    let body = json!({"query": QUERY, "variables": variables});
    let answer = api.post_json(api.url(&[]), &body).await?;
    let told: Told = api.parse(&answer)?;
    let rows = match told.data {
        Some(data) if told.errors.is_empty() => data.domains.custom_domains,
        Some(_) | None => return Err(failed(api, &answer, &told.errors)),
    };
    let mut pages = Pages::new();
    pages.add(&answer.place, rows.iter().map(domain))?;
    Ok(pages.finish())
}

/// A query that has failed; the status is 200 even where the token is not known.
fn failed(api: &Api, answer: &Answer, errors: &[Problem]) -> PlatformError {
    if errors.iter().any(|error| error.message == "Not Authorized") {
        api.unauthorized(answer)
    } else {
        api.refused(answer)
    }
}

fn domain(Row { domain, status }: &Row) -> Domain {
    let routes: Vec<&Record> = status
        .dns_records
        .iter()
        .filter(|record| routes(record))
        .collect();
    let required = routes.iter().map(|record| record.required_value.clone());
    let targets = required.filter(|value| !value.is_empty()).map(DnsTarget::from);
    let mut domain = Domain::new(domain, targets.collect());
    domain.dns_ok = dns_ok(&routes);
    let reason = status.certificate_error_message.as_deref().unwrap_or_default();
    let status = status.certificate.as_deref().unwrap_or_default();
    let status = status.strip_prefix("CERTIFICATE_STATUS_TYPE_").unwrap_or(status);
    domain.saying(status, certificate(status), reason)
}

/// Whether a record leads traffic to the service, rather than proving something to somebody.
fn routes(record: &Record) -> bool {
    let kind = record.kind.strip_prefix("DNS_RECORD_TYPE_");
    let leads = matches!(kind.unwrap_or(&record.kind), "A" | "AAAA" | "ALIAS" | "CNAME");
    leads && record.purpose.as_deref() != Some("DNS_RECORD_PURPOSE_ACME_DNS01_CHALLENGE")
}

/// Whether Railway finds every record as it should be; `None` where it has not looked.
fn dns_ok(routes: &[&Record]) -> Option<bool> {
    let seen = routes.iter().map(|record| {
        let status = record.status.as_deref()?;
        match status.strip_prefix("DNS_RECORD_STATUS_").unwrap_or(status) {
            "PROPAGATED" | "VALID" => Some(true),
            "REQUIRES_UPDATE" | "INVALID" => Some(false),
            _ => None,
        }
    });
    let seen: Vec<bool> = seen.collect::<Option<_>>()?;
    (!seen.is_empty()).then(|| seen.iter().all(|right| *right))
}

/// What the words for a certificate mean; `None` of one that is not documented.
fn certificate(status: &str) -> Option<CertificateState> {
    match status {
        "VALID" | "ISSUED" => Some(CertificateState::Issued),
        "ISSUING" | "PENDING" | "VALIDATING_OWNERSHIP" => Some(CertificateState::Pending),
        "ISSUE_FAILED" | "FAILED" => Some(CertificateState::Failing),
        "UNSPECIFIED" => Some(CertificateState::Unknown),
        _ => None,
    }
}
