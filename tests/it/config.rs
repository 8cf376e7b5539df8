//! The configuration: every fault at once, secrets nowhere, defaults as documented.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as the test does")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use linkwatch::config::{self, Config, ConfigErrors, Files};
use linkwatch::discovery::Settings;
use linkwatch::endpoint::{AddressChoice, DnsTarget, Maintenance, ModuleName};
use linkwatch::outcome::Family;
use linkwatch::probe::dns::Server;
use linkwatch::probe::{ProberKind, http};
use serde_json::{Value, json};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/config")
        .join(name)
}

fn files_of(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

/// Parses a file under its bare name, so that errors carry no path of this machine.
fn parse_file(path: &Path) -> Result<Config, ConfigErrors> {
    let name = path.file_name().unwrap();
    config::parse(
        Path::new(name),
        &fs::read(path).unwrap(),
        Files::directory(path.parent().unwrap()),
    )
}

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    config::parse(Path::new("linkwatch.yml"), text.as_bytes(), Files::memory([]))
}

fn faults(text: &str) -> String {
    parse(text).map(|_| ()).unwrap_err().to_string()
}

fn http_settings(prober: &ProberKind) -> &http::Settings {
    let settings = match prober {
        ProberKind::Http(settings) => Some(settings),
        ProberKind::Tcp(_)
        | ProberKind::Dns(_)
        | ProberKind::Icmp(_)
        | ProberKind::Unix(_)
        | ProberKind::Grpc(_)
        | ProberKind::WebSocket(_) => None,
    };
    settings.unwrap()
}

fn http(config: &Config, module: &str) -> String {
    let settings = http_settings(&config.modules[&ModuleName::from(module)].prober);
    format!("{settings:?}")
}

/// Compares with a golden file; `UPDATE_GOLDEN=1` writes it anew.
fn assert_golden(golden: &Path, actual: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(golden, actual).unwrap();
    }
    let expected = fs::read_to_string(golden).unwrap_or_default();
    assert_eq!(
        actual,
        expected,
        "{} is not up to date: UPDATE_GOLDEN=1",
        golden.display()
    );
}

#[test]
fn every_broken_configuration_names_all_its_faults_and_no_secret() {
    let broken = files_of(&folder("broken"), "yml");
    assert!(broken.len() >= 30, "only {} broken configurations", broken.len());
    for path in broken {
        let errors = parse_file(&path)
            .err()
            .unwrap_or_else(|| panic!("{} is accepted", path.display()));
        // Paths of the files that could not be read are those of this checkout.
        let here = format!("{}/", path.parent().unwrap().display());
        let text = format!("{}\n", errors.to_string().replace(&here, ""));
        assert!(
            !text.contains("secret-word"),
            "{} shows a secret:\n{text}",
            path.display()
        );
        assert!(text.lines().count() >= errors.problems.len());
        assert_golden(&path.with_extension("txt"), &text);
    }
}

#[test]
fn every_fault_stands_on_a_line_of_its_file() {
    for path in files_of(&folder("broken"), "yml") {
        let lines = String::from_utf8_lossy(&fs::read(&path).unwrap()).lines().count();
        for problem in parse_file(&path).err().unwrap().problems {
            if problem.file == Path::new(path.file_name().unwrap()) {
                let line = usize::try_from(problem.place.line).unwrap();
                assert!((1..=lines + 1).contains(&line), "{problem}");
            }
        }
    }
}

#[test]
fn an_empty_configuration_is_valid_and_has_the_documented_defaults() {
    for text in ["", "{}", "groups: []", "groups:\n", "# nothing\n"] {
        let config = parse(text).unwrap_or_else(|errors| panic!("{text:?}: {errors}"));
        assert_eq!(config.global.interval, Duration::from_secs(15));
        assert_eq!(config.global.timeout, Duration::from_secs(5));
        assert_eq!(config.global.confirm.attempts, 2);
        assert_eq!(config.resolver.servers, [Server::System]);
        assert!(config.groups.is_empty() && config.anchors.is_empty() && config.warnings.is_empty());
        let names: Vec<_> = config.modules.keys().map(ModuleName::as_str).collect();
        assert_eq!(names, ["http_2xx", "http_redirect"]);
    }
}

