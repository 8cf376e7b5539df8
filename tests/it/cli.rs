//! The command line as a shell sees it: what is printed where, and the exit code.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::process::Output;

use crate::lab::{Answer, Authority, Connect, DnsLab, WebLab};
use crate::program::{Home, Served, command, run};

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn out(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

async fn site(status: u16) -> WebLab {
    WebLab::plain().answer(Answer::status(status)).start().await
}

#[tokio::test]
async fn a_check_of_a_url_says_by_its_exit_code_whether_a_cause_stands() {
    let (good, bad) = (site(200).await, site(503).await);
    let (good, bad) = (good.url("/"), bad.url("/"));
    let fine = run(&["check", &good]).await;
    assert_eq!(code(&fine), Some(0), "{}", out(&fine));
    assert!(out(&fine).contains(" is ok now"), "{}", out(&fine));
    let cause = run(&["check", &bad]).await;
    assert_eq!(code(&cause), Some(1), "{}", out(&cause));
    for part in [
        " is down now",
        "\ncause      http_status: ",
        "\nexpected   2xx\n",
        "\nactual     503\n",
        "\ndo         Look into the log of the application behind 127.0.0.1 ",
    ] {
        assert!(out(&cause).contains(part), "{part} in {}", out(&cause));
    }
    assert!(!out(&cause).contains('\u{1b}'), "no colours in a pipe");
    let both = run(&["check", &good, &bad]).await;
    assert_eq!(code(&both), Some(1));
    assert!(out(&both).contains("1 of 2 endpoints"), "{}", out(&both));
}

#[tokio::test]
async fn a_check_from_an_offline_vantage_point_cannot_tell() {
    let (shop, first, second) = (site(200).await, site(200).await, site(200).await);
    let home = Home::new(&format!(
        "vantage: {{anchors: [\"http://127.0.0.1:{}/\", \"http://localhost:{}/\"]}}\n\
         groups: [{{name: shop, hosts: [{:?}]}}]\n",
        first.port(),
        second.port(),
        shop.url("/"),
    ));
    for anchor in [&first, &second] {
        anchor.connect(Connect::Refuse).await;
    }
    let file = home.config_file();
    let unknown = run(&["check", "--config.file", file.to_str().unwrap()]).await;
    assert_eq!(code(&unknown), Some(3), "{}", out(&unknown));
    assert!(out(&unknown).contains("vantage_offline"), "{}", out(&unknown));
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_bare_host_is_asked_by_https_with_the_resolver_and_authority_named() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good("a.test"))
        .answer(Answer::redirect(302, "https://b.test/"))
        .start()
        .await;
    let dns = DnsLab::start().await;
    dns.cname("a.test", "target.test");
    dns.a("target.test", &["127.0.0.1"]);
    let (target, resolver) = (format!("a.test:{}", site.port()), dns.addr().to_string());
    let roots = authority.root_pem_file();
    let with = |more: &[&str]| {
        let mut arguments: Vec<String> = ["check", &target, "--resolver", &resolver, "--ca-file"]
            .map(str::to_owned)
            .to_vec();
        arguments.push(roots.to_str().unwrap().to_owned());
        arguments.extend(["--expect-status=302", "--expect-location", "https://b.test/"].map(str::to_owned));
        arguments.extend(more.iter().map(|more| (*more).to_owned()));
        arguments
    };
    let checked = async |more: &[&str]| {
        let arguments = with(more);
        run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
    };
    let fine = checked(&["--expect-dns=target.test"]).await;
    assert_eq!(code(&fine), Some(0), "{}{}", out(&fine), err(&fine));
    let drifted = checked(&["--expect-dns=other.test"]).await;
    assert_eq!(code(&drifted), Some(1), "{}", out(&drifted));

    let json = checked(&["--output=json"]).await;
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    for field in [
        "name",
        "url",
        "up",
        "root",
        "symptom",
        "stage",
        "consequences",
        "summary",
        "expected",
        "actual",
        "remedy",
        "addresses",
        "timings",
        "certificate",
    ] {
        assert!(json[0].get(field).is_some(), "{field} in {json}");
    }
    assert_eq!(json[0]["up"], true);
    let series = checked(&["-o", "prometheus"]).await;
    for line in out(&series).lines() {
        let number = line
            .rsplit(' ')
            .next()
            .and_then(|value| value.parse::<f64>().ok());
        assert!(
            line.starts_with("# HELP ") || line.starts_with("# TYPE ") || number.is_some(),
            "{line}"
        );
    }
    assert!(
        out(&series).contains("\nlinkwatch_endpoint_up{"),
        "{}",
        out(&series)
    );
}

