//! JSON-RPC over HTTP, one request or many at once, with bounds on time and size.

use super::secret::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long an answer may take: a client may execute a full block in it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// How long a connection is kept that nobody uses. Clients close theirs after a while, ethereumjs after five seconds, and a
/// request that is sent at that moment is lost.
const KEPT_IDLE: Duration = Duration::from_secs(2);
/// The most bytes of an answer.
const MAX_ANSWER: usize = 64 << 20;
/// How many requests go together.
const TOGETHER: usize = 300;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// The URL cannot be read.
    #[error("its URL cannot be read; write http://… or https://…")]
    Url,
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot start: {0}")]
    Start(reqwest::Error),
    /// It does not answer, or not in time.
    #[error("it does not answer: {0}")]
    Away(reqwest::Error),
    /// It does not accept the token.
    #[error(
        "it does not accept the token: both sides need the same secret, and clocks less than a minute apart"
    )]
    Unauthorized,
    /// It answers with an error of HTTP.
    #[error("it answers {0}")]
    Status(reqwest::StatusCode),
    /// The answer is too long.
    #[error("its answer has more than {MAX_ANSWER} bytes")]
    TooLong,
    /// The answer is no answer.
    #[error("its answer makes no sense: {0}")]
    Nonsense(String),
    /// It says no.
    #[error("it says: {message} ({code})")]
    Refused {
        /// The code.
        code: i64,
        /// Why.
        message: String,
    },
}

/// A method and its parameters.
pub(super) type Call = (&'static str, Value);

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    result: Value,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    code: i64,
    message: String,
}

impl Answer {
    fn read(self) -> Result<Value, RpcError> {
        match self.error {
            None => Ok(self.result),
            // Clients differ in how they say it.
            Some(refusal) if refusal.message.to_lowercase().contains("auth") => Err(RpcError::Unauthorized),
            Some(Refusal { code, message }) => Err(RpcError::Refused { code, message }),
        }
    }
}

/// One of a client's addresses. No error repeats its URL, which may contain a secret.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    http: reqwest::Client,
    url: reqwest::Url,
    secret: Option<Secret>,
}

impl Endpoint {
    /// Nothing is sent before the first call. With a secret, each request has a new token.
    pub(super) fn new(url: &str, secret: Option<Secret>) -> Result<Self, RpcError> {
        let url: reqwest::Url = url.parse().map_err(|_| RpcError::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(RpcError::Url);
        }
        // An error means that the process has chosen a provider already, which serves as well.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().timeout(ANSWERED_WITHIN).pool_idle_timeout(KEPT_IDLE);
        let http = http.build().map_err(RpcError::Start)?;
        Ok(Self { http, url, secret })
    }

    /// One call.
    pub(super) async fn call(&self, (method, params): Call) -> Result<Value, RpcError> {
        let answer: Answer = self.post(&request(0, method, &params)).await?;
        answer.read()
    }

    /// Many calls. The results are in their order; the first error is that of all.
    pub(super) async fn calls(&self, calls: &[Call]) -> Result<Vec<Value>, RpcError> {
        let mut results = Vec::with_capacity(calls.len());
        for part in calls.chunks(TOGETHER) {
            let requests = part.iter().enumerate().map(|(id, (method, params))| request(id, method, params));
            let mut answers: Vec<Answer> = self.post(&requests.collect()).await?;
            answers.sort_by_key(|answer| answer.id.as_u64());
            let in_order = answers.iter().enumerate().all(|(id, answer)| answer.id == json!(id));
            if answers.len() != part.len() || !in_order {
                return Err(RpcError::Nonsense(format!(
                    "{} answers to {} requests",
                    answers.len(),
                    part.len()
                )));
            }
            for answer in answers {
                results.push(answer.read()?);
            }
        }
        Ok(results)
    }

    async fn post<T: for<'de> Deserialize<'de>>(&self, content: &Value) -> Result<T, RpcError> {
        let away = |error: reqwest::Error| RpcError::Away(error.without_url());
        let mut request = self
            .http
            .post(self.url.clone())
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(content.to_string());
        if let Some(secret) = &self.secret {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            request = request.bearer_auth(secret.token(now.as_secs()));
        }
        let mut response = request.send().await.map_err(away)?;
        match response.status() {
            status if status.is_success() => {}
            status if matches!(status.as_u16(), 401 | 403) => return Err(RpcError::Unauthorized),
            status => return Err(RpcError::Status(status)),
        }
        let mut bytes = Vec::new();
        while let Some(part) = response.chunk().await.map_err(away)? {
            if bytes.len() + part.len() > MAX_ANSWER {
                return Err(RpcError::TooLong);
            }
            bytes.extend_from_slice(&part);
        }
        serde_json::from_slice(&bytes).map_err(|error| RpcError::Nonsense(error.to_string()))
    }
}

fn request(id: usize, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use axum::Router;
    use axum::extract::ConnectInfo;
    use axum::routing::post;
    use std::net::SocketAddr;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_connection_that_was_idle_for_long_is_not_used_again() {
        // Tells each request the port that it comes from.
        let port = async |ConnectInfo(from): ConnectInfo<SocketAddr>| {
            json!({ "id": 0, "result": from.port() }).to_string()
        };
        let router = Router::new().route("/", post(port)).into_make_service_with_connect_info::<SocketAddr>();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let endpoint = Endpoint::new(&url, None).unwrap();
        let first = endpoint.call(("port", json!([]))).await.unwrap();
        tokio::time::sleep(KEPT_IDLE + Duration::from_millis(100)).await;
        let second = endpoint.call(("port", json!([]))).await.unwrap();
        assert_ne!(first, second, "the same connection, whatever the other side thinks of it");
    }
}