/// What `good/everything.yml` is warned of.
const WARNED: [&str; 2] = [
    "everything.yml:42:33: \"no_follow_redirects\" is deprecated (write follow_redirects: false)",
    "everything.yml:59:33: min_version is older than TLS12, which is the oldest that is offered (TLS 1.0 and 1.1 are \
     withdrawn (RFC 8996): servers that speak nothing newer fail)",
];

#[test]
fn every_key_is_understood() {
    let config = parse_file(&folder("good/everything.yml")).unwrap_or_else(|errors| panic!("{errors}"));
    let tracking = &config.groups[0];
    let group = &tracking.group;
    assert_eq!(
        (group.interval, group.timeout),
        (Duration::from_secs(15), Duration::from_secs(5))
    );
    assert_eq!(
        (group.confirm.attempts, group.confirm.pause),
        (1, Duration::from_secs(1))
    );
    assert_eq!(group.addresses, AddressChoice::One);
    assert!(!group.page);
    assert_eq!(group.maintenance.len(), 3);
    assert!(matches!(&group.maintenance[2], Maintenance::Weekly { days, .. } if days.is_empty()));
    assert_eq!(group.accepted.len(), 1);
    assert!(group.expect.judges_first_answer());
    assert_eq!(group.expect.headers.len(), 3);
    let targets = &group.expect.dns.as_ref().unwrap().targets;
    assert_eq!(
        targets[0],
        DnsTarget::Name("stark-cove-1234.herokudns.com".to_owned())
    );
    assert_eq!(targets[1].to_string(), "192.0.2.1");

    let urls: Vec<_> = tracking
        .endpoints
        .iter()
        .map(|endpoint| endpoint.url.as_str())
        .collect();
    assert_eq!(urls.len(), 13);
    assert_eq!(urls[9], "https://buttondown-0009.example/c/canary");
    assert_eq!(urls[10], "https://xn--bcher-kva.example:8443/c/canary");
    assert_eq!(urls[11], "https://[2001:db8::1]/c/canary");
    assert_eq!(urls[12], "http://plain.example/health");
    let names: Vec<_> = tracking
        .endpoints
        .iter()
        .map(|endpoint| endpoint.name.as_str())
        .collect();
    assert_eq!(
        names[10..],
        ["xn--bcher-kva.example:8443", "2001:db8::1", "plain.example"]
    );
    assert_eq!(tracking.endpoints[11].host, "2001:db8::1");

    let found = &config.groups[1];
    assert!(matches!(
        &found.sources[..],
        [Settings::File(_), Settings::Http(_)]
    ));
    assert_eq!(config.anchors.len(), 2);
    assert_eq!(config.resolver.servers.len(), 5);
    assert_eq!(config.intermediates.as_deref().map(<[u8]>::len), Some(54));
    assert_eq!(config.modules.len(), 7);
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, WARNED);
}

