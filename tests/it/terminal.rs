//! What people read on a terminal: reports, tables, one layer in depth, changes as they come; and nothing that the
//! network says steers it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use linkwatch::cause::Cause;
use linkwatch::text::is_hidden;
use regex::Regex;
use serde_json::Value;

use crate::causes::cases::{Internet, host};
use crate::lab::{Answer, Authority, DAY, DnsLab, WebLab};
use crate::program::{Home, command, run};
use crate::watched::assert_golden;

pub(crate) fn out(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn err(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

/// The text on one line, however it was wrapped.
pub(crate) fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text with what differs from run to run replaced: times, ports, dates, and the bars drawn from them.
pub(crate) fn steady(text: &str) -> String {
    let steps = [
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?( UTC|Z)", "TIME"),
        (r"\d{4}-\d\d-\d\d", "DAY"),
        (r":\d{5}\b", ":PORT"),
        (r"port \d{5}\b", "port PORT"),
        (r"[ ]*\d+\.\d ms", "  N ms"),
        (r"  [ ]*[█░]+", "  BAR"),
        (r"\d+ (%|days?|hours?|minutes?)", "N $1"),
    ];
    steps.iter().fold(text.to_owned(), |text, (pattern, with)| {
        Regex::new(pattern)
            .unwrap()
            .replace_all(&text, *with)
            .into_owned()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_reads_the_same_from_run_to_run() {
    let causes = [
        Cause::DnsTargetDrift,
        Cause::TlsExpired,
        Cause::TlsHostnameMismatch,
        Cause::ConnectRefused,
        Cause::HttpRedirectWrong,
        Cause::HttpTimeout,
    ];
    let mut internet = Internet::start().await;
    internet.healthy("healthy.test").await;
    for cause in causes {
        internet.provoke(cause).await;
    }
    let home = Home::new(&internet.config(""));
    let file = home.config_file();
    let report = async |group: &str| {
        let file = file.to_str().unwrap();
        let checked = run(&["check", "--config.file", file, "--group", group]).await;
        (steady(out(&checked)), checked.status.code())
    };
    let (healthy, exit) = report("healthy.test").await;
    assert_eq!(exit, Some(0));
    assert_golden("tests/golden/check-healthy.txt", &healthy);
    for cause in causes {
        let (text, exit) = report(cause.as_str()).await;
        assert_eq!(exit, Some(1), "{cause}");
        assert!(text.starts_with(&host(cause)), "{text}");
        assert_golden(&format!("tests/golden/check-{cause}.txt"), &text);
    }
}

#[tokio::test]
async fn nothing_that_the_network_says_steers_a_terminal() {
    let authority = Authority::new();
    let issued = authority.leaf("a.test").also(&["\u{1b}[2J\u{7}.test"]).issue();
    let site = WebLab::tls(issued)
        .answer(Answer::redirect(
            302,
            "https://\u{1b}]0;owned\u{7}/moc.\u{202e}elpmaxe",
        ))
        .start()
        .await;
    let dns = DnsLab::start().await;
    dns.a("a.test", &["127.0.0.1"]);
    let roots = authority.root_pem_file();
    let (resolver, port) = (dns.addr().to_string(), site.port());
    let home = Home::new(&format!(
        "resolver: {{servers: [\"{resolver}\"]}}\n\
         modules: {{m: {{prober: http, http: {{tls_config: {{ca_file: {roots:?}}}}}}}}}\n\
         groups:\n\
         \x20 - {{name: \"shop \\u202e\", endpoint_name: \"{{host}} \\u202e\\u200b\", hosts: [\"a.test:{port}\", \"b.test\"], module: m, expect: {{location: \"https://b.test/\"}}}}\n",
    ));
    let file = home.config_file();
    let target = format!("a.test:{port}");
    let roots = roots.to_str().unwrap();
    for arguments in [
        vec!["check", "--config.file", file.to_str().unwrap()],
        vec![
            "check",
            &target,
            "--resolver",
            &resolver,
            "--ca-file",
            roots,
            "--expect-location=https://b.test/",
        ],
        vec!["cert", &target, "--resolver", &resolver, "--ca-file", roots],
        vec![
            "cert",
            &target,
            "--resolver",
            &resolver,
            "--ca-file",
            roots,
            "--short",
        ],
        vec!["dns", "a.test", "--resolver", &resolver, "--timeout=1s"],
        vec!["check", "\u{1b}[2Ja.test/\u{202e}"],
    ] {
        let said = run(&arguments).await;
        for text in [out(&said), err(&said)] {
            let hidden = text
                .chars()
                .find(|character| is_hidden(*character) && *character != '\n');
            assert_eq!(hidden, None, "{arguments:?}: {text}");
        }
        assert!(!(out(&said).is_empty() && err(&said).is_empty()), "{arguments:?}");
    }
}

#[tokio::test]
async fn colour_comes_when_asked_for_and_carries_nothing_that_words_do_not() {
    let site = WebLab::plain().answer(Answer::status(503)).start().await;
    let url = site.url("/");
    let plain = run(&["check", &url]).await;
    let never = run(&["check", &url, "--color", "never"]).await;
    let always = run(&["check", &url, "--color=always"]).await;
    assert!(!out(&plain).contains('\u{1b}') && !out(&never).contains('\u{1b}'));
    assert!(out(&always).contains("\u{1b}[1m"), "{}", out(&always));
    let bare = Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    assert_eq!(steady(&bare.replace_all(out(&always), "")), steady(out(&plain)));
}

#[tokio::test]
async fn a_fleet_is_one_table_with_the_worst_first_and_the_good_ones_counted() {
    let (good, bad) = (
        WebLab::plain().answer(Answer::status(200)).start().await,
        WebLab::plain().answer(Answer::status(503)).start().await,
    );
    let mut config = "groups:\n  - {name: healthy, hosts: [".to_owned();
    for number in 0..400 {
        write!(config, "\"{}\", ", good.url(&format!("/{number}"))).unwrap();
    }
    config.push_str("], endpoint_name: \"{url}\"}\n  - {name: mixed, hosts: [");
    for number in 0..100 {
        let lab = if number % 10 == 3 { &bad } else { &good };
        write!(config, "\"{}\", ", lab.url(&format!("/m{number}"))).unwrap();
    }
    config.push_str("], endpoint_name: \"{url}\"}\n");
    let home = Home::new(&config);
    let file = home.config_file();
    let file = file.to_str().unwrap();
    let folded = run(&["check", "--config.file", file]).await;
    assert_eq!(folded.status.code(), Some(1));
    assert!(err(&folded).is_empty(), "no bar in a pipe: {}", err(&folded));
    let text = out(&folded);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("STATE     NAME"), "{text}");
    assert_eq!(lines[1], "mixed  90 of 100 ok");
    for line in &lines[2..12] {
        assert!(
            line.starts_with("down      http://") && line.contains("http_status"),
            "{line}"
        );
    }
    assert_eq!(lines[12], "ok        90 endpoints (--all lists them)");
    assert_eq!(lines[13], "healthy  400 of 400 ok");
    assert_eq!(lines[14], "ok        400 endpoints (--all lists them)");
    assert_eq!(
        lines[16],
        "490 of 500 endpoints are as they should be: 10 down, 490 ok"
    );
    assert_eq!(
        text.matches(" is down now").count(),
        3,
        "as many reports as --details says"
    );
    assert!(text.ends_with("details of 7 more: --details 10\n"), "{text}");
    assert!(lines.iter().all(|line| line.chars().count() <= 100));

    let all = run(&["check", "--config.file", file, "--all", "--details=0"]).await;
    let rows = |state: &str| out(&all).lines().filter(|line| line.starts_with(state)).count();
    assert_eq!((rows("ok "), rows("down ")), (490, 10));
    let json = run(&["check", "--config.file", file, "-o", "json"]).await;
    let json: Vec<Value> = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json.len(), 500);
}

/// The binary, watching; killed when it is dropped.
struct Watching {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Watching {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        tokio::task::block_in_place(|| self.lines.next())
            .unwrap()
            .unwrap()
    }

    fn stop(&mut self, signal: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("/bin/kill")
                .args(["-s", signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        tokio::task::block_in_place(|| self.child.wait()).unwrap().code()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_says_what_changes_and_ends_with_the_last_verdict() {
    let site = WebLab::plain().answer(Answer::status(200)).start().await;
    let url = site.url("/");
    let mut watching = Watching::start(&["check", &url, "--watch", "--interval=100ms"]);
    assert!(watching.line().contains("  ok        127.0.0.1"));
    site.answer(Answer::status(503));
    let down = watching.line();
    assert!(
        down.contains("  down      127.0.0.1") && down.contains("http_status: expected 2xx; actual 503"),
        "{down}"
    );
    let was = if down.contains("(was ok)") {
        down
    } else {
        watching.line()
    };
    assert!(was.contains("(was ok)"), "{was}");
    site.answer(Answer::status(200));
    assert!(watching.line().contains("(was down)"));
    assert_eq!(watching.stop("INT"), Some(0));

    site.answer(Answer::status(503));
    let mut watching = Watching::start(&["check", &url, "--watch", "--interval=100ms"]);
    assert!(watching.line().contains("  down  "));
    assert_eq!(watching.stop("TERM"), Some(1));
}

#[tokio::test]
async fn a_certificate_is_shown_in_depth_and_given_out_as_it_was_presented() {
    let authority = Authority::new();
    let issued = authority.leaf("a.test").also(&["b.test"]).issue();
    let pem = issued.chain_pem();
    let site = WebLab::tls(issued).start().await;
    let dns = DnsLab::start().await;
    dns.a("a.test", &["127.0.0.1"]);
    let (target, resolver) = (format!("a.test:{}", site.port()), dns.addr().to_string());
    let roots = authority.root_pem_file();
    let roots = roots.to_str().unwrap();
    let ask = async |more: &[&str]| {
        let mut arguments = vec!["cert", &target, "--resolver", &resolver, "--ca-file", roots];
        arguments.extend(more);
        run(&arguments).await
    };
    let text = ask(&[]).await;
    assert_eq!(text.status.code(), Some(0), "{}{}", out(&text), err(&text));
    for part in [
        "verdict    trusted until ",
        "root       CN=Lab Root,O=Lab",
        "browser    accepts it",
        "names      a.test, b.test",
        "key        ECDSA P-256",
        "signature  ECDSA with SHA-256",
        "use        server",
        "CAA        no records: any authority may issue",
    ] {
        assert!(out(&text).contains(part), "{part} in {}", out(&text));
    }
    let given = ask(&["-o", "pem"]).await;
    let ders = |text: &str| -> Vec<String> {
        text.split("-----END CERTIFICATE-----")
            .map(|part| part.replace("-----BEGIN CERTIFICATE-----", ""))
            .map(|part| part.split_whitespace().collect())
            .collect()
    };
    assert_eq!(ders(out(&given)), ders(&pem));
    let json: Value = serde_json::from_slice(&ask(&["-o", "json"]).await.stdout).unwrap();
    assert_eq!(json["presented"][0]["trusted"], true);
    assert_eq!(json["details"][0]["key"], "ECDSA P-256");
    assert_eq!(json["caa"]["records"][0]["records"], serde_json::json!([]));
    let short = ask(&["--short"]).await;
    assert_eq!(out(&short).lines().count(), 3, "{}", out(&short));

    site.certificate(&authority.leaf("a.test").valid(-90 * DAY, -DAY).issue());
    let expired = ask(&["--ari"]).await;
    assert_eq!(expired.status.code(), Some(1));
    for part in [
        "not trusted: the certificate ended ",
        "NET::ERR_CERT_DATE_INVALID",
        "ended 24 hours ago",
        "say its ACME directory with --ari-directory",
    ] {
        assert!(words(out(&expired)).contains(part), "{part} in {}", out(&expired));
    }
    let nowhere = run(&["cert", "gone.test", "--resolver", &resolver]).await;
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(
        err(&nowhere).contains("no address for gone.test"),
        "{}",
        err(&nowhere)
    );
}

#[tokio::test]
async fn a_name_is_compared_over_resolvers_and_its_own_servers() {
    let (zone, stale) = (DnsLab::start().await, DnsLab::start().await);
    zone.ns("shop.test", &["ns.shop.test"]);
    zone.soa("shop.test");
    zone.a("ns.shop.test", &["127.0.0.1"]);
    zone.cname("www.shop.test", "new.platform.test");
    zone.a("new.platform.test", &["127.0.0.2"]);
    stale.copy_records(&zone);
    stale.cname("www.shop.test", "old.platform.test");
    stale.a("old.platform.test", &["127.0.0.3"]);
    let (first, second) = (zone.addr().to_string(), stale.addr().to_string());
    let port = zone.addr().port().to_string();
    let ask = async |more: &[&str]| {
        let mut arguments = vec![
            "dns",
            "www.shop.test",
            "--resolver",
            &first,
            "--resolver",
            &second,
            "--authoritative-port",
            &port,
        ];
        arguments.extend(more);
        run(&arguments).await
    };
    let fine = ask(&[]).await;
    assert_eq!(fine.status.code(), Some(0), "{}{}", out(&fine), err(&fine));
    for part in [
        "www.shop.test has 127.0.0.2 now",
        &format!("{first}: CNAME new.platform.test (TTL 300 s); A 127.0.0.2 (TTL 300 s)"),
        &format!("{second}: CNAME old.platform.test"),
        "(authoritative): CNAME new.platform.test",
        "DNSSEC",
        "CAA        no records here or above",
    ] {
        assert!(out(&fine).contains(part), "{part} in {}", out(&fine));
    }
    let drifted = ask(&["--expect-dns", "new.platform.test"]).await;
    assert_eq!(drifted.status.code(), Some(1), "{}", out(&drifted));
    let words = words(out(&drifted));
    assert!(
        words.contains("cause dns_disagreement") || words.contains("cause dns_target_drift"),
        "{}",
        out(&drifted)
    );
    assert!(
        words.contains("expected target new.platform.test has 127.0.0.2"),
        "{}",
        out(&drifted)
    );
    let json: Value = serde_json::from_slice(&ask(&["-o", "json"]).await.stdout).unwrap();
    assert_eq!(json["addresses"], serde_json::json!(["127.0.0.2"]));
    assert_eq!(json["causes"], serde_json::json!([]));
    let gone = run(&["dns", "gone.test", "--resolver", &first]).await;
    assert_eq!(gone.status.code(), Some(1));
    assert!(out(&gone).contains("cause      dns_nxdomain"), "{}", out(&gone));
}

#[tokio::test]
async fn a_call_that_cannot_be_meant_is_answered_with_one_that_can() {
    for (arguments, said) in [
        (&["chek", "a.test"][..], "similar subcommand exists: 'check'"),
        (&["check", "a.test", "--expect-statuss=200"], "--expect-status"),
        (&["check", "example.com/c/1"], "https://example.com/c/1"),
        (&["check", "2001:db8::1"], "[2001:db8::1]"),
        (&["check", "example.com:70000"], "1 to 65535"),
        (
            &["check", "a.test", "--ca-file=/nonexistent.pem"],
            "/nonexistent.pem",
        ),
        (&["check", "a.test", "--resolver=dns.example"], "1.1.1.1"),
        (&["check", "a.test", "--watch", "-o", "json"], "--watch"),
        (&["check", "a.test", "--group=x"], "--config.file"),
        (&["cert", "ftp://a.test/"], "https://a.test/"),
        (&["dns", "192.0.2.1"], "name a host"),
        (&["dns", "a.test", "--authoritative-port=70000"], "65535"),
    ] {
        let refused = run(arguments).await;
        assert_eq!(
            refused.status.code(),
            Some(2),
            "{arguments:?}: {}{}",
            out(&refused),
            err(&refused)
        );
        assert!(err(&refused).contains(said), "{arguments:?}: {}", err(&refused));
        assert!(out(&refused).is_empty(), "{arguments:?}");
    }
}
