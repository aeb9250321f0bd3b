//! Which missing segments to ask whom for, and when. Pure: time and peers arrive as arguments.
//!
//! A segment that another one references is usually on its way; so it is asked for only after a moment. First this
//! node's own store is asked, as it may hold it from before a restart; then the segment's holder (who referenced it),
//! its author, and the others in turn, with growing pauses. A long gap at the end of a lane is fetched as a range, a
//! piece at a time; names are tried in between, as the fallback that always works.

use crate::network::{FetchWant, PeerInfo};
use fairlane_types::{LaneSeq, SegmentDigest, SegmentRef, ValidatorId};
use libp2p::PeerId;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Which peer to ask; `None` is this node's own store.
    pub(super) source: Option<PeerId>,
    /// What for.
    pub(super) want: FetchWant,
    /// The wanted segments that it is about.
    pub(super) about: Vec<SegmentRef>,
}

#[derive(Debug)]
struct Want {
    reference: SegmentRef,
    holder: Option<ValidatorId>,
    /// The lane is held up to here, and more than a few segments are missing.
    range_after: Option<LaneSeq>,
    attempts: u32,
    next: Instant,
    in_flight: bool,
}

/// The missing segments.
#[derive(Debug, Default)]
pub(super) struct Fetcher {
    wants: BTreeMap<SegmentDigest, Want>,
    in_flight: HashMap<Option<PeerId>, usize>,
}

impl Fetcher {
    /// The most segments that are asked for at a time; what lies beyond is found again when these are there.
    const MAX_WANTS: usize = 4096;
    /// The most requests to one source at a time.
    const PER_SOURCE: usize = 4;
    /// The most names in one request: few, so that one response does not take long.
    const NAMES: usize = 32;
    /// How long a referenced segment may take to arrive by itself. Generous, as a machine under full load is late
    /// with everything, and fetching what is on its way already would add to the load.
    pub(super) const PATIENCE: Duration = Duration::from_millis(150);
    const FIRST_PAUSE: Duration = Duration::from_millis(150);
    const LONGEST_PAUSE: Duration = Duration::from_secs(1);

    /// Notes that a segment is missing. `patience` is how long it may still come by itself.
    pub(super) fn want(
        &mut self,
        reference: SegmentRef,
        holder: Option<ValidatorId>,
        range_after: Option<LaneSeq>,
        patience: Duration,
        now: Instant,
    ) {
        if let Some(want) = self.wants.get_mut(&reference.digest) {
            want.range_after = range_after.or(want.range_after);
            want.holder = want.holder.or(holder);
            if want.attempts == 0 {
                want.next = want.next.min(now + patience);
            }
            return;
        }
        if self.wants.len() < Self::MAX_WANTS {
            let next = now + patience;
            let want = Want { reference, holder, range_after, attempts: 0, next, in_flight: false };
            self.wants.insert(reference.digest, want);
        }
    }

    /// A segment is there.
    pub(super) fn arrived(&mut self, digest: &SegmentDigest) {
        self.wants.remove(digest);
    }

    /// Forgets what is not wanted any more.
    pub(super) fn retain(&mut self, wanted: impl Fn(&SegmentRef) -> bool) {
        self.wants.retain(|_, want| want.in_flight || wanted(&want.reference));
    }

    /// Whether anything is missing.
    pub(super) fn is_idle(&self) -> bool {
        self.wants.is_empty()
    }

    /// The requests to send now.
    pub(super) fn plan(&mut self, peers: &[PeerInfo], now: Instant) -> Vec<Order> {
        let mut names: HashMap<Option<PeerId>, Vec<SegmentRef>> = HashMap::new();
        let mut orders = Vec::new();
        for want in self.wants.values_mut().filter(|want| !want.in_flight && want.next <= now) {
            let Some(source) = choose(want, peers) else { continue };
            let range = want.range_after.filter(|_| want.attempts == 0 || want.attempts % 2 == 1);
            let needs_request =
                range.is_some() || names.get(&source).is_none_or(|group| group.len() % Self::NAMES == 0);
            if needs_request {
                let busy = self.in_flight.entry(source).or_default();
                if *busy >= Self::PER_SOURCE {
                    continue;
                }
                *busy += 1;
            }
            want.in_flight = true;
            match range {
                Some(after) => orders.push(Order {
                    source,
                    want: FetchWant::Range { last: want.reference, after },
                    about: vec![want.reference],
                }),
                None => names.entry(source).or_default().push(want.reference),
            }
        }
        for (source, group) in names {
            orders.extend(group.chunks(Self::NAMES).map(|about| Order {
                source,
                want: FetchWant::Names(about.to_vec()),
                about: about.to_vec(),
            }));
        }
        orders
    }

    /// A request is over. `progress` says how far a range got: then it goes on from there at once.
    pub(super) fn done(&mut self, order: &Order, progress: Option<LaneSeq>, now: Instant) {
        if let Some(busy) = self.in_flight.get_mut(&order.source) {
            *busy = busy.saturating_sub(1);
            if *busy == 0 {
                self.in_flight.remove(&order.source);
            }
        }
        for reference in &order.about {
            let Some(want) = self.wants.get_mut(&reference.digest) else { continue };
            want.in_flight = false;
            if let Some(reached) = progress {
                want.range_after = Some(reached);
                want.next = now;
                continue;
            }
            let pause = match want.attempts {
                0 => Duration::ZERO,
                attempts => Self::FIRST_PAUSE.saturating_mul(1 << attempts.min(5)),
            };
            want.attempts = want.attempts.saturating_add(1);
            want.next = now + pause.min(Self::LONGEST_PAUSE);
        }
    }
}

/// The store, the holder, the author, and then everybody in turn. `None` when there is nobody to ask.
fn choose(want: &Want, peers: &[PeerInfo]) -> Option<Option<PeerId>> {
    let Some(attempt) = (want.attempts as usize).checked_sub(1) else { return Some(None) };
    let named = |validator: &ValidatorId| peers.iter().find(|peer| peer.validator == Some(*validator));
    let holder = want.holder.as_ref().and_then(named);
    let author = named(&want.reference.lane.validator);
    let mut first = holder.into_iter().chain(author);
    let preferred = first.clone().count();
    if let Some(peer) = first.nth(attempt) {
        return Some(Some(peer.peer));
    }
    let at = (attempt - preferred).checked_rem(peers.len())?;
    peers.get(at).map(|peer| Some(peer.peer))
}
