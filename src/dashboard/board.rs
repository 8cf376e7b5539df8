//! A dashboard around its panels: variables, links, annotations, and where each panel stands.

use serde_json::{Value, json};

use super::DashboardName;
use super::panel::Panel;

/// Classic JSON of Grafana 10; later ones migrate it when they load it.
const SCHEMA_VERSION: u32 = 39;

/// Columns of a dashboard.
const WIDTH: u32 = 24;

/// A dashboard.
#[derive(Debug, Clone)]
pub(super) struct Board {
    description: &'static str,
    variables: &'static [Variable],
    rows: Vec<Row>,
}

/// What a reader chooses, beside the source, the job and the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    /// Groups of endpoints.
    Group,
    /// Endpoints of these groups.
    Name,
}

#[derive(Debug, Clone)]
struct Row {
    title: &'static str,
    panels: Vec<Panel>,
}

impl Board {
    pub(super) const fn new(description: &'static str, variables: &'static [Variable]) -> Self {
        Self {
            description,
            variables,
            rows: Vec::new(),
        }
    }

    /// Panels below a heading, from left to right, in as many lines as they need.
    pub(super) fn row(mut self, title: &'static str, panels: Vec<Panel>) -> Self {
        self.rows.push(Row { title, panels });
        self
    }

    pub(super) fn json(&self, name: DashboardName) -> Value {
        json!({
            "uid": name.uid(),
            "title": name.title(),
            "description": self.description,
            "tags": ["linkwatch"],
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": false,
            "graphTooltip": 1,
            "timezone": "browser",
            "refresh": "30s",
            "time": {"from": "now-3h", "to": "now"},
            "links": links(),
            "annotations": {"list": [alerts()]},
            "templating": {"list": self.templating()},
            "panels": self.panels(),
        })
    }

    fn templating(&self) -> Vec<Value> {
        let source = json!({
            "type": "datasource", "name": "datasource", "label": "Data Source", "query": "prometheus", "refresh": 1, "hide": 0,
        });
        let replicas = [
            variable("job", "Job", "label_values(linkwatch_build_info, job)"),
            variable(
                "instance",
                "Instance",
                "label_values(linkwatch_build_info{job=~\"$job\"}, instance)",
            ),
        ];
        let chosen = self.variables.iter().map(|of| match of {
            Variable::Group => variable(
                "group",
                "Group",
                "label_values(linkwatch_group_interval_seconds{job=~\"$job\", instance=~\"$instance\"}, group)",
            ),
            Variable::Name => variable(
                "name",
                "Endpoint",
                "label_values(linkwatch_endpoint_info{job=~\"$job\", instance=~\"$instance\", group=~\"$group\"}, name)",
            ),
        });
        std::iter::once(source).chain(replicas).chain(chosen).collect()
    }

    fn panels(&self) -> Vec<Value> {
        let (mut panels, mut top) = (Vec::new(), 0);
        for row in &self.rows {
            panels.push(json!({
                "id": panels.len() + 1, "type": "row", "title": row.title, "collapsed": false, "panels": [],
                "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
            }));
            top += 1;
            let (mut left, mut height) = (0, 0);
            for panel in &row.panels {
                let width = u32::from(panel.width());
                if left + width > WIDTH {
                    top += height;
                    (left, height) = (0, 0);
                }
                panels.push(panel.json(panels.len() + 1, (left, top)));
                left += width;
                height = height.max(u32::from(panel.height()));
            }
            top += height;
        }
        panels
    }
}

/// A variable of which several values, or all, can be chosen.
fn variable(name: &str, label: &str, query: &str) -> Value {
    json!({
        "type": "query", "name": name, "label": label,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": {"query": query, "refId": format!("variable-{name}")},
        "multi": true, "includeAll": true, "allValue": ".+",
        "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
        "refresh": 2, "sort": 1, "hide": 0, "regex": "",
    })
}

/// To the other dashboards, with time and variables kept.
fn links() -> Value {
    json!([{
        "type": "dashboards", "title": "linkwatch", "tags": ["linkwatch"], "asDropdown": true, "includeVars": true,
        "keepTime": true, "icon": "external link", "targetBlank": false, "tooltip": "", "url": "",
    }])
}

/// The alerts that fire, as marks over every panel.
fn alerts() -> Value {
    json!({
        "name": "Alerts", "enable": true, "iconColor": "red",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "expr": "ALERTS{alertname=~\"Linkwatch.+\", alertstate=\"firing\", severity!=\"info\", alertname!=\"LinkwatchWatchdog\"}",
        "titleFormat": "{{alertname}}", "textFormat": "{{group}} {{name}}", "step": "60s", "useValueForTime": false,
    })
}
