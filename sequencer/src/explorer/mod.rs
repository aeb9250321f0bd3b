//! The explorer: a page for browsers that shows the chain as it grows, and why a transaction stands where it stands.
//!
//! The page is plain HTML, style and script inside the binary. It asks for JSON (`/api/…`) and listens to server-sent events
//! (`/events`), which one task makes for all who listen, and for nobody when nobody does.
//!
//! Invariants: all of it is read-only, and told to gRPC clients as well; what one browser costs is bounded (`LISTENERS`,
//! `ANSWERS`, and the limit on reads that gRPC has), and nothing at Ethereum: how rollups stand there is watched for all who look,
//! and for so many rollups (`settled`); the page loads nothing from elsewhere.
//!
//! Not its job: being open to the world. It has no limit by client address, so it is served at loopback addresses
//! unless the operator says otherwise.

mod live;
mod settled;
#[cfg(test)]
mod tests;
mod uptime;

use crate::json;
use crate::rpc::Services;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fairlane_proto::v1::ExplainTransactionRequest;
use fairlane_proto::v1::explain_transaction_response::Standing;
use fairlane_types::{Height, TxId};
use futures::StreamExt as _;
use live::Live;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tonic::Code;

/// Browsers that listen at one time.
const LISTENERS: usize = 64;
/// Transactions that are explained at one time, each of which reads some megabytes.
const ANSWERS: usize = 2;
/// Transactions of a block that are listed.
const TRANSACTIONS: usize = 500;

/// What the pages are answered from.
#[derive(Clone)]
struct Explorer {
    services: Services,
    live: Live,
    listeners: Arc<Semaphore>,
    answers: Arc<Semaphore>,
}

/// The explorer's pages, for a server that serves until `stop`.
pub(crate) fn pages(services: Services, stop: CancellationToken) -> Router {
    let explorer = Explorer {
        live: Live::start(services.clone(), stop),
        services,
        listeners: Arc::new(Semaphore::new(LISTENERS)),
        answers: Arc::new(Semaphore::new(ANSWERS)),
    };
    Router::new()
        .route("/", get(|| async { file("text/html; charset=utf-8", include_str!("page.html")) }))
        .route("/explorer.css", get(|| async { file("text/css; charset=utf-8", include_str!("page.css")) }))
        .route(
            "/explorer.js",
            get(|| async { file("text/javascript; charset=utf-8", include_str!("page.js")) }),
        )
        .route("/api/now", get(now))
        .route("/api/transaction/{id}", get(transaction))
        .route("/api/transaction/{id}/{height}", get(transaction_at))
        .route("/api/block/{height}", get(block))
        .route("/events", get(events))
        .with_state(explorer)
}

/// A part of the page. It may use what this server serves, and nothing else.
fn file(kind: &'static str, text: &'static str) -> Response {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                  base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text).into_response()
}

fn answer(status: StatusCode, value: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, value.to_string()).into_response()
}

fn refusal(status: StatusCode, why: &str) -> Response {
    answer(status, &json!({ "error": why }))
}

/// What the events tell, once.
async fn now(State(explorer): State<Explorer>) -> Response {
    match explorer.live.look().await {
        Ok(value) => answer(StatusCode::OK, &value),
        Err(status) => refusal(http_status(status.code()), status.message()),
    }
}

/// A block, with the first of its transactions.
async fn block(State(explorer): State<Explorer>, Path(height): Path<u64>) -> Response {
    match explorer.services.block(Height::new(height)).await {
        Ok((block, ids)) => {
            let mut value = live::block(&block);
            let ids = ids.iter().take(TRANSACTIONS).map(|id| id.to_string());
            value["transactions"] = ids.collect::<Vec<_>>().into();
            answer(StatusCode::OK, &value)
        }
        Err(status) => refusal(http_status(status.code()), status.message()),
    }
}

async fn transaction(State(explorer): State<Explorer>, Path(id): Path<String>) -> Response {
    explorer.explain(&id, 0).await
}

async fn transaction_at(
    State(explorer): State<Explorer>,
    Path((id, height)): Path<(String, u64)>,
) -> Response {
    explorer.explain(&id, height).await
}

impl Explorer {
    async fn explain(&self, id: &str, height: u64) -> Response {
        let Ok(id) = TxId::from_hex(id) else {
            return refusal(StatusCode::BAD_REQUEST, "a transaction's id has 64 hexadecimal digits");
        };
        // Never closed.
        let Ok(_permit) = self.answers.acquire().await else {
            return refusal(StatusCode::SERVICE_UNAVAILABLE, "the node is shutting down");
        };
        let request =
            ExplainTransactionRequest { transaction_id: fairlane_proto::convert::to_field(&id), height };
        match self.services.explain(request).await.map(|answer| answer.standing) {
            Ok(Some(Standing::Ordered(why))) => answer(StatusCode::OK, &json::explanation(&why)),
            Ok(_) => answer(StatusCode::OK, &json!({ "transaction": id.to_string(), "pending": true })),
            Err(status) => refusal(http_status(status.code()), status.message()),
        }
    }
}

fn http_status(code: Code) -> StatusCode {
    match code {
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::OutOfRange => StatusCode::GONE,
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The state of things, now and whenever it changes.
async fn events(State(explorer): State<Explorer>) -> Response {
    let Ok(permit) = explorer.listeners.clone().try_acquire_owned() else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "too many browsers listen: close one");
    };
    let stopped = explorer.live.stopped();
    let news = WatchStream::new(explorer.live.listen()).filter_map(|text| async move { text });
    let events = news.map(move |text: Arc<str>| {
        let _held = &permit;
        Ok::<_, Infallible>(Event::default().data(&*text))
    });
    // Without an end of its own, a browser would keep a stopping node waiting.
    Sse::new(events.take_until(stopped)).keep_alive(KeepAlive::default()).into_response()
}
