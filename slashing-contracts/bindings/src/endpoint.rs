//! Connections to an Ethereum node, and reading from contracts.
//!
//! Endpoints' URLs often contain a secret, so no error repeats one.

use crate::error::CallError;
use alloy_contract::SolCallBuilder;
use alloy_network::EthereumWallet;
use alloy_provider::{DynProvider, Provider, ProviderBuilder};
use alloy_rpc_client::RpcClient;
use alloy_rpc_types_eth::BlockId;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall;
use alloy_transport_http::Http;
use std::time::Duration;

/// How long an answer may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);
/// How long a connection is kept that nobody uses. Servers close theirs after a while, those that run on Node after five
/// seconds, and a request that is sent at that moment is lost.
const KEPT_IDLE: Duration = Duration::from_secs(2);
/// How often a transaction is asked for: often on this machine, where blocks are made at will.
const POLL_LOCAL: Duration = Duration::from_millis(50);
const POLL_REMOTE: Duration = Duration::from_secs(3);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// There is none.
    #[error("no Ethereum endpoint is given; name at least one, as http://… or https://…")]
    None,
    /// The URL cannot be read.
    #[error("the Ethereum endpoint's URL cannot be read; write http://… or https://…")]
    Url,
    /// The HTTP client cannot be built, for lack of root certificates for instance.
    #[error("the HTTP client cannot start: {0}")]
    Client(#[from] reqwest::Error),
}

/// A connection for reading. Nothing is sent before the first call.
pub fn connect(url: &str) -> Result<DynProvider, EndpointError> {
    Ok(ProviderBuilder::new().connect_client(client(url)?).erased())
}

/// A connection that signs with `key`; transactions come from its address.
pub fn connect_with_key(url: &str, key: PrivateKeySigner) -> Result<DynProvider, EndpointError> {
    let wallet = EthereumWallet::from(key);
    // Nonces are asked for each time: a cached one would be wrong after a failure, or where others use the key too.
    let builder =
        ProviderBuilder::default().with_gas_estimation().with_simple_nonce_management().fetch_chain_id();
    Ok(builder.wallet(wallet).connect_client(client(url)?).erased())
}

fn client(url: &str) -> Result<RpcClient, EndpointError> {
    let parsed: reqwest::Url = url.parse().map_err(|_| EndpointError::Url)?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(EndpointError::Url);
    }
    // An error means that the process has chosen a provider already, which serves as well.
    rustls::crypto::ring::default_provider().install_default().ok();
    let http = reqwest::Client::builder().timeout(ANSWERED_WITHIN).pool_idle_timeout(KEPT_IDLE).build()?;
    let transport = Http::with_client(http, parsed);
    let is_local = transport.guess_local();
    let client = RpcClient::new(transport, is_local);
    client.set_poll_interval(if is_local { POLL_LOCAL } else { POLL_REMOTE });
    Ok(client)
}

/// Calls a view, in the state after block `at`.
pub(crate) async fn read<P: Provider, C: SolCall>(
    what: &'static str,
    call: SolCallBuilder<P, C>,
    at: BlockId,
) -> Result<C::Return, CallError> {
    call.block(at).call().await.map_err(|error| CallError::contract(what, error))
}
