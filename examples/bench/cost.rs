//! CPU per fresh probe, side by side in one run.

use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::Options;
use crate::blackbox::Blackbox;
use crate::child::Child;
use crate::meter::{cpu, median};
use crate::server::ROOT_FILE;

/// Probes before the first that count.
const WARM_UP: usize = 200;

/// A ratio and what it may be at most.
struct Ceiling {
    what: &'static str,
    ratios: Vec<f64>,
    most: f64,
}

/// One kind of target.
#[derive(Debug, Clone, Copy)]
struct Target<'a> {
    url: &'a str,
    /// Probes of linkwatch and of the bare loop in one round.
    probes: usize,
    /// Of blackbox_exporter.
    blackbox: usize,
}

/// CPU in microseconds per probe, round by round.
#[derive(Debug, Default)]
struct Figures {
    linkwatch: Vec<f64>,
    bare: Vec<f64>,
    blackbox: Vec<f64>,
}

/// Measures; `false` when a ceiling was passed.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let rounds = options.number("rounds", 5);
    let probes = options.number("probes", 4000);
    ensure!(rounds % 2 == 1, "a median wants an odd number of rounds");
    let folder = tempfile::tempdir()?;
    let mut server = Child::start(&["server", &folder.path().to_string_lossy(), "0"])?;
    let ports = server.line()?;
    let (secure, plain) = ports
        .split_once(' ')
        .context("the server did not say its ports")?;
    let secure = format!("https://127.0.0.1:{secure}/");
    let plain = format!("http://127.0.0.1:{plain}/");
    let root = folder.path().join(ROOT_FILE);
    let blackbox = Blackbox::start(folder.path(), &root)?;

    let target = Target {
        url: &secure,
        probes,
        blackbox: probes.div_ceil(2),
    };
    let https = measure(target, rounds, &root, &blackbox, &mut server)?;
    let target = Target {
        url: &plain,
        // They are so cheap that ticks of 10 ms would show.
        probes: probes * 5,
        blackbox: probes,
    };
    let http = measure(target, rounds, &root, &blackbox, &mut server)?;
    show(&https, &http);
    Ok(judge(&[
        Ceiling {
            what: "https, linkwatch / blackbox_exporter",
            ratios: ratios(&https.linkwatch, &https.blackbox),
            most: 0.25,
        },
        Ceiling {
            what: "https, linkwatch / bare loop",
            ratios: ratios(&https.linkwatch, &https.bare),
            most: 1.4,
        },
        Ceiling {
            what: "plain http, linkwatch / blackbox_exporter",
            ratios: ratios(&http.linkwatch, &http.blackbox),
            most: 0.125,
        },
    ]))
}

fn measure(
    target: Target<'_>,
    rounds: usize,
    root: &Path,
    blackbox: &Blackbox,
    server: &mut Child,
) -> anyhow::Result<Figures> {
    let root = root.to_string_lossy();
    let mut linkwatch = Child::start(&["worker", "linkwatch", target.url, &root])?;
    let mut bare = Child::start(&["worker", "bare", target.url, &root])?;
    warm_up(target, &mut linkwatch, &mut bare, blackbox)?;
    server.ask("report")?;
    let mut figures = Figures::default();
    for round in 1..=rounds {
        let ours = worker(&mut linkwatch, target.probes)?;
        let agreed_ours = server.ask("report")?;
        let least = worker(&mut bare, target.probes)?;
        let agreed_least = server.ask("report")?;
        let before = cpu(blackbox.pid())?;
        let failed = blackbox.probe(target.url, target.blackbox)?;
        let theirs = per_probe(before, cpu(blackbox.pid())?, target.blackbox);
        ensure!(failed == 0, "{failed} probes of blackbox_exporter failed");
        let agreed_theirs = server.ask("report")?;
        eprintln!(
            "round {round}: linkwatch {ours:.0} µs, bare {least:.0} µs, blackbox_exporter {theirs:.0} µs per probe"
        );
        if round == 1 && !agreed_ours.is_empty() {
            eprintln!(
                "  handshakes: linkwatch {agreed_ours}; bare {agreed_least}; blackbox_exporter {agreed_theirs}"
            );
        }
        figures.linkwatch.push(ours);
        figures.bare.push(least);
        figures.blackbox.push(theirs);
    }
    Ok(figures)
}

fn warm_up(
    target: Target<'_>,
    linkwatch: &mut Child,
    bare: &mut Child,
    blackbox: &Blackbox,
) -> anyhow::Result<()> {
    worker(linkwatch, WARM_UP).context("linkwatch")?;
    worker(bare, WARM_UP).context("the bare loop")?;
    let failed = blackbox.probe(target.url, WARM_UP)?;
    ensure!(
        failed == 0,
        "{failed} of {WARM_UP} probes of blackbox_exporter failed"
    );
    Ok(())
}

/// Lets a worker probe; its CPU per probe in microseconds.
fn worker(worker: &mut Child, probes: usize) -> anyhow::Result<f64> {
    let before = cpu(worker.pid())?;
    let failed = worker.ask(&probes.to_string())?;
    let after = cpu(worker.pid())?;
    ensure!(failed == "0", "{failed} of {probes} probes failed");
    Ok(per_probe(before, after, probes))
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand probes")]
fn per_probe(before: std::time::Duration, after: std::time::Duration, probes: usize) -> f64 {
    after.saturating_sub(before).as_secs_f64() * 1e6 / probes as f64
}

fn ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter()
        .zip(theirs)
        .map(|(ours, theirs)| ours / theirs)
        .collect()
}

fn show(https: &Figures, http: &Figures) {
    println!("CPU (user and system) per fresh probe in µs, median of the rounds; one probe at a time");
    println!(
        "{:<12} {:>10} {:>10} {:>18}",
        "", "linkwatch", "bare loop", "blackbox_exporter"
    );
    for (name, figures) in [("https", https), ("plain http", http)] {
        println!(
            "{name:<12} {:>10.0} {:>10.0} {:>18.0}",
            median(&figures.linkwatch),
            median(&figures.bare),
            median(&figures.blackbox)
        );
    }
    println!(
        "(plain http, linkwatch / bare loop: {:.2}; no ceiling)",
        median(&ratios(&http.linkwatch, &http.bare))
    );
}

fn judge(ceilings: &[Ceiling]) -> bool {
    let mut held = true;
    for Ceiling { what, ratios, most } in ceilings {
        let ratio = median(ratios);
        let verdict = if ratio <= *most { "held" } else { "EXCEEDED" };
        held &= ratio <= *most;
        println!("{what:<44} {ratio:.3}   ceiling {most:<6} {verdict}");
    }
    held
}
