//! One linkwatch, in this process, as `serve` runs it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use linkwatch::app::{App, Settings, Shard, WebSettings};
use linkwatch::clock::SystemClock;
use linkwatch::state::State;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A running replica.
#[derive(Debug)]
pub(crate) struct Replica {
    /// Where it is scraped.
    pub(crate) address: SocketAddr,
    /// What it knows.
    pub(crate) state: Arc<State>,
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Replica {
    /// Starts with a configuration; port 0 is any port.
    pub(crate) async fn start(config: &Path, address: SocketAddr) -> Self {
        let settings = Settings {
            config_file: config.to_owned(),
            auto_reload: None,
            storage_path: None,
            timeout_offset: Duration::from_millis(500),
            external_url: None,
            shard: Shard::WHOLE,
            web: WebSettings::default(),
        };
        let app = App::load(settings, Arc::new(SystemClock)).expect("the configuration loads");
        let state = app.state();
        let listener = TcpListener::bind(address).await.expect("bind the web address");
        let address = listener.local_addr().expect("a bound address");
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        running.spawn(app.run(vec![listener], stop.clone()));
        Self {
            address,
            state,
            stop,
            running,
        }
    }

    /// How many endpoints are known to be up.
    pub(crate) fn up(&self) -> usize {
        let catalogue = self.state.catalogue();
        let known = catalogue.slots.iter().filter_map(|slot| slot.current());
        known.filter(|known| known.up == Some(true)).count()
    }

    /// Ends it, its connections too.
    pub(crate) async fn stop(self) -> SocketAddr {
        self.stop.cancel();
        self.running.join_all().await;
        self.address
    }
}
