//! What the receiver of pages hears.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::time::Instant;

use crate::it::lab::Delivery;

/// Everything that was sent to the receiver of pages, by Alertmanager's group.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    groups: BTreeMap<String, Heard>,
}

/// What was heard of one group.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// How often it began to fire: each is a page. What follows while it fires is an update of the same page.
    pub(crate) pages: usize,
    /// All notifications, updates and the end included.
    pub(crate) notifications: Vec<(Instant, Value)>,
    firing: bool,
}

impl Pages {
    /// Takes a notification in.
    pub(crate) fn hear(&mut self, delivery: &Delivery, body: Value) {
        if delivery.path != "/page" {
            return;
        }
        let group = body["groupLabels"]["group"]
            .as_str()
            .or_else(|| body["groupLabels"]["alertname"].as_str())
            .unwrap_or("?");
        let heard = self.groups.entry(group.to_owned()).or_default();
        let firing = body["status"] == "firing";
        heard.pages += usize::from(firing && !heard.firing);
        heard.firing = firing;
        heard.notifications.push((delivery.at, body));
    }

    /// What was heard of a group.
    pub(crate) fn of(&self, group: &str) -> Option<&Heard> {
        self.groups.get(group)
    }

    /// The groups that were heard of, and how many pages each was.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&str, usize)> {
        self.groups
            .iter()
            .map(|(group, heard)| (group.as_str(), heard.pages))
    }
}

impl Heard {
    /// When the page came.
    pub(crate) fn began(&self) -> Option<Instant> {
        self.notifications.first().map(|(at, _)| *at)
    }

    /// The text about an endpoint in the first notification.
    pub(crate) fn first_text_about(&self, name: &str) -> Option<String> {
        let (_, first) = self.notifications.first()?;
        let alerts = first["alerts"].as_array()?;
        let own = alerts.iter().find(|alert| {
            alert["labels"]["alertname"] == "LinkwatchEndpointDown" && alert["labels"]["name"] == name
        })?;
        Some(own["annotations"]["description"].as_str()?.to_owned())
    }

    /// The text of the group's own alert in the first notification.
    pub(crate) fn first_text_of_group(&self) -> Option<&str> {
        let (_, first) = self.notifications.first()?;
        let alerts = first["alerts"].as_array()?;
        let whole = alerts
            .iter()
            .find(|alert| alert["labels"]["alertname"] == "LinkwatchGroupDown")?;
        whole["annotations"]["description"].as_str()
    }

    /// Whether any notification said that this endpoint has recovered.
    pub(crate) fn told_recovered(&self, name: &str) -> bool {
        self.notifications.iter().any(|(_, body)| {
            let alerts = body["alerts"].as_array().into_iter().flatten();
            alerts
                .into_iter()
                .any(|alert| alert["labels"]["name"] == name && alert["status"] == "resolved")
        })
    }
}
