//! `linkwatch dns`: what resolvers and the zone's own servers say of a name, side by side.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::check::plan::{Asked, Ways, of_targets};
use super::terminal::{self, BAD, BOLD, DIM, GOOD, PLAIN, Sheet, Span, WARNING, styled};
use super::{Exit, complain, lasting, records, target};
use crate::app;
use crate::cause::Effect;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::diagnosis::layers::servers;
use crate::diagnosis::{self, Finding, TargetState};
use crate::endpoint::Endpoint;
use crate::outcome::{Dnssec, Family, Resolution, ServerRole, TargetStanding};
use crate::outlook::caa::Answer;
use crate::probe::dns::{Question, Resolver};

/// Where the texts begin, behind their labels.
const LABEL: usize = 11;

/// What `dns` can be told.
#[derive(Debug, Args)]
pub(super) struct DnsArgs {
    /// The name.
    #[arg(value_name = "HOST")]
    target: String,
    /// Ask this DNS server in place of the system's; repeatable, all are compared.
    #[arg(long, value_name = "ADDR[:PORT]")]
    resolver: Vec<String>,
    /// The port that the zone's own servers are asked on.
    #[arg(long, default_value_t = 53, value_name = "PORT")]
    authoritative_port: u16,
    /// The name must lead to this name, address or network; repeatable.
    #[arg(long, value_name = "NAME")]
    expect_dns: Vec<String>,
    /// Trust these certificate authorities (PEM) in place of the public ones, where a server is asked over TLS.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Time for all of it.
    #[arg(long, default_value = "5s", value_parser = lasting, value_name = "DURATION")]
    timeout: Duration,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A report to read.
    Text,
    /// An object.
    Json,
}

/// All that was found out.
#[derive(Debug)]
struct Found {
    resolution: Resolution,
    dnssec: Vec<(Arc<str>, Dnssec)>,
    caa: Vec<(String, Answer)>,
    state: Option<TargetState>,
    findings: Vec<Finding>,
    at: Timestamp,
}

/// Looks at the name that the arguments give.
pub(super) fn run(args: &DnsArgs) -> Exit {
    let prepared = target::place(&args.target).and_then(|place| Ok((config(args, &place.host)?, place)));
    let (config, place) = match prepared {
        Ok(prepared) => prepared,
        Err(message) => return complain(&message),
    };
    if place.host.parse::<std::net::IpAddr>().is_ok() {
        return complain(&format!("{} is an address: name a host to look up", place.host));
    }
    let Some(endpoint) = config.groups.iter().flat_map(|plan| &plan.endpoints).next() else {
        return complain("nothing to look up");
    };
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let prober = app::prober(&config, Arc::new(SystemClock), Arc::default());
    let found = runtime.block_on(look(&prober.resolver, endpoint, args.timeout));
    match args.output {
        Output::Text => text(&found, endpoint),
        Output::Json => json(&found, endpoint),
    }
    if found.findings.is_empty() {
        Exit::Fine
    } else {
        Exit::Cause
    }
}

fn config(args: &DnsArgs, host: &str) -> Result<Config, String> {
    of_targets(&Asked {
        targets: &[host.to_owned()],
        resolvers: &args.resolver,
        authoritative_port: Some(args.authoritative_port),
        ca_file: args.ca_file.as_deref(),
        timeout: args.timeout,
        ways: Ways::default(),
        expect_status: &[],
        expect_location: None,
        expect_dns: &args.expect_dns,
    })
}

async fn look(resolver: &Resolver, endpoint: &Endpoint, timeout: Duration) -> Found {
    let deadline = Instant::now() + timeout;
    let expected = endpoint.dns();
    let targets: Vec<(&str, TargetStanding)> = expected
        .iter()
        .flat_map(|expected| expected.names())
        .map(|name| (name, TargetStanding::Current))
        .collect();
    let question = Question {
        host: &endpoint.host,
        preferred: Family::Ipv4,
        fallback: true,
        thorough: true,
        targets: &targets,
    };
    let (mut resolution, authoritative, dnssec, caa) = tokio::join!(
        resolver.resolve(&question, deadline),
        resolver.authoritative(&endpoint.host, deadline),
        resolver.dnssec(&endpoint.host, deadline),
        resolver.caa(&endpoint.host, deadline),
    );
    // With a target they have been asked already, within a shorter time; now they have had all of it.
    resolution
        .answers
        .retain(|answer| answer.role == ServerRole::Resolver);
    resolution.answers.extend(authoritative);
    let at = SystemClock.now();
    let (state, findings) = diagnosis::name::judge(&resolution, expected.as_deref(), at);
    Found {
        resolution,
        dnssec,
        caa,
        state,
        findings,
        at,
    }
}

