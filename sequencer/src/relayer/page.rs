//! The relayer's metrics and health over HTTP.

use crate::health::HealthError;
use crate::metrics::RelayerMetrics;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves `/metrics` and `/health` until `stop`.
pub async fn serve(
    listener: TcpListener,
    metrics: RelayerMetrics,
    stop: CancellationToken,
) -> Result<(), HealthError> {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let page = move || async move { ([(header::CONTENT_TYPE, kind)], metrics.encode()) };
    let pages = Router::new().route("/metrics", get(page)).route("/health", get(|| async { "ok\n" }));
    crate::health::serve_pages(listener, pages, stop).await
}
