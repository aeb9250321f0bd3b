//! Finding the end of this node's own lane before writing on: in the store, and by asking the validators. They are asked
//! at the same time how far they are, so that consensus knows how far this node may have voted.
//!
//! A disk that was lost or restored from a backup knows less than this node signed, and signing a second segment for a
//! place is slashable. So a quorum of the power (this node's own included) must say what it holds of the lane, and
//! whoever else is connected gets a moment to answer, too. The answers are this node's own signed segments, and heights
//! with their certificates: nobody can invent either.

use crate::guard::Guard;
use crate::lane_service::LaneServiceError;
use crate::lane_service::segments::are_chain;
use crate::lane_service::{intake, recent};
use crate::network::{FetchWant, LaneEnd, NetworkHandle, Offence, PeerInfo};
use crate::store::{Store, StoreError};
use bytes::Bytes;
use fairlane_engine::{Memory, Told};
use fairlane_lanes::CutBase;
use fairlane_types::{
    CommitCertificate, Decode as _, Height, LaneId, NetworkId, ProtocolParams, Segment, SegmentRef,
    ValidatorId,
};
use fairlane_verify::power_behind;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use libp2p::PeerId;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The own lane, known up to its end.
pub(super) struct Recovered {
    /// The lane.
    pub(super) lane: LaneId,
    /// Its last segment.
    pub(super) last: SegmentRef,
    /// The own segments after the decided head, ascending up to the last one.
    pub(super) undecided: Vec<Arc<Segment>>,
}

/// What finding the end takes.
pub(super) struct Recovery {
    pub(super) lane: LaneId,
    pub(super) base: CutBase,
    pub(super) network: NetworkHandle,
    pub(super) network_id: NetworkId,
    pub(super) params: ProtocolParams,
    pub(super) store: Store,
    /// An own segment that came from outside, so that the end is there or beyond.
    pub(super) known: Option<SegmentRef>,
    /// Keeps for the next start that the disk was found to be old.
    pub(super) guard: Option<Guard>,
    /// Whether to ask the validators.
    pub(super) check: bool,
    pub(super) timeout: Duration,
    /// Where to tell what they say.
    pub(super) told: watch::Sender<Answered>,
}

/// What the validators said: nothing yet, or what follows; and that is nothing where nobody is asked.
pub(super) type Answered = Option<Option<Told>>;

/// One validator's answer.
struct Answer {
    /// The end of the lane as it holds it.
    end: Option<SegmentRef>,
    /// The last height that it has decided.
    decided: Height,
}

impl Recovery {
    /// How long validators beyond the quorum may take to answer.
    const GRACE: Duration = Duration::from_millis(300);
    /// How long to wait before asking again who did not answer.
    const PAUSE: Duration = Duration::from_millis(250);
    /// The most bytes that are read from the store at a time.
    const STORE_BYTES: usize = 4 << 20;

    pub(super) async fn run(self) -> Result<Recovered, LaneServiceError> {
        let decided = self.base.head(self.lane);
        let (written, stored) = self.stored_ends().await?;
        let poll = if self.check { Some(self.ask_validators().await?) } else { None };
        let asked = poll.as_ref().and_then(|poll| poll.end);
        let told = poll.and_then(|poll| poll.told(written));
        self.remember(told).await?;
        self.told.send_replace(Some(told));
        let ends = [stored, asked, self.known];
        let last = ends.into_iter().flatten().chain([decided]).max_by_key(|end| end.seq).unwrap_or(decided);
        let undecided = self.undecided(decided, last).await?;
        check_one_chain(&ends, &undecided)?;
        self.adopt(&undecided).await?;
        tracing::info!(lane = %self.lane, last = %last.seq, decided = %decided.seq, "the own lane is known to its end");
        Ok(Recovered { lane: self.lane, last, undecided })
    }

    /// Asks and tells only how far the validators are: outside of the set, there is no lane to find.
    pub(super) async fn ask_outside(self) -> Result<(), LaneServiceError> {
        let poll = self.ask_validators().await?;
        self.told.send_replace(Some(poll.told(None)));
        Ok(())
    }

    /// That others hold more of the lane than this disk knows to have written shows that the disk is old. Once the lane is
    /// taken over, nothing shows it any more, so it is made durable before.
    async fn remember(&self, told: Option<Told>) -> Result<(), LaneServiceError> {
        let (Some(told), Some(guard)) = (told.filter(|told| told.lane_ahead), &self.guard) else {
            return Ok(());
        };
        let memory = Memory { decided: self.base.height, ..Memory::default() };
        Ok(guard.distrust_log(memory.unknown_up_to(told)).await?)
    }

