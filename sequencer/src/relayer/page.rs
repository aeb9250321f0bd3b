//! The relayer's metrics and health over HTTP.

use crate::health::{HealthError, openmetrics, serve_pages};
use crate::metrics::RelayerMetrics;
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves `/metrics` and `/health` until `stop`.
pub async fn serve(
    listener: TcpListener,
    metrics: RelayerMetrics,
    stop: CancellationToken,
) -> Result<(), HealthError> {
    let page = move || async move { openmetrics(metrics.encode()) };
    let pages = Router::new().route("/metrics", get(page)).route("/health", get(|| async { "ok\n" }));
    serve_pages(listener, pages, stop).await
}
