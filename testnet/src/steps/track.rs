//! What is remembered of transactions that are on their way, and the times of those before.
//!
//! Batches go through the later steps in their order, so that it is enough to hear up to which one a step was taken.
//! Events may come in any order: a batch may be executed before it is delivered here.

use super::{Step, Times, median, record};
use fairlane_types::TxId;
use hdrhistogram::Histogram;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// One transaction's way.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// The transaction.
    pub(crate) id: TxId,
    /// The times of the steps that it has taken.
    pub(crate) times: Times,
    submitted: Instant,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id.to_string();
        let taken = Step::ALL.into_iter().filter_map(|step| Some((step, self.times.of(step)?)));
        let taken: Vec<String> =
            taken.map(|(step, time)| format!("{} {}", step.name(), super::show(time))).collect();
        write!(f, "transaction {}…: {}", id.get(..8).unwrap_or(&id), taken.join(", "))
    }
}

/// The transactions of one rollup, followed through its steps. Those that nobody submitted here are not.
#[derive(Debug)]
pub(crate) struct Track {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The steps that batches of the rollup take after they are delivered.
    later: Vec<Step>,
    /// Up to which batch each of them was taken.
    reached: Vec<u64>,
    /// Submitted, and in no batch yet.
    submitted: HashMap<TxId, Way>,
    /// In a batch that has steps before it.
    delivered: BTreeMap<u64, Vec<Way>>,
    /// Times to each step, in microseconds.
    times: Vec<Histogram<u64>>,
    /// The newest that has taken all steps.
    newest: Option<Way>,
}