    /// The newest segment of the own lane that this node wrote, or took over as its own, and the newest one in the store.
    async fn stored_ends(&self) -> Result<(Option<SegmentRef>, Option<SegmentRef>), LaneServiceError> {
        self.store.settle().await?;
        let lane = self.lane;
        let stored = self.read(move |store| {
            let own = store.last_own_segment(&lane)?;
            Ok((own, store.newest_segment(&lane)?))
        });
        let end = |bytes: Option<Bytes>| bytes.and_then(|bytes| Some(recent::peek(&bytes)?.reference()));
        let (written, newest) = stored.await?;
        let (written, newest) = (end(written), end(newest));
        Ok((written, written.into_iter().chain(newest).max_by_key(|end| end.seq)))
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, LaneServiceError> {
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(result) => Ok(result?),
            // The runtime is shutting down.
            Err(_) => std::future::pending().await,
        }
    }

    /// Asks all connected validators, and returns once a quorum has answered and the others had their moment.
    async fn ask_validators(&self) -> Result<Poll<'_>, LaneServiceError> {
        let started = Instant::now();
        let mut poll = Poll::new(self);
        let mut peers = self.network.watch_peers();
        let mut answers = FuturesUnordered::new();
        let mut grace: Option<Instant> = None;
        loop {
            for peer in poll.not_asked(&peers.borrow_and_update().clone()) {
                answers.push(self.ask(peer));
            }
            if poll.has_quorum() {
                let until = *grace.get_or_insert(Instant::now() + Self::GRACE);
                if answers.is_empty() || Instant::now() >= until {
                    return Ok(poll);
                }
            } else if started.elapsed() >= self.timeout {
                return Err(poll.timed_out(started.elapsed()));
            }
            tokio::select! {
                Some((validator, answer)) = answers.next(), if !answers.is_empty() => {
                    poll.answered(validator, answer);
                }
                changed = peers.changed() => if changed.is_err() { std::future::pending::<()>().await },
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
        }
    }

    /// One validator's answer; `None` when it gave none.
    async fn ask(&self, peer: PeerInfo) -> (Option<ValidatorId>, Option<Answer>) {
        let asked = self.network.ask_end(peer.peer, self.lane).await;
        let answer = match asked {
            Ok(LaneEnd { segments, decided }) => match self.decided(decided) {
                Some(decided) => Some(Answer { end: self.end(&peer, segments).await, decided }),
                None => {
                    self.network.report(peer.peer, Offence::Malformed);
                    None
                }
            },
            Err(_) => None,
        };
        if answer.is_none() {
            tokio::time::sleep(Self::PAUSE).await;
        }
        (peer.validator, answer)
    }

    /// The height that a certificate shows to be decided: an honest member has precommitted. `None` where it shows none.
    fn decided(&self, certificate: Bytes) -> Option<Height> {
        if certificate.is_empty() {
            return Some(Height::ZERO);
        }
        let certificate = CommitCertificate::from_bytes(certificate).ok()?;
        let members = &self.base.validators;
        let power = power_behind(&certificate, &self.network_id, members).get();
        (power > members.quorums().faulty).then_some(certificate.height)
    }

    /// The end of the own lane among what a peer sent.
    async fn end(&self, peer: &PeerInfo, segments: Vec<Bytes>) -> Option<SegmentRef> {
        let mut end = None;
        for bytes in segments {
            match intake::decode(bytes, self.network_id, self.params.clone()).await {
                Ok(segment) if segment.header().lane == self.lane => end = Some(segment.reference()),
                Ok(_) => self.network.report(peer.peer, Offence::Unasked),
                Err(error) => self.network.report(peer.peer, intake::offence_of(&error)),
            }
        }
        end
    }

    /// The own segments after the decided head up to `last`: from the store, and what is missing there from peers.
    /// None where the chain is further behind than the lane's window: then writing has to wait for the chain anyway,
    /// which fetches them.
    async fn undecided(
        &self,
        decided: SegmentRef,
        last: SegmentRef,
    ) -> Result<Vec<Arc<Segment>>, LaneServiceError> {
        let mut segments: Vec<Arc<Segment>> = Vec::new();
        let mut held = decided;
        let mut turn = 0usize;
        let mut warned = false;
        if last.seq.get().saturating_sub(held.seq.get()) > u64::from(self.params.lane_window_segments) {
            return Ok(segments);
        }
        while held.seq < last.seq {
            let peers = self.network.peers();
            let source =
                turn.checked_sub(1).and_then(|at| peers.get(at % peers.len().max(1))).map(|peer| peer.peer);
            if source.is_none() && turn > 0 {
                tokio::time::sleep(Self::PAUSE).await;
            }
            let found = self.range(source, last, held).await?;
            match found.last() {
                Some(reached) => held = reached.reference(),
                None => turn += 1,
            }
            segments.extend(found);
            if turn > 0 && turn.is_multiple_of(peers.len() + 1) {
                if !std::mem::replace(&mut warned, true) {
                    let (held, last) = (held.seq, last.seq);
                    tracing::warn!(%held, %last, "no peer has what follows in the own lane: it waits until one has");
                }
                tokio::time::sleep(Self::PAUSE).await;
                turn = 0;
            }
        }
        Ok(segments)
    }

