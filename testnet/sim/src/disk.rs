//! A validator's disk: what is written, what is durable, and what a crash leaves of it.
//!
//! Two files as nodes have them: the store (segments, proposals, decisions, results, snapshots), written in order by
//! one writer, and the write-ahead log of consensus. A write is *pending* until the next sync of its file. A crash
//! keeps what is durable and a prefix of what is pending; the write after that prefix is torn, which its checksum
//! tells on opening, so it is dropped.

use crate::machine::CoreInput;
use fairlane_types::{
    BlockId, CommitCertificate, Height, LaneId, LaneSeq, Proposal, Round, Segment, SegmentDigest, SegmentRef,
    TxId, ValidatorId,
};
use rand::Rng;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a validator waits for its disk, and so where a crash matters most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PersistPoint {
    /// A segment of the own lane, before anybody sees it.
    OwnSegment,
    /// A proposed value, before it is proposed or voted for.
    Proposal,
    /// A decision, before it is executed.
    Decision,
    /// The log of votes, before a vote leaves.
    Log,
    /// A block's results, before they are delivered.
    Finalized,
}

impl PersistPoint {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::OwnSegment, Self::Proposal, Self::Decision, Self::Log, Self::Finalized];
}

/// When, around a sync, a crash comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the write is durable: it may be lost or torn.
    Before,
    /// After it is durable, and before anything follows from it.
    After,
}

/// A proposal that was found valid, or made, for one round.
#[derive(Clone, Debug)]
pub(crate) struct StoredProposal {
    pub(crate) round: Round,
    pub(crate) valid_round: Option<Round>,
    pub(crate) proposer: ValidatorId,
    pub(crate) proposal: Arc<Proposal>,
}

/// One write to the store.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    OwnSegment(Arc<Segment>),
    Segment(Arc<Segment>),
    Proposal(StoredProposal),
    Decision(Arc<Proposal>, CommitCertificate),
    Finalized { height: Height, ordered: Vec<TxId>, snapshot: Option<Arc<Vec<u8>>> },
}

/// What the store's file says.
#[derive(Clone, Default)]
pub(crate) struct Store {
    segments: BTreeMap<SegmentDigest, Arc<Segment>>,
    newest: BTreeMap<LaneId, SegmentRef>,
    /// How far this validator has written each lane of its own itself, or taken it over as its own.
    written: BTreeMap<LaneId, LaneSeq>,
    proposals: BTreeMap<Height, Vec<StoredProposal>>,
    decisions: BTreeMap<Height, (Arc<Proposal>, CommitCertificate)>,
    ordered: BTreeMap<Height, Vec<TxId>>,
    snapshots: BTreeMap<Height, Arc<Vec<u8>>>,
}

impl Store {
    fn apply(&mut self, write: Write) {
        if let Write::OwnSegment(segment) = &write {
            let written = self.written.entry(segment.header().lane).or_default();
            *written = segment.header().seq.max(*written);
        }
        match write {
            Write::OwnSegment(segment) | Write::Segment(segment) => {
                let reference = segment.reference();
                let newest = self.newest.entry(reference.lane).or_insert(reference);
                if reference.seq > newest.seq {
                    *newest = reference;
                }
                self.segments.insert(reference.digest, segment);
            }
            Write::Proposal(stored) => {
                self.proposals.entry(stored.proposal.header.height).or_default().push(stored);
            }
            Write::Decision(proposal, certificate) => {
                self.decisions.insert(certificate.height, (proposal, certificate));
            }
            Write::Finalized { height, ordered, snapshot } => {
                self.ordered.insert(height, ordered);
                self.proposals.retain(|of, _| *of > height);
                if let Some(snapshot) = snapshot {
                    self.snapshots.insert(height, snapshot);
                }
            }
        }
    }

    /// A segment.
    pub(crate) fn segment(&self, digest: &SegmentDigest) -> Option<&Arc<Segment>> {
        self.segments.get(digest)
    }

    /// The newest segment of a lane.
    pub(crate) fn newest(&self, lane: &LaneId) -> Option<SegmentRef> {
        self.newest.get(lane).copied()
    }

    /// How far a lane is known to be this validator's own work.
    pub(crate) fn written(&self, lane: &LaneId) -> Option<LaneSeq> {
        self.written.get(lane).copied()
    }

    /// The chain that ends with `last`, as far as it lies above `after` and is held without a gap.
    pub(crate) fn chain(&self, last: &SegmentRef, after: LaneSeq) -> Option<Vec<Arc<Segment>>> {
        let mut chain = Vec::new();
        let mut at = *last;
        while at.seq > after {
            let segment = self.segments.get(&at.digest).filter(|found| found.reference() == at)?;
            chain.push(segment.clone());
            at = segment.parent();
        }
        chain.reverse();
        Some(chain)
    }

    /// The proposals kept for a round, in the order in which they were put.
    pub(crate) fn proposals(&self, height: Height, round: Round) -> Vec<StoredProposal> {
        let kept = self.proposals.get(&height).into_iter().flatten();
        kept.filter(|stored| stored.round == round).cloned().collect()
    }

