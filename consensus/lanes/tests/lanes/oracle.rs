//! A naive reading of the rules of a cut over all segments that ever existed. Shares nothing with the crate but
//! the types.

use fairlane_lanes::CutBase;
use fairlane_types::{Cut, Event, Evidence, LaneId, Segment, SegmentDigest, SegmentRef};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct Archive(HashMap<SegmentDigest, Arc<Segment>>);

impl Archive {
    pub(crate) fn keep(&mut self, segment: &Arc<Segment>) {
        self.0.insert(segment.digest(), segment.clone());
    }

    pub(crate) fn get(&self, digest: &SegmentDigest) -> &Arc<Segment> {
        &self.0[digest]
    }

    /// The chain from the first segment of a lane to `head`.
    pub(crate) fn chain(&self, head: SegmentRef) -> Vec<Arc<Segment>> {
        let mut chain = Vec::new();
        let mut digest = head.digest;
        while digest != SegmentDigest::ZERO {
            let segment = self.get(&digest);
            chain.push(segment.clone());
            digest = segment.header().parent;
        }
        chain.reverse();
        chain
    }

    /// Panics when the cut breaks rule 1, 2 or 3.
    pub(crate) fn assert_valid(&self, base: &CutBase, cut: &Cut, evidence: &[Evidence], context: &str) {
        let accused = evidence.iter().filter_map(|evidence| match evidence {
            Evidence::LaneEquivocation(pair) => Some(pair[0].header.lane),
            _ => None,
        });
        let frozen: BTreeSet<LaneId> = base.equivocators.iter().copied().chain(accused).collect();
        let reach: BTreeMap<LaneId, u64> =
            cut.heads().iter().map(|head| (head.lane, head.seq.get())).collect();
        let mut power = 0;
        for member in base.validators.members() {
            let head = *cut.head(&member.lane()).expect("each lane has a head");
            let (old, new) = (self.chain(base.head(member.lane())), self.chain(head));
            assert!(new.starts_with(&old), "{context}: lane {} does not continue", head.lane);
            if new.len() > old.len() {
                power += member.power.get();
                assert!(!frozen.contains(&head.lane), "{context}: lane {} is frozen", head.lane);
            }
            for event in new[old.len()..].iter().flat_map(|segment| segment.events()) {
                let Event::Peer { segment, .. } = event else { continue };
                let closed = frozen.contains(&segment.lane) || reach[&segment.lane] >= segment.seq.get();
                assert!(closed, "{context}: {segment:?} is left out");
            }
        }
        assert!(power >= base.validators.quorums().quorum, "{context}: power {power} advanced");
    }
}
