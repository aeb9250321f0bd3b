//! What a worker counts, and the page that tells it.

use crate::ProofKey;
use crate::worker::Prove;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A worker's metrics. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ProverMetrics {
    proving: Gauge,
    failures: Counter,
    seconds: Histogram,
    registry: Arc<Registry>,
}

impl ProverMetrics {
    /// Registers everything.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("fairlane");
        let part = registry.sub_registry_with_prefix("prover");
        let (proving, failures) = (Gauge::default(), Counter::default());
        // From half a second to a quarter of an hour.
        let seconds = Histogram::new(exponential_buckets(0.5, 2.0, 12));
        part.register("proving", "Proofs under way", proving.clone());
        part.register("failures", "Jobs that could not be proven", failures.clone());
        part.register("proof_seconds", "Making a proof", seconds.clone());
        Self { proving, failures, seconds, registry: Arc::new(registry) }
    }

    /// All values in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Formatting into a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

impl Default for ProverMetrics {
    fn default() -> Self {
        Self::new()
    }
}

/// A prover whose proofs are counted and timed.
#[derive(Debug)]
pub struct Measured<P> {
    prover: P,
    metrics: ProverMetrics,
}

impl<P: Prove> Measured<P> {
    /// Counts what `prover` does.
    pub fn new(prover: P, metrics: ProverMetrics) -> Self {
        Self { prover, metrics }
    }
}

impl<P: Prove> Prove for Measured<P> {
    fn keys(&self) -> Vec<ProofKey> {
        self.prover.keys()
    }

    fn prove(&self, input: &[u8]) -> Result<Vec<u8>, String> {
        self.metrics.proving.inc();
        let begun = Instant::now();
        let outcome = self.prover.prove(input);
        match &outcome {
            Ok(_) => self.metrics.seconds.observe(begun.elapsed().as_secs_f64()),
            Err(_) => {
                self.metrics.failures.inc();
            }
        }
        self.metrics.proving.dec();
        outcome
    }
}

/// Serves `/metrics` and `/health` (the process serves) until `stop`.
///
/// # Errors
/// The listener fails.
pub(crate) async fn serve(
    listener: TcpListener,
    metrics: ProverMetrics,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let pages = Router::new()
        .route("/metrics", get(page))
        .route("/health", get(|| async { "ok\n" }))
        .with_state(metrics);
    axum::serve(listener, pages).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn page(State(metrics): State<ProverMetrics>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.encode()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves what is not empty.
    struct Picky;

    impl Prove for Picky {
        fn keys(&self) -> Vec<ProofKey> {
            Vec::new()
        }

        fn prove(&self, input: &[u8]) -> Result<Vec<u8>, String> {
            if input.is_empty() { Err("nothing to prove".to_owned()) } else { Ok(input.to_vec()) }
        }
    }

    #[test]
    fn proofs_and_failures_are_counted_apart() {
        let metrics = ProverMetrics::new();
        let prover = Measured::new(Picky, metrics.clone());
        assert_eq!(prover.prove(b"job"), Ok(b"job".to_vec()));
        assert!(prover.prove(b"").is_err());
        let text = metrics.encode();
        for line in [
            "fairlane_prover_proving 0",
            "fairlane_prover_failures_total 1",
            "fairlane_prover_proof_seconds_count 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in:\n{text}");
        }
    }
}