    /// A proposal kept for a height.
    pub(crate) fn proposal(&self, height: Height, id: BlockId) -> Option<Arc<Proposal>> {
        let mut kept = self.proposals.get(&height).into_iter().flatten();
        kept.find(|stored| stored.proposal.id() == id).map(|stored| stored.proposal.clone())
    }

    /// The decision of a height.
    pub(crate) fn decision(&self, height: Height) -> Option<&(Arc<Proposal>, CommitCertificate)> {
        self.decisions.get(&height)
    }

    /// Whether the results of a height are kept.
    pub(crate) fn is_finalized(&self, height: Height) -> bool {
        self.ordered.contains_key(&height)
    }

    /// The snapshots, newest first.
    pub(crate) fn snapshots(&self) -> impl Iterator<Item = (&Height, &Arc<Vec<u8>>)> {
        self.snapshots.iter().rev()
    }

    /// What each block up to a height ordered.
    pub(crate) fn ordered(&self, up_to: Height) -> Vec<(Height, Vec<TxId>)> {
        self.ordered.range(..=up_to).map(|(height, ids)| (*height, ids.clone())).collect()
    }
}

/// The write-ahead log of one height.
#[derive(Clone, Default)]
struct Log {
    height: Height,
    entries: Vec<CoreInput>,
    durable: usize,
}

impl Log {
    fn crash(&mut self, random: &mut impl Rng) -> usize {
        let spare = self.entries.len() - self.durable;
        let kept = random.gen_range(0..=spare as u64) as usize;
        self.entries.truncate(self.durable + kept);
        self.durable = self.entries.len();
        spare - kept
    }
}

/// A validator's disk.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    live: Store,
    durable: Store,
    pending: Vec<Write>,
    /// Missing until this validator may vote for the first time.
    log: Option<Log>,
    /// The height up to which anything may have been signed, whatever the log says.
    reserved: Height,
    armed: Option<(PersistPoint, Moment)>,
}

impl Disk {
    /// What a running process reads: everything it wrote.
    pub(crate) fn store(&self) -> &Store {
        &self.live
    }

    /// Writes without waiting.
    pub(crate) fn write(&mut self, write: Write) {
        self.live.apply(write.clone());
        self.pending.push(write);
    }

    /// Makes everything written to the store durable.
    pub(crate) fn sync(&mut self) {
        for write in self.pending.drain(..) {
            self.durable.apply(write);
        }
    }

    /// The height that the log of consensus belongs to, if there is one.
    pub(crate) fn log_height(&self) -> Option<Height> {
        self.log.as_ref().map(|log| log.height)
    }

    /// The height up to which anything may have been signed, as kept apart from the log.
    pub(crate) fn reserved(&self) -> Height {
        self.reserved
    }

    /// The log is not the last one, and anything may have been signed up to a height. Durable at once.
    pub(crate) fn distrust_log(&mut self, up_to: Height) {
        self.log = None;
        self.reserved = self.reserved.max(up_to);
    }

    /// Begins the log of a height. Gives the entries from before a crash if it was this height's.
    pub(crate) fn wal_started(&mut self, height: Height) -> Vec<CoreInput> {
        if let Some(log) = self.log.as_ref().filter(|log| log.height == height) {
            return log.entries.clone();
        }
        self.log = Some(Log { height, ..Log::default() });
        Vec::new()
    }

    /// Appends to the log without waiting.
    pub(crate) fn wal_append(&mut self, input: CoreInput) {
        if let Some(log) = &mut self.log {
            log.entries.push(input);
        }
    }

    /// Whether something in the log is not durable.
    pub(crate) fn wal_is_dirty(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.durable < log.entries.len())
    }

    /// Makes the log durable.
    pub(crate) fn wal_sync(&mut self) {
        if let Some(log) = &mut self.log {
            log.durable = log.entries.len();
        }
    }

    /// What is durable in the store.
    pub(crate) fn durable(&self) -> &Store {
        &self.durable
    }

    /// A backup: what is durable.
    pub(crate) fn backup(&self) -> Self {
        let mut log = self.log.clone();
        if let Some(log) = &mut log {
            log.entries.truncate(log.durable);
        }
        let (live, durable) = (self.durable.clone(), self.durable.clone());
        Self { live, durable, log, reserved: self.reserved, ..Self::default() }
    }

    /// The same without the log, which is out of date at once.
    pub(crate) fn without_log(self) -> Self {
        Self { log: None, ..self }
    }

    /// Lets the next sync at this point be the process's last moment.
    pub(crate) fn arm(&mut self, point: PersistPoint, moment: Moment) {
        self.armed = Some((point, moment));
    }

    /// The moment of the crash, if one is to come at this point.
    pub(crate) fn crash_at(&mut self, point: PersistPoint) -> Option<Moment> {
        self.armed.take_if(|(armed, _)| *armed == point).map(|(_, moment)| moment)
    }

    /// What a crash leaves. Says how many pending writes were lost or torn.
    pub(crate) fn crash(&mut self, random: &mut impl Rng) -> usize {
        let kept = random.gen_range(0..=self.pending.len() as u64) as usize;
        let lost = self.pending.len() - kept;
        for write in self.pending.drain(..).take(kept) {
            self.durable.apply(write);
        }
        self.live = self.durable.clone();
        self.armed = None;
        lost + self.log.as_mut().map_or(0, |log| log.crash(random))
    }
}
