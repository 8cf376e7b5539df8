//! From fault to notification, through the real Prometheus and the real Alertmanager, at the shipped intervals.
//!
//! ```text
//! cargo run --release --example e2e              # about seven minutes
//! cargo run --release --example e2e -- --quick   # three faults of each manner, a short watch for second pages
//! cargo run --release --example e2e -- traffic   # about half an hour; with --quick about ten minutes
//! ```
//!
//! One run shows three things, all at the same time, in groups of their own:
//!
//! 1. twenty endpoints break one by one, at ten moments of the probe's cycle: ten that answer wrongly, ten that say
//!    nothing. Every leg is printed beside its analytic bound;
//! 2. ten domains break at once, three of them for another reason: one page names the ten. Half of them recover, and
//!    no second page comes for five minutes;
//! 3. two replicas watch the same group, and one is stopped and started again: one page, no second one.
//!
//! `traffic` shows what becomes of clicks. A Prometheus holds four weeks of the ten domains' clicks and scrapes on; a
//! second one evaluates the shipped rules:
//!
//! 1. linkwatch starts, and has judged all ten within ten seconds;
//! 2. the first Prometheus stops for ten minutes: `LinkwatchTrafficSourceDown`, and no word about low traffic;
//! 3. nobody clicks any more while every probe stays green: one page names the ten, and is resolved when they do.
//!
//! It exits 0 only if all of it holds.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]
#![expect(
    clippy::expect_used,
    reason = "an installation that cannot be set up has nothing to show"
)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use linkwatch::clock::{Clock as _, SystemClock};
use linkwatch::state::State;
use tokio::time::Instant;

mod fleet;
mod legs;
mod pages;
mod replica;
mod traffic;

/// The lab and the real programs, as the tests use them.
#[path = "../../tests/it"]
pub mod it {
    pub mod lab;
    /// The real programs.
    pub mod real {
        pub mod clicks;
        pub mod peers;
    }
}

use fleet::{Fleet, Manner, PAIRED, TRACKING};
use it::lab::Webhook;
use it::real::peers::{Alertmanager, Generation, Program, Prometheus, start_alertmanager, start_prometheus};
use legs::Way;
use pages::{Heard, Pages};
use replica::Replica;

