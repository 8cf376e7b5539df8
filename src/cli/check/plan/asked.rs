//! Targets that are named by hand, with what is asked of them: read as a small configuration, so that there is one way to
//! say and to refuse things.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};
use url::Url;

use super::super::super::{CheckArgs, target};
use crate::config::{self, Config, Files};
use crate::endpoint::{self, ProberName};

/// Codes by which a DNS server shows that it is there, whatever it is there for: one that serves zones of its own refuses
/// every other question.
const ALIVE: [&str; 2] = ["NOERROR", "REFUSED"];

/// What is asked of targets that are named by hand.
#[derive(Debug)]
pub(in crate::cli) struct Asked<'a> {
    pub(in crate::cli) targets: &'a [String],
    pub(in crate::cli) resolvers: &'a [String],
    pub(in crate::cli) authoritative_port: Option<u16>,
    pub(in crate::cli) ca_file: Option<&'a Path>,
    pub(in crate::cli) timeout: Duration,
    pub(in crate::cli) ways: Ways<'a>,
    pub(in crate::cli) expect_status: &'a [u16],
    pub(in crate::cli) expect_location: Option<&'a str>,
    pub(in crate::cli) expect_dns: &'a [String],
}

/// What a URL does not say of how it is asked.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::cli) struct Ways<'a> {
    /// Whether TLS is spoken where the scheme says nothing of it.
    pub(in crate::cli) tls: bool,
    /// What a DNS server is asked for: name and type.
    pub(in crate::cli) query: Option<(&'a str, &'a str)>,
}

impl<'a> Asked<'a> {
    pub(super) fn of(args: &'a CheckArgs) -> Self {
        Self {
            targets: &args.targets,
            resolvers: args.resolver.as_slice(),
            authoritative_port: None,
            ca_file: args.ca_file.as_deref(),
            timeout: args.timeout,
            ways: Ways {
                tls: args.tls,
                query: args
                    .query_name
                    .as_deref()
                    .map(|name| (name, args.query_type.as_str())),
            },
            expect_status: &args.expect_status,
            expect_location: args.expect_location.as_deref(),
            expect_dns: &args.expect_dns,
        }
    }

    /// The targets that one prober asks.
    fn of_prober(&self, prober: ProberName) -> Vec<&'a str> {
        let targets = self.targets.iter().map(String::as_str);
        targets.filter(|target| prober_of(target) == prober).collect()
    }

    /// What is asked for must have a target that can be asked for it.
    fn check(&self) -> Result<(), String> {
        for target in self.targets {
            target::check(target)?;
        }
        let spoken = |probers: &[ProberName]| {
            let mut targets = self.targets.iter();
            targets.any(|target| probers.contains(&prober_of(target)))
        };
        if self.ways.tls && !spoken(&WITH_TLS_OR_WITHOUT) {
            return Err("--tls is for tcp, unix, grpc and dns; https and wss speak it anyway".to_owned());
        }
        if self.ways.query.is_some() && !spoken(&[ProberName::Dns]) {
            return Err("--query-name is for dns, as in dns://192.0.2.53".to_owned());
        }
        let answer = !self.expect_status.is_empty() || self.expect_location.is_some();
        if answer && !spoken(&[ProberName::Http]) {
            return Err("--expect-status and --expect-location are for http and https".to_owned());
        }
        Ok(())
    }

    /// How the targets of a prober are asked: its section of a module.
    fn section(&self, prober: ProberName) -> Value {
        let mut section = Map::new();
        let authorities = self.ca_file.map(|file| json!({ "ca_file": file }));
        let trusting = |section: &mut Map<String, Value>| {
            section.extend(
                authorities
                    .clone()
                    .map(|trusted| ("tls_config".to_owned(), trusted)),
            );
        };
        match prober {
            ProberName::Http => trusting(&mut section),
            ProberName::Tcp | ProberName::Unix | ProberName::Grpc => {
                trusting(&mut section);
                section.insert("tls".into(), json!(self.ways.tls));
            }
            ProberName::WebSocket => {
                let mut client = Map::new();
                trusting(&mut client);
                section.insert("http_config".into(), json!(client));
            }
            ProberName::Dns => {
                trusting(&mut section);
                section.insert("dns_over_tls".into(), json!(self.ways.tls));
                let (name, record) = self.ways.query.unwrap_or((".", "NS"));
                section.insert("query_name".into(), json!(name));
                section.insert("query_type".into(), json!(record));
                if self.ways.query.is_none() {
                    section.insert("valid_rcodes".into(), json!(ALIVE));
                }
            }
            ProberName::Icmp => {}
        }
        json!({ "prober": prober.as_str(), prober.as_str(): section })
    }

    fn expectation(&self, prober: ProberName) -> Value {
        let mut expect = Map::new();
        if prober == ProberName::Http && !self.expect_status.is_empty() {
            expect.insert("status".into(), json!(self.expect_status));
        }
        if let Some(location) = self.expect_location.filter(|_| prober == ProberName::Http) {
            expect.insert("location".into(), json!(location));
        }
        if !self.expect_dns.is_empty() {
            expect.insert("dns".into(), json!({ "target": self.expect_dns }));
        }
        json!(expect)
    }
}

