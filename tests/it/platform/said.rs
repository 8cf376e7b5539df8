//! What each platform says of domains in every state, and what is understood of it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::speakers::SPEAKERS;
use super::{Stand, World};
use crate::lab::{Answer, Reply};

/// What is understood, a line for each domain, where these paths answer so and no other does.
async fn understood(platform: &str, answers: &[(&str, Value)]) -> String {
    let speaker = SPEAKERS.iter().find(|speaker| speaker.name == platform).unwrap();
    let mut stand = Stand::of(speaker, World::of(0)).await;
    stand.says(Answer::status(404));
    for (path, body) in answers {
        stand.lab.route(path, Reply::new(200, body.to_string()));
    }
    let domains = stand
        .ask()
        .await
        .unwrap_or_else(|error| panic!("{platform}: {error}"));
    domains.iter().fold(String::new(), |mut text, domain| {
        let targets: Vec<_> = domain.targets.iter().map(ToString::to_string).collect();
        let known = if domain.recognised { "" } else { "?" };
        writeln!(
            text,
            "{} -> {} | dns {:?} | {}{known} {:?} | {}",
            domain.host,
            targets.join(" "),
            domain.dns_ok,
            domain.status,
            domain.certificate,
            domain.reason
        )
        .unwrap();
        text
    })
}

#[tokio::test]
async fn cloudflare() {
    let rows = json!([
        {"hostname": "A.example.com", "status": "active", "ssl": {"status": "active"}},
        {"hostname": "b.example.com", "status": "pending", "custom_origin_server": "origin.saas.example",
         "verification_errors": ["no ownership record"],
         "ssl": {"status": "pending_validation", "validation_errors": [{"message": "CAA forbids it"}]}},
        {"hostname": "c.example.com", "status": "moved", "ssl": {"status": "validation_timed_out"}},
        {"hostname": "d.example.com", "status": "blocked", "ssl": null},
    ]);
    let list = json!({"success": true, "result": rows, "result_info": {"page": 1, "total_pages": 1}});
    let fallback = json!({"success": true, "result": {"origin": "proxy.saas.example"}});
    let place = "/zones/z-1/custom_hostnames";
    let both = [
        (place, list.clone()),
        ("/zones/z-1/custom_hostnames/fallback_origin", fallback),
    ];
    assert_eq!(
        understood("cloudflare", &both).await,
        "a.example.com -> proxy.saas.example | dns Some(true) | active Issued | \n\
         b.example.com -> origin.saas.example proxy.saas.example | dns None | pending_validation Pending | CAA forbids it\n\
         c.example.com -> proxy.saas.example | dns Some(false) | validation_timed_out Failing | \n\
         d.example.com -> proxy.saas.example | dns None | blocked Unknown | \n"
    );
    // A zone without a fallback origin.
    let alone = understood("cloudflare", &[(place, list)]).await;
    assert!(alone.starts_with("a.example.com ->  | dns Some(true)"), "{alone}");
}

#[tokio::test]
async fn cloudflare_marks_failure_in_the_body() {
    let speaker = SPEAKERS
        .iter()
        .find(|speaker| speaker.name == "cloudflare")
        .unwrap();
    let mut stand = Stand::of(speaker, World::of(0)).await;
    let body =
        json!({"success": false, "errors": [{"code": 7003, "message": "no such zone"}], "result": null});
    stand.says(Reply::new(200, body.to_string()));
    let error = super::trouble(speaker, stand.ask().await).to_string();
    assert!(error.ends_with("answers 200 OK: no such zone"), "{error}");
}

#[tokio::test]
async fn fly() {
    let list = json!({"certificates": [
        {"hostname": "a.example.com", "status": "active", "configured": true},
        {"hostname": "b.example.com", "status": "pending_validation", "configured": false},
        {"hostname": "c.example.com", "status": "pending_ownership", "configured": false},
        {"hostname": "*.example.com", "status": "active", "configured": true},
    ], "next_cursor": "", "total_count": 4});
    let of = |cname: &str| json!({"a": ["192.0.2.1"], "aaaa": ["2001:db8::1"], "cname": cname});
    let failing = json!({"dns_requirements": of("b.fly.dev"),
        "validation_errors": [{"code": "caa", "message": "CAA forbids it"}]});
    let limited = json!({"dns_requirements": {"a": null, "cname": "c.fly.dev"},
        "rate_limited_until": "2026-05-09T00:00:00Z"});
    let answers = [
        ("/apps/web/certificates", list),
        (
            "/apps/web/certificates/a.example.com",
            json!({"dns_requirements": of("")}),
        ),
        ("/apps/web/certificates/b.example.com", failing),
        ("/apps/web/certificates/c.example.com", limited),
    ];
    assert_eq!(
        understood("fly", &answers).await,
        "a.example.com -> 192.0.2.1 2001:db8::1 | dns Some(true) | active Issued | \n\
         b.example.com -> b.fly.dev 192.0.2.1 2001:db8::1 | dns Some(false) | pending_validation Pending | CAA forbids it\n\
         c.example.com -> c.fly.dev | dns Some(false) | pending_ownership Pending | the certificate authority takes no \
         more orders until 2026-05-09T00:00:00Z\n\
         *.example.com ->  | dns Some(true) | active Issued | \n"
    );
}

