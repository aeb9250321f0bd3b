//! Sending a transaction until it is mined.
//!
//! Its nonce is the account's next one by the newest block, whatever waits in a pool. So what was sent before and is not
//! mined, by this process or one before it, gives way, and of all that is sent under one nonce at most one is mined:
//! asking again after a failure or a restart never does a thing twice. An account has one sender at a time; two
//! that share one push each other out, and each notices.
//!
//! A transaction that is in no block after some time is sent again with higher fees, under the same nonce, up to the most
//! that may be paid.

use crate::error::CallError;
use alloy_primitives::{Address, B256};
use alloy_provider::Provider;
use alloy_rpc_types_eth::{BlockId, TransactionReceipt, TransactionRequest};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How much is bid for a place in a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bidding {
    /// After this time in no block, a transaction is sent again with fees that are a quarter higher. Pools take a
    /// replacement from a tenth more on.
    raise_after: Duration,
    /// How often fees are raised.
    raises: u32,
    /// The most that is paid for a unit of gas, in wei.
    limit: u128,
}

impl Default for Bidding {
    /// Three slots of Ethereum, in which a transaction that pays what the last blocks cost is nearly always taken. Eight
    /// raises come to six times the first bid; after that, and a bit more than five minutes, it is the caller's decision.
    fn default() -> Self {
        Self { raise_after: Duration::from_secs(36), raises: 8, limit: u128::MAX }
    }
}

/// How long an endpoint may know that a nonce is used before it has the receipt of what used it.
const RECEIPT_LAG: Duration = Duration::from_secs(5);

/// Sends a transaction, and waits until it is mined. The request names its sender.
pub(crate) async fn send<P: Provider>(
    what: &'static str,
    provider: &P,
    request: TransactionRequest,
) -> Result<TransactionReceipt, CallError> {
    send_bidding(what, provider, request, Bidding::default()).await
}

/// The same, paying at most `limit` wei for a unit of gas. Where blocks cost more, the transaction waits for cheaper ones.
pub(crate) async fn send_within<P: Provider>(
    what: &'static str,
    provider: &P,
    request: TransactionRequest,
    limit: u128,
) -> Result<TransactionReceipt, CallError> {
    send_bidding(what, provider, request, Bidding { limit, ..Bidding::default() }).await
}

async fn send_bidding<P: Provider>(
    what: &'static str,
    provider: &P,
    request: TransactionRequest,
    bidding: Bidding,
) -> Result<TransactionReceipt, CallError> {
    let transport = |error| CallError::transport(what, error);
    // What a contract refuses is refused here, before anything is sent.
    // By the newest block, as what waits in the pool may be what this gives way to; and by the next one, which may begin
    // an epoch.
    let now = provider.estimate_gas(request.clone()).block(BlockId::latest()).await.map_err(transport)?;
    let next = provider.estimate_gas(request.clone()).block(BlockId::pending()).await.unwrap_or(now);
    let gas = with_reserve(now.max(next));
    let from = request.from.unwrap_or_default();
    let nonce = provider.get_transaction_count(from).latest().await.map_err(transport)?;
    let request = request.gas_limit(gas).nonce(nonce);
    let fees = Fees::now(what, provider).await?.at_most(bidding.limit);
    Attempt { what, provider, request, from, nonce, fees, sent: Vec::new() }.run(bidding).await
}

/// A quarter more: other transactions may come in between, and what is left is not paid for.
fn with_reserve(gas: u64) -> u64 {
    gas.saturating_add(gas / 4)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fees {
    max: u128,
    tip: u128,
}

impl Fees {
    /// By what the last blocks cost.
    async fn now(what: &'static str, provider: &impl Provider) -> Result<Self, CallError> {
        let estimate = provider.estimate_eip1559_fees().await;
        let estimate = estimate.map_err(|error| CallError::transport(what, error))?;
        Ok(Self { max: estimate.max_fee_per_gas, tip: estimate.max_priority_fee_per_gas })
    }

    /// A quarter more, and no less than what blocks cost by now.
    fn raised(self, now: Self) -> Self {
        let raised = |fee: u128| fee.saturating_add(fee.div_ceil(4)).max(1);
        Self { max: raised(self.max).max(now.max), tip: raised(self.tip).max(now.tip) }
    }

    /// No more than a limit.
    fn at_most(self, limit: u128) -> Self {
        Self { max: self.max.min(limit), tip: self.tip.min(limit) }
    }
}

/// One transaction, however often it is sent.
struct Attempt<'a, P> {
    what: &'static str,
    provider: &'a P,
    request: TransactionRequest,
    from: Address,
    nonce: u64,
    fees: Fees,
    /// What was sent, oldest first.
    sent: Vec<B256>,
}

