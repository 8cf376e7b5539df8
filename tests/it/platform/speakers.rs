//! The platforms of the lab: each speaks the shape that its namesake documents, of as many domains as it is told to.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::lab::{Answer, Reply, SeenRequest};
use serde_json::{Value, json};

/// What opens every platform of the lab.
pub(crate) const TOKEN: &str = "lab-secret-token";

/// What a platform has to tell.
#[derive(Debug, Clone)]
pub(crate) struct World {
    /// Its domains are the first so many of [`host`].
    pub(crate) domains: usize,
    /// Domains of a page, whatever is asked for.
    pub(crate) page: Option<usize>,
    /// Its word for how each certificate stands; `None`: that all is well.
    pub(crate) word: Option<&'static str>,
}

impl World {
    pub(crate) const fn of(domains: usize) -> Self {
        Self {
            domains,
            page: None,
            word: None,
        }
    }

    fn word(&self, well: &'static str) -> &'static str {
        self.word.unwrap_or(well)
    }

    /// The domains of a page, and where the next one begins.
    fn page(&self, from: usize, asked: usize) -> (impl Iterator<Item = usize>, Option<usize>) {
        let to = from.saturating_add(self.page.unwrap_or(asked)).min(self.domains);
        (from..to, (to < self.domains).then_some(to))
    }
}

/// The name of a domain.
pub(crate) fn host(number: usize) -> String {
    format!("h{number:06}.example.com")
}

/// What not every platform has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Has {
    /// A list in pages.
    Pages,
    /// An `ETag` for every answer.
    Tags,
    /// A word of its own for how a certificate stands.
    Words,
    /// Targets that are told one by one.
    Details,
}

/// One of the platforms.
pub(crate) struct Speaker {
    /// Its type in the configuration.
    pub(crate) name: &'static str,
    /// What else the configuration says of it.
    pub(crate) keys: &'static str,
    /// What sets it apart from the others.
    has: &'static [Has],
    /// The body of an answer, and the header that leads to the next page.
    speak: fn(&World, &SeenRequest) -> Option<Spoken>,
}

/// A body, with the range of the next page.
type Spoken = (Value, Option<String>);

pub(crate) const SPEAKERS: [Speaker; 8] = [
    Speaker::new("heroku", "app: web", heroku, &[Has::Pages, Has::Tags, Has::Words]),
    Speaker::new(
        "json",
        "json: {rows: /data, host: /host, target: /cname, status: /tls, issued: [ok], next: /next}",
        own,
        &[Has::Pages, Has::Tags, Has::Words],
    ),
    Speaker::new(
        "cloudflare",
        "zone: z-1",
        cloudflare,
        &[Has::Pages, Has::Tags, Has::Words],
    ),
    Speaker::new(
        "fly",
        "app: web",
        fly,
        &[Has::Pages, Has::Tags, Has::Words, Has::Details],
    ),
    Speaker::new(
        "vercel",
        "project: web, team: team_1",
        vercel,
        &[Has::Pages, Has::Tags, Has::Details],
    ),
    Speaker::new(
        "railway",
        "project: p-1, environment: e-1, service: s-1",
        railway,
        &[Has::Words],
    ),
    Speaker::new("netlify", "site: site-1", netlify, &[Has::Tags, Has::Words]),
    Speaker::new(
        "render",
        "service: srv-1",
        render,
        &[Has::Pages, Has::Tags, Has::Words],
    ),
];

impl Speaker {
    const fn new(
        name: &'static str,
        keys: &'static str,
        speak: fn(&World, &SeenRequest) -> Option<Spoken>,
        has: &'static [Has],
    ) -> Self {
        Self {
            name,
            keys,
            has,
            speak,
        }
    }

    pub(crate) fn has(&self, what: Has) -> bool {
        self.has.contains(&what)
    }

