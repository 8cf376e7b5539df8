//! `linkwatch bundle`: what ships beside the binary, with an installation's own names and thresholds in it.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Exit, complain};
use crate::alert::{AlertName, Parameters, recording_rules_yaml, rules_yaml};
use crate::dashboard::{self, DashboardName};

/// What can be written.
#[derive(Debug, Subcommand)]
pub(super) enum BundleCommand {
    /// The alerts, as a rule file of Prometheus.
    Rules(BundleArgs),
    /// Availability and burnt budget per endpoint and group, as a rule file of Prometheus.
    RecordingRules(BundleArgs),
    /// Routing, grouping, inhibition and the texts of notifications, for Alertmanager.
    Alertmanager(BundleArgs),
    /// The dashboards of Grafana.
    Dashboards(BundleArgs),
    /// The runbooks.
    Runbooks(BundleArgs),
    /// The alerts as a `PrometheusRule`, with a `ServiceMonitor` and a `Probe`, for the Prometheus operator.
    Operator(BundleArgs),
}

/// What differs from one installation to the next.
#[derive(Debug, Args)]
pub(super) struct BundleArgs {
    /// Write files into this directory in place of printing.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// The job under which linkwatch is scraped; any without it.
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// Where runbooks are read: the URL without the file's name.
    #[arg(long, value_name = "URL")]
    runbook_url: Option<url::Url>,
    /// Where Grafana is.
    #[arg(long, value_name = "URL")]
    grafana_url: Option<url::Url>,
    /// The share of its lifetime, 0 to 1, below which a certificate should have been renewed.
    #[arg(long, value_parser = share, value_name = "SHARE")]
    lifetime_left: Option<f64>,
    /// Skew of the clock, in seconds either way, that is worth a word.
    #[arg(long, value_name = "SECONDS")]
    clock_skew: Option<u32>,
    /// The share of the time, 0 to 1, that an endpoint should be up.
    #[arg(long, default_value = "0.999", value_parser = share, value_name = "SHARE")]
    objective: f64,
    /// The namespace of what is written for the operator.
    #[arg(long, default_value = "monitoring", value_name = "NAME")]
    namespace: String,
}

/// A file to be written.
struct File {
    name: String,
    text: String,
}

/// Writes what the arguments name.
pub(super) fn run(command: &BundleCommand) -> Exit {
    let (args, files) = match command {
        BundleCommand::Rules(args) => (args, rules(args)),
        BundleCommand::RecordingRules(args) => (args, recording_rules(args)),
        BundleCommand::Alertmanager(args) => (args, Ok(alertmanager())),
        BundleCommand::Dashboards(args) => (args, Ok(dashboards(args))),
        BundleCommand::Runbooks(args) => (args, Ok(runbooks())),
        BundleCommand::Operator(args) => (args, operator(args)),
    };
    let files = match files {
        Ok(files) => files,
        Err(reason) => return complain(&reason),
    };
    match &args.output {
        Some(directory) => write(directory, &files),
        None => print(&files),
    }
}

fn print(files: &[File]) -> Exit {
    let [file] = files else {
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        let names = names.join(", ");
        return complain(&format!(
            "these are several files ({names}): say where to with --output DIR"
        ));
    };
    anstream::print!("{}", file.text);
    Exit::Fine
}

fn write(directory: &Path, files: &[File]) -> Exit {
    if let Err(error) = std::fs::create_dir_all(directory) {
        return complain(&format!(
            "cannot make the directory {}: {error}",
            directory.display()
        ));
    }
    for file in files {
        let path = directory.join(&file.name);
        if let Err(error) = std::fs::write(&path, &file.text) {
            return complain(&format!("cannot write {}: {error}", path.display()));
        }
        anstream::println!("{}", path.display());
    }
    Exit::Fine
}

fn parameters(args: &BundleArgs) -> Parameters {
    let mut parameters = Parameters {
        job: args.job.clone(),
        ..Parameters::default()
    };
    if let Some(url) = &args.runbook_url {
        parameters.runbook_base = directory(url);
    }
    if let Some(url) = &args.grafana_url {
        parameters.grafana_base = directory(url);
    }
    if let Some(share) = args.lifetime_left {
        parameters.lifetime_left = share;
    }
    if let Some(seconds) = args.clock_skew {
        parameters.clock_skew_seconds = seconds;
    }
    parameters
}

/// A URL with its final slash.
fn directory(url: &url::Url) -> String {
    format!("{}/", url.as_str().trim_end_matches('/'))
}

fn rules(args: &BundleArgs) -> Result<Vec<File>, String> {
    let text = rules_yaml(&parameters(args)).map_err(|error| error.to_string())?;
    let name = "linkwatch.yml".to_owned();
    Ok(vec![File { name, text }])
}

fn recording_rules(args: &BundleArgs) -> Result<Vec<File>, String> {
    let text = recording_rules_yaml(&parameters(args), args.objective).map_err(|error| error.to_string())?;
    let name = "linkwatch-availability.yml".to_owned();
    Ok(vec![File { name, text }])
}

fn alertmanager() -> Vec<File> {
    let file = |name: &str, text: &str| File {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    vec![
        file("alertmanager.yml", include_str!("../../alerts/alertmanager.yml")),
        file("linkwatch.tmpl", include_str!("../../alerts/linkwatch.tmpl")),
    ]
}

fn dashboards(args: &BundleArgs) -> Vec<File> {
    let parameters = parameters(args);
    let file = |name: DashboardName| File {
        name: format!("{}.json", name.uid()),
        text: format!("{:#}\n", dashboard::json(name, &parameters)),
    };
    DashboardName::ALL.map(file).into()
}

fn runbooks() -> Vec<File> {
    let file = |name: &AlertName| File {
        name: format!("{name}.md"),
        text: name.runbook().to_owned(),
    };
    AlertName::ALL.iter().map(file).collect()
}

/// The resources of `monitoring.coreos.com/v1`, as one file of several documents.
fn operator(args: &BundleArgs) -> Result<Vec<File>, String> {
    let text = rules_yaml(&parameters(args)).map_err(|error| error.to_string())?;
    let rules: serde_json::Value = serde_saphyr::from_str(&text).map_err(|error| error.to_string())?;
    let resource = |kind: &str, spec: serde_json::Value| {
        json!({
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": kind,
            "metadata": {
                "name": "linkwatch",
                "namespace": args.namespace,
                "labels": {"app.kubernetes.io/name": "linkwatch"},
            },
            "spec": spec,
        })
    };
    let selected = json!({"matchLabels": {"app.kubernetes.io/name": "linkwatch"}});
    let documents = [
        resource("PrometheusRule", rules),
        resource(
            "ServiceMonitor",
            json!({"selector": selected, "endpoints": [{"port": "http", "interval": "10s", "scrapeTimeout": "10s"}]}),
        ),
        resource(
            "Probe",
            json!({
                "interval": "30s",
                "module": "http_2xx",
                "prober": {"url": format!("linkwatch.{}.svc:9716", args.namespace), "path": "/probe"},
                "targets": {"staticConfig": {"static": ["https://example.com/"]}},
            }),
        ),
    ];
    let mut text = String::new();
    for document in &documents {
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(document).map_err(|error| error.to_string())?);
    }
    let name = "linkwatch-operator.yml".to_owned();
    Ok(vec![File { name, text }])
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| format!("{text:?} is not a share from 0 to 1, such as 0.25"))
}
