//! Reading a cut's content: is it the lanes' chains up to the cut, and what does it hold that can be ordered?

use crate::hash::IdHash;
use crate::prepare::PrepareError;
use fairlane_lanes::CutContent;
use fairlane_ordering::{Groups, Run, RunTx};
use fairlane_types::rollups::groups_of;
use fairlane_types::{Cut, Event, RollupTable, Segment, Transaction, TxId, ValidatorSet};
use std::collections::HashMap;
use std::sync::Arc;

/// Checks that `content` holds exactly the segments by which `cut` goes beyond `before`, each chained to the one
/// before it, and that no frozen lane advances. Lanes are addressed by their place in the validator set.
pub(crate) fn check(
    validators: &ValidatorSet,
    before: &Cut,
    cut: &Cut,
    content: &CutContent,
    frozen: &[bool],
) -> Result<(), PrepareError> {
    let members = validators.members();
    if cut.heads().len() != members.len() || content.lanes.len() != members.len() {
        return Err(PrepareError::Lanes);
    }
    let lanes = members.iter().zip(before.heads()).zip(cut.heads()).zip(&content.lanes).zip(frozen);
    for ((((member, last), head), new), frozen) in lanes {
        let lane = member.lane();
        if head.lane != lane || new.lane != lane {
            return Err(PrepareError::Lanes);
        }
        if *frozen && head != last {
            return Err(PrepareError::Frozen(lane));
        }
        let mut at = *last;
        for segment in &new.segments {
            if segment.parent() != at {
                return Err(PrepareError::BrokenChain { lane, seq: segment.header().seq });
            }
            at = segment.reference();
        }
        if at != *head {
            return Err(PrepareError::BrokenChain { lane, seq: head.seq });
        }
    }
    Ok(())
}

/// Where the bodies of a cut's new transactions are.
pub(crate) type NewBodies<'a> = HashMap<TxId, (&'a Arc<Segment>, usize), IdHash>;

/// An empty table with room for every transaction of the content.
pub(crate) fn new_bodies(content: &CutContent) -> NewBodies<'_> {
    let segments = content.lanes.iter().flat_map(|lane| &lane.segments);
    let count = segments.map(|segment| segment.transactions().len()).sum();
    HashMap::with_capacity_and_hasher(count, IdHash::default())
}

/// The runs of a segment: one for each `Own` event, in order, without what has legs that are not ordered.
/// Adds where the bodies are to `bodies`.
pub(crate) fn runs_of<'a>(
    segment: &'a Arc<Segment>,
    rollups: &RollupTable,
    bodies: &mut NewBodies<'a>,
) -> Vec<Arc<Run>> {
    let mut transactions = segment.transactions().iter().enumerate();
    let counts = segment.events().iter().filter_map(|event| match event {
        Event::Own { count, .. } => Some(*count as usize),
        Event::Peer { .. } => None,
    });
    let runs = counts.map(|count| {
        let mut run = Vec::with_capacity(count.min(segment.transactions().len()));
        for (index, transaction) in transactions.by_ref().take(count) {
            if let Some(groups) = all_groups(transaction, rollups) {
                run.push(RunTx { id: transaction.id(), groups, expires_at: transaction.expires_at() });
                bodies.insert(transaction.id(), (segment, index));
            }
        }
        Arc::new(Run::new(run))
    });
    runs.collect()
}

/// The ordering groups of a transaction; `None` when one of its legs is not ordered.
fn all_groups(transaction: &Transaction, rollups: &RollupTable) -> Option<Groups> {
    let mut groups = groups_of(transaction, rollups);
    if transaction.legs().len() == 1 {
        return groups.next().flatten().map(Groups::one);
    }
    Groups::new(groups.collect::<Option<Vec<_>>>()?).ok()
}
