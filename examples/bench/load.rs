//! `/probe` under load: many scrapes at once at full speed, then hundreds at once of a target that never answers.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use url::Url;

use crate::Options;
use crate::both::{Asked, Both, MUTE, Program, ask, client};
use crate::meter::{descriptors, resident, resident_peak};

/// Scrapes under way at once.
const AT_ONCE: usize = 64;

/// Requests to what hangs.
const HANGING: usize = 500;

/// Descriptors that a hanging request may hold: the scrape's and the probe's; and some for everything else.
const DESCRIPTORS: usize = 2 * HANGING + 64;

/// How often the rest is asked while they hang.
const LOOKS: usize = 40;

/// What others may wait at most while they hang.
const WAIT: Duration = Duration::from_millis(250);

/// How long a program may take to let go of what it held.
const LET_GO: Duration = Duration::from_secs(10);

/// Runs both parts; `false` when a ceiling was passed.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let length = Duration::from_secs(u64::try_from(options.number("seconds", 60))?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let full = full_speed(length).await?;
        let hanging = hanging().await?;
        Ok(full && hanging)
    })
}

/// What a program showed at full speed.
struct Load {
    scrapes: usize,
    failed: usize,
    peak: u64,
}

async fn full_speed(length: Duration) -> anyhow::Result<bool> {
    let both = Both::start().await?;
    let target = both.url("https://127.0.0.1:$0/");
    println!(
        "{AT_ONCE} scrapes of /probe at once for {} s, http over TLS",
        length.as_secs()
    );
    let mut loads = Vec::new();
    for program in both.programs() {
        let url = program.probe("http", &target)?;
        let mut load = scrape(&url, length).await?;
        load.peak = resident_peak(program.pid)?;
        println!(
            "  {:<18} {:>7} scrapes, {} failed, {:>5.1} MiB resident at most",
            program.name,
            load.scrapes,
            load.failed,
            mebibytes(load.peak)
        );
        loads.push(load);
    }
    let [ours, theirs] = loads.as_slice() else {
        return Ok(false);
    };
    Ok(judge(
        "no scrape of linkwatch failed",
        ours.failed == 0 && ours.scrapes > 0,
    ) & judge("linkwatch took no more memory", ours.peak <= theirs.peak))
}

/// As many scrapes as will go.
async fn scrape(url: &Url, length: Duration) -> anyhow::Result<Load> {
    let client = client()?;
    let until = Instant::now() + length;
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (client, url) = (client.clone(), url.clone());
        tasks.spawn(async move {
            let (mut scrapes, mut failed) = (0, 0);
            while Instant::now() < until {
                scrapes += 1;
                failed += usize::from(!ask(&client, &url).await.well);
            }
            (scrapes, failed)
        });
    }
    let done = tasks.join_all().await;
    Ok(Load {
        scrapes: done.iter().map(|(scrapes, _)| scrapes).sum(),
        failed: done.iter().map(|(_, failed)| failed).sum(),
        peak: 0,
    })
}

async fn hanging() -> anyhow::Result<bool> {
    let both = Both::start().await?;
    let [program, _] = both.programs();
    let client = client()?;
    let others = [
        ("/metrics", program.metrics()?),
        (
            "another module",
            program.probe("http", &both.url("http://127.0.0.1:$1/"))?,
        ),
    ];
    println!("{HANGING} requests at once to a module whose target never answers");
    for (_, url) in &others {
        looks(&client, url).await;
    }
    let held_before = descriptors(program.pid)?;
    let mute = program.probe("mute", &both.url(MUTE))?;
    let mut hang = JoinSet::new();
    for _ in 0..HANGING {
        let (client, mute) = (client.clone(), mute.clone());
        hang.spawn(async move { ask(&client, &mute).await });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let held = descriptors(program.pid)?;
    let mut right = true;
    for (name, url) in &others {
        let (well, slowest) = looks(&client, url).await;
        println!(
            "  {name:<16} {well} of {LOOKS} well, the slowest after {} ms",
            slowest.as_millis()
        );
        right &= judge("  answered as before", well == LOOKS && slowest <= WAIT);
    }
    let still = hang.len() - ended(&mut hang);
    println!("  {still} of them still hung then; {held} descriptors, {held_before} before");
    right &= judge("descriptors within the budget", held <= held_before + DESCRIPTORS);
    hang.join_all().await;
    drop(client);
    Ok(right & lets_go(&program, held_before).await?)
}

/// How many have ended.
fn ended(tasks: &mut JoinSet<Asked>) -> usize {
    let mut ended = 0;
    while tasks.try_join_next().is_some() {
        ended += 1;
    }
    ended
}

/// Looks one after the other: how many went well, and the slowest.
async fn looks(client: &reqwest::Client, url: &Url) -> (usize, Duration) {
    let mut all = Vec::with_capacity(LOOKS);
    for _ in 0..LOOKS {
        all.push(ask(client, url).await);
    }
    let slowest = all.iter().map(|asked| asked.took).max().unwrap_or_default();
    (all.iter().filter(|asked| asked.well).count(), slowest)
}

/// Whether the program holds no more descriptors than before, soon after.
async fn lets_go(program: &Program, before: usize) -> anyhow::Result<bool> {
    let until = Instant::now() + LET_GO;
    loop {
        let held = descriptors(program.pid)?;
        if held <= before {
            let memory = mebibytes(resident(program.pid)?);
            println!("  {held} descriptors after, {memory:.1} MiB resident");
            return Ok(judge("nothing is held afterwards", true));
        }
        if Instant::now() >= until {
            println!("  {held} descriptors after");
            return Ok(judge("nothing is held afterwards", false));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn judge(what: &str, held: bool) -> bool {
    println!("  {what}: {}", if held { "held" } else { "EXCEEDED" });
    held
}

fn mebibytes(kibibytes: u64) -> f64 {
    crate::meter::count(kibibytes) / 1024.0
}
