//! How far rollups are settled on Ethereum, for the page. They are watched while somebody looks at it and a little longer, so
//! that no view of it, and no loading it again, asks Ethereum for anything.
//!
//! Pure: who watches, when, and which rollups there are is others' matter. What is told is what `TIER_SETTLED` tells.

use crate::l1::{Settlement, Unsettled};
use fairlane_types::RollupId;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Rollups that are watched: the first of those that the page lists. Each costs three requests in each of the node's intervals.
pub(super) const ROLLUPS: usize = 16;
/// How long they are watched after somebody has looked.
const LINGER: Duration = Duration::from_secs(60);

/// How a rollup stands; `None` before the first look at Ethereum.
type State = watch::Receiver<Option<Settlement>>;

/// The rollups that are watched for the page.
#[derive(Debug, Default)]
pub(super) struct Settled {
    watched: BTreeMap<RollupId, State>,
    looked: Option<Instant>,
}

impl Settled {
    /// What is known of these rollups by now. The first of them are watched from now on, by what `watch` gives; what was
    /// watched before and is not among them is left.
    pub(super) fn look(
        &mut self,
        now: Instant,
        rollups: &[RollupId],
        watch: impl Fn(RollupId) -> State,
    ) -> Value {
        let mut before = std::mem::take(&mut self.watched);
        self.looked = Some(now);
        for id in rollups.iter().take(ROLLUPS) {
            self.watched.insert(*id, before.remove(id).unwrap_or_else(|| watch(*id)));
        }
        let line = |id: &RollupId| match self.watched.get(id) {
            Some(state) => told(*id, state.borrow().clone()),
            None => nothing(
                *id,
                "not_watched",
                &format!("the page watches no more than the first {ROLLUPS} rollups"),
            ),
        };
        rollups.iter().map(line).collect()
    }

    /// Watches nothing any more, if nobody has looked for long enough.
    pub(super) fn rest(&mut self, now: Instant) {
        if self.looked.is_some_and(|looked| now.saturating_duration_since(looked) >= LINGER) {
            *self = Self::default();
        }
    }
}

fn told(rollup: RollupId, state: Option<Settlement>) -> Value {
    match state {
        Some(Settlement::At(index)) => json!({ "rollup_id": rollup.get(), "batches": index.get() }),
        Some(Settlement::Unknown(why)) => nothing(rollup, name_of(&why), &why.to_string()),
        None => nothing(rollup, "looking", "the node has not looked at Ethereum yet"),
    }
}

/// That nothing can be said of a rollup: why, for programs and for people.
fn nothing(rollup: RollupId, why: &str, message: &str) -> Value {
    json!({ "rollup_id": rollup.get(), "unknown": why, "message": message })
}

fn name_of(why: &Unsettled) -> &'static str {
    match why {
        Unsettled::NoContract(_) => "no_contract",
        Unsettled::NoAnswer(_) => "no_answer",
        Unsettled::OtherHistory { .. } => "other_history",
        Unsettled::Ahead { .. } => "ahead",
        Unsettled::NotKept(_) => "not_kept",
        Unsettled::Unreachable => "unreachable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairlane_types::BatchIndex;
    use std::cell::RefCell;

    /// What stands in for Ethereum: each watched rollup's channel.
    #[derive(Default)]
    struct Ethereum(RefCell<BTreeMap<RollupId, watch::Sender<Option<Settlement>>>>);

    impl Ethereum {
        fn watch(&self, rollup: RollupId) -> State {
            let mut rollups = self.0.borrow_mut();
            rollups.entry(rollup).or_insert_with(|| watch::channel(None).0).subscribe()
        }

        fn says(&self, rollup: u64, state: Settlement) {
            self.0.borrow()[&RollupId::new(rollup)].send_replace(Some(state));
        }

        /// How many rollups are watched, none of them twice.
        fn watched(&self) -> usize {
            let rollups = self.0.borrow();
            assert!(rollups.values().all(|states| states.receiver_count() <= 1));
            rollups.values().filter(|states| states.receiver_count() == 1).count()
        }
    }

    fn ids(range: std::ops::RangeInclusive<u64>) -> Vec<RollupId> {
        range.map(RollupId::new).collect()
    }

    #[test]
    fn what_is_known_is_told_without_asking_again() {
        let (ethereum, mut settled) = (Ethereum::default(), Settled::default());
        let now = Instant::now();
        let mut look = || settled.look(now, &ids(1..=3), |id| ethereum.watch(id));
        assert_eq!(look()[0]["unknown"], "looking");
        ethereum.says(1, Settlement::At(BatchIndex::new(7)));
        ethereum.says(2, Settlement::Unknown(Unsettled::NoContract(RollupId::new(2))));
        ethereum.says(3, Settlement::Unknown(Unsettled::Unreachable));
        let told = look();
        assert_eq!(told[0], json!({ "rollup_id": 1, "batches": 7 }));
        assert_eq!((&told[1]["rollup_id"], &told[1]["unknown"]), (&json!(2), &json!("no_contract")));
        assert!(told[1]["message"].as_str().is_some_and(|why| why.contains("names no settlement contract")));
        assert_eq!(told[2]["unknown"], "unreachable");
        assert_eq!(ethereum.watched(), 3, "once for all who look");
    }

    #[test]
    fn only_so_many_are_watched() {
        let (ethereum, mut settled) = (Ethereum::default(), Settled::default());
        let most = ROLLUPS as u64;
        let told = settled.look(Instant::now(), &ids(1..=most + 5), |id| ethereum.watch(id));
        let count = |why: &str| told.as_array().unwrap().iter().filter(|told| told["unknown"] == why).count();
        assert_eq!((count("looking"), count("not_watched")), (ROLLUPS, 5));
        assert_eq!(ethereum.watched(), ROLLUPS);
        settled.look(Instant::now(), &ids(3..=most + 5), |id| ethereum.watch(id));
        assert_eq!(ethereum.watched(), ROLLUPS, "others take the place of those that are gone");
    }

    #[test]
    fn nothing_is_watched_once_nobody_has_looked_for_a_while() {
        let (ethereum, mut settled) = (Ethereum::default(), Settled::default());
        let begun = Instant::now();
        settled.rest(begun);
        settled.look(begun, &ids(1..=2), |id| ethereum.watch(id));
        settled.rest(begun + LINGER / 2);
        assert_eq!(ethereum.watched(), 2, "who comes back soon costs nothing");
        settled.look(begun + LINGER / 2, &ids(1..=2), |id| ethereum.watch(id));
        settled.rest(begun + LINGER);
        assert_eq!(ethereum.watched(), 2);
        settled.rest(begun + LINGER * 2);
        assert_eq!(ethereum.watched(), 0);
    }
}