#[test]
fn a_module_is_read_as_blackbox_exporter_reads_it() {
    let config = parse_file(&folder("good/everything.yml")).unwrap();
    let login = &config.modules[&ModuleName::from("login")];
    assert_eq!(login.timeout, Some(Duration::from_secs(3)));
    let settings = http_settings(&login.prober);
    assert_eq!(settings.method, "POST");
    assert_eq!(settings.addressing.preferred, Family::Ipv4);
    assert_eq!(settings.compression, Some(http::Compression::Gzip));
    assert_eq!(settings.body_size_limit, 1 << 20);
    assert!(!settings.follow_redirects && !settings.http2 && settings.fail_if_not_ssl);
    assert!(settings.fail_if_body_not_matches[0].is_match(r#"{"status":"ok"}"#));
    assert_eq!(settings.fail_if_header_matches[0].header, "set-cookie");
    // me:nightingale, the line break at the end of the file left out.
    assert_eq!(
        settings.authorization.as_ref().unwrap(),
        "Basic bWU6bmlnaHRpbmdhbGU="
    );
    let key: Vec<_> = settings
        .headers
        .iter()
        .filter(|(name, _)| name == "x-api-key")
        .collect();
    assert_eq!(key.len(), 3);
    assert_eq!(key[2].1, "file-key-secret");
    let defaults = parse("").unwrap();
    let redirect = http_settings(&defaults.modules[&ModuleName::from("http_redirect")].prober);
    assert!(!redirect.follow_redirects);
    assert!(redirect.valid_status_codes.contains(&308));
}

#[test]
fn secrets_are_shown_nowhere() {
    let config = parse_file(&folder("good/everything.yml")).unwrap();
    let shown = config::show(&config);
    let debug = format!("{config:?}");
    for secret in [
        "sweet-secret",
        "sour-secret",
        "proxy-secret",
        "connect-secret",
        "oauth-secret",
        "param-secret",
        "body-secret",
        "bearer-secret",
        "http-sd-secret",
        "platform-secret",
        "records-secret",
        "dHNpZy1zZWNyZXQ",
        "file-secret",
        "file-key-secret",
        "nightingale",
        "bWU6bmlnaHRpbmdhbGU",
    ] {
        assert!(!shown.contains(secret), "{secret} is shown:\n{shown}");
        // A request's body has to be bytes.
        assert!(
            secret == "body-secret" || !debug.contains(secret),
            "{secret} is in the debug text"
        );
    }
    assert!(
        shown.contains("<secret>") && shown.contains("password.txt"),
        "{shown}"
    );
    let login = config::show_module(&config, &ModuleName::from("login")).unwrap();
    assert!(
        login.contains("method: POST") && !login.contains("sweet-secret"),
        "{login}"
    );
    assert_golden(
        &folder("good/everything.txt"),
        &shown.replace(&format!("{}/", folder("good").display()), ""),
    );
}

#[test]
fn what_is_not_yaml_shows_no_secret_either() {
    for value in [
        "*hunter2",
        "!hunter2 x",
        "@hunter2",
        r#""hunter2\q""#,
        "\"hunter2",
        "{hunter2",
        "hunter2: b",
        "!!int hunter2",
        "!!bool hunter2",
        "- hunter2",
        "hunter2\n hunter2",
        "|\n hunter2\n",
        "%hunter2",
        "!!binary hunter2",
        "[hunter2",
    ] {
        for after in ["", "      <<: hunter2\n", "\thunter2"] {
            let text =
                format!("modules:\n  a:\n    prober: http\n    http:\n      bearer_token: {value}\n{after}");
            if let Err(errors) = parse(&text) {
                assert!(!errors.to_string().contains("hunter2"), "{errors}");
                assert!(!format!("{errors:?}").contains("hunter2"), "{errors:?}");
            }
        }
    }
}

#[test]
fn the_default_of_every_key_is_what_its_absence_means() {
    let schema = config::schema();
    let defaults = |definition: &Value| -> serde_json::Map<String, Value> {
        let properties = definition["properties"].as_object().unwrap();
        let keys = properties
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.get("default")?.clone())));
        keys.collect()
    };
    let section = |name: &str| Value::Object(defaults(&schema["$defs"][name]));
    let mut group = section("group");
    group["name"] = json!("web");
    group["hosts"] = json!(["example.com"]);
    group["confirm"] = section("confirm");
    group["expect"] = section("expect");
    group["expect"]["certificate"] = section("certificate");
    let mut global = section("global");
    global["confirm"] = section("confirm");
    let mut http = section("http");
    http["tls_config"] = section("tls_config");
    let explicit = json!({
        "global": global,
        "vantage": section("vantage"),
        "resolver": section("resolver"),
        "module_files": [],
        "modules": {"http_2xx": {"prober": "http", "http": http}},
        "groups": [group],
    });
    let explicit = parse(&explicit.to_string()).unwrap_or_else(|errors| panic!("{errors}"));
    let implied = parse("groups: [{name: web, hosts: [example.com]}]").unwrap();
    // The only section that its own defaults bring into being.
    let tls = [
        "tls_config:",
        "insecure_skip_verify: false",
        "max_version: TLS13",
        "min_version: TLS12",
    ];
    let without_tls = |shown: String| -> Vec<String> {
        let lines = shown.lines().filter(|line| !tls.contains(&line.trim()));
        lines.map(ToOwned::to_owned).collect()
    };
    assert_eq!(
        without_tls(config::show(&explicit)),
        without_tls(config::show(&implied))
    );
    // The connector is the last field, and may keep what it was told beside what it made of it.
    let but_tls = |config: &Config| http_of(config).split("tls: ").next().map(str::to_owned);
    assert_eq!(but_tls(&explicit), but_tls(&implied));
}

