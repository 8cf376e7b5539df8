//! One panel: what it shows, in which unit, and what its values mean.

use serde_json::{Map, Value, json};

/// One panel, 24 columns being the width of a dashboard.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    kind: Kind,
    title: &'static str,
    description: &'static str,
    unit: &'static str,
    size: (u8, u8),
    targets: Vec<Target>,
    steps: Vec<(Option<f64>, &'static str)>,
    mappings: Vec<Value>,
    empty: Option<&'static str>,
    overrides: Vec<Value>,
    columns: Vec<(&'static str, &'static str)>,
    hidden: Vec<&'static str>,
}

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

/// One query.
#[derive(Debug, Clone)]
struct Target {
    expr: String,
    legend: &'static str,
}

/// Green, amber and red, which Grafana adapts to its theme.
pub(super) const GREEN: &str = "green";
pub(super) const AMBER: &str = "orange";
pub(super) const RED: &str = "red";
pub(super) const GREY: &str = "#8e8e8e";

impl Panel {
    pub(super) fn new(kind: Kind, title: &'static str, description: &'static str) -> Self {
        let size = match kind {
            Kind::Stat | Kind::Name => (4, 4),
            Kind::Lines | Kind::Stack | Kind::Timeline => (12, 8),
            Kind::Table => (24, 9),
        };
        Self {
            kind,
            title,
            description,
            unit: "short",
            size,
            targets: Vec::new(),
            steps: vec![(None, GREEN)],
            mappings: Vec::new(),
            empty: None,
            overrides: Vec::new(),
            columns: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// A unit of Grafana's list.
    pub(super) const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    pub(super) const fn size(mut self, width: u8, height: u8) -> Self {
        self.size = (width, height);
        self
    }

    pub(super) fn query(mut self, expr: impl Into<String>, legend: &'static str) -> Self {
        self.targets.push(Target {
            expr: expr.into(),
            legend,
        });
        self
    }

    /// Colours from a value on; the first is of everything below.
    pub(super) fn steps(mut self, base: &'static str, steps: &[(f64, &'static str)]) -> Self {
        self.steps = std::iter::once((None, base))
            .chain(steps.iter().map(|(from, colour)| (Some(*from), *colour)))
            .collect();
        self
    }

    /// What a value means, in words and colour.
    pub(super) fn means(mut self, value: &str, text: &str, colour: &str) -> Self {
        let meaning = json!({"text": text, "color": colour, "index": self.mappings.len()});
        self.mappings
            .push(json!({"type": "value", "options": {value: meaning}}));
        self
    }

    /// What the panel says in place of "No data".
    pub(super) const fn empty(mut self, text: &'static str) -> Self {
        self.empty = Some(text);
        self
    }

    /// The columns of a table in their order, each with its heading. What is not named is not shown.
    pub(super) fn columns(mut self, columns: &[(&'static str, &'static str)]) -> Self {
        self.columns = columns.to_vec();
        self
    }

