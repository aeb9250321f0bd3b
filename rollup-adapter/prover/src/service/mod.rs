//! The desk over gRPC: `ProverService` (proto/fairlane/v1/prover.proto).
//!
//! Whatever a worker does costs bounded memory and time: workers, slots, messages a second, and bytes of a message are
//! limited, and a worker that reads nothing is sent nothing more. An offer is a lease: who does not keep it loses it.
//! Proofs are verified here, where that may block, before they count.
//!
//! Whoever reaches the address and has the access token, if one is set, may work. It learns the inputs, which are public,
//! and can waste a job's attempts, but never have anything false settled.

mod session;

use crate::desk::Desk;
use crate::job::JobSpec;
use fairlane_proto::convert::array;
use fairlane_proto::v1::prover_service_server::{ProverService, ProverServiceServer};
use fairlane_proto::v1::{GetInputRequest, GetInputResponse, WorkRequest, WorkResponse};
use fairlane_types::Hash32;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

/// Judges proofs. May take milliseconds; called where it may block.
pub trait CheckProof: Send + Sync + 'static {
    /// Whether a proof shows what the job with this input asks for.
    fn holds(&self, job: &JobSpec, input: &[u8], proof: &[u8]) -> bool;
}

/// What workers may do.
#[derive(Clone, Copy, Debug)]
pub struct ServiceLimits {
    /// How many are served at a time.
    pub workers: usize,
    /// How many jobs one may have at a time.
    pub slots: u32,
    /// How many messages one may send in a second.
    pub messages_per_second: u32,
    /// The largest message, in bytes.
    pub message_bytes: usize,
    /// How long a worker may take to register.
    pub register_within: Duration,
    /// How many invalid proofs one may send until its stream ends.
    pub invalid_proofs: u32,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            workers: 64,
            slots: 8,
            messages_per_second: 50,
            message_bytes: 64 << 10,
            register_within: Duration::from_secs(5),
            invalid_proofs: 3,
        }
    }
}

/// How many messages to a worker may wait.
const OUTBOX: usize = 16;

struct Service {
    desk: Desk,
    check: Arc<dyn CheckProof>,
    limits: ServiceLimits,
    places: Arc<Semaphore>,
    stop: CancellationToken,
}

/// Serves workers until `stop`. With an access token, only those that send it.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    listener: TcpListener,
    desk: Desk,
    check: Arc<dyn CheckProof>,
    limits: ServiceLimits,
    access: Option<String>,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let places = Arc::new(Semaphore::new(limits.workers));
    let service = ProverServiceServer::new(Service { desk, check, limits, places, stop: stop.clone() })
        .max_decoding_message_size(limits.message_bytes)
        .max_encoding_message_size(2 * crate::MAX_INPUT_BYTES);
    let gate =
        tonic::service::InterceptorLayer::new(move |request: Request<()>| admit(request, access.as_deref()));
    Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .concurrency_limit_per_connection(8)
        .layer(gate)
        .add_service(service)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), stop.cancelled_owned())
        .await
}

/// Compares the token in a time that does not depend on where it differs.
fn admit(request: Request<()>, access: Option<&str>) -> Result<Request<()>, Status> {
    let Some(access) = access else { return Ok(request) };
    let expected = format!("Bearer {access}");
    let given = request.metadata().get("authorization").map_or(&[][..], |value| value.as_bytes());
    let differs = given.iter().zip(expected.as_bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
    if given.len() == expected.len() && differs == 0 {
        return Ok(request);
    }
    Err(Status::unauthenticated("the access token is missing or wrong: see prover.access_token_file"))
}

#[tonic::async_trait]
impl ProverService for Service {
    type WorkStream = Pin<Box<dyn tokio_stream::Stream<Item = Result<WorkResponse, Status>> + Send>>;

    async fn work(
        &self,
        request: Request<Streaming<WorkRequest>>,
    ) -> Result<Response<Self::WorkStream>, Status> {
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| Status::resource_exhausted("too many workers: try again later"))?;
        let (outbox, messages) = mpsc::channel(OUTBOX);
        let (desk, check, limits) = (self.desk.clone(), self.check.clone(), self.limits);
        let (inbound, stop) = (request.into_inner(), self.stop.clone());
        tokio::spawn(async move {
            desk.counters().workers.fetch_add(1, Relaxed);
            session::Session::new(desk.clone(), check, limits, outbox).run(inbound, stop).await;
            desk.counters().workers.fetch_sub(1, Relaxed);
            drop(place);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(messages))))
    }

    async fn get_input(
        &self,
        request: Request<GetInputRequest>,
    ) -> Result<Response<GetInputResponse>, Status> {
        let hash = array("input_hash", &request.into_inner().input_hash);
        let hash = Hash32::from_bytes(hash.map_err(|error| Status::invalid_argument(error.to_string()))?);
        let input = self.desk.run(move |desk| desk.input(&hash)).await.map_err(session::failed)?;
        let input = input.ok_or_else(|| Status::not_found("no job has this input"))?;
        Ok(Response::new(GetInputResponse { input }))
    }
}
