//! The calls that pay a batch's withdrawals, put together while the batch is at hand.

use super::store::Withdrawal;
use fairlane_l1::B256;
use fairlane_l1::settlement::{ItemProof, Withdrawals, batch_fields, claim_call};
use fairlane_types::{Batch, Encode, merkle};
use fairlane_zk_rollup::{Applied, Outcome, PAYLOAD_BYTES};

/// Where a payload has the address, and the amount.
const TO: std::ops::Range<usize> = 5..25;
const AMOUNT: std::ops::Range<usize> = 25..33;

/// The withdrawals that took place.
pub(super) fn of(batch: &Batch, applied: &Applied) -> Vec<Withdrawal> {
    let took_place = |outcome: &&Outcome| **outcome == Outcome::Withdrawn;
    if applied.outcomes.iter().filter(took_place).count() == 0 {
        return Vec::new();
    }
    let statements = applied.jobs.iter().map(|job| &job.statement);
    let shown: Vec<Withdrawals> = statements
        .filter(|statement| statement.withdrawals != 0)
        .map(|statement| Withdrawals { first: statement.first, bits: statement.withdrawals })
        .collect();
    let tree = merkle::Tree::new(batch.item_leaves());
    let outcomes = applied.outcomes.iter().enumerate();
    let places = outcomes.filter(|(_, outcome)| **outcome == Outcome::Withdrawn).map(|(place, _)| place);
    places.filter_map(|place| withdrawal(batch, place, &shown, &tree)).collect()
}

fn withdrawal(batch: &Batch, place: usize, shown: &[Withdrawals], tree: &merkle::Tree) -> Option<Withdrawal> {
    let (header, item) = (batch.header(), batch.items().get(place)?);
    let payload: &[u8; PAYLOAD_BYTES] = item.payload.as_ref().try_into().ok()?;
    let number = u32::try_from(place).ok()?;
    let is_of = |shown: &Withdrawals| {
        let bit = number.checked_sub(shown.first).filter(|bit| *bit < 64);
        bit.is_some_and(|bit| shown.bits >> bit & 1 == 1)
    };
    let siblings = tree.path(place)?;
    let proof = ItemProof {
        index: header.index.get(),
        previous: B256::new(*header.previous_head.as_bytes()),
        batch: batch_fields(header),
        withdrawals: shown.to_vec(),
        chunk: fairlane_l1::U256::from(shown.iter().position(is_of)?),
        place: number,
        item: item.to_bytes().into(),
        siblings: siblings.iter().map(|sibling| B256::new(*sibling.as_bytes())).collect(),
    };
    Some(Withdrawal {
        index: header.index.get(),
        place: number,
        to: payload[TO].try_into().ok()?,
        amount: u64::from_be_bytes(payload[AMOUNT].try_into().ok()?),
        call: claim_call(proof).to_vec(),
    })
}
