//! What a target can cost by the body of its answer.

use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use linkwatch::diagnosis::Standing;
use linkwatch::outcome::Failure;

use linkwatch::probe::http::Bodies;

use crate::lab::{Answer, Reply, WebLab};
use crate::prober::{Asking, Seen};

/// A rule on the body that all bodies here keep.
const RULE: &str = "  fail_if_body_matches_regexp: [b]\n";

/// The largest body that is read where the module sets no limit.
const OWN_LIMIT: usize = 8 * 1024 * 1024;

fn module(rules: &str) -> Asking {
    Asking::by(&format!(
        "prober: http\nhttp:\n  preferred_ip_protocol: ip4\n{rules}"
    ))
}

/// A list in JSON of so many bytes at most, all of the same value.
fn list_of(value: &str, bytes: usize) -> String {
    format!("[{}]", vec![value; (bytes - 2) / (value.len() + 1)].join(","))
}

async fn served(body: impl Into<bytes::Bytes>) -> WebLab {
    WebLab::plain()
        .answer(Answer::from(Reply::new(200, body)))
        .start()
        .await
}

/// Probes, and says beside what was seen whether anything else could run on the only worker while the body was judged.
async fn watched(asking: &Asking, web: &WebLab) -> (Seen, bool) {
    let bodies: Arc<Bodies> = asking.bodies();
    let ran_meanwhile = Cell::new(false);
    let other = async {
        loop {
            ran_meanwhile.set(ran_meanwhile.get() || bodies.judged_now() > 0);
            tokio::task::yield_now().await;
        }
    };
    let url = web.url("/");
    let seen = tokio::select! {
        seen = asking.probe(&url) => seen,
        never = other => never,
    };
    (seen, ran_meanwhile.get())
}

#[tokio::test]
async fn others_are_served_while_a_large_body_is_judged() {
    let numbers = served(list_of("1", 1 << 20)).await;
    let text = served("a".repeat(OWN_LIMIT)).await;
    for (rule, web) in [
        (
            "  fail_if_body_json_not_matches_cel: \"body[0] == 1\"\n",
            &numbers,
        ),
        ("  fail_if_body_matches_regexp: ['a+b+c']\n", &text),
    ] {
        let (seen, ran_meanwhile) = watched(&module(rule), web).await;
        assert_eq!(seen.root(), "", "{rule}: {:?}", seen.verdict);
        assert!(ran_meanwhile, "{rule}");
    }
}

#[tokio::test]
async fn a_small_body_that_keeps_its_expression_busy_holds_up_nobody_either() {
    let web = served(list_of("1", 1_000)).await;
    let rule = "  fail_if_body_json_not_matches_cel: \"!body.exists(a, body.exists(b, a + b == 3.5))\"\n";
    let (seen, ran_meanwhile) = watched(&module(rule), &web).await;
    assert_eq!(seen.root(), "", "{:?}", seen.verdict);
    assert!(ran_meanwhile);
}

#[tokio::test]
async fn an_ordinary_body_is_judged_where_it_was_read() {
    let web = served(r#"{"status": "ok", "checks": [{"name": "db", "ok": true}]}"#).await;
    let rules = "  fail_if_body_not_matches_regexp: [ok]\n  fail_if_body_json_not_matches_cel: \"body.checks.all(c, c.ok)\"\n";
    let (seen, judged_elsewhere) = watched(&module(rules), &web).await;
    assert_eq!(seen.root(), "", "{:?}", seen.verdict);
    assert!(!judged_elsewhere);
}

/// A body that is as long as any may be, and never complete.
fn unfinished() -> Answer {
    Answer::StallAtEnd(vec![b'a'; OWN_LIMIT - 1].into())
}

/// Does something once hostile bodies have taken all the room that there is; they hold it meanwhile.
async fn once_full<T>(bodies: &Arc<Bodies>, then: impl Future<Output = T>) -> T {
    let hostile = WebLab::plain().answer(unfinished()).start().await;
    let attacker = module(RULE).sharing(bodies);
    let url = hostile.url("/");
    let attacks = join_all((0..24).map(|_| attacker.probe(&url)));
    let full = async {
        while bodies.taken() < bodies.room() {
            tokio::task::yield_now().await;
        }
        then.await
    };
    tokio::select! {
        done = full => done,
        ended = attacks => panic!("it ended too early: {ended:?}"),
    }
}

#[tokio::test]
async fn bodies_take_no_more_than_there_is_for_all_and_who_comes_late_is_not_to_blame() {
    let bodies = Arc::new(Bodies::new(2 * OWN_LIMIT));
    let innocent = served("a".repeat(1 << 20)).await;
    let url = innocent.url("/");
    let asking = module(RULE).sharing(&bodies).within(Duration::from_millis(500));
    let late = once_full(&bodies, asking.probe(&url)).await;
    assert_eq!((late.root(), late.verdict.standing), ("", Standing::Unknown));
    let failure = late.outcome.attempts[0].failure();
    assert!(matches!(failure, Some(Failure::Unable(_))), "{failure:?}");
    assert_eq!(late.value("probe_success"), Some(0.0));
    assert_eq!((bodies.unread(), bodies.taken()), (1, 0), "all is given back");
    let again = asking.probe(&url).await;
    assert_eq!((again.root(), again.verdict.standing), ("", Standing::Up));
}

#[tokio::test]
async fn who_waits_for_room_gets_it_when_others_go() {
    let bodies = Arc::new(Bodies::new(OWN_LIMIT));
    let innocent = served("a".repeat(1 << 20)).await;
    let url = innocent.url("/");
    let asking = module(RULE).sharing(&bodies);
    let patient = asking.probe(&url);
    let mut patient = pin!(patient);
    let begun = async {
        // Long enough for it to wait: it cannot come to its end.
        let waits = tokio::time::timeout(Duration::from_millis(300), &mut patient);
        assert!(waits.await.is_err());
    };
    once_full(&bodies, begun).await;
    let seen = patient.await;
    assert_eq!((seen.root(), seen.verdict.standing), ("", Standing::Up));
    let waited = seen.outcome.attempts[0].timings();
    assert!(
        waited.transfer + Duration::from_millis(100) < seen.outcome.elapsed,
        "{waited:?}"
    );
    assert_eq!(bodies.unread(), 0);
}

#[tokio::test]
async fn a_small_body_is_read_and_judged_while_there_is_no_room() {
    let bodies = Arc::new(Bodies::new(OWN_LIMIT));
    let small = served("a".repeat(60_000)).await;
    let url = small.url("/");
    let asking = module(RULE).sharing(&bodies);
    let seen = once_full(&bodies, asking.probe(&url)).await;
    assert_eq!((seen.root(), seen.verdict.standing), ("", Standing::Up));
}
