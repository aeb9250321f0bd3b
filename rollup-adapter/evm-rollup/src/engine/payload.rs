//! A block after its execution, as the Engine API writes it.

use crate::derive::{Attributes, Parent, Plan};
use crate::genesis::requests_hash;
use alloy_consensus::proofs::ordered_trie_root_with_encoder;
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, Header};
use alloy_primitives::{Address, B256, Bloom, Bytes, U64, U256};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a client's block has that the rules do not give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its {field} is {found}, and the rules give {expected}")]
pub struct Mismatch {
    /// The field.
    pub field: &'static str,
    /// What it has.
    pub found: String,
    /// What the rules give.
    pub expected: String,
}

/// `ExecutionPayloadV3`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    parent_hash: B256,
    fee_recipient: Address,
    state_root: B256,
    receipts_root: B256,
    logs_bloom: Bloom,
    prev_randao: B256,
    block_number: U64,
    gas_limit: U64,
    gas_used: U64,
    timestamp: U64,
    extra_data: Bytes,
    base_fee_per_gas: U256,
    block_hash: B256,
    transactions: Vec<Bytes>,
    withdrawals: Vec<Value>,
    blob_gas_used: U64,
    excess_blob_gas: U64,
}

/// An executed block: what a client is told to carry it out again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload {
    execution_payload: Content,
    parent_beacon_block_root: B256,
    execution_requests: Vec<Bytes>,
}

/// What a client answers to `testing_buildBlockV1`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Built {
    execution_payload: Content,
    #[serde(default)]
    execution_requests: Option<Vec<Bytes>>,
}

fn same<T: PartialEq + ToString>(field: &'static str, found: &T, expected: &T) -> Result<(), Mismatch> {
    match found == expected {
        true => Ok(()),
        false => Err(Mismatch { field, found: found.to_string(), expected: expected.to_string() }),
    }
}

impl Payload {
    /// Reads what a client has built. Nothing of it is checked yet.
    pub(super) fn from_built(built: Value, head: B256) -> Result<Self, serde_json::Error> {
        let Built { execution_payload, execution_requests } = serde_json::from_value(built)?;
        let execution_requests = execution_requests.unwrap_or_default();
        Ok(Self { execution_payload, parent_beacon_block_root: head, execution_requests })
    }

    /// The parameters of `engine_newPayloadV4`.
    pub(super) fn params(&self) -> Value {
        let no_blobs: [B256; 0] = [];
        serde_json::json!([
            self.execution_payload,
            no_blobs,
            self.parent_beacon_block_root,
            self.execution_requests
        ])
    }

    /// The block's hash.
    pub fn hash(&self) -> B256 {
        self.execution_payload.block_hash
    }

    /// Its transactions.
    pub fn transactions(&self) -> &[Bytes] {
        &self.execution_payload.transactions
    }

    /// What the next block depends on of it.
    pub fn as_parent(&self) -> Parent {
        let content = &self.execution_payload;
        Parent {
            number: content.block_number.to(),
            hash: content.block_hash,
            state_root: content.state_root,
            timestamp: content.timestamp.to(),
            base_fee: content.base_fee_per_gas.saturating_to(),
            gas_used: content.gas_used.to(),
        }
    }

    /// Holds it against what the rules give, and its hash against its content. What is left to believe is the execution:
    /// the roots, the logs, the gas, and what contracts ask of the layer below.
    ///
    /// # Errors
    /// The first field that is another one.
    pub fn check(&self, plan: &Plan) -> Result<(), Mismatch> {
        let (content, expected) = (&self.execution_payload, &plan.attributes);
        same("parent", &content.parent_hash, &expected.parent_hash)?;
        same("number", &content.block_number, &U64::from(expected.number))?;
        same("timestamp", &content.timestamp, &U64::from(expected.timestamp))?;
        same("prevRandao", &content.prev_randao, &expected.prev_randao)?;
        same("fee recipient", &content.fee_recipient, &expected.fee_recipient)?;
        same("gas limit", &content.gas_limit, &U64::from(expected.gas_limit))?;
        same("base fee", &content.base_fee_per_gas, &U256::from(expected.base_fee))?;
        same("extra data", &content.extra_data, &Bytes::copy_from_slice(expected.head.as_slice()))?;
        same("beacon block's root", &self.parent_beacon_block_root, &expected.head)?;
        same("number of withdrawals", &content.withdrawals.len(), &0)?;
        same("number of transactions", &content.transactions.len(), &plan.transactions.len())?;
        let mut pairs = content.transactions.iter().zip(&plan.transactions);
        pairs.try_for_each(|(found, expected)| same("transaction", found, expected))?;
        same("hash", &content.block_hash, &self.header(expected).hash_slow())
    }

    fn header(&self, attributes: &Attributes) -> Header {
        let content = &self.execution_payload;
        Header {
            parent_hash: content.parent_hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: content.fee_recipient,
            state_root: content.state_root,
            transactions_root: ordered_trie_root_with_encoder(&content.transactions, |bytes, out| {
                out.extend_from_slice(bytes);
            }),
            receipts_root: content.receipts_root,
            logs_bloom: content.logs_bloom,
            difficulty: U256::ZERO,
            number: attributes.number,
            gas_limit: attributes.gas_limit,
            gas_used: content.gas_used.to(),
            timestamp: attributes.timestamp,
            extra_data: content.extra_data.clone(),
            mix_hash: content.prev_randao,
            base_fee_per_gas: Some(attributes.base_fee),
            withdrawals_root: Some(EMPTY_ROOT_HASH),
            blob_gas_used: Some(content.blob_gas_used.to()),
            excess_blob_gas: Some(content.excess_blob_gas.to()),
            parent_beacon_block_root: Some(attributes.head),
            requests_hash: Some(requests_hash(&self.execution_requests)),
            ..Header::default()
        }
    }
}