impl Track {
    /// Follows nothing yet. `later` are the steps after the delivery, in their order.
    pub(crate) fn new(later: &[Step]) -> eyre::Result<Self> {
        let times = Step::ALL.iter().map(|_| Histogram::new(3)).collect::<Result<_, _>>()?;
        let (later, reached) = (later.to_vec(), vec![0; later.len()]);
        let (submitted, delivered) = (HashMap::new(), BTreeMap::new());
        let inner = Inner { later, reached, submitted, delivered, times, newest: None };
        Ok(Self { inner: Mutex::new(inner) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A transaction is about to be submitted.
    pub(crate) fn submit(&self, id: TxId, now: Instant) {
        self.inner().submitted.insert(id, Way { id, times: Times::default(), submitted: now });
    }

    /// It was refused.
    pub(crate) fn forget(&self, id: TxId) {
        self.inner().submitted.remove(&id);
    }

    /// Its receipt has come.
    pub(crate) fn receipt(&self, id: TxId, now: Instant) {
        let Inner { submitted, delivered, times, .. } = &mut *self.inner();
        let way = match submitted.get_mut(&id) {
            Some(way) => Some(way),
            None => delivered.values_mut().flatten().find(|way| way.id == id),
        };
        if let Some(way) = way {
            way.pass(Step::Receipt, now, times);
        }
    }

    /// A batch was delivered, with these transactions.
    pub(crate) fn deliver(&self, index: u64, ids: impl IntoIterator<Item = TxId>, now: Instant) {
        let inner = &mut *self.inner();
        let mut ways: Vec<Way> = ids.into_iter().filter_map(|id| inner.submitted.remove(&id)).collect();
        for way in &mut ways {
            way.pass(Step::Final, now, &mut inner.times);
        }
        if !ways.is_empty() {
            inner.delivered.insert(index, ways);
            inner.catch_up(now);
        }
    }

    /// All batches up to this one have taken a step.
    pub(crate) fn reach(&self, step: Step, index: u64, now: Instant) {
        let inner = &mut *self.inner();
        let place = inner.later.iter().position(|later| *later == step);
        if let Some(reached) = place.and_then(|place| inner.reached.get_mut(place))
            && *reached < index
        {
            *reached = index;
            inner.catch_up(now);
        }
    }

    /// The median of each step.
    pub(crate) fn medians(&self) -> Times {
        let inner = self.inner();
        let steps = Step::ALL.into_iter().zip(&inner.times);
        steps.fold(Times::default(), |medians, (step, times)| medians.with(step, median(times)))
    }

    /// How many have not taken a step.
    pub(crate) fn short_of(&self, step: Step) -> usize {
        let inner = self.inner();
        let delivered = inner.delivered.values().flatten().filter(|way| way.times.of(step).is_none());
        inner.submitted.len() + delivered.count()
    }

    /// Whether all that was submitted has taken all steps.
    pub(crate) fn is_empty(&self) -> bool {
        let inner = self.inner();
        inner.submitted.is_empty() && inner.delivered.is_empty()
    }

    /// The newest transaction that has taken all steps.
    pub(crate) fn newest(&self) -> Option<Way> {
        self.inner().newest.clone()
    }
}

impl Inner {
    /// Lets delivered batches take the steps that are known of them, and drops those that have taken all.
    fn catch_up(&mut self, now: Instant) {
        let Self { later, reached, delivered, times, .. } = self;
        for (step, index) in later.iter().zip(&*reached) {
            for way in delivered.range_mut(..=*index).flat_map(|(_, ways)| ways) {
                way.pass(*step, now, times);
            }
        }
        let through = self.reached.iter().copied().min().unwrap_or(u64::MAX);
        while let Some(batch) = self.delivered.first_entry().filter(|batch| *batch.key() <= through) {
            self.newest = batch.remove().pop().or(self.newest.take());
        }
    }
}

impl Way {
    /// Takes a step, unless it was taken before.
    fn pass(&mut self, step: Step, now: Instant, times: &mut [Histogram<u64>]) {
        if self.times.of(step).is_some() {
            return;
        }
        let time = now.saturating_duration_since(self.submitted);
        self.times = self.times.with(step, Some(time));
        record(&mut times[step as usize], time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn id(number: u8) -> TxId {
        TxId::from_bytes([number; 32])
    }

    fn millis(time: u64) -> Option<Duration> {
        Some(Duration::from_millis(time))
    }

    fn rounded(time: Option<Duration>) -> Option<u128> {
        time.map(|time| time.as_millis())
    }

    #[test]
    fn a_transaction_takes_its_steps_with_its_batch() {
        let track = Track::new(&[Step::Proven, Step::Settled]).unwrap();
        let start = Instant::now();
        let at = |time| start + Duration::from_millis(time);
        (1..=3).for_each(|number| track.submit(id(number), start));
        track.forget(id(3));
        track.receipt(id(1), at(8));
        track.receipt(id(2), at(12));
        track.deliver(7, [id(1), id(9)], at(70));
        track.deliver(8, [id(2), id(3)], at(170));
        track.reach(Step::Proven, 7, at(900));
        assert!(track.newest().is_none());
        assert_eq!([Step::Final, Step::Proven, Step::Settled].map(|step| track.short_of(step)), [0, 1, 2]);
        track.reach(Step::Settled, 7, at(2_100));
        let way = track.newest().unwrap();
        assert_eq!(
            (way.id, way.times.of(Step::Proven), way.times.of(Step::Executed)),
            (id(1), millis(900), None)
        );
        assert_eq!(
            way.to_string(),
            "transaction 01010101…: receipt 8 ms, final 70 ms, proven 900 ms, settled 2.1 s"
        );
        track.reach(Step::Settled, 8, at(3_000));
        assert_eq!(track.newest().unwrap().id, id(1), "it is not proven");
        track.reach(Step::Proven, 8, at(3_100));
        assert_eq!(track.newest().unwrap().id, id(2));
        assert!(track.is_empty());
        assert_eq!(rounded(track.medians().of(Step::Receipt)), Some(8));
        assert_eq!(rounded(track.medians().of(Step::Executed)), None);
    }

    #[test]
    fn steps_that_are_heard_of_early_count_from_delivery() {
        let track = Track::new(&[Step::Executed]).unwrap();
        let start = Instant::now();
        let at = |time| start + Duration::from_millis(time);
        track.submit(id(1), start);
        track.reach(Step::Executed, 5, at(60));
        track.reach(Step::Executed, 4, at(65));
        track.deliver(5, [id(1)], at(70));
        assert_eq!(track.newest().unwrap().times.of(Step::Executed), millis(70));
        track.receipt(id(1), at(80));
        assert_eq!(rounded(track.medians().of(Step::Executed)), Some(70));
    }
}
