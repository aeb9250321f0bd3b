//! The adapter's pages over HTTP: `/metrics`, `/health` (the process serves), `/ready` (the last round did not fail, and no
//! job is stuck), `/status`, and `/withdrawals` with the calls that pay them.

use crate::metrics::AdapterMetrics;
use crate::status::Status;
use crate::zk::{Withdrawal, ZkDriver};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use redb::Database;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How many withdrawals are shown.
const SHOWN: usize = 1_000;

#[derive(Clone)]
pub(crate) struct Pages {
    pub(crate) metrics: AdapterMetrics,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) database: Arc<Database>,
}

/// A withdrawal on the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShownWithdrawal {
    /// The batch.
    pub(crate) index: u64,
    /// The item's place there.
    pub(crate) place: u32,
    /// Who is paid.
    pub(crate) to: String,
    /// How much, in units of the contract.
    pub(crate) amount: u64,
    /// The call of the settlement contract that pays, in hexadecimal digits.
    pub(crate) call: String,
}

impl From<&Withdrawal> for ShownWithdrawal {
    fn from(withdrawal: &Withdrawal) -> Self {
        Self {
            index: withdrawal.index,
            place: withdrawal.place,
            to: format!("0x{}", hex::encode(withdrawal.to)),
            amount: withdrawal.amount,
            call: format!("0x{}", hex::encode(&withdrawal.call)),
        }
    }
}

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    pages: Pages,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(|| async { "ok\n" }))
        .route("/ready", get(ready))
        .route("/status", get(status))
        .route("/withdrawals", get(withdrawals))
        .with_state(pages);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn metrics(State(pages): State<Pages>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], pages.metrics.encode()).into_response()
}

async fn ready(State(pages): State<Pages>) -> Response {
    let why = not_ready(&pages.status.borrow());
    match why {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

fn not_ready(status: &Status) -> Option<String> {
    if let Some(failure) = &status.failure {
        return Some(format!("the last round failed: {failure}"));
    }
    if status.jobs_stuck > 0 {
        return Some(format!("{} jobs are stuck", status.jobs_stuck));
    }
    status.step.is_none().then(|| "no round was finished since the start".to_owned())
}

async fn status(State(pages): State<Pages>) -> Response {
    let status = pages.status.borrow().clone();
    json(&status)
}

async fn withdrawals(State(pages): State<Pages>) -> Response {
    let database = pages.database.clone();
    let found = tokio::task::spawn_blocking(move || ZkDriver::withdrawals(&database, SHOWN)).await;
    match found {
        Ok(Ok(found)) => json(&found.iter().map(ShownWithdrawal::from).collect::<Vec<_>>()),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn json(value: &impl Serialize) -> Response {
    match serde_json::to_string_pretty(value) {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text + "\n").into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Step;

    #[test]
    fn an_adapter_is_ready_once_a_round_did_not_fail_and_while_no_job_is_stuck() {
        let mut status = Status::default();
        assert!(not_ready(&status).is_some());
        status.step = Some(Step::Idle);
        assert_eq!(not_ready(&status), None);
        status.jobs_stuck = 1;
        assert!(not_ready(&status).is_some_and(|why| why.contains("stuck")));
        status.failure = Some("Ethereum is away".to_owned());
        assert!(not_ready(&status).is_some_and(|why| why.contains("Ethereum")));
    }
}
