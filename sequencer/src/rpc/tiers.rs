//! Which tiers a subscriber wants beside finalized batches, and what tells it of them.
//!
//! Each tier has a task of its own beside the subscription, and shares nothing with it but the way to the connection: a
//! tier that has much to say, or nothing, holds up no batch.

use super::acknowledged::{Allowance, Unordered};
use super::core::Core;
use super::settled;
use crate::l1::Settlement;
use fairlane_proto::v1::{Refusal, SubscribeResponse, Tier};
use fairlane_types::RollupId;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;

/// The way to a subscriber's connection.
pub(super) type Out = mpsc::Sender<Result<SubscribeResponse, Status>>;

/// The tiers of a subscription beside `TIER_FINALIZED`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tiers {
    pub(super) acknowledged: bool,
    pub(super) settled: bool,
}

/// What is there to tell a subscriber of the tiers that it asked for.
pub(super) struct Sides {
    rollup: RollupId,
    acknowledged: bool,
    settled: Option<watch::Receiver<Option<Settlement>>>,
}

/// The tasks that tell of tiers; they end with this.
pub(super) struct Telling {
    /// What may be sent of `TIER_ACKNOWLEDGED`, where that was asked for.
    pub(super) allowance: Option<Allowance>,
    _stop: DropGuard,
}

impl Core {
    /// The tiers that a subscriber names.
    pub(super) fn tiers(&self, named: &[i32]) -> Result<Tiers, Status> {
        let mut tiers = Tiers::default();
        for number in named {
            match Tier::try_from(*number) {
                Ok(Tier::Acknowledged) => tiers.acknowledged = true,
                Ok(Tier::Finalized) => {}
                Ok(Tier::Settled) => tiers.settled = true,
                Ok(Tier::Unspecified) | Err(_) => {
                    let message = format!("tiers: {number} names no tier");
                    return Err(self.refuse(Refusal::Malformed, message));
                }
            }
        }
        Ok(tiers)
    }

    /// Finds out whether this node can tell of the tiers that were asked for.
    pub(super) async fn sides(&self, rollup: RollupId, tiers: Tiers) -> Result<Sides, Status> {
        let settled = match tiers.settled {
            true => Some(self.settlement(rollup).await?),
            false => None,
        };
        Ok(Sides { rollup, acknowledged: tiers.acknowledged, settled })
    }
}

impl Sides {
    /// Begins to tell.
    pub(super) fn start(self, core: &Arc<Core>, out: &Out) -> Telling {
        let stop = CancellationToken::new();
        if let Some(states) = self.settled {
            tokio::spawn(settled::tell(states, out.clone(), stop.clone()));
        }
        let allowance = self.acknowledged.then(|| {
            let allowance = Allowance::default();
            let task = Unordered::new(core.clone(), self.rollup, allowance.clone(), out.clone());
            tokio::spawn(task.run(stop.clone()));
            allowance
        });
        Telling { allowance, _stop: stop.drop_guard() }
    }
}