impl<P: Provider> Attempt<'_, P> {
    async fn run(mut self, bidding: Bidding) -> Result<TransactionReceipt, CallError> {
        for raises_left in (0..=bidding.raises).rev() {
            let wait = match self.bid().await {
                Ok(()) => bidding.raise_after,
                // Something of this account's waits in the pool that must be outbid.
                Err(CallError::Endpoint { message, .. }) if raises_left > 0 && is_outbid(&message) => {
                    Duration::ZERO
                }
                Err(error) if self.sent.is_empty() => return Err(error),
                // What was sent before still stands.
                Err(_) => bidding.raise_after,
            };
            if let Some(receipt) = self.mined_within(wait).await? {
                return Ok(receipt);
            }
            let now = Fees::now(self.what, self.provider).await.unwrap_or(self.fees);
            self.fees = self.fees.raised(now).at_most(bidding.limit);
        }
        let transaction = self.sent.last().copied().unwrap_or_default();
        Err(CallError::Unconfirmed { what: self.what, transaction })
    }

    async fn bid(&mut self) -> Result<(), CallError> {
        let mut request = self.request.clone();
        request.max_fee_per_gas = Some(self.fees.max);
        request.max_priority_fee_per_gas = Some(self.fees.tip);
        let pending = self.provider.send_transaction(request).await;
        let pending = pending.map_err(|error| CallError::transport(self.what, error))?;
        self.sent.push(*pending.tx_hash());
        Ok(())
    }

    /// The receipt, once one of the transactions is mined; `None` if none is in time. An endpoint that fails meanwhile is
    /// asked again.
    async fn mined_within(&self, limit: Duration) -> Result<Option<TransactionReceipt>, CallError> {
        let (deadline, pause) = (Instant::now() + limit, self.provider.client().poll_interval());
        let mut displaced_since = None;
        loop {
            match timeout(limit.max(pause), self.look()).await {
                Ok(Ok(Some(receipt))) if receipt.status() => return Ok(Some(receipt)),
                Ok(Ok(Some(receipt))) => {
                    let transaction = receipt.transaction_hash;
                    return Err(CallError::Reverted { what: self.what, transaction });
                }
                Ok(Err(error @ CallError::Displaced { .. })) => {
                    if displaced_since.get_or_insert_with(Instant::now).elapsed() > RECEIPT_LAG {
                        return Err(error);
                    }
                    sleep(pause).await;
                }
                Ok(Ok(None) | Err(_)) | Err(_) if Instant::now() >= deadline => return Ok(None),
                Ok(Ok(None) | Err(_)) | Err(_) => sleep(pause).await,
            }
        }
    }

    async fn look(&self) -> Result<Option<TransactionReceipt>, CallError> {
        let transport = |error| CallError::transport(self.what, error);
        // Asked for first: if it is past ours by now, a receipt of ours is there soon, or another transaction's.
        let next = self.provider.get_transaction_count(self.from).latest().await.map_err(transport)?;
        for transaction in self.sent.iter().rev() {
            let receipt = self.provider.get_transaction_receipt(*transaction).await;
            if let Some(receipt) = receipt.map_err(transport)? {
                return Ok(Some(receipt));
            }
        }
        if next > self.nonce {
            return Err(CallError::Displaced { what: self.what, account: self.from, nonce: self.nonce });
        }
        Ok(None)
    }
}

/// Whether an endpoint says that the pool has a transaction of this nonce which pays as much.
fn is_outbid(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["underpriced", "already known", "already imported", "replacement"]
        .iter()
        .any(|part| message.contains(part))
}

#[cfg(test)]
#[path = "sending_tests.rs"]
mod tests;