#[tokio::test]
async fn bad_arguments_are_refused_with_a_text_that_helps() {
    for (arguments, said) in [
        (&["check"][..], "<TARGETS>"),
        (&["--bogus"], "--bogus"),
        (&["check", "a.test", "--timeout", "soon"], "500ms"),
        (&["check", "a.test", "--timeout=0s"], "500ms"),
        (&["check", "http://["], "http://["),
        (&["check", "--config.file=/nonexistent.yml"], "/nonexistent.yml"),
        (&["--config.file=/nonexistent.yml"], "/nonexistent.yml"),
        (&["--web.listen-address=nowhere"], "127.0.0.1:9716"),
        (&["--timeout-offset=-1"], "0.5"),
        (&["--config.auto-reload-interval=0s"], "500ms"),
    ] {
        let refused = run(arguments).await;
        assert_eq!(code(&refused), Some(2), "{arguments:?}: {}", err(&refused));
        assert!(err(&refused).contains(said), "{arguments:?}: {}", err(&refused));
        assert!(out(&refused).is_empty(), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_configuration_can_be_looked_at_without_its_secrets() {
    let home = Home::new(
        "modules: {m: {prober: http, http: {basic_auth: {username: u, password: hunter2}}}}\n\
         groups: [{name: shop, hosts: [a.test], module: m}]\n",
    );
    let file = home.config_file();
    let file = file.to_str().unwrap();
    let valid = run(&["config", "check", "--config.file", file]).await;
    assert_eq!(code(&valid), Some(0));
    assert!(out(&valid).contains("1 groups, 1 endpoints") || out(&valid).contains("1 group, 1 endpoint"));
    let shown = run(&["config", "show", "--config.file", file]).await;
    assert!(
        out(&shown).contains("a.test") && !out(&shown).contains("hunter2"),
        "{}",
        out(&shown)
    );
    let schema = run(&["config", "schema"]).await;
    assert!(
        serde_json::from_slice::<serde_json::Value>(&schema.stdout)
            .unwrap()
            .is_object()
    );
    home.configure("groups: [{name: shop, hosts: [a.test], intervall: 5s}]\n");
    let broken = run(&["config", "check", "--config.file", file]).await;
    assert_eq!(code(&broken), Some(2));
    assert!(err(&broken).contains("intervall"), "{}", err(&broken));
}

#[tokio::test]
async fn the_program_describes_itself() {
    for (arguments, said) in [
        (&["completions", "bash"][..], "_linkwatch"),
        (&["man"], ".TH linkwatch"),
        (&["--help"], "--config.file"),
        (&["check", "--help"], "--expect-location"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let described = run(arguments).await;
        assert_eq!(code(&described), Some(0), "{arguments:?}");
        assert!(
            out(&described).contains(said),
            "{arguments:?}: {}",
            out(&described)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_command_it_serves_and_a_flag_can_be_taken_back() {
    let home = Home::new("groups: []\n");
    let file = format!("--config.file={}", home.config_file().display());
    let served = Served::of(command(&[
        &file,
        "--web.listen-address=127.0.0.1:0",
        "--config.enable-auto-reload",
        "--no-config.enable-auto-reload",
    ]))
    .await;
    assert_eq!(served.web.get("/-/healthy").await.status, 200);
}
