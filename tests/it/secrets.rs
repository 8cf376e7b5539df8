//! Secrets: a marker in every key that may hold one is in nothing that anybody can read.

use std::path::Path;

use linkwatch::config::{self, Files};
use linkwatch::endpoint::ModuleName;
use proptest::prelude::*;

use crate::lab::{Connect, WebLab};
use crate::prober::Asking;

/// The keys that may hold a secret, each in a module of its own, with `MARK` where it stands.
const SECRETS: &[&str] = &[
    "headers: {X-Token: MARK}",
    "headers: {Authorization: MARK}",
    "headers: {Cookie: MARK}",
    "http_headers: {X-Anything: {secrets: [MARK]}}",
    "http_headers: {X-Session: {values: [MARK]}}",
    "http_headers: {X-Anything: {files: [secret.txt]}}",
    "body: MARK",
    "basic_auth: {username: me, password: MARK}",
    "basic_auth: {username: me, password_file: secret.txt}",
    "authorization: {credentials: MARK}",
    "authorization: {credentials_file: secret.txt}",
    "bearer_token: MARK",
    "bearer_token_file: secret.txt",
    "proxy_url: \"http://me:MARK@127.0.0.1:1\"",
    "proxy_url: \"http://MARK@127.0.0.1:1\"",
    "{proxy_url: \"http://127.0.0.1:1\", proxy_connect_header: {X-Any: [MARK]}}",
    "oauth2: {client_id: me, client_secret: MARK, token_url: \"http://127.0.0.1:1/\"}",
    "oauth2: {client_id: me, client_secret_file: secret.txt, token_url: \"http://127.0.0.1:1/\"}",
    "oauth2: {client_id: me, endpoint_params: {a: MARK}, token_url: \"http://127.0.0.1:1/\"}",
    "oauth2: {client_id: me, proxy_url: \"http://me:MARK@127.0.0.1:1\", token_url: \"http://127.0.0.1:1/\"}",
    "oauth2: {client_id: me, proxy_url: \"http://127.0.0.1:1\", proxy_connect_header: {X-Any: [MARK]}, \
     token_url: \"http://127.0.0.1:1/\"}",
];

fn http(keys: &str, mark: &str) -> String {
    let keys = keys.replace("MARK", mark);
    if keys.starts_with('{') {
        keys
    } else {
        format!("{{{keys}}}")
    }
}

/// Whole files: the module of the http prober, and, where it has the key, of the websocket prober.
fn modules(keys: &str, mark: &str) -> Vec<String> {
    let keys = http(keys, mark);
    let mut modules = vec![format!("modules: {{m: {{prober: http, http: {keys}}}}}")];
    if !keys.starts_with("{headers") && !keys.starts_with("{body") {
        modules.push(format!(
            "modules: {{m: {{prober: websocket, websocket: {{http_config: {keys}}}}}}}"
        ));
    }
    modules
}

fn files(mark: &str) -> Files {
    Files::memory([(Path::new("secret.txt").to_owned(), mark.as_bytes().to_vec())])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_configuration_shows_no_secret_whether_it_is_right_or_wrong(mark in "[a-z]{16}") {
        let good = SECRETS.iter().flat_map(|keys| modules(keys, &mark).into_iter().map(move |good| (keys, good)));
        for (keys, good) in good {
            let config = config::parse(Path::new("a.yml"), good.as_bytes(), files(&mark))
                .unwrap_or_else(|errors| panic!("{keys}: {errors}"));
            let shown = config::show(&config);
            let own = config::show_module(&config, &ModuleName::from("m"));
            let own = own.unwrap_or_default();
            prop_assert!(!shown.contains(&mark) && !own.contains(&mark), "{}: {}", keys, shown);
            let debug = format!("{config:?}");
            // A request's body has to be bytes.
            prop_assert!(keys.starts_with("body") || !debug.contains(&mark), "{}: {}", keys, debug);
            for wrong in [
                good.replace("{prober:", "{htp: 1, prober:"),
                good.replace(": http, http:", ": http, http: [1], http:"),
                good.replace(&mark, &format!("[{mark}]")),
                good.replace(&mark, &format!("{{{mark}: 1}}")),
                good.replace(&mark, &format!("\"\\u0007{mark}\"")),
            ] {
                if let Err(errors) = config::parse(Path::new("a.yml"), wrong.as_bytes(), files(&mark)) {
                    let told = format!("{errors}{errors:?}");
                    // What stands where a key belongs is named as a key.
                    let key = wrong.contains(&format!("{{{mark}: 1}}"));
                    prop_assert!(key || !told.contains(&mark), "{}: {}", wrong, told);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_probe_tells_no_secret_whatever_comes_of_it() {
    const MARK: &str = "sweet-marker";
    let web = WebLab::plain().start().await;
    let gone = WebLab::plain().start().await;
    gone.connect(Connect::Refuse).await;
    for keys in SECRETS.iter().filter(|keys| !keys.contains("secret.txt")) {
        let asking = Asking::by(&format!("prober: http\nhttp: {}", http(keys, MARK)));
        for url in [web.url("/"), gone.url("/")] {
            let seen = asking.probe(&url).await;
            let told = format!("{seen:?}{}", seen.series());
            assert!(!told.contains(MARK), "{keys}: {told}");
            let failures = seen
                .outcome
                .attempts
                .iter()
                .filter_map(|attempt| attempt.failure());
            let texts: Vec<_> = failures.map(ToString::to_string).collect();
            assert!(!texts.concat().contains(MARK), "{keys}: {texts:?}");
        }
    }
}
