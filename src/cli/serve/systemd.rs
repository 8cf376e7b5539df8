//! What systemd gives and wants to hear: sockets (`sd_listen_fds(3)`), readiness, the stop, and signs of life
//! (`sd_notify(3)`). Without systemd all of it does nothing.

use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;

/// The sockets that systemd holds for the service; why there are none, if that is so.
pub(super) fn listeners() -> Result<Vec<TcpListener>, String> {
    let mut passed = ListenFd::from_env();
    let mut listeners = Vec::with_capacity(passed.len());
    for place in 0..passed.len() {
        let taken = passed
            .take_tcp_listener(place)
            .map_err(|error| error.to_string())?;
        let Some(listener) = taken else { continue };
        listener
            .set_nonblocking(true)
            .map_err(|error| error.to_string())?;
        listeners.push(TcpListener::from_std(listener).map_err(|error| error.to_string())?);
    }
    if listeners.is_empty() {
        return Err("systemd has passed no socket: start the service by its .socket unit".to_owned());
    }
    Ok(listeners)
}

/// Says that the service is up.
pub(super) fn ready() {
    tell(NotifyState::Ready);
}

/// Says that it stops.
pub(super) fn stopping() {
    tell(NotifyState::Stopping);
}

/// Gives signs of life for as long as the runtime turns, where systemd wants them: twice within its patience.
pub(super) async fn live() {
    let Some(patience) = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero()) else {
        return std::future::pending().await;
    };
    let mut beat = tokio::time::interval((patience / 2).max(Duration::from_millis(10)));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        tell(NotifyState::Watchdog);
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd cannot be told how the service stands");
    }
}
