//! Where a subscriber or reader wants to begin, and whether this node can serve it from there.

use super::core::Core;
use super::tiers::Tiers;
use fairlane_proto::convert;
use fairlane_proto::v1::{Refusal, subscribe_request::Open};
use fairlane_types::{BatchIndex, NetworkId, RollupHead, RollupId};
use tonic::Status;

/// What a subscriber wants, found to be well formed and there.
pub(super) struct Opened {
    pub(super) rollup: RollupId,
    /// The first batch.
    pub(super) from: BatchIndex,
    pub(super) tiers: Tiers,
}

impl Core {
    /// Checks all that a subscriber says at first.
    pub(super) async fn check_open(&self, open: &Open) -> Result<Opened, Status> {
        let network = convert::array("network", &open.network).map_err(|error| self.malformed(&error))?;
        let network = NetworkId::from_bytes(network);
        if network != self.network {
            let message =
                format!("this node belongs to network {}, not {network}: use a node of yours", self.network);
            return Err(self.refuse(Refusal::WrongNetwork, message));
        }
        let tiers = self.tiers(&open.tiers)?;
        let (rollup, from) = (RollupId::new(open.rollup_id), BatchIndex::new(open.from_index));
        let head = self.known_head(from, &open.known_head)?;
        self.check_start(rollup, from).await?;
        self.check_head(rollup, from, head).await?;
        Ok(Opened { rollup, from, tiers })
    }

    fn known_head(&self, from: BatchIndex, head: &[u8]) -> Result<RollupHead, Status> {
        if from <= BatchIndex::new(1) && head.is_empty() {
            return Ok(RollupHead::ZERO);
        }
        let head = convert::array("known_head", head).map_err(|error| self.malformed(&error))?;
        Ok(RollupHead::from_bytes(head))
    }

    /// Whether batches from `from` on can be served: the next one that will exist is the last possible start.
    pub(super) async fn check_start(&self, rollup: RollupId, from: BatchIndex) -> Result<(), Status> {
        if from == BatchIndex::ZERO {
            return Err(self.refuse(Refusal::Malformed, "from_index: the first batch has index 1"));
        }
        let tip = self.feed.tip();
        let Some(leaf) = tip.leaf(rollup) else {
            let message = format!("rollup {rollup} is not registered on this network");
            return Err(self.refuse(Refusal::UnknownRollup, message));
        };
        if from > leaf.index.next() {
            let message = format!(
                "batch {from} of rollup {rollup} lies ahead: this node has {} batches. Ask again later, or another \
                 node; if all say so, the resume point is not of this chain",
                leaf.index
            );
            return Err(self.refuse(Refusal::Ahead, message));
        }
        if from == leaf.index.next() {
            return Ok(());
        }
        match self.read(move |store| store.rollup_bounds(rollup)).await? {
            Some((first, _)) if first <= from => Ok(()),
            bounds => Err(self.pruned(from, bounds.map(|(first, _)| first))),
        }
    }

    async fn check_head(&self, rollup: RollupId, from: BatchIndex, known: RollupHead) -> Result<(), Status> {
        let tip = self.feed.tip();
        let head = match tip.leaf(rollup).filter(|leaf| leaf.index.next() == from) {
            Some(leaf) => Some(leaf.head),
            None => self.read(move |store| store.head_before(rollup, from)).await?,
        };
        match head {
            Some(head) if head == known => Ok(()),
            Some(head) => {
                let message = format!(
                    "before batch {from} rollup {rollup} has head {head}, not {known}: the resume point is not of \
                     this chain. Compare with GetRange from batch {} before anything else",
                    from.saturating_sub(1)
                );
                Err(self.refuse(Refusal::HeadMismatch, message))
            }
            None => Err(self.pruned(from, None)),
        }
    }

    fn pruned(&self, from: BatchIndex, first: Option<BatchIndex>) -> Status {
        let kept = match first {
            Some(first) => format!("the first one kept is {first}"),
            None => "none is kept".to_owned(),
        };
        let height = self.store.min_height();
        let message = format!(
            "batch {from} is not kept, {kept}: this node keeps blocks from height {height} on; ask a node that keeps more"
        );
        self.refuse(Refusal::Pruned, message)
    }
}