    /// Columns that must not be shown: labels of users are, beside the named ones.
    pub(super) fn without(mut self, hidden: &[&'static str]) -> Self {
        self.hidden = hidden.to_vec();
        self
    }

    /// Properties of one field alone.
    pub(super) fn field(self, name: &str, properties: &[(&str, Value)]) -> Self {
        self.matched("byName", name, properties)
    }

    /// Properties of the fields whose names a pattern finds.
    pub(super) fn fields(self, pattern: &str, properties: &[(&str, Value)]) -> Self {
        self.matched("byRegexp", pattern, properties)
    }

    fn matched(mut self, by: &str, of: &str, properties: &[(&str, Value)]) -> Self {
        let properties: Vec<Value> = properties
            .iter()
            .map(|(id, value)| json!({"id": id, "value": value}))
            .collect();
        self.overrides
            .push(json!({"matcher": {"id": by, "options": of}, "properties": properties}));
        self
    }

    pub(super) const fn width(&self) -> u8 {
        self.size.0
    }

    pub(super) const fn height(&self) -> u8 {
        self.size.1
    }

    /// As Grafana reads it, at its place.
    pub(super) fn json(&self, id: usize, place: (u32, u32)) -> Value {
        let source = json!({"type": "prometheus", "uid": "${datasource}"});
        let mut panel = json!({
            "id": id,
            "type": self.kind.plugin(),
            "title": self.title,
            "description": self.description,
            "datasource": source,
            "gridPos": {"x": place.0, "y": place.1, "w": self.size.0, "h": self.size.1},
            "targets": self.targets(&source),
            "fieldConfig": {"defaults": self.defaults(), "overrides": self.overrides},
            "options": self.kind.options(),
        });
        let transformations = self.transformations();
        if !transformations.is_empty()
            && let Some(panel) = panel.as_object_mut()
        {
            panel.insert("transformations".to_owned(), Value::Array(transformations));
        }
        panel
    }

    fn targets(&self, source: &Value) -> Vec<Value> {
        let instant = matches!(self.kind, Kind::Stat | Kind::Name | Kind::Table);
        let format = if self.kind == Kind::Table {
            "table"
        } else {
            "time_series"
        };
        let letters = 'A'..='Z';
        let target = |(letter, target): (char, &Target)| {
            json!({
                "refId": letter.to_string(),
                "datasource": source,
                "editorMode": "code",
                "expr": target.expr,
                "legendFormat": target.legend,
                "format": format,
                "instant": instant,
                "range": !instant,
            })
        };
        letters.zip(&self.targets).map(target).collect()
    }

    fn defaults(&self) -> Value {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|(from, colour)| json!({"value": from, "color": colour}))
            .collect();
        let mut defaults = json!({
            "unit": self.unit,
            "color": {"mode": self.kind.colour()},
            "thresholds": {"mode": "absolute", "steps": steps},
            "mappings": self.mappings,
            "custom": self.kind.custom(),
        });
        if let (Some(empty), Some(defaults)) = (self.empty, defaults.as_object_mut()) {
            defaults.insert("noValue".to_owned(), json!(empty));
        }
        defaults
    }

    fn transformations(&self) -> Vec<Value> {
        if self.kind != Kind::Table {
            return Vec::new();
        }
        let index: Map<String, Value> = self
            .columns
            .iter()
            .enumerate()
            .map(|(place, (name, _))| ((*name).to_owned(), json!(place)))
            .collect();
        let names: Map<String, Value> = self
            .columns
            .iter()
            .filter(|(name, heading)| name != heading)
            .map(|(name, heading)| ((*name).to_owned(), json!(heading)))
            .collect();
        let hidden: Map<String, Value> = ["Time"]
            .iter()
            .chain(&self.hidden)
            .map(|name| ((*name).to_owned(), json!(true)))
            .collect();
        let merge = (self.targets.len() > 1).then(|| json!({"id": "merge", "options": {}}));
        let organize = json!({"id": "organize", "options": {
            "excludeByName": hidden, "indexByName": index, "renameByName": names,
        }});
        merge.into_iter().chain([organize]).collect()
    }
}

impl Kind {
    const fn plugin(self) -> &'static str {
        match self {
            Self::Stat | Self::Name => "stat",
            Self::Lines | Self::Stack => "timeseries",
            Self::Timeline => "state-timeline",
            Self::Table => "table",
        }
    }

    const fn colour(self) -> &'static str {
        match self {
            Self::Stat | Self::Name | Self::Timeline | Self::Table => "thresholds",
            Self::Lines | Self::Stack => "palette-classic",
        }
    }

    fn custom(self) -> Value {
        match self {
            Self::Stat | Self::Name => json!({}),
            Self::Lines => {
                json!({"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0, "showPoints": "auto", "spanNulls": false})
            }
            Self::Stack => json!({
                "drawStyle": "line", "lineWidth": 1, "fillOpacity": 40, "showPoints": "auto", "spanNulls": false,
                "stacking": {"mode": "normal", "group": "A"},
            }),
            Self::Timeline => json!({"lineWidth": 0, "fillOpacity": 80}),
            Self::Table => json!({"align": "auto", "filterable": true, "cellOptions": {"type": "auto"}}),
        }
    }

    fn options(self) -> Value {
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
