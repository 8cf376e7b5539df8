//! `linkwatch serve`: the exporter.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Exit, ServeArgs, complain};
use crate::app::{self, App, Settings, Shard};
use crate::clock::SystemClock;

mod systemd;

/// Runs until SIGTERM or SIGINT.
pub(super) fn run(args: &ServeArgs) -> Exit {
    args.install_log();
    let settings = Settings {
        config_file: args.config_file.clone(),
        auto_reload: args.auto_reload.then_some(args.auto_reload_interval),
        storage_path: args.storage_path.clone(),
        timeout_offset: args.timeout_offset,
        external_url: args.external_url.clone(),
        shard: Shard {
            ordinal: args.shard,
            total: args.total_shards,
        },
    };
    let app = match App::load(settings, Arc::new(SystemClock)) {
        Ok(app) => app,
        Err(error) => return complain(&error.to_string()),
    };
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(serve(app, args)),
        Err(error) => complain(&format!("cannot start the runtime: {error}")),
    }
}

async fn serve(app: App, args: &ServeArgs) -> Exit {
    let listeners = match listeners(args).await {
        Ok(listeners) => listeners,
        Err(reason) => return complain(&reason),
    };
    let stop = CancellationToken::new();
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return complain("the system does not let SIGTERM and SIGINT be waited for");
    };
    let asked = stop.clone();
    let signals = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        systemd::stopping();
        asked.cancel();
        std::future::pending::<()>().await;
    };
    // The configuration is loaded and the sockets are open: what connects from now on is answered.
    systemd::ready();
    tokio::select! {
        () = app.run(listeners, stop) => Exit::Fine,
        () = signals => Exit::Fine,
        () = systemd::live() => Exit::Fine,
    }
}

async fn listeners(args: &ServeArgs) -> Result<Vec<TcpListener>, String> {
    if args.systemd_socket {
        return systemd::listeners();
    }
    let bound = app::bind(&args.listen).await;
    bound.map_err(|(address, error)| format!("cannot listen on {address}: {error}"))
}
