//! Lists of revoked certificates: fetched once, believed only of their issuer, told in series and in a cause.

use crate::lab::{Authority, Connect, DAY, HOUR, Issued, Reply, WebLab};
use crate::prober::{Asking, Seen};

fn module(authority: &Authority) -> String {
    let roots = authority.root_pem().replace('\n', "\n      ");
    format!(
        "prober: http\nhttp:\n  preferred_ip_protocol: ip4\n  check_revoked: true\n  tls_config:\n    ca: |\n      {roots}"
    )
}

/// A site whose certificate names a list, and where that list is.
async fn site(authority: &Authority) -> (WebLab, WebLab, Issued) {
    let lists = WebLab::plain().start().await;
    let issued = authority.leaf("127.0.0.1").listed_at(&lists.url("/list")).issue();
    let web = WebLab::tls(issued.clone()).start().await;
    (web, lists, issued)
}

/// The value of a series of the leaf's list, whatever its other labels.
fn of(seen: &Seen, name: &str) -> Option<f64> {
    let series = seen.series();
    let mut lines = series.lines();
    let begin = format!("probe_ssl_crl_{name}{{");
    let line = lines.find(|line| line.starts_with(&begin) && line.contains("chain_pos=\"0\""))?;
    line.rsplit_once(' ').and_then(|(_, value)| value.parse().ok())
}

#[tokio::test]
async fn a_list_that_revokes_is_told_and_leaves_the_success_of_the_probe_alone() {
    let authority = Authority::new();
    let (web, lists, issued) = site(&authority).await;
    lists.answer(Reply::new(200, authority.list(&[&issued], DAY)));
    let seen = Asking::by(&module(&authority)).probe(&web.url("/")).await;
    assert_eq!(
        (of(&seen, "revoked"), of(&seen, "available"), of(&seen, "stale")),
        (Some(1.0), Some(1.0), Some(0.0))
    );
    assert_eq!(seen.root(), "tls_revoked");
    assert_eq!(seen.value("probe_success"), Some(1.0));
    let root = seen.verdict.root.as_ref().expect("a root");
    assert_eq!(
        root.actual,
        format!("the certificate at position 0 is on {}", lists.url("/list"))
    );
    assert!(of(&seen, "next_update_timestamp_seconds").is_some_and(|next| next > 1.7e9));
    assert!(seen.value("probe_ssl_crl_fetch_time_seconds").is_some());
}

#[tokio::test]
async fn a_list_is_fetched_once_while_it_is_current_and_each_time_once_it_is_not() {
    let authority = Authority::new();
    let (web, lists, issued) = site(&authority).await;
    let other = authority.good("other.test");
    lists.answer(Reply::new(200, authority.list(&[&other], DAY)));
    let asking = Asking::by(&module(&authority));
    for _ in 0..3 {
        let seen = asking.probe(&web.url("/")).await;
        assert_eq!((seen.root(), of(&seen, "revoked")), ("", Some(0.0)));
    }
    assert_eq!(lists.requests(), 1);
    lists.answer(Reply::new(200, authority.list(&[&issued], -HOUR)));
    let asking = Asking::by(&module(&authority));
    for _ in 0..2 {
        let seen = asking.probe(&web.url("/")).await;
        assert_eq!((of(&seen, "stale"), of(&seen, "revoked")), (Some(1.0), Some(1.0)));
        assert_eq!(seen.root(), "", "a list that is out of date takes nothing down");
    }
    assert_eq!(lists.requests(), 3);
}

#[tokio::test]
async fn a_list_that_is_missing_or_by_somebody_else_says_nothing() {
    let authority = Authority::new();
    let (web, lists, issued) = site(&authority).await;
    let asking = Asking::by(&module(&authority));
    let stranger = Authority::new();
    let foreign = stranger.list(&[&issued], DAY);
    for answer in [
        Reply::new(404, ""),
        Reply::new(200, "no list"),
        Reply::new(200, foreign),
    ] {
        lists.answer(answer);
        let seen = asking.probe(&web.url("/")).await;
        assert_eq!(
            (seen.root(), of(&seen, "available"), of(&seen, "revoked")),
            ("", Some(0.0), None)
        );
    }
    lists.connect(Connect::Refuse).await;
    let seen = asking.probe(&web.url("/")).await;
    assert_eq!(
        (seen.value("probe_success"), of(&seen, "available")),
        (Some(1.0), Some(0.0))
    );
}

#[tokio::test]
async fn modules_that_do_not_ask_have_no_such_series() {
    let authority = Authority::new();
    let (web, lists, _) = site(&authority).await;
    let silent = module(&authority).replace("  check_revoked: true\n", "");
    let seen = Asking::by(&silent).probe(&web.url("/")).await;
    assert!(!seen.series().contains("probe_ssl_crl"));
    assert_eq!(lists.requests(), 0);
}
