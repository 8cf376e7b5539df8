//! The kinds of panels, and what each sets of Grafana's own options.

use serde_json::{Value, json};

/// How a panel draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One figure, in the colour of its meaning.
    Stat,
    /// The name of a series, as large as a figure.
    Name,
    /// Lines over time.
    Lines,
    /// Areas on top of each other.
    Stack,
    /// States over time.
    Timeline,
    /// Rows of labels and values, as of now.
    Table,
}

impl Kind {
    pub(super) const fn plugin(self) -> &'static str {
        match self {
            Self::Stat | Self::Name => "stat",
            Self::Lines | Self::Stack => "timeseries",
            Self::Timeline => "state-timeline",
            Self::Table => "table",
        }
    }

    pub(super) const fn colour(self) -> &'static str {
        match self {
            Self::Stat | Self::Name | Self::Timeline | Self::Table => "thresholds",
            Self::Lines | Self::Stack => "palette-classic",
        }
    }

    pub(super) fn custom(self) -> Value {
        match self {
            Self::Stat | Self::Name => json!({}),
            Self::Lines => {
                json!({"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0, "showPoints": "auto", "spanNulls": false, "axisSoftMin": 0})
            }
            Self::Stack => json!({
                "drawStyle": "line", "lineWidth": 1, "fillOpacity": 40, "showPoints": "auto", "spanNulls": false, "axisSoftMin": 0,
                "stacking": {"mode": "normal", "group": "A"},
            }),
            Self::Timeline => json!({"lineWidth": 0, "fillOpacity": 80}),
            Self::Table => json!({"align": "auto", "filterable": true, "cellOptions": {"type": "auto"}}),
        }
    }

    pub(super) fn options(self) -> Value {
        let legend = json!({"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []});
        let tooltip = json!({"mode": "multi", "sort": "desc"});
        let reduce = json!({"calcs": ["lastNotNull"], "fields": "", "values": false});
        match self {
            Self::Stat | Self::Name => json!({
                "reduceOptions": reduce,
                "textMode": if self == Self::Name { "name" } else { "value" },
                "colorMode": "background", "graphMode": "none", "justifyMode": "center", "orientation": "auto",
            }),
            Self::Lines | Self::Stack => json!({"legend": legend, "tooltip": tooltip}),
            Self::Timeline => json!({
                "legend": legend, "tooltip": {"mode": "single", "sort": "none"}, "mergeValues": true, "showValue": "auto",
                "alignValue": "left", "rowHeight": 0.9,
            }),
            Self::Table => {
                json!({"showHeader": true, "cellHeight": "sm", "footer": {"show": false, "reducer": [], "fields": ""}})
            }
        }
    }
}
