//! Clients that lie, refuse or forget, which no real one does when it is asked to. Real ones are in the adapter's tests and
//! in the demonstration.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::engine::Secret;
use crate::genesis::requests_hash;
use crate::testing::{NETWORK, ROLLUP, batch, ether, rules, sign, transfer};
use alloy_consensus::proofs::ordered_trie_root_with_encoder;
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, Header};
use alloy_primitives::{Bytes, U64, U256};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use fairlane_types::RollupHead;
use redb::Database;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// What a client does that it should not.
#[derive(Clone, Debug, Default)]
struct Vice {
    no_engine: bool,
    wrong_token: bool,
    other_genesis: bool,
    /// Refuses lists with this transaction.
    refuses: Option<Bytes>,
    /// Builds blocks with another time, or with another hash than their content's.
    late: bool,
    other_hash: bool,
    /// What it says of blocks.
    verdict: Option<&'static str>,
}

/// Executes nothing: its state is always the same.
#[derive(Debug)]
struct Fake {
    vice: Vice,
    blocks: Vec<(B256, Value)>,
    newest: usize,
    finalized: B256,
}

type Shared = Arc<Mutex<Fake>>;

impl Fake {
    async fn start(vice: Vice) -> (Client, Shared) {
        let mut zero = rules().genesis;
        if vice.other_genesis {
            zero.timestamp = 77;
        }
        let block = json!({ "timestamp": U64::from(zero.timestamp) });
        let blocks = vec![(zero.hash_slow(), block)];
        let fake = Arc::new(Mutex::new(Self { vice, blocks, newest: 0, finalized: B256::ZERO }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(serve)).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (Client::new("fake", &url, &url, Secret::from_bytes([1; 32])).unwrap(), fake)
    }

    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        match method {
            "engine_exchangeCapabilities" if self.vice.no_engine => Ok(json!(["engine_newPayloadV4"])),
            "engine_exchangeCapabilities" => Ok(params[0].clone()),
            "eth_getBlockByNumber" => Ok(self.block(&params[0])),
            "eth_getTransactionCount" => Ok(json!("0x0")),
            "eth_getBalance" => Ok(json!(ether(1))),
            "eth_getCode" => Ok(json!("0x")),
            "testing_buildBlockV1" => self.build(params),
            "engine_newPayloadV4" => Ok(self.execute(&params[0])),
            "engine_forkchoiceUpdatedV3" => Ok(json!({ "payloadStatus": self.follow(&params[0]) })),
            other => Err(format!("no method {other}")),
        }
    }

    fn block(&self, at: &Value) -> Value {
        let number = match at.as_str() {
            Some("latest") => self.newest,
            Some(number) => usize::from_str_radix(&number[2..], 16).unwrap(),
            None => return Value::Null,
        };
        let Some((hash, _)) = self.blocks.get(number) else { return Value::Null };
        json!({ "number": U64::from(number), "hash": hash, "stateRoot": B256::repeat_byte(9) })
    }

