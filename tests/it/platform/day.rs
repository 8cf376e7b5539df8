//! A day of asking each platform for ten thousand domains, as often as can be configured: how close it comes to what
//! the platform documents.

use std::collections::VecDeque;
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::{Clock as _, FakeRelativeClock};
use linkwatch::platform::Limit;

use super::speakers::{Has, SPEAKERS, Speaker};
use super::{QUICK, Stand, TOKEN, World, configured};

const DAY: Duration = Duration::from_secs(86_400);

/// The shortest interval that can be configured.
const INTERVAL: Duration = Duration::from_secs(10);

/// Requests and the window that each platform documents for them; the generic adapter keeps to what it promises.
fn documented(speaker: &Speaker) -> (usize, Duration) {
    let (requests, seconds) = match speaker.name {
        "heroku" => (4_500, 3_600),
        "cloudflare" => (1_200, 300),
        "fly" => (1, 1),
        "vercel" | "json" => (120, 60),
        "railway" => (100, 3_600),
        "netlify" => (500, 60),
        "render" => (400, 60),
        other => panic!("nothing is known of {other}"),
    };
    (requests, Duration::from_secs(seconds))
}

/// Requests of one round: those for the list as the lab has counted them, and for details as the limit allows.
async fn of_a_round(speaker: &'static Speaker, limit: Limit) -> usize {
    let mut stand = Stand::of(speaker, World::of(10_000)).await;
    stand
        .ask()
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", speaker.name));
    let requests = usize::try_from(stand.lab.requests()).unwrap();
    if speaker.has(Has::Details) {
        requests - QUICK.details(QUICK.window) + limit.details(INTERVAL)
    } else {
        requests
    }
}

/// When each request of a day is sent: a round begins at every interval, or as soon as the last one has ended.
fn day(limit: Limit, round: usize) -> Vec<Duration> {
    let clock = FakeRelativeClock::default();
    let limiter = RateLimiter::direct_with_clock(limit.quota(), clock.clone());
    let now = || Duration::from(clock.now());
    let mut sent = Vec::new();
    loop {
        let begun = now();
        for _ in 0..round {
            while let Err(wait) = limiter.check() {
                clock.advance(wait.wait_time_from(clock.now()));
            }
            sent.push(now());
        }
        clock.advance(INTERVAL.saturating_sub(now().saturating_sub(begun)));
        if now() >= DAY {
            return sent;
        }
    }
}

/// The most requests that any window of this length holds.
fn most_within(window: Duration, sent: &[Duration]) -> usize {
    let mut held = VecDeque::new();
    let mut most = 0;
    for &at in sent {
        held.push_back(at);
        while held
            .front()
            .is_some_and(|first| at.saturating_sub(*first) >= window)
        {
            held.pop_front();
        }
        most = most.max(held.len());
    }
    most
}

#[tokio::test]
async fn a_day_with_ten_thousand_domains_stays_below_every_documented_limit() {
    for speaker in &SPEAKERS {
        let limit = configured(speaker, TOKEN, "https://platform.example").platforms[0].limit;
        let round = of_a_round(speaker, limit).await;
        let sent = day(limit, round);
        let (allowed, window) = documented(speaker);
        let most = most_within(window, &sent);
        let figure = format!(
            "{}: {round} requests a round, {} a day, at most {most} in {window:?} of {allowed} documented",
            speaker.name,
            sent.len()
        );
        println!("{figure}");
        // One request in a second is what a limit of one in a second allows.
        assert!(most < allowed.max(2), "{figure}");
    }
}
