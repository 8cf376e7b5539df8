//! Groups: the hosts, what is asked of them, how often, and where further ones come from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::at::At;
use super::error::{Findings, Place, did_you_mean, shown};
use super::raw;
use super::resolve::{Named, Resolving};
use super::value::Lasting;
use super::{Global, defaults, expect, maintenance, module, source};
use crate::discovery::{Discovered, GroupPlan, RejectReason, Template, label, pattern};
use crate::endpoint::{
    AddressChoice, Confirm, Endpoint, EndpointName, Group, GroupName, Labels, ModuleName, ProberName,
};

/// Hosts that all patterns together may stand for.
const MOST_HOSTS: usize = 100_000;

const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const MOST_ATTEMPTS: u32 = 10;

/// How often, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
}

/// What is unique over all groups, with the place of the first.
#[derive(Default)]
struct Taken {
    groups: BTreeMap<String, Place>,
    endpoints: BTreeMap<EndpointName, Place>,
}

pub(super) fn resolve_all(
    raw: Vec<At<raw::Group>>,
    global: &Global,
    named: &Named,
    at: &mut Resolving<'_>,
) -> Vec<GroupPlan> {
    let mut taken = Taken::default();
    raw.into_iter()
        .map(|group| resolve(group, global, named, &mut taken, at))
        .collect()
}

fn resolve(
    At { place, value: raw }: At<raw::Group>,
    global: &Global,
    named: &Named,
    taken: &mut Taken,
    at: &mut Resolving<'_>,
) -> GroupPlan {
    let fallback = Pace {
        interval: global.interval,
        timeout: global.timeout,
    };
    let pace = pace(place, raw.interval, raw.timeout, fallback, at.findings);
    let (windows, accepted) = maintenance::resolve(raw.maintenance.unwrap_or_default(), at.findings);
    let group = Arc::new(Group {
        name: name(place, raw.name.as_ref(), taken, at.findings),
        module: module_name(raw.module.as_ref(), &named.modules, at.findings),
        interval: pace.interval,
        timeout: pace.timeout,
        confirm: confirm(raw.confirm.as_ref(), global.confirm, at.findings),
        addresses: match raw.addresses {
            Some(raw::Addresses::One) => AddressChoice::One,
            Some(raw::Addresses::All) | None => AddressChoice::All,
        },
        page: raw.page.unwrap_or(true),
        maintenance: windows,
        accepted,
        expect: raw
            .expect
            .map(|raw| expect::resolve(raw, at, named))
            .unwrap_or_default(),
    });
    let labels = labels(raw.labels.unwrap_or_default(), at.findings);
    let prober = named.modules.prober(&group.module);
    let (template, usable) = template(raw.url.as_ref(), raw.endpoint_name.as_ref(), prober, at);
    let hosts = raw.hosts.as_ref().map(|list| (list.place, list.value.len()));
    let discover = raw.discover.as_ref().map(|list| (list.place, list.value.len()));
    if is_empty(place, "hosts", hosts, at.findings) && is_empty(place, "discover", discover, at.findings) {
        let hint = "name its hosts, or say under \"discover\" where they come from";
        at.findings
            .fault_with_hint(place, "the group watches nothing", hint);
    }
    let mut sources = source::Sources::default();
    for source in raw.discover.map(|list| list.value).unwrap_or_default() {
        sources.add(source, at, named);
    }
    let mut plan = GroupPlan {
        group,
        labels,
        template,
        endpoints: Vec::new(),
        sources: sources.polled,
        feeds: sources.fed,
    };
    if usable {
        let hosts = raw.hosts.map(|list| list.value).unwrap_or_default();
        plan.endpoints = endpoints(&plan, &hosts, taken, at.findings);
    }
    plan
}

/// Whether a list is absent or empty; one that lost its items to faults is not.
fn is_empty(mapping: Place, key: &str, list: Option<(Place, usize)>, findings: &Findings) -> bool {
    match list {
        Some((place, length)) => length == 0 && !findings.was_refused(place, ""),
        None => !findings.was_refused(mapping, key),
    }
}

fn name(place: Place, raw: Option<&At<String>>, taken: &mut Taken, findings: &Findings) -> GroupName {
    let Some(name) = raw else {
        findings.missing(place, "name", "every group has a name: it is the label \"group\"");
        return GroupName::from("");
    };
    if name.value.trim().is_empty() {
        findings.fault(name.place, "the name of a group must not be empty");
    } else {
        findings.unique(("group", "groups"), name, &mut taken.groups);
    }
    GroupName::from(name.value.as_str())
}

fn module_name(raw: Option<&At<String>>, modules: &module::Collected, findings: &Findings) -> ModuleName {
    let Some(name) = raw else {
        return ModuleName::from(defaults::MODULE);
    };
    if !modules.is_declared(&name.value) {
        let what = format!("there is no module {}", shown(&name.value));
        let hint = did_you_mean(&name.value, modules.names()).unwrap_or_else(|| {
            let known: Vec<_> = modules.names().collect();
            format!("declare it under \"modules\"; there are {}", known.join(", "))
        });
        findings.fault_with_hint(name.place, what, hint);
    }
    ModuleName::from(name.value.as_str())
}