    fn build(&self, params: &Value) -> Result<Value, String> {
        let transactions: Vec<Bytes> = serde_json::from_value(params[2].clone()).unwrap();
        if self.vice.refuses.as_ref().is_some_and(|refused| transactions.contains(refused)) {
            return Err("invalid transaction: against its taste".to_owned());
        }
        let field = |name: &str| serde_json::from_value(params[1][name].clone()).unwrap();
        let timestamp: U64 = serde_json::from_value(params[1]["timestamp"].clone()).unwrap();
        let timestamp = timestamp + U64::from(u64::from(self.vice.late));
        let head: B256 = field("parentBeaconBlockRoot");
        let header = Header {
            parent_hash: serde_json::from_value(params[0].clone()).unwrap(),
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: rules().fee_recipient,
            state_root: B256::repeat_byte(9),
            transactions_root: ordered_trie_root_with_encoder(&transactions, |bytes, out| {
                out.extend_from_slice(bytes);
            }),
            receipts_root: EMPTY_ROOT_HASH,
            number: self.newest as u64 + 1,
            gas_limit: rules().gas_limit,
            timestamp: timestamp.to(),
            extra_data: Bytes::copy_from_slice(head.as_slice()),
            mix_hash: field("prevRandao"),
            base_fee_per_gas: Some(if self.newest == 0 { 875_000_000 } else { 765_625_000 }),
            withdrawals_root: Some(EMPTY_ROOT_HASH),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(head),
            requests_hash: Some(requests_hash(&[])),
            ..Header::default()
        };
        let hash = if self.vice.other_hash { B256::ZERO } else { header.hash_slow() };
        Ok(json!({ "executionPayload": {
            "parentHash": header.parent_hash,
            "feeRecipient": header.beneficiary,
            "stateRoot": header.state_root,
            "receiptsRoot": header.receipts_root,
            "logsBloom": header.logs_bloom,
            "prevRandao": header.mix_hash,
            "blockNumber": U64::from(header.number),
            "gasLimit": U64::from(header.gas_limit),
            "gasUsed": "0x0",
            "timestamp": timestamp,
            "extraData": header.extra_data,
            "baseFeePerGas": U256::from(header.base_fee_per_gas.unwrap()),
            "blockHash": hash,
            "transactions": transactions,
            "withdrawals": [],
            "blobGasUsed": "0x0",
            "excessBlobGas": "0x0",
        }, "executionRequests": [] }))
    }

    fn execute(&mut self, payload: &Value) -> Value {
        if let Some(verdict) = self.vice.verdict {
            return json!({ "status": verdict, "validationError": "not my kind of block" });
        }
        let hash = |name: &str| serde_json::from_value::<B256>(payload[name].clone()).unwrap();
        let Some(parent) = self.blocks.iter().position(|(known, _)| *known == hash("parentHash")) else {
            return json!({ "status": "SYNCING" });
        };
        self.blocks.truncate(parent + 1);
        self.blocks.push((hash("blockHash"), payload.clone()));
        json!({ "status": "VALID" })
    }

    fn follow(&mut self, state: &Value) -> Value {
        let head: B256 = serde_json::from_value(state["headBlockHash"].clone()).unwrap();
        let Some(newest) = self.blocks.iter().position(|(known, _)| *known == head) else {
            return json!({ "status": "SYNCING" });
        };
        self.newest = newest;
        self.finalized = serde_json::from_value(state["finalizedBlockHash"].clone()).unwrap();
        json!({ "status": "VALID" })
    }
}

async fn serve(State(fake): State<Shared>, headers: HeaderMap, body: String) -> Result<String, StatusCode> {
    let mut fake = fake.lock().unwrap();
    if fake.vice.wrong_token && headers.contains_key("authorization") {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let mut one = |request: &Value| {
        let outcome = fake.answer(request["method"].as_str().unwrap(), &request["params"]);
        match outcome {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }),
            Err(message) => {
                json!({ "jsonrpc": "2.0", "id": request["id"], "error": { "code": -32000, "message": message } })
            }
        }
    };
    let request: Value = serde_json::from_str(&body).unwrap();
    let answer = match &request {
        // In any order, as JSON-RPC allows.
        Value::Array(many) => many.iter().rev().map(one).collect(),
        single => one(single),
    };
    Ok(answer.to_string())
}

fn ledger() -> Ledger {
    let database = Database::builder().create_with_backend(redb::backends::InMemoryBackend::new()).unwrap();
    Ledger::open(Arc::new(database), NETWORK, ROLLUP, &rules()).unwrap()
}

fn first_batch() -> Batch {
    let payloads =
        vec![sign(0, transfer(0)), sign(1, transfer(0)), sign(1, transfer(1)), sign(2, transfer(0))];
    batch(1, RollupHead::default(), 1_700_000_000, payloads)
}

async fn outcome_with(builder: Vice, follower: Vice) -> Result<Executed, ChainError> {
    let clients = [Fake::start(builder).await.0, Fake::start(follower).await.0];
    let [builder, follower] = clients;
    let mut chain = Chain::new(rules(), ledger(), builder, vec![follower]);
    chain.carry_out(&first_batch(), BatchIndex::ZERO).await
}