#[tokio::test]
async fn vercel() {
    let list = json!({"domains": [
        {"name": "a.example.com", "verified": true},
        {"name": "b.example.com", "verified": false,
         "verification": [{"type": "TXT", "domain": "_vercel.example.com", "value": "x", "reason": "pending_domain_verification"}]},
    ], "pagination": {"count": 2, "next": null, "prev": null}});
    let right = json!({"misconfigured": false, "recommendedIPv4": [{"rank": 2, "value": ["192.0.2.9"]},
        {"rank": 1, "value": ["192.0.2.1", "192.0.2.2"]}], "recommendedCNAME": [{"rank": 1, "value": "x.vercel-dns.com."}]});
    let wrong =
        json!({"misconfigured": true, "recommendedCNAME": [{"rank": 1, "value": "y.vercel-dns.com."}]});
    let answers = [
        ("/v9/projects/web/domains", list),
        ("/v6/domains/a.example.com/config", right),
        ("/v6/domains/b.example.com/config", wrong),
    ];
    assert_eq!(
        understood("vercel", &answers).await,
        "a.example.com -> x.vercel-dns.com 192.0.2.1 192.0.2.2 | dns Some(true) | verified Unknown | \n\
         b.example.com -> y.vercel-dns.com | dns Some(false) | unverified Pending | pending_domain_verification\n"
    );
}

#[tokio::test]
async fn railway() {
    let record = |kind: &str, value: &str, status: &str, purpose: &str| {
        json!({"recordType": format!("DNS_RECORD_TYPE_{kind}"), "requiredValue": value,
            "status": format!("DNS_RECORD_STATUS_{status}"), "purpose": format!("DNS_RECORD_PURPOSE_{purpose}")})
    };
    let row = |host: &str, status: &str, error: Value, records: Value| {
        json!({"domain": host, "status": {"certificateStatus": format!("CERTIFICATE_STATUS_TYPE_{status}"),
            "certificateErrorMessage": error, "dnsRecords": records}})
    };
    let route = record("CNAME", "x.up.railway.app", "PROPAGATED", "TRAFFIC_ROUTE");
    let proof = record(
        "CNAME",
        "y.authorize.railwaydns.net",
        "REQUIRES_UPDATE",
        "ACME_DNS01_CHALLENGE",
    );
    let missing = record("CNAME", "x.up.railway.app", "REQUIRES_UPDATE", "TRAFFIC_ROUTE");
    let unseen = record("A", "192.0.2.1", "UNSPECIFIED", "UNSPECIFIED");
    let rows = json!([
        row("a.example.com", "VALID", Value::Null, json!([route, proof])),
        row(
            "b.example.com",
            "ISSUE_FAILED",
            json!("CAA forbids it"),
            json!([missing])
        ),
        row(
            "c.example.com",
            "VALIDATING_OWNERSHIP",
            Value::Null,
            json!([unseen])
        ),
        row("d.example.com", "UNRECOGNIZED", Value::Null, json!([])),
    ]);
    let told = json!({"data": {"domains": {"customDomains": rows}}});
    assert_eq!(
        understood("railway", &[("/", told)]).await,
        "a.example.com -> x.up.railway.app | dns Some(true) | VALID Issued | \n\
         b.example.com -> x.up.railway.app | dns Some(false) | ISSUE_FAILED Failing | CAA forbids it\n\
         c.example.com -> 192.0.2.1 | dns None | VALIDATING_OWNERSHIP Pending | \n\
         d.example.com ->  | dns None | UNRECOGNIZED? Unknown | \n"
    );
}

#[tokio::test]
async fn railway_refuses_with_status_200() {
    let speaker = SPEAKERS.iter().find(|speaker| speaker.name == "railway").unwrap();
    for (message, end) in [
        (
            "Not Authorized",
            "check the token: it may have expired or been revoked",
        ),
        ("Service not found", "answers 200 OK: Service not found"),
    ] {
        let mut stand = Stand::of(speaker, World::of(0)).await;
        let body = json!({"errors": [{"message": message}], "data": null});
        stand.says(Reply::new(200, body.to_string()));
        let error = super::trouble(speaker, stand.ask().await).to_string();
        assert!(error.ends_with(end), "{error}");
    }
}

#[tokio::test]
async fn netlify() {
    let site =
        json!({"name": "shop", "custom_domain": "www.example.com", "domain_aliases": ["example.org", ""]});
    let own = ("/sites/site-1", site);
    let issued = |expires: &str| {
        let body = json!({"state": "issued", "domains": ["*.example.com"], "expires_at": expires});
        ("/sites/site-1/ssl", body)
    };
    let targets = "apex-loadbalancer.netlify.com shop.netlify.app";
    assert_eq!(
        understood("netlify", &[own.clone(), issued("2026-08-01T00:00:00Z")]).await,
        format!(
            "www.example.com -> {targets} | dns None | issued Issued | \n\
             example.org -> {targets} | dns None | issued Pending | the certificate does not cover this name yet\n"
        )
    );
    let ended = understood("netlify", &[own.clone(), issued("2026-05-01T00:00:00.000Z")]).await;
    assert!(
        ended.contains("issued Failing | the certificate ended 2026-05-01T00:00:00Z"),
        "{ended}"
    );
    let none = understood("netlify", &[own]).await;
    assert!(none.contains("none Unknown | \n"), "{none}");
}

#[tokio::test]
async fn render() {
    let row = |host: &str, kind: &str, status: &str| json!({"cursor": host, "customDomain": {"name": host, "domainType": kind, "verificationStatus": status}});
    let rows = json!([
        row("www.example.com", "subdomain", "verified"),
        row("example.com", "apex", "unverified"),
    ]);
    let service = json!({"slug": "shop", "serviceDetails": {"url": "https://shop-1.onrender.com"}});
    let answers = [
        ("/services/srv-1", service),
        ("/services/srv-1/custom-domains", rows),
    ];
    assert_eq!(
        understood("render", &answers).await,
        "www.example.com -> shop-1.onrender.com | dns Some(true) | verified Unknown | \n\
         example.com -> shop-1.onrender.com 216.24.57.1 | dns Some(false) | unverified Pending | \n"
    );
}
