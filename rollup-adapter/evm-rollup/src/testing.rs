//! What tests need: a small chain, accounts that sign, and batches.

use crate::genesis::{Genesis, GenesisAccount};
use crate::rules::Rules;
use alloy_consensus::{SignableTransaction, Signed, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use fairlane_types::{
    Batch, BatchHeader, BatchIndex, BatchItem, Height, NetworkId, RollupHead, RollupId, Timestamp, TxId,
};

/// The chain's id.
pub const CHAIN: u64 = 771_001;
/// The network.
pub const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);
/// The rollup.
pub const ROLLUP: RollupId = RollupId::new(5);
/// So many wei.
pub const GWEI: u128 = 1_000_000_000;
/// So many accounts, from zero on, have 1,000 ether.
pub const RICH: u8 = 10;

/// The account with a number.
pub fn signer(number: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[number + 1; 32]).expect("the number is small")
}

/// So many ether, in wei.
pub fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(18))
}

/// The chain.
pub fn genesis() -> Genesis {
    let rich = |number| {
        (signer(number).address(), GenesisAccount { balance: ether(1_000), ..GenesisAccount::default() })
    };
    Genesis::new(CHAIN, 30_000_000, (0..RICH).map(rich).collect())
}

/// Its rules.
pub fn rules() -> Rules {
    Rules::new(&genesis(), Address::repeat_byte(0xfe))
}

/// A transfer of 5 wei.
pub fn transfer(nonce: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 3 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to: TxKind::Call(Address::repeat_byte(0x42)),
        value: U256::from(5),
        ..TxEip1559::default()
    }
}

/// A transaction, signed by the account with a number.
pub fn sign<T: SignableTransaction<Signature>>(number: u8, transaction: T) -> Bytes
where
    TxEnvelope: From<Signed<T>>,
{
    let signature =
        signer(number).sign_hash_sync(&transaction.signature_hash()).expect("a key signs any hash");
    TxEnvelope::from(transaction.into_signed(signature)).encoded_2718().into()
}

/// A batch after another one.
pub fn batch(index: u64, previous_head: RollupHead, seconds: u64, payloads: Vec<Bytes>) -> Batch {
    let header = BatchHeader {
        rollup: ROLLUP,
        index: BatchIndex::new(index),
        height: Height::new(10 * index),
        time: Timestamp::from_nanos(seconds * 1_000_000_000),
        count: 0,
        tx_root: Default::default(),
        payload_hash: Default::default(),
        previous_head,
    };
    let item = |payload: Bytes| BatchItem {
        transaction: TxId::from_bytes([1; 32]),
        leg_index: 0,
        leg_count: 1,
        payload: payload.0,
    };
    Batch::new(header, payloads.into_iter().map(item).collect())
}