fn http_of(config: &Config) -> String {
    http(config, "http_2xx")
}

#[test]
fn the_reference_is_what_the_schema_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CONFIGURATION.md");
    assert_golden(&page, &config::reference());
    for (name, definition) in config::schema()["$defs"].as_object().unwrap() {
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            assert!(
                property["description"].is_string(),
                "{name}.{key} is not documented"
            );
        }
        assert!(config::reference().contains("| key |") && !name.is_empty());
    }
}

#[test]
fn the_example_parses_and_says_what_the_readme_promises() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/linkwatch.yml");
    let config = config::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert!(!config.groups.is_empty());
}

#[test]
fn modules_of_blackbox_exporter_are_taken_as_they_are() {
    let config = parse_file(&folder("good/everything.yml")).unwrap();
    assert!(config.modules.contains_key(&ModuleName::from("http_post_2xx")));
    // Its own files, where they are at hand.
    let Some(corpus) = std::env::var_os("LINKWATCH_BLACKBOX_CONFIGS") else {
        return;
    };
    for path in files_of(Path::new(&corpus), "yml") {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = format!("module_files: [{}]", serde_json::to_string(&path).unwrap());
        let loaded = config::parse(
            Path::new("linkwatch.yml"),
            text.as_bytes(),
            Files::directory(Path::new("/")),
        );
        let faults: Vec<String> = match &loaded {
            Ok(_) => Vec::new(),
            Err(errors) => errors.problems.iter().map(ToString::to_string).collect(),
        };
        let later = |fault: &String| fault.contains("not supported yet");
        let unreadable = |fault: &String| fault.contains("cannot read /");
        if name.contains("bad") || name.contains("invalid") {
            assert!(!faults.is_empty(), "{name} is accepted");
        } else {
            let wrong: Vec<_> = faults
                .iter()
                .filter(|fault| !later(fault) && !unreadable(fault))
                .collect();
            assert!(wrong.is_empty(), "{name}: {wrong:#?}");
        }
    }
}

#[test]
fn spellings_survive_yaml() {
    let config = parse(
        "groups: [{name: 1.10, hosts: [example.com], labels: {version: 1.10, code: 0644, on_call: on, empty: \"\"}}]",
    )
    .unwrap();
    assert_eq!(config.groups[0].group.name.as_str(), "1.10");
    let labels: Vec<_> = config.groups[0].labels.iter().collect();
    assert_eq!(
        labels,
        [
            ("code", "0644"),
            ("empty", ""),
            ("on_call", "on"),
            ("version", "1.10")
        ]
    );
}

#[test]
fn anchors_of_yaml_are_read_where_they_are_used() {
    let config = parse(
        "groups:\n  - {name: a, hosts: [a.example], expect: &strict {status: 200}}\n  - {name: b, hosts: [b.example], expect: *strict}\n",
    )
    .unwrap();
    assert_eq!(config.groups[1].group.expect.status, [200]);
    let faults = faults("groups:\n  - {name: a, hosts: &hosts [a.example]}\n  - {name: b, hosts: *hosts}\n");
    assert!(faults.starts_with("linkwatch.yml:3:"), "{faults}");
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut lines = vec!["a: &a [x,x,x,x,x,x,x,x,x,x]".to_owned()];
    for (name, of) in "bcdefghi".chars().zip("abcdefgh".chars()) {
        let uses = vec![format!("*{of}"); 10].join(",");
        lines.push(format!("{name}: &{name} [{uses}]"));
    }
    let bomb = lines.join("\n");
    assert!(parse(&bomb).is_err());
    assert!(parse(&"[".repeat(100_000)).is_err());
    assert!(parse(&"a: {".repeat(10_000)).is_err());
}

