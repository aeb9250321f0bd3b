//! What a settlement contract says: where the rollup stands, and what came in.

use super::SettlementRecord;
use crate::contracts::ZkRollupSettlement::{self, Advanced, Deposit, Deposited, Progress};
use crate::endpoint::read;
use crate::error::CallError;
use alloy_primitives::{B256, U256};
use alloy_provider::{DynProvider, Provider as _};
use alloy_rpc_types_eth::{BlockId, Filter};
use alloy_sol_types::SolEvent;

/// Where a rollup stands on Ethereum after one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How many batches are settled.
    pub index: u64,
    /// The head after the last of them.
    pub head: B256,
    /// The root of the accounts after it.
    pub root: B256,
    /// Deposits that are in the rollup.
    pub taken: u64,
    /// Deposits up to here come with the next batch.
    pub due: u64,
    /// Deposits that there are.
    pub queued: u64,
}

/// The number of the newest block.
pub async fn block_number(provider: &DynProvider) -> Result<u64, CallError> {
    let number = provider.get_block_number().await;
    number.map_err(|error| CallError::transport("asking for the newest block", error))
}

/// Where the rollup stands after block `number`.
pub async fn standing(
    provider: &DynProvider,
    record: &SettlementRecord,
    number: u64,
) -> Result<Standing, CallError> {
    let (contract, at) = (ZkRollupSettlement::new(record.settlement, provider), BlockId::number(number));
    let latest = read("asking what is settled", contract.latest(), at).await?;
    let deposits = read("asking for the queue of deposits", contract.deposits(), at).await?;
    Ok(Standing {
        index: latest.index,
        head: latest.head,
        root: latest.root,
        taken: deposits.taken,
        due: deposits.due,
        queued: deposits.queued,
    })
}

/// A batch that was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The batch.
    pub index: u64,
    /// The head after it.
    pub head: B256,
    /// The root of the accounts after it.
    pub root: B256,
    /// Deposits up to here came with the next batch.
    pub due: u64,
    /// The transaction.
    pub transaction: B256,
}

/// How a batch was settled; `None` if it is not.
pub async fn settled(
    provider: &DynProvider,
    record: &SettlementRecord,
    index: u64,
) -> Result<Option<Settled>, CallError> {
    let events = events::<ZkRollupSettlement::Settled>(provider, record, &[index]).await?;
    Ok(events.into_iter().next_back().map(|(event, transaction)| Settled {
        index: event.index,
        head: event.head,
        root: event.root,
        due: event.depositsDue,
        transaction,
    }))
}

/// How many settlements there were, of whatever batches.
pub async fn settlements(provider: &DynProvider, record: &SettlementRecord) -> Result<u64, CallError> {
    Ok(events::<ZkRollupSettlement::Settled>(provider, record, &[]).await?.len() as u64)
}

/// The pieces of a batch that were recorded: where proofs of its rest may begin.
pub async fn advanced(
    provider: &DynProvider,
    record: &SettlementRecord,
    index: u64,
) -> Result<Vec<Progress>, CallError> {
    let events = events::<Advanced>(provider, record, &[index]).await?;
    let progress = |(event, _): (Advanced, B256)| Progress {
        root: event.root,
        position: event.position,
        withdrawals: event.withdrawals,
    };
    Ok(events.into_iter().map(progress).collect())
}

/// The deposits with the numbers from `taken + 1` to `due`, in their order.
pub async fn deposits(
    provider: &DynProvider,
    record: &SettlementRecord,
    taken: u64,
    due: u64,
) -> Result<Vec<Deposit>, CallError> {
    let numbers: Vec<u64> = (taken + 1..=due).collect();
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = events::<Deposited>(provider, record, &numbers).await?;
    found.sort_by_key(|(event, _)| event.number);
    found.dedup_by_key(|(event, _)| event.number);
    if found.len() != numbers.len() {
        let why = format!("{} of {} deposits are there", found.len(), numbers.len());
        return Err(CallError::Nonsense { what: LOOKING, why });
    }
    let deposit = |(event, _): (Deposited, B256)| Deposit {
        account: event.account,
        x: event.x,
        y: event.y,
        amount: event.amount,
    };
    Ok(found.into_iter().map(deposit).collect())
}

const LOOKING: &str = "looking for the settlement's events";

/// Events of one kind whose first topic is one of these numbers, or any where there are none, oldest first.
async fn events<E: SolEvent>(
    provider: &DynProvider,
    record: &SettlementRecord,
    numbers: &[u64],
) -> Result<Vec<(E, B256)>, CallError> {
    let topics: Vec<B256> = numbers.iter().map(|number| U256::from(*number).into()).collect();
    let filter = Filter::new()
        .address(record.settlement)
        .event_signature(E::SIGNATURE_HASH)
        .topic1(topics)
        .from_block(record.anchor.number);
    let logs = provider.get_logs(&filter).await;
    let logs = logs.map_err(|error| CallError::transport(LOOKING, error))?;
    let decode = |log: alloy_rpc_types_eth::Log| {
        let event = E::decode_log(&log.inner)
            .map_err(|error| CallError::Nonsense { what: LOOKING, why: error.to_string() })?;
        Ok((event.data, log.transaction_hash.unwrap_or_default()))
    };
    logs.into_iter().map(decode).collect()
}
