//! Metrics and health over HTTP, for operators and orchestrators.
//!
//! `/metrics` (Prometheus text), `/health` (the process serves: 200), `/ready` (200 once the node takes part in
//! consensus and has finalized a block lately, else 503 with the reason). Where the configuration says so, the
//! `explorer`'s pages are beside them.

use crate::explorer;
use crate::metrics::Metrics;
use crate::rpc::Services;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fairlane_engine::EngineStatus;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A node whose last block is older is not ready.
const STALE: Duration = Duration::from_secs(30);

/// What the pages show.
#[derive(Clone)]
pub struct Health {
    /// All metrics.
    pub metrics: Metrics,
    /// How consensus is doing.
    pub status: watch::Receiver<EngineStatus>,
    /// What the explorer shows, where it is served.
    pub explored: Option<Services>,
}

/// Why the pages are not served.
#[derive(Debug, thiserror::Error)]
#[error("metrics and health cannot be served at {address}: {source}")]
pub struct HealthError {
    address: SocketAddr,
    source: std::io::Error,
}

/// Listens at an address.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, HealthError> {
    TcpListener::bind(address).await.map_err(|source| HealthError { address, source })
}

/// Serves until `shutdown`.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    shutdown: CancellationToken,
) -> Result<(), HealthError> {
    let explorer = health.explored.clone().map(|services| explorer::pages(services, shutdown.clone()));
    let pages = Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(|| async { "ok\n" }))
        .route("/ready", get(ready))
        .with_state(health)
        .merge(explorer.unwrap_or_default());
    serve_pages(listener, pages, shutdown).await
}

pub(crate) async fn serve_pages(
    listener: TcpListener,
    pages: Router,
    shutdown: CancellationToken,
) -> Result<(), HealthError> {
    let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
    axum::serve(listener, pages)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
        .map_err(|source| HealthError { address, source })
}

/// An answer in the OpenMetrics text format.
pub(crate) fn openmetrics(text: String) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn metrics(State(health): State<Health>) -> Response {
    let mut text = health.metrics.encode();
    // The two registries are encoded apart; the end of the text is marked once.
    let own = text.trim_end().trim_end_matches("# EOF").len();
    text.truncate(own);
    text.push_str(&fairlane_engine::metrics_text());
    openmetrics(text)
}

async fn ready(State(health): State<Health>) -> Response {
    match not_ready(&health.status.borrow()) {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

/// Why a node in this state is not ready; `None` if it is.
fn not_ready(status: &EngineStatus) -> Option<String> {
    let behind = status.best_peer_height.get().saturating_sub(status.finalized.get());
    if behind > 10 {
        return Some(format!("catching up: {behind} blocks behind"));
    }
    if status.watching {
        return Some("watching: this validator may have signed votes that it does not know of".to_owned());
    }
    match status.finalized_at {
        None => Some("no block was finalized since the start".to_owned()),
        Some(at) if at.elapsed() > STALE => {
            Some(format!("the last block was finalized {} s ago", at.elapsed().as_secs()))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairlane_types::Height;
    use std::time::Instant;

    #[test]
    fn a_node_is_ready_once_it_finalizes_and_is_not_behind() {
        let mut status = EngineStatus::default();
        assert!(not_ready(&status).is_some());
        status.finalized_at = Some(Instant::now());
        assert_eq!(not_ready(&status), None);
        status.watching = true;
        assert!(not_ready(&status).is_some_and(|why| why.starts_with("watching")));
        status.watching = false;
        status.best_peer_height = Height::new(100);
        assert!(not_ready(&status).is_some_and(|why| why.contains("100 blocks")));
    }

    #[test]
    fn a_node_whose_last_block_is_old_is_not_ready() {
        let Some(long_ago) = Instant::now().checked_sub(STALE * 2) else { return };
        let status = EngineStatus { finalized_at: Some(long_ago), ..EngineStatus::default() };
        assert!(not_ready(&status).is_some_and(|why| why.contains("60 s ago")));
    }
}
