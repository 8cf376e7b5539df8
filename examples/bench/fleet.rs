//! Thousands of endpoints watched by the whole program, scraped all the while; then some of them hang.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::{Instant, MissedTickBehavior};

use crate::Options;
use crate::child::Child;
use crate::meter::{count, cpu, resident, resident_peak};
use crate::server::ROOT_FILE;
use crate::watch::{FORMATS, Series, Watch, quantile};

/// Time from one probe of an endpoint to the next.
pub(crate) const INTERVAL: Duration = Duration::from_secs(15);

/// Time from one scrape in a format to the next.
const SCRAPES: Duration = Duration::from_secs(10);

/// Endpoints of a group.
const GROUP: usize = 250;

/// How long the bare loop runs, and each phase with hanging targets.
const SHORT: Duration = Duration::from_secs(60);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
struct Plan {
    endpoints: usize,
    hanging: usize,
    steady: Duration,
}

/// What a phase showed.
#[derive(Debug, Default)]
struct Phase {
    probes: f64,
    failures: f64,
    missed: f64,
    /// Upper bound of the lag's 99th percentile in seconds.
    lag: f64,
    /// The most resident memory as sampled, in KiB.
    resident: u64,
    /// Processor time per second.
    load: f64,
    /// The slowest scrape of each format, and the size of its last.
    scrapes: Vec<(Duration, usize)>,
}

/// Runs all of it; `false` when a ceiling was passed.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let endpoints = options.number("endpoints", 5000);
    ensure!(
        endpoints > 0 && endpoints.is_multiple_of(GROUP),
        "endpoints come in groups of {GROUP}"
    );
    let plan = Plan {
        endpoints,
        hanging: options.number("hanging", 1000).min(endpoints),
        steady: Duration::from_secs(60 * u64::try_from(options.number("minutes", 10))?),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(plan))
}

async fn measure(plan: Plan) -> anyhow::Result<bool> {
    let folder = tempfile::tempdir()?;
    eprintln!("making {} certificates", plan.endpoints);
    let mut server = Child::start(&[
        "server",
        &folder.path().to_string_lossy(),
        &plan.endpoints.to_string(),
    ])?;
    let ports = server.line()?;
    let (port, _) = ports
        .split_once(' ')
        .context("the server did not say its ports")?;
    let root = folder.path().join(ROOT_FILE);

    eprintln!("the empty program");
    let empty = empty(folder.path()).await?;
    eprintln!("the bare loop at the same rate for {} s", SHORT.as_secs());
    let bare = bare(plan, port, &root)?;

    let configuration = configuration(folder.path(), plan, port, &root)?;
    let watch = Watch::start(&configuration).await?;
    // Each endpoint has been seen once, and what is only needed to begin is behind.
    eprintln!(
        "{} endpoints, healthy, for {} min",
        plan.endpoints,
        plan.steady.as_secs() / 60
    );
    observe(&watch, INTERVAL + Duration::from_secs(5)).await?;
    let healthy = observe(&watch, plan.steady).await?;
    let steady = resident(watch.pid())?;
    let peak = resident_peak(watch.pid())?;

    let mut stuck = Vec::new();
    for stage in ["tls", "http"] {
        eprintln!(
            "{} of them hang in the stage {stage} for {} s",
            plan.hanging,
            SHORT.as_secs()
        );
        server.ask(&format!("hang {} {stage}", plan.hanging))?;
        let phase = observe(&watch, SHORT).await?;
        let held: u64 = server.ask("held")?.parse()?;
        stuck.push((stage, phase, held));
        server.ask("hang 0 tls")?;
        observe(&watch, INTERVAL * 2).await?;
    }
    let resident = Resident { empty, steady, peak };
    Ok(report(plan, resident, &bare, &healthy, &stuck))
}

/// Resident memory in KiB of the program without endpoints, scraped as the others are.
async fn empty(folder: &Path) -> anyhow::Result<u64> {
    let file = folder.join("empty.yml");
    std::fs::write(&file, "groups: []\n")?;
    let watch = Watch::start(&file).await?;
    for _ in 0..10 {
        for (_, accept) in FORMATS {
            watch.scrape(accept).await?;
        }
    }
    resident(watch.pid())
}

/// Processor time per second and resident memory in KiB of the bare loop at the same rate, and its lag.
fn bare(plan: Plan, port: &str, root: &Path) -> anyhow::Result<(f64, u64, String)> {
    let mut bare = Child::start(&[
        "fleet-worker",
        port,
        &root.to_string_lossy(),
        &plan.endpoints.to_string(),
    ])?;
    let before = cpu(bare.pid())?;
    let lag = bare.ask(&SHORT.as_secs().to_string())?;
    let used = cpu(bare.pid())?.saturating_sub(before);
    Ok((
        used.as_secs_f64() / SHORT.as_secs_f64(),
        resident(bare.pid())?,
        lag,
    ))
}

fn configuration(folder: &Path, plan: Plan, port: &str, root: &Path) -> anyhow::Result<PathBuf> {
    let mut text = format!(
        "global: {{interval: {}s, timeout: 5s}}\nmodules:\n  bench:\n    prober: http\n    http:\n      \
         tls_config: {{ca_file: {}}}\ngroups:\n",
        INTERVAL.as_secs(),
        root.display()
    );
    for group in 0..plan.endpoints / GROUP {
        writeln!(
            text,
            "  - {{name: row-{group:02}, hosts: [\"127.1.{group}.{{1..{GROUP}}}\"], module: bench, \
             url: \"https://{{host}}:{port}/\"}}"
        )?;
    }
    let file = folder.join("linkwatch.yml");
    std::fs::write(&file, text)?;
    Ok(file)
}

