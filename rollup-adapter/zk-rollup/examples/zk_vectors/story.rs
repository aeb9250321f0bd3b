//! The story that the vectors tell: four batches, with the deposits that come with each.

use fairlane_types::{
    Batch, BatchHeader, BatchIndex, BatchItem, Height, NetworkId, RollupId, Timestamp, TxId,
};
use fairlane_zk_rollup::{
    AccountId, Applied, ApplyError, Context, Deposit, Destination, Rollup, SecretKey, Shape, Transfer,
};

/// The rollup of the story.
pub(crate) const CONTEXT: Context =
    Context { network: NetworkId::from_bytes([7; 32]), rollup: RollupId::new(42) };
/// Where the withdrawals go.
const ADDRESS: [u8; 20] = [0xa1; 20];

/// The vault that a leg of a bundle withdraws to: the contracts' test of `BundleEscrow` says if it is another one.
const VAULT: [u8; 20] = [
    0x9d, 0x07, 0x0b, 0x79, 0x8c, 0x76, 0x46, 0xa6, 0x18, 0xc1, 0xab, 0xe9, 0x36, 0x0d, 0xc8, 0x75, 0xd5,
    0x55, 0x24, 0x40,
];

/// One batch, and what follows from it.
pub(crate) struct Chapter {
    pub(crate) batch: Batch,
    pub(crate) deposits: Vec<Deposit>,
    pub(crate) applied: Applied,
}

fn key(account: AccountId) -> SecretKey {
    SecretKey::from_seed(if account == 0 { b"alice" } else { b"bob" })
}

fn transfer(from: AccountId, to: Destination, amount: u64, nonce: u32) -> Vec<u8> {
    Transfer { from, to, amount, nonce }.sign(&CONTEXT, &key(from)).to_vec()
}

/// What clients sent, and who deposited before. The items of a batch are all of transactions with so many legs.
fn content() -> Vec<(u8, Vec<Vec<u8>>, Vec<Deposit>)> {
    let opening = |account, amount| Deposit { account, key: key(account).public(), amount };
    // Nobody has anything yet, and somebody sends what is none of the rollup's business.
    let first = (1, vec![b"hello".to_vec()], Vec::new());
    // Alice pays Bob and takes something out; a forgery and a repetition do nothing.
    let to_bob = transfer(0, Destination::Account(1), 250, 0);
    let mut forged = transfer(0, Destination::Account(1), 500, 1);
    if let Some(last) = forged.last_mut() {
        *last ^= 1;
    }
    let out = transfer(0, Destination::Ethereum(ADDRESS), 300, 1);
    let second = (1, vec![to_bob.clone(), forged, out, to_bob], vec![opening(0, 1_000), opening(1, 10)]);
    // Too much for one proof: a withdrawal, a large thing, and another withdrawal.
    let before = transfer(1, Destination::Ethereum(ADDRESS), 60, 0);
    let after = transfer(1, Destination::Ethereum(ADDRESS), 200, 1);
    let third = (1, vec![before, vec![0xee; 700], after], vec![opening(0, 5)]);
    // Half of a bundle: the other leg is another rollup's.
    let crossing = Transfer { from: 0, to: Destination::Ethereum(VAULT), amount: 100, nonce: 2 };
    vec![first, second, third, (2, vec![crossing.sign_leg(&CONTEXT, &key(0)).to_vec()], Vec::new())]
}

/// Carries the batches out.
pub(crate) fn tell() -> Result<Vec<Chapter>, ApplyError> {
    let mut rollup = Rollup::new(CONTEXT, Shape::SMALL);
    let mut chapters = Vec::new();
    for (index, (leg_count, payloads, deposits)) in (1..).zip(content()) {
        let item = |(place, payload): (u8, Vec<u8>)| BatchItem {
            transaction: TxId::from_bytes([place; 32]),
            leg_index: 0,
            leg_count,
            payload: payload.into(),
        };
        let header = BatchHeader {
            rollup: CONTEXT.rollup,
            index: BatchIndex::new(index),
            height: Height::new(10 * index),
            time: Timestamp::from_nanos(1_000 * index),
            count: 0,
            tx_root: Default::default(),
            payload_hash: Default::default(),
            previous_head: rollup.head(),
        };
        let batch = Batch::new(header, (1..).zip(payloads).map(item).collect());
        let applied = rollup.apply(&batch, &deposits)?;
        chapters.push(Chapter { batch, deposits, applied });
    }
    Ok(chapters)
}