fn text(found: &Found, endpoint: &Endpoint) {
    let mut sheet = Sheet::new(terminal::columns());
    verdict(&mut sheet, found, endpoint);
    sheet.gap();
    for (place, line) in servers::lines(&found.resolution.answers).into_iter().enumerate() {
        let label = if place == 0 { "servers" } else { "" };
        sheet.row((PLAIN, label), LABEL, &[line.into()]);
    }
    expected(&mut sheet, found);
    for (place, (server, said)) in found.dnssec.iter().enumerate() {
        let label = if place == 0 { "DNSSEC" } else { "" };
        let said = match said {
            Dnssec::Validated => styled(GOOD, "validated"),
            Dnssec::Unvalidated => {
                Span::from("not validated: the zone is not signed, or the server does not check")
            }
            Dnssec::Bogus => styled(BAD, "bogus: it answers only with checking disabled"),
            Dnssec::Unknown => styled(WARNING, "cannot be told"),
        };
        sheet.row((PLAIN, label), LABEL, &[format!("{server}: ").into(), said]);
    }
    caa(&mut sheet, &found.caa);
    sheet.print();
}

fn verdict(sheet: &mut Sheet, found: &Found, endpoint: &Endpoint) {
    let addresses: Vec<String> = found
        .resolution
        .addresses
        .iter()
        .map(ToString::to_string)
        .collect();
    let leads = if addresses.is_empty() {
        "has no address".to_owned()
    } else {
        format!("has {}", addresses.join(", "))
    };
    sheet.line(&[
        styled(BOLD, endpoint.host.as_str()),
        format!(" {leads} now").into(),
        styled(DIM, format!("  {}", found.at.strftime("%Y-%m-%d %H:%M:%S UTC"))),
    ]);
    sheet.gap();
    for finding in &found.findings {
        let style = if finding.cause.effect() == Effect::Down {
            BAD
        } else {
            WARNING
        };
        let meaning = format!(": {}", finding.cause.meaning());
        let cause = styled(style, finding.cause.as_str());
        sheet.row((PLAIN, "cause"), LABEL, &[cause, meaning.into()]);
        sheet.row(
            (PLAIN, "expected"),
            LABEL,
            &[styled(GOOD, finding.expected.as_str())],
        );
        sheet.row(
            (PLAIN, "actual"),
            LABEL,
            &[styled(style, finding.actual.as_str())],
        );
    }
    if let Some(first) = found.findings.first() {
        let remedy = diagnosis::remedy(first, endpoint);
        sheet.row((BOLD, "do"), LABEL, &[styled(BOLD, remedy)]);
    }
}

/// Where it should lead, and whether it does.
fn expected(sheet: &mut Sheet, found: &Found) {
    let said = match found.state {
        None => return,
        Some(TargetState::Match) => styled(GOOD, "match: it leads there, as a CNAME or flattened"),
        Some(TargetState::Drift) => styled(WARNING, "drift: it leads elsewhere"),
        Some(TargetState::Dangling) => styled(BAD, "dangling: it leads to a name that does not exist"),
        Some(TargetState::Unverifiable) => styled(WARNING, "unverifiable: the answers prove nothing"),
    };
    sheet.row((PLAIN, "target"), LABEL, &[said]);
    for target in &found.resolution.targets {
        let line = servers::target(target);
        sheet.row((PLAIN, ""), LABEL, &[line.into()]);
    }
}

fn caa(sheet: &mut Sheet, answers: &[(String, Answer)]) {
    let said = answers.last().and_then(records::line);
    let said =
        said.unwrap_or_else(|| "no records here or above: any authority may issue certificates".to_owned());
    sheet.row((PLAIN, "CAA"), LABEL, &[said.into()]);
}

fn json(found: &Found, endpoint: &Endpoint) {
    let first = found.findings.first();
    let object = json!({
        "host": endpoint.host,
        "addresses": found.resolution.addresses,
        "answers": found.resolution.answers,
        "targets": found.resolution.targets,
        "target_state": found.state.map(TargetState::as_str),
        "dnssec": found.dnssec.iter().map(|(server, said)| json!({ "server": &**server, "state": said })).collect::<Vec<_>>(),
        "caa": found.caa.iter().map(records::object).collect::<Vec<_>>(),
        "causes": found.findings,
        "remedy": first.map(|first| diagnosis::remedy(first, endpoint)),
    });
    anstream::println!("{object:#}");
}
