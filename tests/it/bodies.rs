//! What a target can cost by the body of its answer.

use std::cell::Cell;
use std::sync::Arc;

use linkwatch::probe::http::Bodies;

use crate::lab::{Answer, Reply, WebLab};
use crate::prober::{Asking, Seen};

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
