//! One probe on demand, for `/probe`: the module's own rules, no memory, no confirmation.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use http::header::HOST;
use tokio::time::Instant;
use url::Url;

use crate::cause::{Effect, ProbeCause};
use crate::diagnosis;
use crate::endpoint::{
    AddressChoice, Confirm, Endpoint, Expectation, Group, GroupName, ModuleName, ProberName, socket_url,
};
use crate::outcome::{Outcome, Resolution};
use crate::probe::policy::Policy;
use crate::probe::{Module, Prober, ProberKind, Request};
use crate::text::has_credentials;
use crate::web::{BadProbe, ProbeRequest, shown_target};

/// What came of it.
#[derive(Debug)]
pub(super) struct Probed {
    /// What was asked; or why the target is one that nobody can ask.
    pub(super) asked: Result<Endpoint, String>,
    pub(super) outcome: Outcome,
    pub(super) cause: Option<ProbeCause>,
}

/// Probes as asked.
pub(super) async fn probe(
    asked: &ProbeRequest,
    module: &Module,
    prober: &Prober,
    policy: &Policy,
) -> Result<Probed, BadProbe> {
    let name = ModuleName::from(asked.module.as_str());
    let begun = Instant::now();
    if let Some(hostname) = &asked.hostname {
        check_hostname(hostname)?;
        check_host_header(hostname, module)?;
    }
    let url = match target(&asked.target, module.prober.name()) {
        Ok(url) => url,
        Err(reason) => {
            return Ok(Probed {
                asked: Err(reason),
                // What is said of a target that nobody can be asked for: like blackbox_exporter, that the probe failed,
                // so that the same rules fire.
                outcome: Outcome {
                    prober: module.prober.name(),
                    judges_json: false,
                    started: prober.clock.now(),
                    elapsed: begun.elapsed(),
                    resolution: Resolution::default(),
                    attempts: Vec::new(),
                },
                cause: Some(ProbeCause::TargetInvalid),
            });
        }
    };
    let timeout = match module.timeout {
        Some(own) if asked.timeout.is_zero() || own < asked.timeout => own,
        Some(_) | None => asked.timeout,
    };
    let endpoint = endpoint(url, name, timeout);
    let outcome = prober
        .probe(&Request {
            url: &endpoint.url,
            module,
            addresses: asked.addresses,
            expect: &endpoint.group.expect,
            told: &[],
            former_targets: &[],
            marked: false,
            hostname: asked.hostname.as_deref(),
            policy,
            deadline: Instant::now() + timeout,
        })
        .await;
    Ok(Probed {
        cause: cause(&outcome, &endpoint),
        asked: Ok(endpoint),
        outcome,
    })
}

/// What stands in the way. What this machine may not or cannot do is told where nothing takes the target down.
fn cause(outcome: &Outcome, endpoint: &Endpoint) -> Option<ProbeCause> {
    let context = diagnosis::Context::at(outcome.ended());
    let verdict = diagnosis::diagnose(outcome, endpoint, &context);
    let root = verdict.root.map(|root| root.cause);
    let own = if outcome.forbidden() {
        Some(ProbeCause::TargetForbidden)
    } else {
        outcome.unable().then_some(ProbeCause::VantageUnable)
    };
    match (root, own) {
        (Some(root), Some(own)) if root.effect() != Effect::Down => Some(own),
        (Some(root), _) => Some(root.into()),
        (None, own) => own,
    }
}

/// The target as a URL: blackbox_exporter takes URLs, hosts, and hosts with ports, as the prober needs them. For
/// HTTP, one without a scheme is asked in plain text.
fn target(text: &str, prober: ProberName) -> Result<Url, String> {
    let shown = shown_target(text);
    let lower = text.to_ascii_lowercase();
    let complete = prober
        .schemes()
        .iter()
        .any(|scheme| lower.starts_with(&format!("{scheme}://")));
    if prober == ProberName::Unix {
        let path = if complete {
            Url::parse(text).ok()
        } else {
            socket_url(text)
        };
        return path
            .filter(|url| url.host().is_none() && url.path().starts_with('/'))
            .ok_or_else(|| format!("target {shown:?} is not the path of a socket from the root"));
    }
    let full = match prober {
        _ if complete => text.to_owned(),
        ProberName::Http => format!("http://{text}"),
        ProberName::Dns | ProberName::Icmp if text.parse::<Ipv6Addr>().is_ok() => {
            format!("{}://[{text}]", prober.schemes()[0])
        }
        ProberName::WebSocket => format!("ws://{text}"),
        // The scheme of a URL of the web says nothing there: the module does.
        ProberName::Grpc => format!("grpc://{}", without_scheme_of_the_web(text)),
        ProberName::Tcp | ProberName::Unix | ProberName::Dns | ProberName::Icmp => {
            format!("{}://{text}", prober.schemes()[0])
        }
    };
    let url = Url::parse(&full).map_err(|error| format!("target {shown:?} is not a URL: {error}"))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(format!("target {shown:?} names no host"));
    }
    // Where they are part of a path or of a host's name, they would be sent and shown as such.
    if shown != text && !has_credentials(&url) {
        return Err(format!("target {shown:?} has credentials where a URL has none"));
    }
    if prober.needs_port() && url.port_or_known_default().is_none() {
        return Err(format!("target {shown:?} names no port"));
    }
    if prober == ProberName::Icmp && url.port().is_some() {
        return Err(format!("target {shown:?} names a port, and ICMP has none"));
    }
    Ok(url)
}

fn without_scheme_of_the_web(text: &str) -> &str {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    rest.unwrap_or(text)
}

/// A module that names a host of its own is asked for no other.
fn check_host_header(hostname: &str, module: &Module) -> Result<(), BadProbe> {
    let ProberKind::Http(settings) = &module.prober else {
        return Ok(());
    };
    match settings.headers.iter().find(|(name, _)| *name == HOST) {
        Some((_, own)) if own != hostname => Err(BadProbe(format!(
            "hostname {hostname:?} contradicts the module's own header Host: {own:?}"
        ))),
        _ => Ok(()),
    }
}

/// A host, with a port where it has one, and nothing that would bring something else into the request.
fn check_hostname(text: &str) -> Result<(), BadProbe> {
    let whole = Url::parse(&format!("http://{text}/")).ok();
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"/\\?#@%".contains(&byte));
    if plain && whole.is_some_and(|url| url.host_str().is_some_and(|host| !host.is_empty())) {
        Ok(())
    } else {
        Err(BadProbe(format!("hostname {text:?} is not a host name")))
    }
}

/// The target in the vocabulary of the catalogue, with no expectation but the module's.
fn endpoint(url: Url, module: ModuleName, timeout: Duration) -> Endpoint {
    let group = Group {
        name: GroupName::from("probe"),
        module,
        interval: timeout,
        timeout,
        confirm: Confirm {
            attempts: 0,
            pause: Duration::ZERO,
        },
        addresses: AddressChoice::One,
        page: false,
        maintenance: Vec::new(),
        accepted: Vec::new(),
        expect: Expectation::default(),
    };
    Endpoint::of(url, Arc::new(group))
}
