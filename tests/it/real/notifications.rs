//! The texts of notifications, as the real Alertmanager makes them of alerts.

#![expect(clippy::unwrap_used, reason = "what cannot be run fails the test")]

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::chain::template;
use super::peers::{Generation, Program, find_or_leave_out, run, start_alertmanager};
use crate::lab::Webhook;

const LIMIT: Duration = Duration::from_secs(20);

/// The receivers that `alerts/alertmanager.yml` shows in its comments, as a configuration of their own.
fn shown_receivers(slack: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/alertmanager.yml");
    let text = std::fs::read_to_string(file).unwrap();
    let commented: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  #   "))
        .map(|line| format!("    {line}\n"))
        .collect();
    let commented = commented.concat();
    assert!(commented.contains("slack_configs:") && commented.contains("email_configs:"));
    let commented = commented.replace(
        "api_url_file: /etc/alertmanager/slack.url",
        &format!("api_url: {slack}"),
    );
    format!(
        "route: {{receiver: all, group_by: [group], group_wait: 1s}}\ntemplates: ['{}']\nreceivers:\n  - name: all\n{commented}",
        template()
    )
}

fn alert(name: &str, labels: &Value, description: &str) -> Value {
    let mut all = json!({"alertname": name, "severity": "critical", "group": "tracking"});
    for (label, value) in labels.as_object().unwrap() {
        all[label] = value.clone();
    }
    json!({
        "labels": all,
        "annotations": {
            "summary": "Over half of a group is down.",
            "description": description,
            "remedy": "Set the record to <b>stark-cove-1234.platform.example</b>.",
            "runbook_url": "https://runbooks.example/LinkwatchGroupDown.md",
            "dashboard_url": "https://grafana.example/d/linkwatch-fleet",
        },
    })
}

#[test]
fn the_receivers_that_are_shown_are_accepted_by_both_generations() {
    for generation in Generation::ALL {
        let Some(amtool) = find_or_leave_out("the receivers that are shown", Program::Amtool, generation)
        else {
            continue;
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alertmanager.yml");
        std::fs::write(&file, shown_receivers("http://127.0.0.1:9/")).unwrap();
        let said = run(&amtool, &["check-config", file.to_str().unwrap()]);
        assert!(said.contains("SUCCESS"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_down_is_one_text_and_markup_in_it_stays_text() {
    let what = "the texts of notifications";
    let Some(alertmanager) = find_or_leave_out(what, Program::Alertmanager, Generation::Current) else {
        return;
    };
    let hook = Webhook::start().await;
    let slack_only: String = {
        let all = shown_receivers(&hook.url("/slack"));
        let (head, rest) = all.split_once("    pagerduty_configs:").unwrap();
        let (_, rest) = rest.split_once("    slack_configs:").unwrap();
        let (slack, _) = rest.split_once("    email_configs:").unwrap();
        format!("{head}    slack_configs:{slack}")
    };
    let alertmanager = start_alertmanager(&alertmanager, &slack_only).await;
    let whole = "3 of 3 are down.\na.example: dns_target_drift: expected new.example, found <http://evil.example|here>";
    let alerts = json!([
        alert("LinkwatchGroupDown", &json!({}), whole),
        alert(
            "LinkwatchEndpointDown",
            &json!({"name": "a.example"}),
            "a.example is down."
        ),
        alert(
            "LinkwatchEndpointDown",
            &json!({"name": "b.example"}),
            "b.example is down."
        ),
    ]);
    alertmanager.post("/api/v2/alerts", alerts.to_string()).await;
    let delivery = hook.next(LIMIT).await.unwrap();
    let message = delivery.json();
    let attachment = &message["attachments"][0];
    let (title, text) = (
        attachment["title"].as_str().unwrap(),
        attachment["text"].as_str().unwrap(),
    );
    assert_eq!(title, "3 firing: tracking: Over half of a group is down.");
    assert!(
        text.contains("a.example: dns_target_drift: expected new.example"),
        "{text}"
    );
    assert!(text.contains("&lt;http://evil.example|here&gt;"), "{text}");
    assert!(
        text.contains("*Do:* Set the record to &lt;b&gt;stark-cove-1234"),
        "{text}"
    );
    assert!(
        text.contains("<https://runbooks.example/LinkwatchGroupDown.md|Runbook>"),
        "{text}"
    );
    assert!(
        !text.contains("b.example is down."),
        "members are told once: {text}"
    );
}

/// A text of the templates that ship, made of what Alertmanager would give it.
fn render(amtool: &Path, data: &Path, kind: &str, name: &str) -> String {
    run(
        amtool,
        &[
            "template",
            "render",
            &format!("--template.glob={}", template()),
            &format!("--template.type={kind}"),
            &format!("--template.data={}", data.display()),
            &format!("--template.text={{{{ template \"{name}\" . }}}}"),
        ],
    )
}

/// What Alertmanager gives a template, for the two texts that no server of ours receives.
#[test]
fn a_mail_and_a_plain_text_name_cause_values_remedy_and_where_to_read_on() {
    let what = "the texts of mails";
    let Some(amtool) = find_or_leave_out(what, Program::Amtool, Generation::Current) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data.json");
    let mut one = alert(
        "LinkwatchEndpointDown",
        &json!({"name": "a.example"}),
        "a.example: <script>x</script>",
    );
    one["status"] = json!("firing");
    one["startsAt"] = json!("2026-05-08T20:30:14Z");
    let known = json!({
        "receiver": "all", "status": "firing", "alerts": [one],
        "groupLabels": {"group": "tracking"}, "commonLabels": {"group": "tracking", "name": "a.example"},
        "commonAnnotations": {}, "externalURL": "http://localhost:9093",
    });
    std::fs::write(&data, known.to_string()).unwrap();
    let render = |kind: &str, name: &str| render(&amtool, &data, kind, name);
    let text = render("text", "linkwatch.text");
    for part in [
        "Since 2026-05-08 20:30:14 UTC",
        "a.example: <script>",
        "Do:\nSet the record",
        "Runbook: https://",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let html = render("html", "linkwatch.email.html");
    assert!(html.contains("&lt;script&gt;x&lt;/script&gt;"), "{html}");
    assert!(!html.contains("<script>"), "{html}");
    let title = render("text", "linkwatch.title");
    assert_eq!(
        title.trim(),
        "1 firing: tracking: a.example: Over half of a group is down."
    );
}