    /// What is answered: to whoever has the token, and only where something has changed.
    pub(crate) fn answer(&self, world: &World, request: &SeenRequest) -> Answer {
        if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return refusal(401);
        }
        let Some((body, next)) = (self.speak)(world, request) else {
            return refusal(404);
        };
        let body = body.to_string();
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let tag = format!("\"{:x}\"", hasher.finish());
        if self.has(Has::Tags) && request.header("if-none-match") == Some(&tag) {
            return Reply::new(304, "").header("etag", &tag).into();
        }
        let mut reply = Reply::new(if next.is_some() { 206 } else { 200 }, body);
        reply = reply.header("content-type", "application/json");
        if self.has(Has::Tags) {
            reply = reply.header("etag", &tag);
        }
        if let Some(next) = next {
            reply = reply.header("next-range", &next);
        }
        reply.into()
    }
}

/// A refusal that repeats what was sent, as careless programs do.
pub(crate) fn refusal(status: u16) -> Answer {
    let body = json!({"message": format!("no: Bearer {TOKEN}")});
    Reply::new(status, body.to_string())
        .header("content-type", "application/json")
        .into()
}

fn asked(request: &SeenRequest, key: &str) -> Option<String> {
    url::form_urlencoded::parse(request.query.as_bytes())
        .find(|(name, _)| name == key)
        .map(|(_, value)| value.into_owned())
}

fn number(request: &SeenRequest, key: &str) -> usize {
    asked(request, key)
        .and_then(|value| value.parse().ok())
        .unwrap_or_default()
}

fn heroku(world: &World, request: &SeenRequest) -> Option<Spoken> {
    if request.path != "/apps/web/domains" {
        return None;
    }
    let range = request.header("range")?.strip_prefix("id ")?.split("..").next()?;
    let (rows, next) = world.page(range.trim().parse().unwrap_or(0), 1_000);
    let rows = rows.map(|row| {
        json!({"hostname": host(row), "cname": target(row), "kind": "custom", "status": "succeeded",
            "acm_status": world.word("ok"), "acm_status_reason": null, "sni_endpoint": null})
    });
    Some((rows.collect(), next.map(|next| format!("id {next}..; max=1000;"))))
}

fn own(world: &World, request: &SeenRequest) -> Option<Spoken> {
    if request.path != "/" {
        return None;
    }
    let (rows, next) = world.page(number(request, "from"), 100);
    let rows: Value = rows
        .map(|row| json!({"host": host(row), "cname": target(row), "tls": world.word("ok")}))
        .collect();
    Some((
        json!({"data": rows, "next": next.map(|next| format!("/?from={next}"))}),
        None,
    ))
}

fn cloudflare(world: &World, request: &SeenRequest) -> Option<Spoken> {
    let result = match request.path.strip_prefix("/zones/z-1/custom_hostnames")? {
        "" => {
            let (size, page) = (number(request, "per_page"), number(request, "page"));
            let size = world.page.unwrap_or(size);
            let (rows, _) = world.page((page - 1) * size, size);
            let rows: Value = rows
                .map(|row| {
                    json!({"id": row.to_string(), "hostname": host(row), "status": "active",
                        "custom_origin_server": target(row),
                        "ssl": {"status": world.word("active"), "method": "http", "type": "dv"}})
                })
                .collect();
            let info = json!({"page": page, "per_page": size, "total_pages": world.domains.div_ceil(size),
                "total_count": world.domains});
            json!({"success": true, "errors": [], "messages": [], "result": rows, "result_info": info})
        }
        "/fallback_origin" => {
            json!({"success": true, "errors": [], "result": {"origin": "fallback.example.net", "status": "active"}})
        }
        _ => return None,
    };
    Some((result, None))
}

fn fly(world: &World, request: &SeenRequest) -> Option<Spoken> {
    let rest = request.path.strip_prefix("/apps/web/certificates")?;
    if let Some(host) = rest.strip_prefix('/') {
        let requirements = json!({"a": ["192.0.2.1"], "aaaa": ["2001:db8::1"], "cname": format!("to-{host}"),
            "acme_challenge": {"name": "_acme-challenge", "target": "x.flydns.net"}});
        let detail = json!({"hostname": host, "configured": true, "status": world.word("active"),
            "dns_requirements": requirements, "validation_errors": [], "rate_limited_until": null});
        return Some((detail, None));
    }
    let (rows, next) = world.page(number(request, "cursor"), number(request, "limit"));
    let rows: Value = rows
        .map(|row| {
            json!({"hostname": host(row), "configured": true, "status": world.word("active"),
                "has_custom_certificate": false, "has_fly_certificate": true})
        })
        .collect();
    let next = next.map(|next| next.to_string());
    Some((
        json!({"certificates": rows, "next_cursor": next, "total_count": world.domains}),
        None,
    ))
}