/// How often linkwatch's own knowledge is looked at: the precision of the first two legs.
const LOOK: Duration = Duration::from_millis(50);
/// How often Prometheus is asked: the precision of the next two.
const ASK: Duration = Duration::from_millis(250);
/// The shipped interval of probes.
const INTERVAL: Duration = Duration::from_secs(15);
/// The first fault of a manner follows the endpoint's probe by so much, and each further one by `STEP` more.
const FIRST: Duration = Duration::from_millis(300);
const STEP: Duration = Duration::from_millis(1_500);
/// When nothing can come any more.
const GIVE_UP: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> ExitCode {
    let given = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    let quick = given("--quick");
    let Some(prometheus) = Program::Prometheus.find(Generation::Current) else {
        println!("prometheus is neither in target/real nor on PATH: run `make real`");
        return ExitCode::from(2);
    };
    let Some(alertmanager) = Program::Alertmanager.find(Generation::Current) else {
        println!("alertmanager is neither in target/real nor on PATH: run `make real`");
        return ExitCode::from(2);
    };
    let passed = if given("traffic") {
        let Some(promtool) = Program::Promtool.find(Generation::Current) else {
            println!("promtool is neither in target/real nor on PATH: run `make real`");
            return ExitCode::from(2);
        };
        let programs = traffic::Programs {
            prometheus,
            promtool,
            alertmanager,
        };
        traffic::run(quick, &programs).await
    } else {
        let mut run = Run::set_up(quick, &prometheus, &alertmanager).await;
        run.all_up().await && {
            run.go().await;
            run.report()
        }
    };
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Everything that runs.
struct Run {
    fleet: Fleet,
    first: Replica,
    second: Option<Replica>,
    hook: Webhook,
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    folder: tempfile::TempDir,
    /// How long to watch for second pages after the first.
    watch: Duration,
    ways: Vec<Way>,
    pages: Pages,
    tickets: usize,
    deadman: usize,
    /// What each of the ten must be called, expected and found.
    faults: Vec<(String, String)>,
    /// Groups of pages that Alertmanager holds at the end of the watch.
    groups: usize,
}

impl Run {
    async fn set_up(quick: bool, prometheus: &Path, alertmanager: &Path) -> Self {
        let fleet = Fleet::start(if quick { 3 } else { 10 }).await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (whole, paired) = (folder.path().join("whole.yml"), folder.path().join("paired.yml"));
        fleet.write_whole(&whole);
        fleet.write_paired(&paired);
        let any = || ([127, 0, 0, 1], 0).into();
        let first = Replica::start(&whole, any()).await;
        let second = Replica::start(&paired, any()).await;
        let hook = Webhook::start().await;
        let alertmanager = start_alertmanager(alertmanager, &routing(&hook)).await;
        let prometheus = start_prometheus(prometheus, &scraping(&[&first, &second], &alertmanager)).await;
        println!("lab:           {} single endpoints", fleet.singles.len());
        println!(
            "linkwatch:     http://{} and http://{}",
            first.address, second.address
        );
        println!("prometheus:    {}", prometheus.url);
        println!("alertmanager:  {}", alertmanager.url);
        Self {
            fleet,
            first,
            second: Some(second),
            hook,
            prometheus,
            alertmanager,
            folder,
            watch: Duration::from_secs(if quick { 60 } else { 300 }),
            ways: Vec::new(),
            pages: Pages::default(),
            tickets: 0,
            deadman: 0,
            faults: Vec::new(),
            groups: 0,
        }
    }

    /// Waits until every endpoint is up and Prometheus knows it.
    async fn all_up(&self) -> bool {
        let second = self
            .second
            .as_ref()
            .map_or(0, |second| second.state.catalogue().slots.len());
        let all = self.first.state.catalogue().slots.len() + second;
        let deadline = Instant::now() + GIVE_UP;
        loop {
            let up = self.first.up() + self.second.as_ref().map_or(0, Replica::up);
            let known = self
                .prometheus
                .query(&format!("count(linkwatch_endpoint_up == 1) == {all}"))
                .await;
            if all > 0 && up == all && !known.is_empty() {
                println!("\nall {all} up, and Prometheus knows it\n");
                return true;
            }
            if Instant::now() > deadline {
                println!("only {up} of {all} came up:\n{}", self.prometheus.log());
                return false;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Breaks everything, each at its moment, and watches until nothing more can come.
    async fn go(&mut self) {
        let began = Instant::now();
        let mut moments = self.moments(began);
        let (mut tick, mut asked) = (tokio::time::interval(LOOK), began);
        let (mut all_at_once, mut mended, mut stopped) = (false, false, None);
        loop {
            tick.tick().await;
            while let Some((_, number, phase)) = moments.pop_if(|(at, ..)| *at <= Instant::now()) {
                self.break_single(number, phase).await;
            }
            if !all_at_once && began.elapsed() >= INTERVAL / 2 {
                all_at_once = true;
                self.break_groups();
            }
            for way in &mut self.ways {
                way.look(&self.first.state);
            }
            if asked.elapsed() >= ASK {
                asked = Instant::now();
                legs::ask(&self.prometheus, &mut self.ways).await;
            }
            self.listen().await;
            let since = |pages: &Pages, group| Some(pages.of(group)?.began()?.elapsed());
            if !mended && since(&self.pages, TRACKING).is_some() {
                mended = true;
                self.faults = faults(&self.first.state);
                self.fleet.mend_half_of_the_domains();
                println!(
                    "{:6.1} s  the ten are paged: five of them recover",
                    began.elapsed().as_secs_f64()
                );
            }
            stopped = self
                .swap_replica(since(&self.pages, PAIRED), stopped, began)
                .await;
            let watched = [TRACKING, PAIRED]
                .map(|group| since(&self.pages, group).is_some_and(|since| since >= self.watch));
            let over = self.ways.iter().all(Way::is_over) && watched == [true, true];
            if over || began.elapsed() > self.watch + GIVE_UP {
                break;
            }
        }
        let held = self
            .alertmanager
            .json("/api/v2/alerts/groups?receiver=page")
            .await;
        self.groups = held.as_array().map_or(0, Vec::len);
    }

    /// When each single endpoint breaks, the last first: at its own moment after its own probe.
    fn moments(&self, began: Instant) -> Vec<(Instant, usize, Duration)> {
        let catalogue = self.first.state.catalogue();
        let now = SystemClock.now();
        let mut number_of = [0, 0];
        let mut moments = Vec::new();
        for (place, single) in self.fleet.singles.iter().enumerate() {
            let number = &mut number_of[usize::from(single.manner == Manner::Silent)];
            let phase = FIRST + STEP * *number;
            *number += 1;
            let known = catalogue.find(&single.name).and_then(|slot| slot.current());
            let probed = known.and_then(|known| known.last_run).unwrap_or(now);
            let ago = Duration::try_from(now.duration_since(probed)).unwrap_or_default();
            // The first such moment that is still to come.
            let mut wait = phase;
            while wait < ago {
                wait += INTERVAL;
            }
            moments.push((began + wait.saturating_sub(ago), place, phase));
        }
        moments.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        moments
    }

    async fn break_single(&mut self, number: usize, phase: Duration) {
        let single = &self.fleet.singles[number];
        let way = Way::begin(
            &single.name,
            single.manner,
            Some(single.cause),
            phase,
            &self.first.state,
        );
        self.fleet.break_single(number).await;
        self.ways.push(way);
    }

    fn break_groups(&mut self) {
        for name in fleet::domains().into_iter().chain(fleet::pair()) {
            let way = Way::begin(&name, Manner::Answers, None, Duration::ZERO, &self.first.state);
            self.ways.push(way);
        }
        self.fleet.break_domains();
        self.fleet.break_pair();
    }

    async fn listen(&mut self) {
        for delivery in self.hook.pending().await {
            let body = delivery.json();
            for way in &mut self.ways {
                way.hear(&delivery, &body);
            }
            self.tickets += usize::from(delivery.path == "/ticket");
            self.deadman += usize::from(delivery.path == "/deadman");
            self.pages.hear(&delivery, body);
        }
    }

    /// Stops the second replica a fifth of the watch after the pair's page, and starts it again after another.
    async fn swap_replica(
        &mut self,
        since: Option<Duration>,
        stopped: Option<std::net::SocketAddr>,
        began: Instant,
    ) -> Option<std::net::SocketAddr> {
        let since = since?;
        let fifth = self.watch / 5;
        match (self.second.take(), stopped) {
            (Some(second), None) if since > fifth => {
                println!(
                    "{:6.1} s  the second replica stops",
                    began.elapsed().as_secs_f64()
                );
                Some(second.stop().await)
            }
            (None, Some(address)) if since > 2 * fifth => {
                println!(
                    "{:6.1} s  the second replica starts again",
                    began.elapsed().as_secs_f64()
                );
                let config = self.folder.path().join("paired.yml");
                self.second = Some(Replica::start(&config, address).await);
                Some(address)
            }
            (second, stopped) => {
                self.second = second;
                stopped
            }
        }
    }

    /// Prints what was seen; whether all of it is as it should be.
    fn report(&self) -> bool {
        let mut passed = true;
        for (manner, title) in [
            (Manner::Answers, "Faults that answer"),
            (Manner::Silent, "Silence"),
        ] {
            let singles = self.ways_of(|way| way.is_single() && way.manner() == manner);
            passed &= table(title, manner, &singles);
        }
        let ten = self.ways_of(|way| fleet::domains().iter().any(|name| name == way.name()));
        passed &= table("Ten domains at once", Manner::Answers, &ten);
        let pair = self.ways_of(|way| fleet::pair().iter().any(|name| name == way.name()));
        passed &= table("Watched by two replicas", Manner::Answers, &pair);
        passed & self.report_text() & self.report_pages()
    }

    fn ways_of(&self, wanted: impl Fn(&Way) -> bool) -> Vec<&Way> {
        self.ways.iter().filter(|way| wanted(way)).collect()
    }

    /// Whether one notification names the ten with cause, expected and actual.
    fn report_text(&self) -> bool {
        let Some(heard) = self.pages.of(TRACKING) else {
            println!("no page for the ten");
            return false;
        };
        let whole = heard.first_text_of_group().unwrap_or_default();
        println!("The first notification for the ten:\n");
        println!(
            "{}\n",
            whole
                .trim_end()
                .lines()
                .map(|line| format!("  {line}"))
                .collect::<Vec<_>>()
                .join("\n")
        );
        let own = |(name, fault): &&(String, String)| {
            heard
                .first_text_about(name)
                .is_some_and(|text| text.contains(fault.as_str()))
        };
        let named = self.faults.iter().filter(own).count();
        let listed = |(name, fault): &&(String, String)| whole.contains(&format!("{name}: {fault}"));
        let listed = self.faults.iter().filter(listed).count();
        let expected = fleet::DOMAINS;
        println!(
            "  named with cause, expected and actual: {named} of {expected} (in the group's own text: {listed})"
        );
        let recovered = fleet::recovering();
        let told = recovered.iter().filter(|name| heard.told_recovered(name)).count();
        println!(
            "  recoveries told as updates of the page: {told} of {}",
            recovered.len()
        );
        print_timeline(heard);
        // A short watch ends before keep_firing_for does.
        let all_told = told == recovered.len() || self.watch < Duration::from_secs(300);
        named == expected && all_told
    }

    /// Whether every group that broke paged once, and nothing else did.
    fn report_pages(&self) -> bool {
        let broken = self.fleet.singles.len() + 2;
        let watch = self.watch.as_secs();
        println!("Pages in the {watch} s after the first of each group:\n");
        let mut once = 0;
        for (group, pages) in self.pages.counts() {
            once += usize::from(pages == 1);
            if pages != 1 || [TRACKING, PAIRED].contains(&group) {
                println!("  {group}: {pages}");
            }
        }
        let all = self.pages.counts().count();
        println!(
            "  {once} of {broken} groups paged exactly once; {all} paged at all; Alertmanager holds {}",
            self.groups
        );
        println!(
            "  heard besides: {} tickets, {} of the dead man's switch\n",
            self.tickets, self.deadman
        );
        // The first comes after a group_wait of 30 s; then one a minute.
        let minutes = usize::try_from(watch / 60).unwrap_or(usize::MAX);
        once == broken && all == broken && self.groups == broken && self.deadman >= minutes
    }
}

/// Prints a table of ways; whether all passed.
fn table(title: &str, manner: Manner, ways: &[&Way]) -> bool {
    println!("{title}: seconds per leg\n\n{}", legs::head(manner));
    for way in ways {
        println!("{}", way.line());
    }
    let worst = ways
        .iter()
        .filter_map(|way| way.whole())
        .max()
        .unwrap_or_default();
    let limit = manner.limit().as_secs();
    println!("\n  worst {:.1} s, at most {limit} s\n", worst.as_secs_f64());
    !ways.is_empty() && ways.iter().all(|way| way.passed())
}

/// What the receiver heard of the ten, and when.
fn print_timeline(heard: &Heard) {
    let Some(began) = heard.began() else { return };
    for (at, body) in &heard.notifications {
        let alerts = body["alerts"].as_array().map_or(0, Vec::len);
        let resolved = body["alerts"].as_array().into_iter().flatten();
        let resolved = resolved.filter(|alert| alert["status"] == "resolved").count();
        println!(
            "  {:6.1} s after the page: {} with {alerts} alerts, {resolved} of them resolved",
            at.duration_since(began).as_secs_f64(),
            body["status"].as_str().unwrap_or("?"),
        );
    }
    println!();
}

/// What must be said of each of the ten: root cause, expected, found.
fn faults(state: &State) -> Vec<(String, String)> {
    let catalogue = state.catalogue();
    let say = |name: String| {
        let known = catalogue.find(&name)?.current()?;
        let root = known.verdict.as_ref()?.root.as_ref()?;
        let fault = format!(
            "{}: expected {}, found {}",
            root.cause, root.expected, root.actual
        );
        Some((name, fault))
    };
    fleet::domains().into_iter().filter_map(say).collect()
}

/// The routing that ships, with our receiver.
fn routing(hook: &Webhook) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/alertmanager.yml");
    let shipped = std::fs::read_to_string(file).expect("read alerts/alertmanager.yml");
    shipped.replace("http://127.0.0.1:9099", &hook.url(""))
}

/// The replicas, as an operator's installation finds them, and the rules that ship.
fn scraping(replicas: &[&Replica], alertmanager: &Alertmanager) -> String {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/rules/linkwatch.yml");
    let target = |(number, replica): (usize, &&Replica)| {
        format!(
            "\n      - targets: ['{}']\n        labels: {{namespace: monitoring, pod: linkwatch-{number}, \
             service: linkwatch, container: linkwatch, endpoint: http, node: node-{number}}}",
            replica.address
        )
    };
    let targets = replicas
        .iter()
        .enumerate()
        .map(target)
        .collect::<Vec<_>>()
        .concat();
    format!(
        "global: {{scrape_interval: 10s, scrape_timeout: 5s, evaluation_interval: 10s}}\n\
         rule_files: ['{}']\n\
         alerting:\n  alertmanagers:\n    - static_configs: [{{targets: ['{}']}}]\n\
         scrape_configs:\n  - job_name: linkwatch\n    static_configs:{targets}\n",
        rules.display(),
        alertmanager.addr()
    )
}
