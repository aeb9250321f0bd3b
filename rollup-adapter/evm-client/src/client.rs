//! ethrex's parts, put together: a store, the chain, and its two servers. Its peer-to-peer network is there because the
//! servers ask for one; it knows nobody and listens nowhere.

use crate::{Cli, secret};
use ethrex_blockchain::{Blockchain, BlockchainOptions};
use ethrex_common::H256;
use ethrex_common::types::Genesis;
use ethrex_p2p::network::P2PContext;
use ethrex_p2p::peer_handler::PeerHandler;
use ethrex_p2p::peer_table::{PeerTableServer, TARGET_PEERS};
use ethrex_p2p::rlpx::initiator::RLPxInitiator;
use ethrex_p2p::sync::SyncMode;
use ethrex_p2p::sync_manager::SyncManager;
use ethrex_p2p::types::{NetworkConfig, Node, NodeRecord};
use ethrex_p2p::utils::public_key_from_signing_key;
use ethrex_rpc::{ClientVersion, RpcNamespace, bind_api};
use ethrex_storage::{EngineType, Store};
use eyre::WrapErr as _;
use secp256k1::SecretKey;
use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often transactions would be passed on, in milliseconds, and peers looked for: nobody is there.
const BROADCAST_INTERVAL: u64 = 60_000;
const LOOKUP_INTERVAL: f64 = 60_000.0;

/// Serves until `stop`.
pub(crate) async fn serve(cli: &Cli, stop: CancellationToken) -> eyre::Result<()> {
    let genesis = read_genesis(&cli.genesis)?;
    let secret = secret::read(&cli.jwt_file)?;
    let gas_limit = genesis.gas_limit;
    let store = open_store(genesis).await?;
    let chain = Arc::new(Blockchain::new(store.clone(), BlockchainOptions::default()));
    chain.set_synced();
    let key = SecretKey::new(&mut secp256k1::rand::thread_rng());
    let node = Node::new(Ipv4Addr::LOCALHOST.into(), 0, 0, public_key_from_signing_key(&key));
    let peers = nobody(&node, key, &store, &chain)?;
    let record = NodeRecord::from_node(&node, 1, &key)?;
    let sync = SyncManager::new(
        peers.clone(),
        &SyncMode::Full,
        stop.clone(),
        chain.clone(),
        store.clone(),
        PathBuf::from("."),
    )
    .await;
    let namespaces = [RpcNamespace::Eth, RpcNamespace::Net, RpcNamespace::Web3, RpcNamespace::Testing];
    let servers = bind_api(
        stop,
        cli.http,
        None,
        cli.engine,
        store,
        chain,
        secret.to_vec().into(),
        node,
        record,
        sync,
        peers,
        version(),
        None,
        // The limit stays what it is in genesis.
        gas_limit,
        String::new(),
        HashSet::from(namespaces),
    )
    .await?;
    tracing::info!(http = %cli.http, engine = %cli.engine, "the client serves");
    Ok(servers.serve().await?)
}

fn read_genesis(path: &std::path::Path) -> eyre::Result<Genesis> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).wrap_err_with(|| format!("genesis file {shown}"))?;
    serde_json::from_str(&text).wrap_err_with(|| format!("genesis file {shown}"))
}

async fn open_store(genesis: Genesis) -> eyre::Result<Store> {
    let mut store = Store::new("", EngineType::InMemory).wrap_err("opening the store")?;
    store.add_initial_state(genesis).await.wrap_err("the store begins with another genesis")?;
    Ok(store)
}

/// A peer-to-peer network without peers.
fn nobody(node: &Node, key: SecretKey, store: &Store, chain: &Arc<Blockchain>) -> eyre::Result<PeerHandler> {
    let table = PeerTableServer::spawn(H256::random(), TARGET_PEERS, store.clone());
    let context = P2PContext::new(
        node.clone(),
        NetworkConfig::from_node(node),
        TaskTracker::default(),
        key,
        table.clone(),
        store.clone(),
        chain.clone(),
        String::new(),
        None,
        BROADCAST_INTERVAL,
        LOOKUP_INTERVAL,
    )?;
    Ok(PeerHandler::new(table, RLPxInitiator::spawn_on_thread(context)))
}

fn version() -> ClientVersion {
    let own = |text: &str| text.to_owned();
    ClientVersion::new(
        own("ethrex"),
        own("24.0.0"),
        own(env!("CARGO_PKG_NAME")),
        own("00000000"),
        own(std::env::consts::ARCH),
        own("1.94"),
    )
}
