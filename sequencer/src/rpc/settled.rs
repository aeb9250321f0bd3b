//! `TIER_SETTLED`: what Ethereum says of a rollup's settlement, as this node sees it there.

use super::core::Core;
use super::tiers::Out;
use crate::l1::{Settlement, Unsettled};
use fairlane_proto::v1::subscribe_response::{Event, Reset, TierFailure, TierUpdate};
use fairlane_proto::v1::{Refusal, SubscribeResponse, Tier};
use fairlane_types::{BatchIndex, RollupId};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Status;

impl Core {
    /// What is seen of a rollup's settlement, from the first look on; refused where there is nothing to see.
    pub(super) async fn settlement(
        &self,
        rollup: RollupId,
    ) -> Result<watch::Receiver<Option<Settlement>>, Status> {
        let Some(settlements) = &self.settlements else {
            let message = "TIER_SETTLED: this node does not look at Ethereum: use one that does";
            return Err(self.refuse(Refusal::TierUnavailable, message));
        };
        let mut states = settlements.watch(rollup);
        let looked = timeout(self.limits.open_timeout, states.wait_for(Option::is_some)).await;
        let first = match &looked {
            Ok(Ok(state)) => (**state).clone(),
            Ok(Err(_)) => return Err(self.shutting_down()),
            Err(_) => None,
        };
        drop(looked);
        match first {
            None | Some(Settlement::Unknown(Unsettled::Unreachable)) => {
                let message =
                    "TIER_SETTLED: Ethereum does not answer this node now: ask again, or another one";
                Err(self.refuse(Refusal::NotReady, message))
            }
            Some(Settlement::Unknown(why)) if why.is_for_good() => {
                Err(self.refuse(Refusal::TierUnavailable, format!("TIER_SETTLED: {why}")))
            }
            Some(_) => Ok(states),
        }
    }
}

/// Tells a subscriber how far its rollup is settled, until it is stopped or nobody listens.
pub(super) async fn tell(mut states: watch::Receiver<Option<Settlement>>, out: Out, stop: CancellationToken) {
    let mut told = Told::default();
    loop {
        let state = states.borrow_and_update().clone();
        let event = state.and_then(|state| told.event(state));
        let next = async {
            if let Some(event) = event {
                out.send(Ok(SubscribeResponse { event: Some(event) })).await.ok()?;
            }
            // An error says that the node stops.
            states.changed().await.ok()
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = out.closed() => return,
            next = next => if next.is_none() { return },
        }
    }
}

/// What a subscriber was told last.
#[derive(Debug, Default)]
struct Told {
    index: Option<BatchIndex>,
    /// Whether it was told since that nothing can be said.
    failed: bool,
}

impl Told {
    /// What a new state means for who was told this.
    fn event(&mut self, state: Settlement) -> Option<Event> {
        match state {
            Settlement::At(index) => {
                let before = std::mem::replace(self, Self { index: Some(index), failed: false });
                if before.index > Some(index) {
                    return Some(Event::Reset(Reset { settled_index: index.get() }));
                }
                let is_news = before.failed || before.index < Some(index);
                let update = TierUpdate { index: index.get(), tier: Tier::Settled.into() };
                is_news.then_some(Event::TierUpdate(update))
            }
            Settlement::Unknown(why) => {
                self.failed = true;
                Some(Event::TierFailure(TierFailure {
                    tier: Tier::Settled.into(),
                    reason: reason_of(&why).into(),
                    message: why.to_string(),
                }))
            }
        }
    }
}

fn reason_of(why: &Unsettled) -> Refusal {
    match why {
        Unsettled::NoContract(_) | Unsettled::NoAnswer(_) => Refusal::TierUnavailable,
        Unsettled::OtherHistory { .. } => Refusal::HeadMismatch,
        Unsettled::Ahead { .. } => Refusal::Ahead,
        Unsettled::NotKept(_) => Refusal::Pruned,
        Unsettled::Unreachable => Refusal::NotReady,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_an_update_loss_a_reset_and_what_is_unknown_a_failure() {
        let mut told = Told::default();
        let mut at = |index| told.event(Settlement::At(BatchIndex::new(index)));
        let update = |index| Some(Event::TierUpdate(TierUpdate { index, tier: Tier::Settled.into() }));
        assert_eq!(at(0), update(0), "what holds at first is told");
        assert_eq!(at(5), update(5));
        assert_eq!(at(5), None);
        assert_eq!(at(3), Some(Event::Reset(Reset { settled_index: 3 })));
        assert_eq!(at(4), update(4));
        let failure = told.event(Settlement::Unknown(Unsettled::Unreachable));
        assert!(
            matches!(failure, Some(Event::TierFailure(failure)) if failure.reason() == Refusal::NotReady)
        );
        assert_eq!(told.event(Settlement::At(BatchIndex::new(4))), update(4), "it can be said again");
    }
}