    /// A piece of the own lane after `held`, from a peer or from the store.
    async fn range(
        &self,
        source: Option<PeerId>,
        last: SegmentRef,
        held: SegmentRef,
    ) -> Result<Vec<Arc<Segment>>, LaneServiceError> {
        let found = match source {
            None => self.read(move |store| store.lane_range(&last, held.seq, Self::STORE_BYTES)).await?,
            Some(peer) => {
                let want = FetchWant::Range { last, after: held.seq };
                self.network.fetch(peer, want).await.unwrap_or_default()
            }
        };
        if !are_chain(&found, &last, held.seq) {
            return Ok(Vec::new());
        }
        self.decode(found, held).await
    }

    async fn decode(
        &self,
        found: Vec<Bytes>,
        held: SegmentRef,
    ) -> Result<Vec<Arc<Segment>>, LaneServiceError> {
        let mut segments: Vec<Arc<Segment>> = Vec::with_capacity(found.len());
        for bytes in found {
            match intake::decode(bytes, self.network_id, self.params.clone()).await {
                Ok(segment) => segments.push(segment),
                Err(_) => break,
            }
        }
        match segments.first() {
            Some(first) if first.parent() != held => {
                Err(LaneServiceError::Fork(Box::new([held, first.parent()])))
            }
            _ => Ok(segments),
        }
    }

    /// Makes durable whatever the store did not hold of the own segments. It may hold a later one without an earlier.
    async fn adopt(&self, undecided: &[Arc<Segment>]) -> Result<(), LaneServiceError> {
        let Some(last) = undecided.last() else { return Ok(()) };
        self.store.put_segments(undecided.to_vec()).await?;
        Ok(self.store.put_own_segment(last.clone()).await?)
    }
}

/// Ends that lie among the undecided segments must be on their chain; else this key has signed two lanes.
fn check_one_chain(ends: &[Option<SegmentRef>], undecided: &[Arc<Segment>]) -> Result<(), LaneServiceError> {
    for end in ends.iter().flatten() {
        let at = undecided.iter().map(|segment| segment.reference()).find(|at| at.seq == end.seq);
        if let Some(other) = at.filter(|at| at != end) {
            return Err(LaneServiceError::Fork(Box::new([*end, other])));
        }
    }
    Ok(())
}

/// The poll among the validators.
struct Poll<'a> {
    recovery: &'a Recovery,
    asked: BTreeSet<ValidatorId>,
    answered: BTreeSet<ValidatorId>,
    end: Option<SegmentRef>,
    /// The last height that one of them has decided.
    decided: Height,
}

impl<'a> Poll<'a> {
    fn new(recovery: &'a Recovery) -> Self {
        let own = BTreeSet::from([recovery.lane.validator]);
        Self { recovery, asked: own.clone(), answered: own, end: None, decided: Height::ZERO }
    }

    /// The connected validators that were not asked yet.
    fn not_asked(&mut self, peers: &[PeerInfo]) -> Vec<PeerInfo> {
        let members = &self.recovery.base.validators;
        let member = |peer: &&PeerInfo| peer.validator.is_some_and(|id| members.get(&id).is_some());
        let fresh = |peer: &&PeerInfo| peer.validator.is_some_and(|id| self.asked.insert(id));
        peers.iter().filter(member).filter(fresh).cloned().collect()
    }

    fn answered(&mut self, validator: Option<ValidatorId>, answer: Option<Answer>) {
        let Some(validator) = validator else { return };
        match answer {
            Some(Answer { end, decided }) => {
                self.answered.insert(validator);
                self.end = self.end.into_iter().chain(end).max_by_key(|end| end.seq);
                self.decided = self.decided.max(decided);
            }
            None => drop(self.asked.remove(&validator)),
        }
    }

    /// What follows for consensus, where this disk knows to have written the lane up to `written`. Nothing, where this node needs nobody
    /// else to decide.
    fn told(&self, written: Option<SegmentRef>) -> Option<Told> {
        let alone = Poll::new(self.recovery).has_quorum();
        let written = written.map_or(0, |written| written.seq.get());
        let lane_ahead = self.end.is_some_and(|end| end.seq.get() > written);
        (!alone).then_some(Told { decided: self.decided, lane_ahead })
    }

    fn power(&self) -> u64 {
        let members = &self.recovery.base.validators;
        let powers = self.answered.iter().filter_map(|id| members.get(id)).map(|member| member.power.get());
        powers.fold(0, u64::saturating_add)
    }

    fn has_quorum(&self) -> bool {
        self.power() >= self.recovery.base.validators.quorums().quorum
    }

    fn timed_out(&self, waited: Duration) -> LaneServiceError {
        LaneServiceError::StartupCheck {
            answered: self.power(),
            quorum: self.recovery.base.validators.quorums().quorum,
            waited,
        }
    }
}