/// Checks how often and for how long; a value that cannot be used leaves the fallback.
pub(super) fn pace(
    place: Place,
    interval: Option<At<Lasting>>,
    timeout: Option<At<Lasting>>,
    fallback: Pace,
    findings: &Findings,
) -> Pace {
    let chosen = Pace {
        interval: interval.map_or(fallback.interval, |interval| interval.value.0),
        timeout: timeout.map_or(fallback.timeout, |timeout| timeout.value.0),
    };
    if let Some(interval) = interval {
        check_interval("an interval", interval, findings);
    }
    if let Some(timeout) = timeout
        && timeout.value.0.is_zero()
    {
        findings.fault_with_hint(
            timeout.place,
            "a timeout of 0s lets no probe succeed",
            "write it as in 5s",
        );
    }
    let refused = findings.was_refused(place, "interval") || findings.was_refused(place, "timeout");
    if let Some(given) = timeout
        .map(|timeout| timeout.place)
        .or_else(|| interval.map(|interval| interval.place))
        && chosen.timeout > chosen.interval
        && !refused
    {
        let what = format!(
            "the timeout, {}, is longer than the interval, {}",
            Lasting(chosen.timeout),
            Lasting(chosen.interval)
        );
        findings.fault_with_hint(given, what, "a probe must end before the next one begins");
    }
    chosen
}

/// Checks how often something is done.
pub(super) fn check_interval(what: &str, interval: At<Lasting>, findings: &Findings) {
    if !(SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&interval.value.0) {
        let what = format!("{what} of {} cannot be kept", interval.value);
        findings.fault_with_hint(interval.place, what, "it must be at least 1s and at most 1d");
    }
}

/// Checks how a failure is confirmed; what is not given is taken from the fallback.
pub(super) fn confirm(raw: Option<&raw::Confirm>, fallback: Confirm, findings: &Findings) -> Confirm {
    let Some(raw) = raw else { return fallback };
    if let Some(attempts) = raw.attempts
        && attempts.value > MOST_ATTEMPTS
    {
        let what = format!("{} attempts are too many", attempts.value);
        findings.fault_with_hint(
            attempts.place,
            what,
            "0 to 10: each one delays the alert by a pause and a probe",
        );
    }
    if let Some(pause) = raw.pause
        && pause.value.0 > LONGEST_PAUSE
    {
        let what = format!("a pause of {} is too long", pause.value);
        findings.fault_with_hint(pause.place, what, "at most 1m: each one delays the alert");
    }
    Confirm {
        attempts: raw.attempts.map_or(fallback.attempts, |attempts| attempts.value),
        pause: raw.pause.map_or(fallback.pause, |pause| pause.value.0),
    }
}

fn labels(raw: BTreeMap<String, At<String>>, findings: &Findings) -> Labels {
    for (name, value) in &raw {
        if let Err(error) = label::check(name) {
            let what = format!("{} cannot be a label", shown(name));
            findings.fault_with_hint(value.place, what, error.to_string());
        }
    }
    Labels::new(raw.into_iter().map(|(name, value)| (name, value.value)))
}

/// The template, and whether hosts can be put into it.
fn template(
    url: Option<&At<String>>,
    name: Option<&At<String>>,
    prober: ProberName,
    at: &Resolving<'_>,
) -> (Template, bool) {
    let mut usable = true;
    if let Some(url) = url {
        let sample = At {
            place: url.place,
            value: url.value.replace("{host}", "host.example"),
        };
        usable = at.url(&sample, prober.schemes()).is_some();
        if usable && !url.value.contains("{host}") {
            let hint = "write {host} where the host belongs, as in https://{host}/; a single URL can stand under \"hosts\"";
            at.findings.fault_with_hint(
                url.place,
                "every host of the group would be asked the same URL",
                hint,
            );
            usable = false;
        }
    }
    if let Some(name) = name
        && !name.value.contains("{host}")
        && !name.value.contains("{url}")
    {
        let hint = "write one of them into it, as in mail-{host}";
        at.findings.fault_with_hint(
            name.place,
            "without {host} or {url}, all endpoints that the group may have would share one name",
            hint,
        );
        usable = false;
    }
    let text = |given: Option<&At<String>>, default: &str| {
        given.map_or_else(|| default.to_owned(), |given| given.value.clone())
    };
    let template = Template {
        url: text(url, &defaults::url(prober)),
        name: text(name, defaults::ENDPOINT_NAME),
        prober,
    };
    (template, usable)
}

fn endpoints(
    plan: &GroupPlan,
    hosts: &[At<String>],
    taken: &mut Taken,
    findings: &Findings,
) -> Vec<Arc<Endpoint>> {
    let mut endpoints = Vec::new();
    for host in hosts {
        let left = MOST_HOSTS.saturating_sub(taken.endpoints.len());
        match pattern::expand(&host.value, left) {
            Ok(targets) => {
                let made = targets
                    .into_iter()
                    .map(|target| endpoint(plan, target, host.place, taken, findings));
                // One fault for each line: a pattern of thousands would drown the others.
                let made: Result<Vec<_>, String> = made.collect();
                match made {
                    Ok(made) => endpoints.extend(made),
                    Err(what) => findings.fault(host.place, what),
                }
            }
            Err(error) => findings.fault(host.place, format!("{}: {error}", shown(&host.value))),
        }
    }
    endpoints
}

fn endpoint(
    plan: &GroupPlan,
    target: String,
    place: Place,
    taken: &mut Taken,
    findings: &Findings,
) -> Result<Arc<Endpoint>, String> {
    let target = Discovered {
        target,
        labels: Labels::default(),
    };
    let cannot = |reason: RejectReason| format!("{} cannot be watched: {reason}", shown(&target.target));
    let endpoint = plan
        .template
        .endpoint(&plan.group, &plan.labels, &target)
        .map_err(cannot)?;
    if let Some(first) = taken.endpoints.insert(endpoint.name.clone(), place) {
        return Err(format!(
            "the endpoint \"{}\" also stands at {} (names are unique over all groups: see \"endpoint_name\")",
            endpoint.name,
            findings.spot(first)
        ));
    }
    Ok(Arc::new(endpoint))
}