/// The probers whose URLs do not say whether TLS is spoken.
const WITH_TLS_OR_WITHOUT: [ProberName; 4] = [
    ProberName::Tcp,
    ProberName::Unix,
    ProberName::Grpc,
    ProberName::Dns,
];

/// The arguments as a configuration of one group for each prober that they name.
pub(in crate::cli) fn of_targets(args: &Asked<'_>) -> Result<Config, String> {
    args.check()?;
    let milliseconds = format!("{}ms", args.timeout.as_millis());
    let name = naming(args.targets);
    let mut modules = Map::new();
    let mut groups = Vec::new();
    for prober in ProberName::ALL {
        let hosts = args.of_prober(prober);
        // That of HTTP is there in any case: a certificate may be looked at with it.
        if hosts.is_empty() && prober != ProberName::Http {
            continue;
        }
        modules.insert(prober.as_str().to_owned(), args.section(prober));
        if !hosts.is_empty() {
            groups.push(json!({
                "name": prober.as_str(),
                "module": prober.as_str(),
                "hosts": hosts,
                "endpoint_name": name,
                "expect": args.expectation(prober),
            }));
        }
    }
    let mut text = json!({
        "global": { "interval": "1d", "timeout": milliseconds },
        "modules": modules,
        "groups": groups,
    });
    if !args.resolvers.is_empty() {
        text["resolver"] = json!({ "servers": args.resolvers });
    }
    if let Some(port) = args.authoritative_port {
        text["resolver"]["authoritative_port"] = json!(port);
    }
    let text = Value::to_string(&text);
    config::parse(
        Path::new("arguments"),
        text.as_bytes(),
        Files::directory(Path::new("")),
    )
    .map_err(|errors| {
        let said = errors.problems.iter().map(|problem| match &problem.hint {
            Some(hint) => format!("{} ({hint})", problem.what),
            None => problem.what.clone(),
        });
        said.collect::<Vec<_>>().join("\nlinkwatch: ")
    })
}

/// Who asks for a target: the prober of its scheme, HTTP for a host alone.
fn prober_of(target: &str) -> ProberName {
    let scheme = target
        .split_once("://")
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    let prober = scheme.and_then(|scheme| ProberName::of_scheme(&scheme));
    prober.unwrap_or(ProberName::Http)
}

/// How the endpoints are named: by their hosts, where those tell them apart.
pub(super) fn naming(targets: &[String]) -> &'static str {
    let distinct: BTreeSet<_> = targets.iter().map(|target| host(target)).collect();
    if distinct.len() == targets.len() {
        "{host}"
    } else {
        "{url}"
    }
}

/// The host of a target as the name of its endpoint would show it.
fn host(target: &str) -> String {
    match Url::parse(target).ok().filter(|_| target.contains("://")) {
        Some(url) => match url.port() {
            Some(port) => format!("{}:{port}", endpoint::host(&url)),
            None => endpoint::host(&url).into_owned(),
        },
        None => target.to_ascii_lowercase(),
    }
}
