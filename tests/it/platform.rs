//! The contract of the platform adapters: whatever is spoken, a list is whole or an error, limits are kept, and nothing
//! secret is repeated.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what helps a test fails as the test does"
)]

mod day;
mod said;
mod speakers;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use linkwatch::config::{self, Config, Files};
use linkwatch::outlook::platform::{CertificateState, Domain};
use linkwatch::platform::{Adapter, Limit, MOST_DOMAINS, PlatformError, Settings};

use self::speakers::{Has, SPEAKERS, Speaker, TOKEN, World, host, refusal};
use crate::lab::{Answer, Reply, WebLab};

/// A platform of the lab, and an adapter that asks it as the configuration says.
struct Stand {
    lab: WebLab,
    world: Arc<Mutex<World>>,
    settings: Settings,
    adapter: Adapter,
    speaker: &'static Speaker,
}

impl Stand {
    async fn of(speaker: &'static Speaker, world: World) -> Self {
        let world = Arc::new(Mutex::new(world));
        let lab = WebLab::plain().answer(spoken(speaker, &world)).start().await;
        let settings = Settings {
            // The pace is the subject of `day`.
            limit: QUICK,
            interval: QUICK.window,
            ..configured(speaker, TOKEN, &lab.url("")).platforms[0].clone()
        };
        Self {
            adapter: Adapter::new(&settings).unwrap(),
            lab,
            world,
            settings,
            speaker,
        }
    }

    async fn ask(&mut self) -> Result<Vec<Domain>, PlatformError> {
        self.adapter.domains(now()).await
    }

    /// The answer to everything from now on.
    fn says(&self, answer: impl Into<Answer>) {
        self.lab.answer(answer);
    }

    /// Speaks again as it did.
    fn heals(&self) {
        self.lab.answer(spoken(self.speaker, &self.world));
    }
}

/// So fast that no test waits for it.
const QUICK: Limit = Limit {
    requests: 400,
    window: Duration::from_millis(100),
};

fn spoken(speaker: &'static Speaker, world: &Arc<Mutex<World>>) -> Answer {
    let world = Arc::clone(world);
    Answer::decide(move |request| speaker.answer(&world.lock().unwrap(), request))
}

fn configured(speaker: &Speaker, token: &str, url: &str) -> Config {
    let Speaker { name, keys, .. } = speaker;
    let text =
        format!("platforms:\n  - {{name: lab, type: {name}, url: \"{url}\", token: {token}, {keys}}}\n");
    config::parse(Path::new("linkwatch.yml"), text.as_bytes(), Files::memory([]))
        .unwrap_or_else(|errors| panic!("{name}: {errors}"))
}

fn now() -> Timestamp {
    "2026-05-08T20:00:00Z".parse().unwrap()
}

/// What went wrong, in words without the token.
fn trouble(speaker: &Speaker, told: Result<Vec<Domain>, PlatformError>) -> PlatformError {
    let error = told.map(|domains| domains.len()).expect_err(speaker.name);
    let text = format!("{error} {error:?}");
    assert!(!text.contains(TOKEN), "{}: {text}", speaker.name);
    error
}

