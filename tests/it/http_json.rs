//! Rules in CEL on bodies in JSON, over real sockets.

use crate::lab::{Answer, Reply, WebLab};
use crate::prober::{Asking, Seen};

const BODY: &str = r#"{"foo": "bar", "baz": "qux", "queue": {"length": 3, "names": ["a", "b"]}}"#;

async fn asked(answer: impl Into<Answer>, rules: &str) -> Seen {
    let web = WebLab::plain().answer(answer).start().await;
    let module = format!("prober: http\nhttp:\n  preferred_ip_protocol: ip4\n{rules}");
    Asking::by(&module).probe(&web.url("/")).await
}

fn by(key: &str, expression: &str) -> String {
    format!("  {key}: {expression:?}\n")
}

#[tokio::test]
async fn an_expression_that_must_hold_holds_or_breaks_the_body() {
    for (expression, holds) in [
        ("body.foo == 'bar' && body.baz.startsWith('q')", true),
        (
            "body.queue.length < 5 && body.queue.names.all(name, size(name) == 1)",
            true,
        ),
        ("body.queue.length > 5", false),
    ] {
        let seen = asked(
            Answer::text(BODY),
            &by("fail_if_body_json_not_matches_cel", expression),
        )
        .await;
        let root = if holds { "" } else { "http_body" };
        assert_eq!(seen.root(), root, "{expression}: {seen:?}");
        let failed = f64::from(u8::from(!holds));
        assert_eq!(
            seen.value("probe_failed_due_to_cel"),
            Some(failed),
            "{expression}"
        );
        assert_eq!(seen.value("probe_success"), Some(1.0 - failed), "{expression}");
        assert_eq!(seen.value("probe_failed_due_to_regex"), Some(0.0));
    }
}

#[tokio::test]
async fn an_expression_that_must_not_hold_is_told_with_what_it_gave() {
    let rule = by("fail_if_body_json_matches_cel", "body.queue.length == 3");
    let seen = asked(Answer::text(BODY), &rule).await;
    let root = seen.verdict.root.as_ref().expect("a root");
    assert_eq!(seen.root(), "http_body");
    assert_eq!(root.expected, "false from body.queue.length == 3");
    assert_eq!(root.actual, "true");
}

#[tokio::test]
async fn what_is_not_json_or_lacks_the_key_breaks_either_rule() {
    for key in [
        "fail_if_body_json_matches_cel",
        "fail_if_body_json_not_matches_cel",
    ] {
        for (body, actual) in [("<html>", "not JSON: "), ("{}", "no such key: foo")] {
            let seen = asked(Answer::text(body), &by(key, "body.foo == 'bar'")).await;
            let root = seen.verdict.root.as_ref().expect("a root");
            assert!(root.actual.starts_with(actual), "{root:?}");
            assert_eq!(
                seen.value("probe_failed_due_to_cel"),
                Some(1.0),
                "{key} of {body}"
            );
        }
    }
}

#[tokio::test]
async fn patterns_and_expressions_judge_the_same_body_and_patterns_come_first() {
    let expression = by("fail_if_body_json_not_matches_cel", "body.foo == 'bar'");
    for (pattern, root, regex, cel) in [("baz", "", 0.0, 0.0), ("nowhere", "http_body", 1.0, 0.0)] {
        let rules = format!("  fail_if_body_not_matches_regexp: [{pattern}]\n{expression}");
        let seen = asked(Answer::text(BODY), &rules).await;
        assert_eq!(seen.root(), root, "{seen:?}");
        assert_eq!(seen.value("probe_failed_due_to_regex"), Some(regex));
        assert_eq!(seen.value("probe_failed_due_to_cel"), Some(cel));
    }
}

#[tokio::test]
async fn a_wrong_status_leaves_the_body_unjudged_and_the_series_at_zero() {
    let rule = by("fail_if_body_json_not_matches_cel", "body.foo == 'bar'");
    let seen = asked(Reply::new(503, "busy"), &rule).await;
    assert_eq!(seen.root(), "http_status");
    assert_eq!(seen.value("probe_failed_due_to_cel"), Some(0.0));
}

#[tokio::test]
async fn the_series_is_there_only_where_the_module_has_an_expression() {
    let without = asked(Answer::text(BODY), "").await;
    assert_eq!(without.value("probe_failed_due_to_cel"), None);
    let module = format!(
        "prober: http\nhttp:\n{}",
        by("fail_if_body_json_matches_cel", "body.a")
    );
    let refused = WebLab::plain().start().await;
    refused.connect(crate::lab::Connect::Refuse).await;
    let seen = Asking::by(&module).probe(&refused.url("/")).await;
    assert_eq!(seen.root(), "connect_refused");
    assert_eq!(seen.value("probe_failed_due_to_cel"), Some(0.0));
}
