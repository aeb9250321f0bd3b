//! The driver of a rollup that runs the EVM, against the suite that any driver has to pass, with a real client. Skipped
//! where the client's program is not named: it is a workspace of its own, which `check.sh` builds.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use alloy_consensus::TxEip1559;
use alloy_primitives::{Bytes, TxKind, U256};
use fairlane_adapter::evm::EvmDriver;
use fairlane_adapter::{RollupDriver as _, conformance};
use fairlane_evm_rollup::engine::{At, Client, Secret};
use fairlane_evm_rollup::testing::{NETWORK, ROLLUP, batch, genesis, rules, sign, transfer};
use fairlane_evm_rollup::{Chain, Ledger};
use fairlane_types::{Batch, RollupHead};
use redb::Database;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SECRET: [u8; 32] = [3; 32];

/// ethrex, alone. It ends when this is dropped.
struct Ethrex {
    program: PathBuf,
    folder: tempfile::TempDir,
    ports: [u16; 2],
    process: Child,
}

impl Ethrex {
    /// `None`, and said aloud, where there is no such program.
    async fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("FAIRLANE_EVM_CLIENT").map(PathBuf::from) else {
            eprintln!("SKIPPED: FAIRLANE_EVM_CLIENT names no client");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        genesis().write(&folder.path().join("genesis.json")).unwrap();
        let secret = folder.path().join("jwt.hex");
        std::fs::write(&secret, "03".repeat(32)).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let listeners = [0; 2].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
        let ports = listeners.map(|listener| listener.local_addr().unwrap().port());
        let process = spawn(&program, folder.path(), ports);
        let ethrex = Self { program, folder, ports, process };
        ethrex.is_up().await;
        Some(ethrex)
    }

    /// Kills it, and starts it again: what it had in memory is gone.
    async fn restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = spawn(&self.program, self.folder.path(), self.ports);
        self.is_up().await;
    }

    fn client(&self) -> Client {
        let [http, engine] = self.ports.map(|port| format!("http://127.0.0.1:{port}"));
        Client::new("ethrex", &engine, &http, Secret::from_bytes(SECRET)).unwrap()
    }

    async fn is_up(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.client().block(At::Latest).await.is_err() {
            assert!(Instant::now() < deadline, "the client does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn driver(&self) -> EvmDriver {
        let database = Arc::new(Database::create(self.folder.path().join("chain.redb")).unwrap());
        let ledger = Ledger::open(database, NETWORK, ROLLUP, &rules()).unwrap();
        EvmDriver::new(Chain::new(rules(), ledger, self.client(), Vec::new()))
    }
}

impl Drop for Ethrex {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn spawn(program: &Path, folder: &Path, ports: [u16; 2]) -> Child {
    let [http, engine] = ports.map(|port| format!("127.0.0.1:{port}"));
    Command::new(program)
        .arg("--genesis")
        .arg(folder.join("genesis.json"))
        .arg("--jwt-file")
        .arg(folder.join("jwt.hex"))
        .args(["--http", &http, "--engine", &engine])
        .spawn()
        .unwrap()
}

/// What no block takes, of a sender whose next nonce this is.
fn poisons(nonce: u64) -> Vec<Bytes> {
    let of = |change: fn(&mut TxEip1559)| {
        let mut transaction = transfer(nonce);
        change(&mut transaction);
        sign(0, transaction)
    };
    vec![
        Bytes::from_static(&[0xee; 300]),
        of(|transaction| transaction.nonce += 9),
        of(|transaction| transaction.value = U256::MAX),
        of(|transaction| transaction.gas_limit = 20_999),
        of(|transaction| transaction.gas_limit = 30_000_001),
        of(|transaction| transaction.max_fee_per_gas = 1),
        of(|transaction| transaction.chain_id = 1),
    ]
}

/// Batches in each of whose positions stands something that no block takes, one with nothing else, and one that makes a
/// contract whose creation fails.
fn batches() -> Vec<(Batch, ())> {
    const GOOD: u64 = 5;
    let mut contents = Vec::new();
    let mut nonce = 0;
    for position in 0..=usize::try_from(GOOD).unwrap() {
        let mut payloads: Vec<Bytes> = (0..GOOD).map(|more| sign(0, transfer(nonce + more))).collect();
        let before = u64::try_from(position).unwrap();
        let poisons = poisons(nonce + before);
        payloads.insert(position, poisons[position % poisons.len()].clone());
        contents.push(payloads);
        nonce += GOOD;
    }
    contents.push(poisons(nonce));
    let creation = TxEip1559 {
        to: TxKind::Create,
        input: vec![0xfe; 40].into(),
        gas_limit: 200_000,
        value: U256::ZERO,
        ..transfer(nonce)
    };
    contents.push(vec![sign(0, creation), sign(1, transfer(0)), sign(0, transfer(nonce + 1))]);
    let mut head = RollupHead::default();
    let mut batches = Vec::new();
    for (index, payloads) in (1..).zip(contents) {
        // Twice in the same second.
        let batch = batch(index, head, 1_700_000_000 + index / 2, payloads);
        head = batch.header().head(&NETWORK);
        batches.push((batch, ()));
    }
    batches
}

#[tokio::test]
async fn the_evm_rollups_driver_keeps_every_promise() {
    let Some(ethrex) = Ethrex::start().await else { return };
    conformance::check(async || ethrex.driver(), &batches()).await.unwrap();
}

#[tokio::test]
async fn a_poisoned_batch_becomes_the_block_of_what_is_good_and_a_client_that_lost_all_is_fed() {
    let Some(mut ethrex) = Ethrex::start().await else { return };
    let mut driver = ethrex.driver();
    let mut counts = Vec::new();
    for (place, (batch, ())) in batches().iter().enumerate() {
        if place == 4 {
            ethrex.restart().await;
        }
        driver.apply(batch, &()).await.unwrap();
        counts.push(driver.newest().unwrap().payload.transactions().len());
    }
    assert_eq!(counts, [5, 5, 5, 5, 5, 5, 0, 3]);
    let tip = driver.tip();
    let newest = ethrex.client().block(At::Latest).await.unwrap().unwrap();
    assert_eq!((newest.number(), newest.hash, newest.state_root), (8, tip.hash, tip.state_root));
    assert_eq!(ethrex.client().block(At::Safe).await.unwrap().map(|block| block.number()), Some(8));
}
