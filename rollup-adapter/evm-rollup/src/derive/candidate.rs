//! What can be said of an item without any state: whether it is a transaction of this rollup, and of whom.

use super::gas;
use super::skip::Skip;
use crate::rules::Rules;
use alloy_consensus::transaction::SignerRecoverable as _;
use alloy_consensus::{Transaction as _, TxEnvelope, Typed2718 as _};
use alloy_eips::eip2718::{Decodable2718 as _, Encodable2718 as _};
use alloy_primitives::{Address, Bytes, U256};
use fairlane_types::{Batch, BatchItem};
use std::collections::BTreeSet;

/// A transaction that some state might take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) bytes: Bytes,
    pub(super) sender: Address,
    pub(super) nonce: u64,
    pub(super) gas_limit: u64,
    /// The most that it pays for a unit of gas, in wei.
    pub(super) max_fee: u128,
    /// The most that it costs, in wei. `None` where no account can have so much.
    pub(super) cost: Option<U256>,
}

/// The items of a batch, read. Recovering the senders is what takes time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates(pub(super) Vec<Result<Candidate, Skip>>);

impl Candidates {
    /// Reads a batch. A leg of a bundle is a transaction like any other: it is in a batch only with its bundle.
    pub fn of(rules: &Rules, batch: &Batch) -> Self {
        Self(batch.items().iter().map(|item| read(rules, item)).collect())
    }

    /// Whose accounts at the parent block decide.
    pub fn senders(&self) -> BTreeSet<Address> {
        self.0.iter().flatten().map(|candidate| candidate.sender).collect()
    }
}

fn read(rules: &Rules, item: &BatchItem) -> Result<Candidate, Skip> {
    let bytes = item.payload.as_ref();
    let transaction = TxEnvelope::decode_2718_exact(bytes).map_err(|_| Skip::Malformed)?;
    if !matches!(transaction, TxEnvelope::Legacy(_) | TxEnvelope::Eip2930(_) | TxEnvelope::Eip1559(_)) {
        return Err(Skip::Kind(transaction.ty()));
    }
    if transaction.encoded_2718() != bytes {
        return Err(Skip::NotCanonical);
    }
    match transaction.chain_id() {
        None => return Err(Skip::Unprotected),
        Some(chain) if chain != rules.chain_id => return Err(Skip::OtherChain(chain)),
        Some(_) => {}
    }
    if transaction.is_create() && transaction.input().len() > gas::MAX_INIT_CODE {
        return Err(Skip::InitCode(transaction.input().len()));
    }
    let (least, limit) = (gas::intrinsic(&transaction), transaction.gas_limit());
    if limit < least {
        return Err(Skip::IntrinsicGas { least, limit });
    }
    let max_fee = transaction.max_fee_per_gas();
    if transaction.max_priority_fee_per_gas().is_some_and(|priority| priority > max_fee) {
        return Err(Skip::PriorityFee);
    }
    let gas_cost = U256::from(limit).checked_mul(U256::from(max_fee));
    Ok(Candidate {
        bytes: Bytes::copy_from_slice(bytes),
        sender: transaction.recover_signer().map_err(|_| Skip::Signature)?,
        nonce: transaction.nonce(),
        gas_limit: limit,
        max_fee,
        cost: gas_cost.and_then(|gas| gas.checked_add(transaction.value())),
    })
}
