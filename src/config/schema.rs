//! The JSON Schema of the configuration, and the reference that is made of it.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::{defaults, raw};
use crate::endpoint::ProberName;

/// The JSON Schema (draft 2020-12) of `linkwatch.yml`.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(raw::Root).to_value();
    schema["title"] = json!("linkwatch.yml");
    schema
}

/// The defaults of a module's own section.
pub(super) fn module_defaults(prober: ProberName) -> Map<String, Value> {
    let schema = match prober {
        ProberName::Http => schemars::schema_for!(raw::module::Http),
        ProberName::Tcp => schemars::schema_for!(raw::module::Tcp),
        ProberName::Unix => schemars::schema_for!(raw::module::Unix),
        ProberName::Dns => schemars::schema_for!(raw::module::Dns),
        ProberName::Grpc => schemars::schema_for!(raw::module::Grpc),
        ProberName::WebSocket => schemars::schema_for!(raw::module::WebSocket),
        ProberName::Icmp => schemars::schema_for!(raw::module::Icmp),
    };
    let schema = schema.to_value();
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    properties
        .into_iter()
        .filter_map(|(key, property)| Some((key, property.get("default")?.clone())))
        .collect()
}

/// The sections of the reference, in the order of reading: the definition, and where it stands.
const SECTIONS: [(&str, &str); 41] = [
    ("global", "`global`"),
    ("confirm", "`global.confirm`, `groups[].confirm`"),
    ("vantage", "`vantage`"),
    ("resolver", "`resolver`"),
    ("group", "`groups[]`"),
    ("discover", "`groups[].discover[]`"),
    ("file_sd", "`groups[].discover[].file_sd`"),
    ("http_sd", "`groups[].discover[].http_sd`"),
    ("maintenance", "`groups[].maintenance[]`"),
    ("expect", "`groups[].expect`"),
    ("dns", "`groups[].expect.dns`"),
    ("moving", "`groups[].expect.dns.moving`"),
    ("certificate", "`groups[].expect.certificate`"),
    ("platform", "`platforms[]`"),
    ("domains", "`platforms[].json`"),
    ("foresight", "`foresight`"),
    ("authority", "`foresight.authorities[]`"),
    ("feed", "`foresight.feeds[]`"),
    ("registration", "`foresight.registration`"),
    ("coverage", "`coverage`"),
    ("host_source", "`coverage.sources[]`"),
    ("tsig", "`coverage.sources[].tsig`"),
    ("ignore", "`coverage.ignore[]`"),
    ("probe", "`probe`"),
    ("module", "`modules.<name>`"),
    ("http", "`modules.<name>.http`"),
    (
        "header_match",
        "`modules.<name>.http.fail_if_header_matches[]`, `…fail_if_header_not_matches[]`",
    ),
    ("http_headers", "`modules.<name>.http.http_headers.<name>`"),
    ("tcp", "`modules.<name>.tcp`"),
    ("unix", "`modules.<name>.unix`"),
    ("grpc", "`modules.<name>.grpc`"),
    ("websocket", "`modules.<name>.websocket`"),
    ("http_config", "`modules.<name>.websocket.http_config`"),
    ("query_response", "`modules.<name>.tcp.query_response[]`"),
    ("expect_label", "`modules.<name>.tcp.query_response[].labels[]`"),
    ("icmp", "`modules.<name>.icmp`"),
    ("dns_module", "`modules.<name>.dns`"),
    (
        "validate_rrs",
        "`modules.<name>.dns.validate_answer_rrs`, `…validate_authority_rrs`, `…validate_additional_rrs`",
    ),
    ("basic_auth", "`basic_auth`"),
    ("authorization", "`authorization`"),
    ("tls_config", "`tls_config`"),
];

/// `docs/CONFIGURATION.md`: every key, its kind, its default and its meaning.
#[must_use]
pub fn reference() -> String {
    let schema = schema();
    let mut page = INTRODUCTION.to_owned();
    section(&mut page, "The file", &schema);
    for (name, title) in SECTIONS {
        section(&mut page, title, &schema["$defs"][name]);
    }
    let _ = write!(
        page,
        "\n## Modules that need no declaration\n\n```yaml{}```\n",
        defaults::MODULES
    );
    page.push_str(CLOSING);
    page
}