fn vercel(world: &World, request: &SeenRequest) -> Option<Spoken> {
    if asked(request, "teamId")? != "team_1" {
        return None;
    }
    if let Some(rest) = request.path.strip_prefix("/v6/domains/") {
        let host = rest.strip_suffix("/config")?;
        let config = json!({"configuredBy": "CNAME", "acceptedChallenges": ["http-01"], "misconfigured": false,
            "recommendedCNAME": [{"rank": 1, "value": format!("to-{host}.")}, {"rank": 2, "value": "old.example."}],
            "recommendedIPv4": [{"rank": 1, "value": ["192.0.2.1"]}, {"rank": 2, "value": ["192.0.2.2"]}]});
        return Some((config, None));
    }
    if request.path != "/v9/projects/web/domains" {
        return None;
    }
    let (rows, next) = world.page(number(request, "until"), number(request, "limit"));
    let rows: Vec<Value> = rows
        .map(
            |row| json!({"name": host(row), "apexName": "example.com", "projectId": "web", "verified": true}),
        )
        .collect();
    let pagination = json!({"count": rows.len(), "next": next, "prev": null});
    Some((json!({"domains": rows, "pagination": pagination}), None))
}

fn railway(world: &World, request: &SeenRequest) -> Option<Spoken> {
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    let variables = json!({"projectId": "p-1", "environmentId": "e-1", "serviceId": "s-1"});
    if request.method != "POST" || body["variables"] != variables {
        return None;
    }
    let status = world.word.unwrap_or("CERTIFICATE_STATUS_TYPE_VALID");
    let rows: Value = (0..world.domains)
        .map(|row| {
            json!({"domain": host(row), "status": {"certificateStatus": status, "certificateErrorMessage": null,
                "dnsRecords": [{"recordType": "DNS_RECORD_TYPE_CNAME", "requiredValue": target(row),
                    "status": "DNS_RECORD_STATUS_PROPAGATED", "purpose": "DNS_RECORD_PURPOSE_TRAFFIC_ROUTE"}]}})
        })
        .collect();
    Some((json!({"data": {"domains": {"customDomains": rows}}}), None))
}

fn netlify(world: &World, request: &SeenRequest) -> Option<Spoken> {
    let mut hosts = (0..world.domains).map(host);
    let body = match request.path.as_str() {
        "/sites/site-1" => json!({"name": "shop", "default_domain": "shop.netlify.app",
            "custom_domain": hosts.next(), "domain_aliases": hosts.collect::<Vec<_>>()}),
        "/sites/site-1/ssl" => json!({"state": world.word("issued"), "domains": ["*.example.com"],
            "expires_at": "2099-01-01T00:00:00Z"}),
        _ => return None,
    };
    Some((body, None))
}

fn render(world: &World, request: &SeenRequest) -> Option<Spoken> {
    let body = match request.path.as_str() {
        "/services/srv-1" => {
            json!({"id": "srv-1", "slug": "shop", "serviceDetails": {"url": "https://shop.onrender.com"}})
        }
        "/services/srv-1/custom-domains" => {
            let (rows, _) = world.page(number(request, "cursor"), number(request, "limit"));
            rows.map(|row| {
                json!({"cursor": (row + 1).to_string(), "customDomain": {"id": row.to_string(), "name": host(row),
                    "domainType": "subdomain", "verificationStatus": world.word("verified")}})
            })
            .collect()
        }
        _ => return None,
    };
    Some((body, None))
}

fn target(row: usize) -> String {
    format!("to-{}", host(row))
}
