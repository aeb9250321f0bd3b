//! A worker: takes leases from an adapter, proves one job after another, and gives nothing up that is nearly done.
//!
//! What is proven is kept until the adapter says that it has it, and the lease is kept meanwhile, also across lost
//! connections and restarts of the adapter. Asked to stop, the worker gives back what it has not begun or not finished: a
//! smaller range than it was given.

mod bench;

use bench::Bench;
use fairlane_proto::convert::to_field;
use fairlane_proto::v1::prover_service_client::ProverServiceClient;
use fairlane_proto::v1::work_request::Message as Outgoing;
use fairlane_proto::v1::work_response::Message as Incoming;
use fairlane_proto::v1::{
    GetInputRequest, KeepLease, RegisterWorker, ReportFailure, ReturnLease, SubmitProof, WorkRequest,
    WorkResponse,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};

/// Makes proofs.
pub trait Prove: Send + Sync + 'static {
    /// What it can prove.
    fn keys(&self) -> Vec<crate::ProofKey>;
    /// Proves the job with this input. May keep all processors busy for minutes; called where it may block.
    ///
    /// # Errors
    /// Why it cannot, for people.
    fn prove(&self, input: &[u8]) -> Result<Vec<u8>, String>;
}

/// Where and as what a worker works.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The adapter, as `http://host:port`.
    pub adapter: String,
    /// For the adapter's logs.
    pub name: String,
    /// How many jobs it takes at a time. It proves one after another.
    pub slots: u32,
    /// Whether it takes what others have failed at, too.
    pub fallback: bool,
    /// The adapter's access token.
    pub access: Option<String>,
}

/// Why a worker cannot work.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The address or the token cannot be used.
    #[error("the adapter's address or access token cannot be used: {0}")]
    Options(String),
}

/// How long the adapter is left alone after a failure.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Messages to the adapter that may wait.
const OUTBOX: usize = 64;
/// How long the last words may take, when the worker stops.
const FAREWELL: Duration = Duration::from_secs(20);

struct Adapter {
    client: ProverServiceClient<Channel>,
    access: Option<MetadataValue<Ascii>>,
}

impl Adapter {
    fn new(options: &WorkerOptions) -> Result<Self, WorkerError> {
        let unusable = |error: &dyn std::fmt::Display| WorkerError::Options(error.to_string());
        let endpoint = Endpoint::from_shared(options.adapter.clone())
            .map_err(|error| unusable(&error))?
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        let access = options.access.as_ref().map(|token| format!("Bearer {token}").parse()).transpose();
        let client = ProverServiceClient::new(endpoint.connect_lazy())
            .max_decoding_message_size(2 * crate::MAX_INPUT_BYTES);
        Ok(Self { client, access: access.map_err(|error| unusable(&error))? })
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(access) = &self.access {
            request.metadata_mut().insert("authorization", access.clone());
        }
        request
    }

    async fn input(&mut self, hash: &fairlane_types::Hash32) -> Result<bytes::Bytes, Status> {
        let mut request = self.request(GetInputRequest { input_hash: to_field(hash) });
        request.set_timeout(Duration::from_secs(20));
        let input = self.client.get_input(request).await?.into_inner().input;
        match fairlane_types::crypto::sha256(&[&input]) == *hash {
            true => Ok(input),
            false => Err(Status::data_loss("the adapter sent another input")),
        }
    }
}

/// Works until `stop`, through all failures of the adapter.
///
/// # Errors
/// The options cannot be used.
pub async fn run(
    options: WorkerOptions,
    prover: Arc<dyn Prove>,
    stop: CancellationToken,
) -> Result<(), WorkerError> {
    let mut adapter = Adapter::new(&options)?;
    let (mut bench, mut pause) = (Bench::new(prover), FIRST_PAUSE);
    while !stop.is_cancelled() {
        let ended = work(&mut adapter, &options, &mut bench, &stop).await;
        if stop.is_cancelled() {
            break;
        }
        match ended {
            Ok(()) => pause = FIRST_PAUSE,
            Err(status) => {
                tracing::warn!(why = status.message(), retry_in = ?pause, "the adapter is away");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            () = stop.cancelled() => {}
        }
    }
    Ok(())
}

/// One stream, until it ends.
async fn work(
    adapter: &mut Adapter,
    options: &WorkerOptions,
    bench: &mut Bench,
    stop: &CancellationToken,
) -> Result<(), Status> {
    let (outbox, messages) = mpsc::channel(OUTBOX);
    let send = |message| outbox.try_send(WorkRequest { message: Some(message) });
    let full = |_| Status::resource_exhausted("the adapter takes no messages");
    send(Outgoing::Register(registration(options, bench))).map_err(full)?;
    let request = adapter.request(ReceiverStream::new(messages));
    let mut inbound = adapter.client.work(request).await?.into_inner();
    let lease = registered(&mut inbound).await?;
    tracing::info!(adapter = options.adapter, ?lease, "registered");
    for (token, id, proof) in bench.proofs() {
        send(submission(token, id, proof)).map_err(full)?;
    }
    let mut keeping = tokio::time::interval((lease / 4).max(Duration::from_millis(100)));
    loop {
        start_next(adapter, bench).await?;
        tokio::select! {
            message = inbound.message() => match message? {
                Some(message) => bench.hear(message),
                None => return Ok(()),
            },
            (token, id, outcome) = bench.finished() => {
                send(match outcome {
                    Ok(proof) => submission(token, id, proof),
                    Err(reason) => Outgoing::Failure(ReportFailure { token, job_id: to_field(&id.0), reason }),
                }).map_err(full)?;
            }
            _ = keeping.tick() => {
                for token in bench.tokens() {
                    send(Outgoing::Keep(KeepLease { token })).map_err(full)?;
                }
            }
            () = stop.cancelled() => {
                for token in bench.unfinished() {
                    send(Outgoing::Return(ReturnLease { token })).map_err(full)?;
                }
                drop(outbox);
                // The stream ends once the adapter has read all of it.
                let rest = async { while let Ok(Some(_)) = inbound.message().await {} };
                tokio::time::timeout(FAREWELL, rest).await.ok();
                return Ok(());
            }
        }
    }
}

fn registration(options: &WorkerOptions, bench: &Bench) -> RegisterWorker {
    let key = |key: crate::ProofKey| fairlane_proto::v1::ProofKey {
        system: key.system,
        verification_key_hash: to_field(&key.vk),
    };
    RegisterWorker {
        name: options.name.clone(),
        keys: bench.keys().into_iter().map(key).collect(),
        slots: options.slots,
        fallback: options.fallback,
        held: bench.tokens(),
    }
}

fn submission(token: u64, id: crate::JobId, proof: Vec<u8>) -> Outgoing {
    Outgoing::Proof(SubmitProof { token, job_id: to_field(&id.0), proof: proof.into() })
}

/// The adapter's first answer: how long a lease holds that is not kept.
async fn registered(inbound: &mut Streaming<WorkResponse>) -> Result<Duration, Status> {
    match inbound.message().await?.and_then(|first| first.message) {
        Some(Incoming::Registered(registered)) => Ok(Duration::from_millis(registered.lease_millis)),
        _ => Err(Status::internal("the adapter does not answer the registration")),
    }
}

/// Begins with the next job, if none is under way.
async fn start_next(adapter: &mut Adapter, bench: &mut Bench) -> Result<(), Status> {
    while let Some(input) = bench.next_input() {
        match adapter.input(&input).await {
            Ok(input) => bench.start(input),
            Err(status) if status.code() == tonic::Code::NotFound => bench.skip(),
            Err(status) => return Err(status),
        }
    }
    Ok(())
}
