//! linkwatch itself: whether what it says can be believed, and what it costs.

use serde_json::json;

use super::board::Board;
use super::panel::{AMBER, GREEN, GREY, Kind, Panel, RED, fixed};
use super::query::{foreign, max, series};

pub(super) fn board() -> Board {
    Board::new(
        "Whether what linkwatch says can be believed, and what it costs.",
        &[],
    )
    .row("Now", now())
    .row("Probing", probing())
    .row("Sources", sources())
    .row("Cost", cost())
}

fn yes_or_no(title: &'static str, description: &'static str, query: String, words: (&str, &str)) -> Panel {
    Panel::new(Kind::Stat, title, description)
        .query(query, title)
        .steps(RED, &[(1.0, GREEN)])
        .means("0", words.0, RED)
        .means("1", words.1, GREEN)
}

fn now() -> Vec<Panel> {
    let least = |family: &str| format!("min({})", series(family, ""));
    let version = format!("count by(version) ({})", series("build_info", ""));
    vec![
        yes_or_no("Vantage point", "Whether any anchor answers. While none does, judgement is suspended.", least("vantage_up"), ("offline", "online"))
            .empty("no anchors"),
        yes_or_no("Configuration", "Whether the last load of the configuration worked.", least("config_last_reload_successful"), ("refused", "loaded")),
        Panel::new(Kind::Stat, "Clock", "How far the clock is off, either way, by the servers' dates. Beyond two minutes certificates are not judged by it.")
            .unit("s")
            .query(format!("max(abs({}))", series("clock_skew_seconds", "")), "off by")
            .steps(GREEN, &[(60.0, AMBER), (120.0, RED)])
            .empty("not known"),
        Panel::new(Kind::Stat, "Storage", "Whether verdicts and incidents outlive a restart.")
            .query(least("storage_persistent"), "storage")
            .steps(GREY, &[(1.0, GREEN)])
            .means("0", "memory only", GREY)
            .means("1", "kept", GREEN),
        Panel::new(Kind::Stat, "Replicas", "Instances that are scraped.")
            .query(format!("count({})", series("build_info", "")), "replicas")
            .steps(GREEN, &[]),
        Panel::new(Kind::Name, "Version", "Of the binary; several while an update is under way.")
            .query(version, "{{version}}")
            .steps(GREY, &[]),
    ]
}

fn probing() -> Vec<Panel> {
    let rate = |family: &str| format!("rate({}[$__rate_interval])", series(family, ""));
    let age = format!(
        "max by(instance) (time() - {})",
        series("probe_last_run_timestamp_seconds", "")
    );
    vec![
        Panel::new(Kind::Lines, "Probes", "Probes made and probes that failed.")
            .unit("reqps")
            .query(
                format!("sum by(instance) ({})", rate("probes_total")),
                "{{instance}} made",
            )
            .query(
                format!("sum by(instance) ({})", rate("probe_failures_total")),
                "{{instance}} failed",
            )
            .fields("/ made$/", &[fixed(GREEN)])
            .fields("/ failed$/", &[fixed(RED)]),
        Panel::new(
            Kind::Lines,
            "Oldest probe",
            "Time since the endpoint was probed that has waited longest.",
        )
        .unit("s")
        .query(age, "{{instance}}"),
        Panel::new(
            Kind::Lines,
            "Lag of the schedule",
            "Time from when a probe was due to when it began: the 99th of a hundred.",
        )
        .unit("s")
        .query(
            format!(
                "histogram_quantile(0.99, sum by(instance, le) ({}))",
                rate("probe_lag_seconds_bucket")
            ),
            "{{instance}}",
        ),
        Panel::new(
            Kind::Lines,
            "Probes under way, and turns missed",
            "A turn is missed while the endpoint's last probe is still under way.",
        )
        .query(
            format!("sum by(instance) ({})", series("probes_in_flight", "")),
            "{{instance}} under way",
        )
        .query(
            format!("sum by(instance) ({})", rate("probe_missed_runs_total")),
            "{{instance}} missed a second",
        )
        .fields("/.+/", &[("custom.axisSoftMax", json!(1))]),
    ]
}

fn sources() -> Vec<Panel> {
    let timeline = |title, description, family, legend| {
        Panel::new(Kind::Timeline, title, description)
            .size(8, 5)
            .query(max(family, ""), legend)
            .steps(RED, &[(1.0, GREEN)])
            .means("0", "silent", RED)
            .means("1", "answers", GREEN)
            .empty("None is configured.")
    };
    vec![
        timeline(
            "Platforms",
            "Whether each platform answers.",
            "platform_up",
            "{{platform}}",
        ),
        timeline(
            "Clicks",
            "Whether each source of counts answers.",
            "traffic_source_up",
            "{{source}}",
        ),
        timeline(
            "Hosts",
            "Whether each source of coverage answers.",
            "hosts_source_up",
            "{{source}}",
        ),
    ]
}

fn cost() -> Vec<Panel> {
    let cpu = format!(
        "sum by(instance) (rate({}[$__rate_interval]))",
        foreign("process_cpu_seconds_total", "")
    );
    let most = |family: &str| format!("max by(instance) ({})", foreign(family, ""));
    let files = format!("{} / {}", most("process_open_fds"), most("process_max_fds"));
    let third = |title, description| Panel::new(Kind::Lines, title, description).size(8, 7);
    vec![
        third("Processor", "Share of one core.")
            .unit("percentunit")
            .query(cpu, "{{instance}}"),
        third("Memory", "Resident memory.")
            .unit("bytes")
            .query(most("process_resident_memory_bytes"), "{{instance}}"),
        third("File descriptors", "Share of those that may be open.")
            .unit("percentunit")
            .query(files, "{{instance}}"),
        Panel::new(Kind::Lines, "Scrapes", "How long Prometheus takes to scrape it.")
            .size(12, 7)
            .unit("s")
            .query(most("scrape_duration_seconds"), "{{instance}}"),
        Panel::new(Kind::Lines, "Samples", "Samples in a scrape.")
            .size(12, 7)
            .query(most("scrape_samples_scraped"), "{{instance}}"),
    ]
}
