//! What the proven rollup is sent: value on Ethereum, and payloads by way of the network.

use super::demo;
use crate::clock::unix_nanos;
use fairlane_l1::checkpoint::Sender;
use fairlane_l1::settlement::{self, SettlementRecord};
use fairlane_l1::{Address, DynProvider, U256};
use fairlane_rollup_adapter::Client;
use fairlane_types::{Height, Leg, RollupId, Timestamp, Transaction};
use fairlane_zk_rollup::{PublicKey, field};
use rand::Rng as _;

/// The most that a unit of gas may cost, in wei.
const MAX_FEE: u128 = 1_000_000_000_000;

/// A key's coordinates as the contract takes them.
pub(crate) fn words(key: &PublicKey) -> [U256; 2] {
    [key.x, key.y].map(|coordinate| U256::from_be_bytes(field::to_bytes(&coordinate)))
}

/// Brings value in for a key, from an account that `provider` signs for. Gives the gas.
pub(crate) async fn deposit(
    provider: &DynProvider,
    record: &SettlementRecord,
    depositor: Address,
    key: &PublicKey,
    units: u64,
) -> eyre::Result<u64> {
    let sender = Sender { account: depositor, max_fee: MAX_FEE };
    let value = U256::from(units) * U256::from(record.params.unit);
    Ok(settlement::deposit(provider, record, sender, words(key), value).await?.gas_used)
}

/// Sends payloads in their order, and waits until they are ordered. Gives the height of the last.
pub(crate) async fn order(client: &Client, rollup: RollupId, payloads: Vec<Vec<u8>>) -> eyre::Result<Height> {
    let transactions = payloads.into_iter().map(|payload| transaction(rollup, payload));
    demo::order(client, &transactions.collect::<eyre::Result<Vec<_>>>()?).await
}

/// A payload as a transaction of its own.
pub(crate) fn transaction(rollup: RollupId, payload: Vec<u8>) -> eyre::Result<Transaction> {
    let leg = Leg { rollup, payload: payload.into() };
    let expires = Timestamp::from_nanos(unix_nanos() + 60_000_000_000);
    Ok(Transaction::new(vec![leg], expires, rand::thread_rng().r#gen())?)
}