/// Looks on for so long: scrapes in every format, samples memory and probes under way.
async fn observe(watch: &Watch, length: Duration) -> anyhow::Result<Phase> {
    let before = watch.figures().await?;
    let used = cpu(watch.pid())?;
    let begun = Instant::now();
    let mut phase = Phase {
        scrapes: vec![(Duration::ZERO, 0); FORMATS.len()],
        ..Phase::default()
    };
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut scraped = begun;
    while begun.elapsed() < length {
        seconds.tick().await;
        phase.resident = phase.resident.max(resident(watch.pid())?);
        if scraped.elapsed() < SCRAPES {
            continue;
        }
        scraped = Instant::now();
        for ((_, accept), (slowest, size)) in FORMATS.iter().zip(&mut phase.scrapes) {
            let scrape = watch.scrape(accept).await?;
            *slowest = scrape.took.max(*slowest);
            *size = scrape.size;
        }
    }
    let used = cpu(watch.pid())?.saturating_sub(used);
    phase.load = used.as_secs_f64() / begun.elapsed().as_secs_f64();
    phase.count(&before, &watch.figures().await?)?;
    Ok(phase)
}

impl Phase {
    fn count(&mut self, before: &Series, after: &Series) -> anyhow::Result<()> {
        let grown = |name| after.sum(name) - before.sum(name);
        self.probes = grown("linkwatch_probes_total");
        self.failures = grown("linkwatch_probe_failures_total");
        self.missed = grown("linkwatch_probe_missed_runs_total");
        let lag = "linkwatch_probe_lag_seconds";
        self.lag = quantile(&before.buckets(lag)?, &after.buckets(lag)?, 0.99);
        Ok(())
    }

    fn slowest_scrape(&self) -> Duration {
        self.scrapes
            .iter()
            .map(|(slowest, _)| *slowest)
            .max()
            .unwrap_or_default()
    }

    fn show(&self, title: &str) {
        println!(
            "{title}: {:.0} probes, {:.0} failed, {:.0} runs missed, lag p99 at most {} s, {:.2} cores",
            self.probes, self.failures, self.missed, self.lag, self.load
        );
        for ((format, _), (slowest, size)) in FORMATS.iter().zip(&self.scrapes) {
            println!(
                "  scrape {format:<12} at most {:>4} ms, {:>5} KiB by gzip",
                slowest.as_millis(),
                size / 1024
            );
        }
    }
}

/// Memory of the program in KiB.
#[derive(Debug, Clone, Copy)]
struct Resident {
    /// Without endpoints.
    empty: u64,
    /// After the healthy phase.
    steady: u64,
    /// The most until then.
    peak: u64,
}

/// One figure and what it may be at most.
struct Line {
    what: String,
    figure: f64,
    ceiling: f64,
}

fn report(
    plan: Plan,
    Resident { empty, steady, peak }: Resident,
    bare: &(f64, u64, String),
    healthy: &Phase,
    stuck: &[(&str, Phase, u64)],
) -> bool {
    let each = |resident: u64| count(resident.saturating_sub(empty)) / count(plan.endpoints as u64);
    healthy.show("healthy");
    let (load, bare_resident, lag) = bare;
    println!("bare loop: {load:.2} cores, {bare_resident} KiB resident, lag {lag}");
    println!("resident: empty {empty} KiB, steady {steady} KiB, peak {peak} KiB");
    let line = |what: &str, figure, ceiling| Line {
        what: what.to_owned(),
        figure,
        ceiling,
    };
    let mut lines = vec![
        line("missed runs while healthy", healthy.missed, 0.0),
        line("failed probes while healthy", healthy.failures, 0.0),
        line("lag p99 in s while healthy", healthy.lag, 0.1),
        line("KiB resident per endpoint, steady", each(steady), 12.0),
        line("KiB resident per endpoint, peak", each(peak), 28.0),
        line("slowest scrape in s", healthy.slowest_scrape().as_secs_f64(), 0.5),
    ];
    for (stage, phase, held) in stuck {
        phase.show(&format!("{} hang in {stage}, {held} at once", plan.hanging));
        let more = count(phase.resident.saturating_sub(steady)) / count(*held).max(1.0);
        lines.push(line(&format!("lag p99 in s, hanging in {stage}"), phase.lag, 1.0));
        lines.push(line(
            &format!("KiB more per probe hanging in {stage}"),
            more,
            96.0,
        ));
        lines.push(line(
            &format!("slowest scrape in s, hanging in {stage}"),
            phase.slowest_scrape().as_secs_f64(),
            0.5,
        ));
    }
    let mut held = true;
    for Line {
        what,
        figure,
        ceiling,
    } in lines
    {
        let verdict = if figure <= ceiling { "held" } else { "EXCEEDED" };
        held &= figure <= ceiling;
        println!("{what:<44} {figure:>8.3}   ceiling {ceiling:<6} {verdict}");
    }
    held
}
