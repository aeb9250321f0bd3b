//! The two gRPC servers: the public one, and the operator's on loopback.

use super::Services;
use super::admin::Admin;
use super::batch::Batches;
use super::chain::ChainInfo;
use super::core::Core;
use super::evidence::Offences;
use super::incoming::connections;
use super::submit::Submissions;
use crate::store::StoreError;
use fairlane_proto::v1::{
    FILE_DESCRIPTOR_SET, admin_service_server::AdminServiceServer, batch_service_server::BatchServiceServer,
    chain_service_server::ChainServiceServer, evidence_service_server::EvidenceServiceServer,
    submit_service_server::SubmitServiceServer,
};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic_health::server::HealthReporter;

/// How often idle connections are probed, and how long a probe may stay unanswered.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// Calls under way on one connection.
const STREAMS_PER_CONNECTION: u32 = 256;
/// Bytes that a client may send ahead of what is read: on one stream, and on the connection.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;
/// The longest request headers, in bytes.
const HEADER_BYTES: u32 = 16 << 10;
/// How long calls under way may take to end when the node stops.
const GRACE: Duration = Duration::from_secs(5);
/// Connections of the operator.
const ADMIN_CONNECTIONS: usize = 64;

/// Why the services cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// An address cannot be listened at.
    #[error("gRPC cannot be served at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The operator's service would be open to others.
    #[error(
        "{0} is no loopback address: the admin service has no authentication and listens on loopback only"
    )]
    AdminNotLoopback(SocketAddr),
    /// The newest block cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A server failed.
    #[error("the gRPC server failed: {0}")]
    Server(#[from] tonic::transport::Error),
    /// The descriptors that reflection serves are not well formed.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// The sockets of both servers.
#[derive(Debug)]
pub struct RpcListeners {
    public: TcpListener,
    admin: TcpListener,
}

impl RpcListeners {
    /// Listens at both addresses; port 0 takes a free one. The admin address must be loopback.
    pub async fn bind(public: SocketAddr, admin: SocketAddr) -> Result<Self, RpcError> {
        if !admin.ip().is_loopback() {
            return Err(RpcError::AdminNotLoopback(admin));
        }
        Ok(Self { public: listen(public).await?, admin: listen(admin).await? })
    }

    /// Where the public services are.
    pub fn public_address(&self) -> std::io::Result<SocketAddr> {
        self.public.local_addr()
    }

    /// Where the operator's service is.
    pub fn admin_address(&self) -> std::io::Result<SocketAddr> {
        self.admin.local_addr()
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, RpcError> {
    TcpListener::bind(address).await.map_err(|source| RpcError::Listen { address, source })
}

/// Serves until `shutdown`, and then a little longer for calls under way.
pub async fn serve(
    listeners: RpcListeners,
    services: Services,
    shutdown: CancellationToken,
) -> Result<(), RpcError> {
    let core = services.0;
    let grace = async {
        shutdown.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        result = futures::future::try_join(
            serve_public(listeners.public, core.clone(), shutdown.clone()),
            serve_admin(listeners.admin, core, shutdown.clone()),
        ) => result.map(drop),
        () = grace => Ok(()),
    }
}

fn builder() -> Server {
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_max_header_list_size(HEADER_BYTES)
}

fn serve_public(
    listener: TcpListener,
    core: Arc<Core>,
    shutdown: CancellationToken,
) -> impl Future<Output = Result<(), RpcError>> {
    let limit = core.limits.max_request_bytes;
    let incoming = connections(listener, core.limits.max_connections);
    async move {
        let (reporter, health) = tonic_health::server::health_reporter();
        tokio::spawn(report_health(core.clone(), reporter));
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()?;
        let submit = SubmitServiceServer::new(Submissions(core.clone())).max_decoding_message_size(limit);
        builder()
            .add_service(health)
            .add_service(reflection)
            .add_service(submit)
            .add_service(BatchServiceServer::new(Batches(core.clone())).max_decoding_message_size(limit))
            .add_service(ChainServiceServer::new(ChainInfo(core.clone())).max_decoding_message_size(limit))
            .add_service(EvidenceServiceServer::new(Offences(core)).max_decoding_message_size(limit))
            .serve_with_incoming_shutdown(incoming, shutdown.cancelled_owned())
            .await?;
        Ok(())
    }
}

async fn serve_admin(
    listener: TcpListener,
    core: Arc<Core>,
    shutdown: CancellationToken,
) -> Result<(), RpcError> {
    builder()
        .add_service(AdminServiceServer::new(Admin(core)))
        .serve_with_incoming_shutdown(connections(listener, ADMIN_CONNECTIONS), shutdown.cancelled_owned())
        .await?;
    Ok(())
}

type Submit = SubmitServiceServer<Submissions>;
type Batch = BatchServiceServer<Batches>;
type Chain = ChainServiceServer<ChainInfo>;

/// Keeps the health service informed: a node that is behind, or that takes no transactions, is not to be sent any.
async fn report_health(core: Arc<Core>, reporter: HealthReporter) {
    let mut engine = core.engine.clone();
    let mut lanes = core.lanes.as_ref().map(|lanes| lanes.status());
    loop {
        let is_serving = !core.is_catching_up();
        let is_writing = lanes.as_mut().is_some_and(|lanes| lanes.borrow_and_update().writing);
        engine.mark_unchanged();
        set::<Batch>(&reporter, is_serving).await;
        set::<Chain>(&reporter, is_serving).await;
        set::<Submit>(&reporter, is_serving && is_writing).await;
        let all = if is_serving {
            tonic_health::ServingStatus::Serving
        } else {
            tonic_health::ServingStatus::NotServing
        };
        reporter.set_service_status("", all).await;
        let lanes_changed = async {
            match &mut lanes {
                Some(lanes) => lanes.changed().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        let goes_on = tokio::select! {
            changed = engine.changed() => changed.is_ok(),
            changed = lanes_changed => changed,
            () = core.shutdown.cancelled() => false,
        };
        if !goes_on {
            break;
        }
    }
    set::<Batch>(&reporter, false).await;
    set::<Chain>(&reporter, false).await;
    set::<Submit>(&reporter, false).await;
    reporter.set_service_status("", tonic_health::ServingStatus::NotServing).await;
}

async fn set<S: tonic::server::NamedService>(reporter: &HealthReporter, serving: bool) {
    match serving {
        true => reporter.set_serving::<S>().await,
        false => reporter.set_not_serving::<S>().await,
    }
}
