//! What lanes come to hold, for who wants to know of transactions before they are ordered.
//!
//! While nobody listens, this costs a look at a counter for each segment, and nothing for a transaction. What a rollup
//! has in a segment, and the ways to its root, are found once for all who listen, by the first who asks.
//!
//! Not its job: that anything of this is ordered so, or at all.

use crate::lane_service::intake::{INLINE_BYTES, on_blocking_thread};
use crate::lane_service::messages::Request;
use fairlane_types::merkle::Tree;
use fairlane_types::segment::transaction_leaves;
use fairlane_types::{Hash32, RollupId, Segment};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use tokio::sync::{broadcast, mpsc, oneshot};

/// Segments that a listener may be behind before it misses some.
const QUEUE: usize = 256;

/// A segment that is held, with what listeners ask of it.
#[derive(Clone, Debug)]
pub struct LaneSegment(Arc<Indexed>);

#[derive(Debug)]
struct Indexed {
    segment: Arc<Segment>,
    index: OnceLock<Index>,
}

#[derive(Debug)]
struct Index {
    tree: Tree,
    /// Where transactions with a leg for a rollup stand, ascending.
    places: HashMap<RollupId, Vec<usize>>,
}

impl LaneSegment {
    fn new(segment: Arc<Segment>) -> Self {
        Self(Arc::new(Indexed { segment, index: OnceLock::new() }))
    }

    /// The segment.
    pub fn segment(&self) -> &Segment {
        &self.0.segment
    }

    /// Where transactions with a leg for a rollup stand, each with its way to the root in the header.
    pub async fn of_rollup(&self, rollup: RollupId) -> Vec<(usize, Vec<Hash32>)> {
        let indexed = Arc::clone(&self.0);
        let work = move || {
            let Index { tree, places } = indexed.index.get_or_init(|| Index::new(&indexed.segment));
            let places = places.get(&rollup).into_iter().flatten();
            places.filter_map(|place| Some((*place, tree.path(*place)?))).collect()
        };
        if self.segment().bytes().len() <= INLINE_BYTES { work() } else { on_blocking_thread(work).await }
    }
}

impl Index {
    fn new(segment: &Segment) -> Self {
        let mut places: HashMap<RollupId, Vec<usize>> = HashMap::new();
        for (place, transaction) in segment.transactions().iter().enumerate() {
            for leg in transaction.legs() {
                let of_rollup = places.entry(leg.rollup).or_default();
                if of_rollup.last() != Some(&place) {
                    of_rollup.push(place);
                }
            }
        }
        Self { tree: Tree::new(transaction_leaves(segment.transactions())), places }
    }
}

/// Where to learn of segments. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LaneFeed {
    news: broadcast::Sender<LaneSegment>,
    /// Knows what is held.
    actor: mpsc::Sender<Request>,
}

impl LaneFeed {
    pub(super) fn new(actor: mpsc::Sender<Request>) -> Self {
        Self { news: broadcast::channel(QUEUE).0, actor }
    }

    /// A feed that never tells anything.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Self::new(mpsc::channel(1).0)
    }

    /// What is held now and not decided, and what is from now on. A segment may come in both.
    pub async fn join(&self) -> (Vec<LaneSegment>, broadcast::Receiver<LaneSegment>) {
        let news = self.news.subscribe();
        let (reply, held) = oneshot::channel();
        // A service that has ended holds nothing.
        let _ = self.actor.send(Request::Undecided { reply }).await;
        let held = held.await.unwrap_or_default();
        (held.into_iter().filter(carries).map(LaneSegment::new).collect(), news)
    }

    /// Tells of a segment, if anybody listens.
    pub(super) fn tell(&self, segment: impl FnOnce() -> Option<Arc<Segment>>) {
        if self.news.receiver_count() == 0 {
            return;
        }
        if let Some(segment) = segment().filter(carries) {
            // Whoever listened may be gone meanwhile.
            let _ = self.news.send(LaneSegment::new(segment));
        }
    }
}

fn carries(segment: &Arc<Segment>) -> bool {
    !segment.transactions().is_empty()
}
