//! The documents of status pages, and what they mean. A word that is not known makes the page unknown, never an error.

use serde::Deserialize;

use crate::outlook::feed::{Indicator, Report};

/// Statuspage's `summary.json`.
#[derive(Debug, Deserialize)]
pub struct Statuspage {
    status: Overall,
    #[serde(default)]
    incidents: Vec<Named>,
    #[serde(default)]
    scheduled_maintenances: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Overall {
    indicator: Option<String>,
    description: Option<String>,
}

/// An incident, or announced work.
#[derive(Debug, Deserialize)]
struct Named {
    name: Option<String>,
    status: Option<String>,
}

/// What a Statuspage says.
#[must_use]
pub fn statuspage(page: &Statuspage) -> Report {
    let under_way = page
        .scheduled_maintenances
        .iter()
        .find(|work| matches!(work.status.as_deref(), Some("in_progress" | "verifying")));
    let indicator = match page.status.indicator.as_deref() {
        Some("none") if under_way.is_some() => Indicator::Maintenance,
        Some("none") => Indicator::Operational,
        Some("maintenance") => Indicator::Maintenance,
        Some("minor") => Indicator::Degraded,
        Some("major" | "critical") => Indicator::Outage,
        Some(_) | None => Indicator::Unknown,
    };
    let open = |incident: &&Named| {
        !matches!(
            incident.status.as_deref(),
            Some("resolved" | "postmortem" | "completed")
        )
    };
    let incident = page.incidents.iter().find(open).or(under_way);
    let headline = incident.and_then(|named| named.name.as_deref());
    Report::new(
        indicator,
        headline
            .or(page.status.description.as_deref())
            .unwrap_or_default(),
    )
}

/// Status.io's document.
#[derive(Debug, Deserialize)]
pub struct StatusIo {
    result: StatusIoResult,
}

#[derive(Debug, Deserialize)]
struct StatusIoResult {
    status_overall: StatusIoOverall,
    #[serde(default)]
    incidents: Vec<Named>,
    maintenance: Option<StatusIoMaintenance>,
}

#[derive(Debug, Deserialize)]
struct StatusIoOverall {
    status: Option<String>,
    status_code: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct StatusIoMaintenance {
    #[serde(default)]
    active: Vec<Named>,
}

/// What a page of Status.io says.
#[must_use]
pub fn status_io(page: &StatusIo) -> Report {
    let page = &page.result;
    let indicator = match page.status_overall.status_code {
        Some(100) => Indicator::Operational,
        Some(200) => Indicator::Maintenance,
        // 600 is a security event.
        Some(300 | 600) => Indicator::Degraded,
        // Partial, and whole.
        Some(400 | 500) => Indicator::Outage,
        Some(_) | None => Indicator::Unknown,
    };
    let work = page
        .maintenance
        .iter()
        .flat_map(|maintenance| &maintenance.active);
    let headline = page
        .incidents
        .iter()
        .chain(work)
        .find_map(|named| named.name.as_deref());
    Report::new(
        indicator,
        headline
            .or(page.status_overall.status.as_deref())
            .unwrap_or_default(),
    )
}

/// One of Salesforce Trust's `instances`.
#[derive(Debug, Deserialize)]
pub struct Instance {
    key: String,
    status: Option<String>,
}

/// One of Salesforce Trust's `incidents/active`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    #[serde(default)]
    affects_all: bool,
    #[serde(default)]
    instance_keys: Vec<String>,
    message: Option<Message>,
    additional_information: Option<String>,
    #[serde(default, rename = "IncidentImpacts")]
    impacts: Vec<Impact>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    root_cause: Option<String>,
    action_plan: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impact {
    severity: Option<String>,
    end_time: Option<String>,
}

/// What Trust says: the worst of a product's instances and of the incidents that touch them. Of a product without
/// instances it says nothing.
#[must_use]
pub fn trust(instances: &[Instance], incidents: &[Incident]) -> Report {
    if instances.is_empty() {
        return Report::default();
    }
    let touches = |incident: &&Incident| {
        let named = |key: &String| instances.iter().any(|instance| instance.key == *key);
        incident.affects_all || incident.instance_keys.iter().any(named)
    };
    let touching = || incidents.iter().filter(touches);
    let stated = instances.iter().map(instance);
    let indicator = stated.chain(touching().map(incident)).max().unwrap_or_default();
    let headline = touching().find_map(Incident::headline);
    let worst = instances.iter().find(|known| instance(known) == indicator);
    let word = worst.and_then(|instance| instance.status.as_deref());
    Report::new(indicator, headline.or(word).unwrap_or_default())
}

impl Incident {
    fn headline(&self) -> Option<&str> {
        let message = self.message.as_ref();
        let texts = [
            self.additional_information.as_deref(),
            message.and_then(|message| message.root_cause.as_deref()),
            message.and_then(|message| message.action_plan.as_deref()),
        ];
        texts.into_iter().flatten().find(|text| !text.trim().is_empty())
    }
}

/// Where an instance says nothing the incidents tell.
fn instance(instance: &Instance) -> Indicator {
    let Some(status) = instance.status.as_deref() else {
        return Indicator::Operational;
    };
    let core = status
        .strip_suffix("_NONCORE")
        .or_else(|| status.strip_suffix("_CORE"));
    match core.unwrap_or(status) {
        "OK" | "INFORMATIONAL" => Indicator::Operational,
        "MAINTENANCE" => Indicator::Maintenance,
        "MINOR_INCIDENT" => Indicator::Degraded,
        "MAJOR_INCIDENT" => Indicator::Outage,
        _ => Indicator::Unknown,
    }
}

/// The worst impact that has not ended.
fn incident(incident: &Incident) -> Indicator {
    let standing = incident.impacts.iter().filter(|impact| impact.end_time.is_none());
    let words = standing.map(|impact| match impact.severity.as_deref() {
        Some("minor") => Indicator::Degraded,
        Some("major") => Indicator::Outage,
        Some(_) | None => Indicator::Unknown,
    });
    words.max().unwrap_or_default()
}