#[test]
fn the_fingerprint_changes_with_any_file_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("linkwatch.yml");
    let modules = folder.path().join("blackbox.yml");
    fs::write(&main, "module_files: [blackbox.yml]").unwrap();
    fs::write(&modules, "modules: {a: {prober: http}}").unwrap();
    let first = config::load(&main).unwrap();
    assert_eq!(first.sources.paths().count(), 2);
    assert_eq!(
        first.sources.fingerprint(),
        config::load(&main).unwrap().sources.fingerprint()
    );
    assert!(!first.sources.changed());
    fs::write(&modules, "modules: {b: {prober: http}}").unwrap();
    assert!(first.sources.changed());
    assert_ne!(
        first.sources.fingerprint(),
        config::load(&main).unwrap().sources.fingerprint()
    );
    fs::write(&modules, "modules: {a: {prober: http}}").unwrap();
    assert!(!first.sources.changed(), "what it held before is no change");
    assert_eq!(
        first.sources.fingerprint(),
        config::load(&main).unwrap().sources.fingerprint()
    );
    fs::remove_file(&modules).unwrap();
    let broken = config::load(&main).unwrap_err();
    assert!(!broken.sources.changed());
    fs::write(&modules, "").unwrap();
    assert!(broken.sources.changed());
    let absent = config::load(&folder.path().join("absent.yml")).unwrap_err();
    assert!(absent.to_string().contains("absent.yml: cannot read"), "{absent}");
}

#[test]
fn relative_paths_start_beside_the_file_that_names_them() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("modules")).unwrap();
    fs::write(
        folder.path().join("linkwatch.yml"),
        "module_files: [modules/blackbox.yml]",
    )
    .unwrap();
    let module = "modules: {a: {prober: http, http: {bearer_token_file: token}}}";
    fs::write(folder.path().join("modules/blackbox.yml"), module).unwrap();
    fs::write(folder.path().join("modules/token"), "abc\n").unwrap();
    let config = config::load(&folder.path().join("linkwatch.yml")).unwrap();
    let settings = http_settings(&config.modules[&ModuleName::from("a")].prober);
    assert_eq!(settings.authorization.as_ref().unwrap(), "Bearer abc");
}

#[test]
fn a_declared_module_takes_the_place_of_a_built_in_one() {
    let config = parse("modules: {http_2xx: {prober: http, http: {method: HEAD}}}").unwrap();
    let settings = http_settings(&config.modules[&ModuleName::from("http_2xx")].prober);
    assert_eq!(settings.method, "HEAD");
}

#[test]
fn five_thousand_hosts_load_in_a_moment() {
    let text = "groups: [{name: web, hosts: [\"{a,b,c,d,e}-{000..999}.example.com\"]}]";
    assert_eq!(parse(text).unwrap().groups[0].endpoints.len(), 5_000);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = config::parse(Path::new("x.yml"), &bytes, Files::memory([]));
    }

    #[test]
    fn no_damage_to_a_good_file_makes_it_panic(at in 0usize..3000, put in "[-\\[\\]{}:,&*!|>'\"%@`a-z0-9\n ]{0,3}", cut in 0usize..20) {
        let mut text = fs::read(folder("good/everything.yml")).unwrap();
        let at = at.min(text.len());
        let end = (at + cut).min(text.len());
        text.splice(at..end, put.bytes());
        if let Err(errors) = config::parse(Path::new("x.yml"), &text, Files::memory([])) {
            proptest::prop_assert!(!errors.problems.is_empty());
        }
    }
}
