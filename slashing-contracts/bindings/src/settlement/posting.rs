//! What is sent to a settlement contract.

use super::SettlementRecord;
use crate::checkpoint::Sender;
use crate::contracts::ZkRollupSettlement::{
    self, Finality, ItemProof, Progress, Transition, ZkRollupSettlementInstance, claimCall, settleCall,
};
use crate::error::CallError;
use crate::sending::send_within;
use crate::transactions::Transactions;
use alloy_primitives::{Bytes, U256};
use alloy_provider::DynProvider;
use alloy_rpc_types_eth::{TransactionReceipt, TransactionRequest};
use alloy_sol_types::SolCall as _;

const DEPOSITING: &str = "depositing";
const ADVANCING: &str = "recording a piece of a batch";
const SETTLING: &str = "settling a batch";
const CLAIMING: &str = "claiming a withdrawal";

fn at<'a>(
    provider: &'a DynProvider,
    record: &SettlementRecord,
) -> ZkRollupSettlementInstance<&'a DynProvider> {
    ZkRollupSettlement::new(record.settlement, provider)
}

/// Brings `value` wei into the rollup, for the key with these coordinates.
pub async fn deposit(
    provider: &DynProvider,
    record: &SettlementRecord,
    sender: Sender,
    key: [U256; 2],
    value: U256,
) -> Result<TransactionReceipt, CallError> {
    let contract = at(provider, record);
    let call = contract.deposit(key[0], key[1]).value(value).from(sender.account);
    send_within(DEPOSITING, provider, call.into_transaction_request(), sender.max_fee).await
}

/// Records a piece of the next batch that does not reach its end.
pub async fn advance(
    provider: &DynProvider,
    record: &SettlementRecord,
    sender: Sender,
    from: Progress,
    piece: Transition,
) -> Result<TransactionReceipt, CallError> {
    let contract = at(provider, record);
    let call = contract.advance(from, piece).from(sender.account);
    send_within(ADVANCING, provider, call.into_transaction_request(), sender.max_fee).await
}

/// Settles the next batch, or what is left of it.
pub async fn settle(
    provider: &DynProvider,
    record: &SettlementRecord,
    sender: Sender,
    from: Progress,
    last: Transition,
    finality: Finality,
) -> Result<TransactionReceipt, CallError> {
    let contract = at(provider, record);
    let call = contract.settle(from, last, finality).from(sender.account);
    send_within(SETTLING, provider, call.into_transaction_request(), sender.max_fee).await
}

/// What [`advance`] would send: nothing is sent.
pub fn advancing<'a>(
    provider: &'a DynProvider,
    record: &SettlementRecord,
    sender: Sender,
    from: Progress,
    piece: Transition,
) -> Transactions<'a> {
    let contract = at(provider, record);
    let call = contract.advance(from, piece);
    Transactions::new(provider, sender.account).then(ADVANCING, call)
}

/// What [`settle`] would send: nothing is sent.
pub fn settling<'a>(
    provider: &'a DynProvider,
    record: &SettlementRecord,
    sender: Sender,
    from: Progress,
    last: Transition,
    finality: Finality,
) -> Transactions<'a> {
    let contract = at(provider, record);
    let call = contract.settle(from, last, finality);
    Transactions::new(provider, sender.account).then(SETTLING, call)
}

/// Reads the call data of [`settle`]; `None` if it is another call.
pub fn read_settling(input: &[u8]) -> Option<(Progress, Transition, Finality)> {
    let call = settleCall::abi_decode(input).ok()?;
    Some((call.from, call.transition, call.finality))
}

/// The call data that pays a withdrawal. Anyone may send it.
pub fn claim_call(proof: ItemProof) -> Bytes {
    claimCall { proof }.abi_encode().into()
}

/// Sends a [`claim_call`].
pub async fn claim(
    provider: &DynProvider,
    record: &SettlementRecord,
    sender: Sender,
    call: Bytes,
) -> Result<TransactionReceipt, CallError> {
    let request = TransactionRequest::default().from(sender.account).to(record.settlement).input(call.into());
    send_within(CLAIMING, provider, request, sender.max_fee).await
}
