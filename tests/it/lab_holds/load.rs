use std::time::Duration;

use tokio::{task::JoinSet, time::timeout};

use super::transport::{shake_with, trusting};
use crate::lab::{Authority, WebLab};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_endpoints_are_served_at_once_by_one_server() {
    let authority = Authority::new();
    let site = WebLab::tls(authority.good("endpoint-0.test")).start().await;
    let names: Vec<String> = (0..200).map(|number| format!("endpoint-{number}.test")).collect();
    for name in &names {
        site.certificate_for(name, &authority.good(name));
    }
    let config = trusting(&authority, &[]);
    let site = std::sync::Arc::new(site);
    let mut clients = JoinSet::new();
    for name in names {
        let (site, config) = (std::sync::Arc::clone(&site), config.clone());
        clients.spawn(async move { shake_with(&site, config, &name).await.map(drop) });
    }
    let outcomes = timeout(Duration::from_secs(20), clients.join_all())
        .await
        .expect("all are served");
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(site.connections(), 200);
}