const INTRODUCTION: &str = "\
# Configuration

<!-- Made from the schema by the program's own code; `cargo test` holds it true. -->

`linkwatch serve --config.file linkwatch.yml` reads one YAML file; paths in it start at its directory.
`linkwatch config check` names everything that is wrong with a file, `linkwatch config show` prints what is in
force, `linkwatch config schema` prints the JSON Schema that editors complete and check by.
[`examples/linkwatch.yml`](../examples/linkwatch.yml) is a file to start from.

A key without a value is as good as absent. A duration is written as Prometheus does: `15s`, `1m30s`, `500ms`; its
units go from the longest to the shortest. Every secret has a twin that ends in `_file`; a line break at the end of
that file does not count. Secrets are never printed: not by `config show`, not on `/config`, not in an error.
Regular expressions have the syntax of RE2, as in Go and Prometheus, and match anywhere unless they are anchored.
";

const CLOSING: &str = "
## Labels

Names of labels are those of Prometheus. Refused are those that linkwatch or Prometheus needs: `name`, `group`, `job`,
`instance`, `namespace`, `pod`, `container`, `service`, `endpoint`, `cause`, `stage`, `role`, `position`, `phase`,
`state`, `stream`, `series`, `tier`, `host`, `url`, `module`, `platform`, `expected`, `actual`, `issuer`, `subject`,
`serial`, `fingerprint_sha256`, `status`, `source`, `authority`, `domain`, `node`, `le`, `quantile`, `severity`,
`alertname`, and all that begin with `exported_` or `__`. A discovered target drops its labels that begin with `__`;
with any other of these it is left out, and that is said.
";

fn section(page: &mut String, title: &str, schema: &Value) {
    let _ = write!(page, "\n## {title}\n\n");
    if let Some(meaning) = schema["description"].as_str() {
        let _ = write!(page, "{}\n\n", one_line(meaning));
    }
    page.push_str("| key | kind | default | meaning |\n|---|---|---|---|\n");
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let default = if required.iter().any(|name| *name == key) {
            "required".to_owned()
        } else {
            property
                .get("default")
                .map_or_else(|| "–".to_owned(), |default| format!("`{}`", inline(default)))
        };
        let meaning = one_line(property["description"].as_str().unwrap_or_default());
        let meaning = meaning.replace('|', "\\|");
        let _ = writeln!(
            page,
            "| `{key}` | {} | {default} | {meaning} |",
            kind(property).replace('|', "\\|")
        );
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A default as YAML writes it in one line.
fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string().replace("[\"", "[").replace("\"]", "]")
        }
    }
}

/// What a reader would call the kind of a value.
fn kind(schema: &Value) -> String {
    if let Some(title) = schema["title"].as_str() {
        return title.to_owned();
    }
    if let Some(target) = schema["$ref"].as_str() {
        let name = target.rsplit('/').next().unwrap_or_default();
        let title = SECTIONS
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(name, |(_, title)| title);
        return format!("[{name}](#{})", anchor(title));
    }
    for alternatives in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[alternatives].as_array() {
            let kinds: Vec<_> = choices.iter().map(kind).filter(|kind| kind != "null").collect();
            return kinds.join(" or ");
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let words: Vec<_> = values
            .iter()
            .filter_map(Value::as_str)
            .map(|word| format!("`{word}`"))
            .collect();
        return words.join(" or ");
    }
    match named_type(&schema["type"]) {
        "array" => format!("list of {}", kind(&schema["items"])),
        "object" => format!("mapping of {}", kind(&schema["additionalProperties"])),
        "string" => "text".to_owned(),
        "integer" => "number".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        other => other.to_owned(),
    }
}

/// The type that is not null.
fn named_type(types: &Value) -> &str {
    let several = types.as_array().into_iter().flatten().filter_map(Value::as_str);
    types
        .as_str()
        .or_else(|| several.into_iter().find(|name| *name != "null"))
        .unwrap_or("anything")
}

/// The anchor that a heading gets when it is rendered.
fn anchor(title: &str) -> String {
    title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}