#[tokio::test]
async fn what_a_client_does_wrong_is_said_and_stops_the_chain_where_trying_again_does_not_help() {
    let good = Vice::default;
    let cases: [(Vice, Vice, &str, bool); 8] = [
        (Vice { no_engine: true, ..good() }, good(), "does not have `engine_forkchoiceUpdatedV3`", true),
        (good(), Vice { no_engine: true, ..good() }, "does not have `engine_forkchoiceUpdatedV3`", true),
        (Vice { wrong_token: true, ..good() }, good(), "does not accept the token", false),
        (good(), Vice { other_genesis: true, ..good() }, "start it with the rollup's genesis file", true),
        (
            Vice { late: true, ..good() },
            good(),
            "its timestamp is 1700000001, and the rules give 1700000000",
            true,
        ),
        (Vice { other_hash: true, ..good() }, good(), "its hash is 0x0000", true),
        (good(), Vice { verdict: Some("INVALID"), ..good() }, "wrong (not my kind of block)", true),
        (
            good(),
            Vice { verdict: Some("SYNCING"), ..good() },
            "cannot execute the block of batch 1 yet",
            false,
        ),
    ];
    for (builder, follower, says, is_final) in cases {
        let error = outcome_with(builder, follower).await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(error.is_final(), is_final, "{error}");
    }
}

#[tokio::test]
async fn what_a_builder_refuses_against_the_rules_is_left_out_with_what_depends_on_it() {
    for (place, left, skipped) in [(0, 3, 1), (1, 2, 2), (3, 3, 1)] {
        let refuses = Some(Bytes::from(first_batch().items()[place].payload.clone()));
        let executed = outcome_with(Vice { refuses, ..Vice::default() }, Vice::default()).await.unwrap();
        assert_eq!(executed.payload.transactions().len(), left);
        assert_eq!(executed.skipped.values().sum::<u32>(), skipped, "{:?}", executed.skipped);
        assert_eq!(executed.skipped.get("refused"), Some(&1));
    }
}

#[tokio::test]
async fn clients_that_forgot_or_went_elsewhere_are_brought_back_and_told_what_is_settled() {
    let ((builder, one), (follower, other)) =
        (Fake::start(Vice::default()).await, Fake::start(Vice::default()).await);
    let mut chain = Chain::new(rules(), ledger(), builder, vec![follower]);
    let first = first_batch();
    let second = batch(2, first.header().head(&NETWORK), 1_700_000_000, vec![sign(3, transfer(0))]);
    chain.carry_out(&first, BatchIndex::ZERO).await.unwrap();
    chain.carry_out(&second, BatchIndex::new(1)).await.unwrap();
    let hash = chain.ledger().tip(BatchIndex::new(2)).unwrap().unwrap().hash;
    let at = |fake: &Shared| {
        let fake = fake.lock().unwrap();
        (fake.blocks[fake.newest].0, fake.finalized)
    };
    assert_eq!([at(&one), at(&other)], [(hash, B256::ZERO); 2]);

    let zero = one.lock().unwrap().blocks[0].clone();
    *one.lock().unwrap() =
        Fake { vice: Vice::default(), blocks: vec![zero.clone()], newest: 0, finalized: B256::ZERO };
    let elsewhere = [1, 2, 3].map(|byte| (B256::repeat_byte(byte), Value::Null));
    let blocks = std::iter::once(zero).chain(elsewhere).collect();
    *other.lock().unwrap() = Fake { vice: Vice::default(), blocks, newest: 3, finalized: B256::ZERO };
    chain.settle(BatchIndex::new(1)).unwrap();
    chain.bring_all(BatchIndex::new(2)).await.unwrap();
    let settled = chain.ledger().settled().hash;
    assert_eq!([at(&one), at(&other)], [(hash, settled); 2]);
    assert_ne!(settled, hash);
}