#[tokio::test]
async fn every_domain_of_every_page_is_told_once() {
    for speaker in &SPEAKERS {
        let world = World {
            page: Some(2),
            ..World::of(5)
        };
        // Render's pages end where one is not full.
        let world = if speaker.name == "render" {
            World::of(250)
        } else {
            world
        };
        let (count, mut stand) = (world.domains, Stand::of(speaker, world).await);
        let domains = stand
            .ask()
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", speaker.name));
        let hosts: BTreeSet<_> = domains.iter().map(|domain| domain.host.clone()).collect();
        assert_eq!(domains.len(), count, "{}", speaker.name);
        assert_eq!(hosts, (0..count).map(host).collect(), "{}", speaker.name);
        for domain in &domains {
            assert!(!domain.targets.is_empty(), "{}: {domain:?}", speaker.name);
            assert!(
                domain.recognised && domain.reason.is_empty(),
                "{}: {domain:?}",
                speaker.name
            );
            assert_ne!(domain.certificate, CertificateState::Failing, "{}", speaker.name);
        }
        if speaker.has(Has::Pages) {
            assert!(
                stand.lab.requests() >= 3,
                "{}: {}",
                speaker.name,
                stand.lab.requests()
            );
        }
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again_and_tells_the_same() {
    for speaker in &SPEAKERS {
        let mut stand = Stand::of(speaker, World::of(3)).await;
        let first = stand.ask().await.unwrap();
        let asked = stand.lab.requests();
        assert_eq!(stand.ask().await.unwrap(), first, "{}", speaker.name);
        let seen = stand.lab.recent_requests();
        let again = &seen[usize::try_from(asked).unwrap()..];
        let tagged = again
            .iter()
            .filter(|request| request.header("if-none-match").is_some());
        assert_eq!(
            tagged.count(),
            if speaker.has(Has::Tags) { again.len() } else { 0 },
            "{}",
            speaker.name
        );
        // What does change is told.
        stand.world.lock().unwrap().domains = 2;
        assert_eq!(stand.ask().await.unwrap().len(), 2, "{}", speaker.name);
    }
}

#[tokio::test]
async fn a_token_that_is_not_known_and_one_that_may_not_read_are_told_apart() {
    for speaker in &SPEAKERS {
        let mut stand = Stand::of(speaker, World::of(1)).await;
        stand.says(refusal(401));
        let error = trouble(speaker, stand.ask().await);
        assert!(
            matches!(error, PlatformError::Unauthorized(_)),
            "{}: {error}",
            speaker.name
        );
        stand.says(refusal(403));
        let error = trouble(speaker, stand.ask().await);
        assert!(
            matches!(error, PlatformError::Forbidden(_)),
            "{}: {error}",
            speaker.name
        );
        stand.heals();
        assert_eq!(stand.ask().await.unwrap().len(), 1, "{}", speaker.name);
    }
}

#[tokio::test]
async fn a_platform_that_wants_to_be_left_alone_is_not_asked_before_it_says() {
    for (answer, seconds) in [(Answer::rate_limited(90), 90), (Answer::status(429), 60)] {
        for speaker in &SPEAKERS {
            let mut stand = Stand::of(speaker, World::of(1)).await;
            stand.says(answer.clone());
            let error = trouble(speaker, stand.ask().await);
            let end = now() + SignedDuration::from_secs(seconds);
            let PlatformError::RateLimited { until, .. } = error else {
                panic!("{}: {error}", speaker.name);
            };
            assert_eq!(until, end, "{}", speaker.name);
            stand.heals();
            let asked = stand.lab.requests();
            for early in [0, seconds / 2, seconds - 1] {
                let early = now() + SignedDuration::from_secs(early);
                trouble(speaker, stand.adapter.domains(early).await);
            }
            assert_eq!(
                stand.lab.requests(),
                asked,
                "{}: asked during the pause",
                speaker.name
            );
            let domains = stand.adapter.domains(end).await.unwrap();
            assert_eq!(domains.len(), 1, "{}", speaker.name);
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_an_error_and_the_next_one_is_taken() {
    for speaker in &SPEAKERS {
        let mut stand = Stand::of(speaker, World::of(2)).await;
        let page = "<html>upstream connect error</html>";
        for answer in [
            refusal(500),
            refusal(404),
            Answer::redirect(302, "https://elsewhere.example/"),
            Reply::new(200, page).into(),
            Reply::new(200, "null").into(),
            Reply::new(200, r#"{"surprise": [1]}"#).into(),
            Answer::CloseInBody,
            Answer::ResetAfterRequest,
        ] {
            let said = format!("{}: {answer:?}", speaker.name);
            stand.says(answer);
            let error = trouble(speaker, stand.ask().await);
            assert!(
                !matches!(error, PlatformError::RateLimited { .. }),
                "{said}: {error}"
            );
        }
        stand.heals();
        assert_eq!(stand.ask().await.unwrap().len(), 2, "{}", speaker.name);
    }
}

#[tokio::test]
async fn json_that_breaks_off_is_an_error_and_no_shorter_list() {
    for speaker in &SPEAKERS {
        let mut stand = Stand::of(speaker, World::of(3)).await;
        let world = World::of(3);
        stand.says(Answer::decide(move |request| {
            let Answer::Reply(mut reply) = speaker.answer(&world, request) else {
                return Answer::status(500);
            };
            reply.body = reply.body.slice(..reply.body.len() - 5);
            reply.into()
        }));
        let error = trouble(speaker, stand.ask().await);
        assert!(
            matches!(error, PlatformError::Fetch(_)),
            "{}: {error}",
            speaker.name
        );
    }
}

#[tokio::test]
async fn a_list_without_end_is_refused() {
    for speaker in &SPEAKERS {
        let domains = if speaker.has(Has::Pages) {
            usize::MAX / 2
        } else {
            MOST_DOMAINS + 1
        };
        let world = World {
            page: Some(20_000),
            ..World::of(domains)
        };
        // What is not paged may be too large as well.
        let mut stand = Stand::of(speaker, world).await;
        let error = trouble(speaker, stand.ask().await);
        let large = format!("{error}").contains("is larger than");
        assert!(
            large || matches!(error, PlatformError::TooMany { .. }),
            "{}: {error}",
            speaker.name
        );
        assert!(stand.lab.requests() < 20, "{}", speaker.name);
    }
}

#[tokio::test]
async fn a_page_that_leads_to_itself_is_refused() {
    for speaker in SPEAKERS.iter().filter(|speaker| speaker.has(Has::Pages)) {
        let mut stand = Stand::of(speaker, World::of(1)).await;
        // Whatever page is asked for, the first one comes.
        let world = World {
            page: (speaker.name != "render").then_some(100),
            ..World::of(250)
        };
        stand.says(Answer::decide(move |request| {
            let mut request = request.clone();
            let kept = |pair: &&str| {
                !["from=", "cursor=", "until=", "page="]
                    .iter()
                    .any(|key| pair.starts_with(key))
            };
            let mut pairs: Vec<_> = request.query.split('&').filter(kept).collect();
            pairs.push("page=1");
            request.query = pairs.join("&");
            for (name, value) in &mut request.headers {
                if name == "range" {
                    "id ..; max=1000;".clone_into(value);
                }
            }
            speaker.answer(&world, &request)
        }));
        let error = trouble(speaker, stand.ask().await);
        assert!(
            matches!(error, PlatformError::Shape { .. }),
            "{}: {error}",
            speaker.name
        );
        assert!(stand.lab.requests() < 10, "{}", speaker.name);
    }
}

#[tokio::test]
async fn a_platform_without_domains_tells_of_none() {
    for speaker in &SPEAKERS {
        let mut stand = Stand::of(speaker, World::of(0)).await;
        let domains = stand
            .ask()
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", speaker.name));
        assert!(domains.is_empty(), "{}", speaker.name);
    }
}

#[tokio::test]
async fn a_word_that_is_not_known_passes_through() {
    for speaker in SPEAKERS.iter().filter(|speaker| speaker.has(Has::Words)) {
        let world = World {
            word: Some("half_done"),
            ..World::of(2)
        };
        let domains = Stand::of(speaker, world).await.ask().await.unwrap();
        for domain in domains {
            let said = (domain.status.as_str(), domain.recognised, domain.certificate);
            assert_eq!(
                said,
                ("half_done", false, CertificateState::Unknown),
                "{}",
                speaker.name
            );
        }
    }
}

#[tokio::test]
async fn ten_thousand_domains_are_told_of_and_their_details_round_by_round() {
    for speaker in &SPEAKERS {
        let mut stand = Stand::of(speaker, World::of(10_000)).await;
        let mut known = 0;
        for round in 1..=2 {
            let domains = stand
                .ask()
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", speaker.name));
            assert_eq!(domains.len(), 10_000, "{}", speaker.name);
            known = domains.iter().filter(|domain| !domain.targets.is_empty()).count();
            let details = QUICK.details(stand.settings.interval);
            assert_eq!(
                known,
                if speaker.has(Has::Details) {
                    round * details
                } else {
                    10_000
                },
                "{}",
                speaker.name
            );
        }
        assert!(known > 0, "{}", speaker.name);
    }
}

#[tokio::test]
async fn a_domain_that_a_platform_does_not_speak_of_does_not_silence_the_others() {
    for speaker in SPEAKERS.iter().filter(|speaker| speaker.has(Has::Details)) {
        for status in [403, 404, 500] {
            let mut stand = Stand::of(speaker, World::of(3)).await;
            let world = World::of(3);
            stand.says(Answer::decide(move |request| {
                if request.path.contains(&host(1)) {
                    return refusal(status);
                }
                speaker.answer(&world, request)
            }));
            let domains = stand
                .ask()
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", speaker.name));
            let told: Vec<_> = domains.iter().map(|domain| !domain.targets.is_empty()).collect();
            assert_eq!(told, [true, false, true], "{} {status}", speaker.name);
        }
    }
}

#[tokio::test]
async fn a_limit_that_is_reached_among_the_details_costs_no_list() {
    for speaker in SPEAKERS.iter().filter(|speaker| speaker.has(Has::Details)) {
        let mut stand = Stand::of(speaker, World::of(3)).await;
        let world = World::of(3);
        stand.says(Answer::decide(move |request| {
            if request.path.contains(&host(1)) {
                return Answer::rate_limited(90);
            }
            speaker.answer(&world, request)
        }));
        let domains = stand.ask().await.unwrap();
        let told: Vec<_> = domains.iter().map(|domain| !domain.targets.is_empty()).collect();
        assert_eq!(told, [true, false, false], "{}", speaker.name);
        let asked = stand.lab.requests();
        let error = trouble(speaker, stand.ask().await);
        assert!(matches!(error, PlatformError::RateLimited { .. }), "{error}");
        assert_eq!(stand.lab.requests(), asked, "{}", speaker.name);
    }
}

#[test]
fn a_token_is_shown_neither_by_the_settings_nor_by_the_configuration() {
    for speaker in &SPEAKERS {
        let config = configured(speaker, TOKEN, "https://platform.example/api");
        let debug = format!("{config:?} {:?}", config.platforms[0]);
        let shown = config::show(&config);
        assert!(
            !debug.contains(TOKEN) && !shown.contains(TOKEN),
            "{}: {shown}",
            speaker.name
        );
        assert!(
            shown.contains(speaker.name) && shown.contains("<secret>"),
            "{shown}"
        );
        assert_eq!(config.platforms[0].limit, config.platforms[0].kind.limit());
    }
}
