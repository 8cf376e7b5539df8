//! One panel: what it shows, in which unit, and what its values mean.

use serde_json::{Map, Value, json};

pub(super) use super::kind::Kind;

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
    sorted_by: Vec<(&'static str, bool)>,
    bounds: Option<(f64, f64)>,
    listed: bool,
    two_lines: bool,
}

/// One query.
#[derive(Debug, Clone)]
struct Target {
    expr: String,
    legend: &'static str,
}

/// Green, amber and red, which Grafana adapts to its theme; the last is the colour of plain text.
pub(super) const GREEN: &str = "green";
pub(super) const AMBER: &str = "orange";
pub(super) const RED: &str = "red";
pub(super) const GREY: &str = "#8e8e8e";
pub(super) const PLAIN: &str = "text";

/// The property of fields that are failures, whatever they are called: the more of them, the more shades of red.
pub(super) fn failures_colour() -> (&'static str, Value) {
    ("color", json!({"mode": "shades", "fixedColor": RED}))
}

/// The property of a field that has one colour whatever its values are.
pub(super) fn fixed(colour: &str) -> (&'static str, Value) {
    ("color", json!({"mode": "fixed", "fixedColor": colour}))
}

impl Panel {
    pub(super) fn new(kind: Kind, title: &'static str, description: &'static str) -> Self {
        let size = match kind {
            Kind::Stat | Kind::Name => (4, 3),
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
            sorted_by: Vec::new(),
            bounds: None,
            listed: false,
            two_lines: false,
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

    /// The least and the most that there can be: what an axis shows whatever was measured.
    pub(super) const fn between(mut self, least: f64, most: f64) -> Self {
        self.bounds = Some((least, most));
        self
    }

    /// With the names at the side, each with its last value: for more series than fit below.
    pub(super) const fn listed(mut self) -> Self {
        self.listed = true;
        self
    }

    /// With rows of a table that have room for sentences.
    pub(super) const fn two_lines(mut self) -> Self {
        self.two_lines = true;
        self
    }

    /// The columns, by their headings, that the rows of a table are sorted by, and whether the most comes first.
    pub(super) fn sorted_by(mut self, columns: &[(&'static str, bool)]) -> Self {
        self.sorted_by = columns.to_vec();
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

    /// Clicks that were observed in full, those that are expected dashed, and the lower limit as a shade: what falls into
    /// it is an alarm. The queries' names end so.
    pub(super) fn against_a_baseline(self) -> Self {
        let dashed = json!({"fill": "dash", "dash": [8, 6]});
        self.fields("/ observed$/", &[("custom.lineWidth", json!(2)), fixed("blue")])
            .fields("/ expected$/", &[("custom.lineStyle", dashed), fixed(GREY)])
            .fields(
                "/ lower limit$/",
                &[
                    ("custom.lineWidth", json!(0)),
                    ("custom.fillOpacity", json!(25)),
                    fixed(RED),
                ],
            )
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
            "fieldConfig": {"defaults": self.defaults(), "overrides": self.overrides()},
            "options": self.options(),
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
            "mappings": self.mappings(),
            "custom": self.kind.custom(),
        });
        if let Some(empty) = self.empty {
            defaults["noValue"] = json!(empty);
        }
        if let Some((least, most)) = self.bounds {
            (defaults["min"], defaults["max"]) = (json!(least), json!(most));
        }
        defaults
    }

    /// A figure that is not there has the colour of no verdict, not that of the lowest step.
    fn mappings(&self) -> Vec<Value> {
        let figure = matches!(self.kind, Kind::Stat | Kind::Name);
        let absent = self.empty.filter(|_| figure).map(|text| {
            let result = json!({"text": text, "color": GREY, "index": self.mappings.len()});
            json!({"type": "special", "options": {"match": "null", "result": result}})
        });
        self.mappings.iter().cloned().chain(absent).collect()
    }

    /// What a table says without rows is not what it says of an empty cell.
    fn overrides(&self) -> Vec<Value> {
        let cells = json!({
            "matcher": {"id": "byType", "options": "string"}, "properties": [{"id": "noValue", "value": ""}],
        });
        let table = self.kind == Kind::Table && self.empty.is_some();
        let cells = table.then_some(cells);
        cells.into_iter().chain(self.overrides.iter().cloned()).collect()
    }

    fn options(&self) -> Value {
        let mut options = self.kind.options();
        if self.listed {
            options["legend"] = json!({
                "displayMode": "table", "placement": "right", "showLegend": true, "calcs": ["lastNotNull"],
            });
        }
        if self.two_lines {
            options["cellHeight"] = json!("lg");
        }
        if !self.sorted_by.is_empty() {
            let columns = self.sorted_by.iter();
            options["sortBy"] = columns
                .map(|(column, desc)| json!({"displayName": column, "desc": desc}))
                .collect();
        }
        options
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
