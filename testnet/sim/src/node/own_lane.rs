//! The own lane: taking clients' transactions, closing segments, and finding the lane's end after a start.

use super::Node;
use crate::disk::{PersistPoint, Write};
use crate::observe::Observed;
use crate::setup::pace;
use crate::wire::{LaneEnd, Message, Timer};
use fairlane_agreement::{Memory, Told};
use fairlane_lanes::LaneWriter;
use fairlane_types::{
    Height, Incarnation, LaneId, LaneSeq, Segment, SegmentRef, Timestamp, Transaction, TxId, Validator,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// When segments are closed.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: u64,
    not_before: u64,
    /// When the next look at it comes.
    pub(super) armed: Option<u64>,
}

/// Asking the validators for the end of the own lane.
struct Poll {
    question: u32,
    answered: BTreeSet<usize>,
    end: Option<Arc<Segment>>,
    /// The newest own segment that the disk had when they were asked.
    stored: Option<LaneSeq>,
    /// The highest height that one of them has decided.
    decided: Height,
    /// When a quorum had answered.
    quorum_at: Option<u64>,
}

/// What the validator does about its lane.
pub(super) struct OwnLane {
    /// The lane, while it is in the validator set.
    lane: Option<LaneId>,
    /// The last height that was told to be decided. Until the chain is there, this validator does not know whether it is
    /// still in the set.
    told: Height,
    /// How many questions were asked since the start.
    questions: u32,
    writer: Option<LaneWriter>,
    poll: Option<Poll>,
    /// The segment that is written and not yet durable.
    closing: Option<Arc<Segment>>,
    /// Taken from clients, until they are ordered or expire.
    known: BTreeMap<TxId, Timestamp>,
    pub(super) pace: Pace,
}

impl OwnLane {
    pub(super) fn new() -> Self {
        Self {
            lane: None,
            told: Height::ZERO,
            questions: 0,
            writer: None,
            poll: None,
            closing: None,
            known: BTreeMap::new(),
            pace: Pace::default(),
        }
    }

    pub(super) fn writer(&mut self) -> Option<&mut LaneWriter> {
        self.writer.as_mut()
    }

    pub(super) fn has_waiting(&self) -> bool {
        self.closing.is_some() || self.writer.as_ref().is_some_and(LaneWriter::has_content)
    }

    /// A block ordered this transaction.
    pub(super) fn ordered(&mut self, id: &TxId) {
        self.known.remove(id);
    }
}

impl Node {
    /// Gives a client's transaction to the writer, or refuses it.
    pub(super) fn submit(&mut self, transaction: &Arc<Transaction>) {
        let now = self.shell.local();
        let latest = self.chain.time().max(now).saturating_add(self.setup.params.expiry_bound);
        let expires = transaction.expires_at();
        let in_time = expires > now.max(self.chain.time()) && expires <= latest;
        self.own.known.retain(|_, expires| *expires >= now);
        let unknown = !self.own.known.contains_key(&transaction.id());
        let lies = self.villain.is_some();
        let Some(writer) = self.own.writer.as_mut() else { return };
        if (in_time && unknown || lies) && writer.submit((**transaction).clone(), now).is_ok() {
            self.own.known.insert(transaction.id(), expires);
            self.shell.tell(Observed::Took(transaction.id()));
        }
    }

    /// Begins a segment when it is due, and wakes for the next one.
    pub(super) fn seal_if_due(&mut self) {
        let now = self.shell.now;
        let Some(due) = self.seal_due() else { return };
        if due > now {
            if self.own.pace.armed.is_none_or(|armed| armed > due) {
                self.own.pace.armed = Some(due);
                self.shell.timer(due - now, Timer::Seal);
            }
            return;
        }
        let Some(lane) = self.own.lane else { return };
        let local = self.shell.local();
        let decided = self.base.head(lane);
        let draft = self.own.writer.as_mut().and_then(|writer| writer.seal(local, &decided));
        let Some(draft) = draft else {
            self.own.pace.not_before = now + pace::BLOCKED;
            self.own.pace.armed = Some(now + pace::BLOCKED);
            self.shell.timer(pace::BLOCKED, Timer::Seal);
            return;
        };
        self.own.pace.last = now;
        let key = &self.setup.keys[self.me];
        let segment = match draft.seal(self.setup.network, &self.setup.params, key) {
            Ok(segment) => Arc::new(segment),
            Err(error) => return self.shell.note_fault(format!("a draft makes no segment: {error}")),
        };
        self.shell.write(Write::OwnSegment(segment.clone()));
        self.shell.timer(sync_time(&segment), Timer::OwnSynced(segment.header().seq));
        self.own.closing = Some(segment);
    }

    fn seal_due(&self) -> Option<u64> {
        if self.chain.height() < self.own.told {
            return None;
        }
        let writer = self.own.writer.as_ref().filter(|_| self.own.closing.is_none())?;
        let wait = match (writer.is_full(), writer.has_content()) {
            (true, _) => 0,
            (_, true) => pace::SEGMENT,
            _ => pace::HEARTBEAT,
        };
        Some((self.own.pace.last + wait).max(self.own.pace.not_before))
    }

    /// The fsync of the own segment ends: now it leaves, and the lane goes on after it.
    pub(super) fn on_own_synced(&mut self, seq: LaneSeq) {
        let Some(segment) = self.own.closing.take_if(|closing| closing.header().seq == seq) else { return };
        self.shell.sync(PersistPoint::OwnSegment);
        self.shell.tell(Observed::Closed(segment.clone()));
        let shown = self.show(&segment);
        let known = self.own.writer.as_mut().is_some_and(|writer| writer.sealed(&segment).is_ok());
        if known {
            self.take_in_stored(shown);
        }
    }

    /// Begins, or stops, to have a lane, as the validator set says. Whoever is outside asks only how far the others are.
    pub(super) fn enter_lane(&mut self) {
        let member = self.base.validators.get(&self.setup.validator(self.me));
        let lane = member.map(Validator::lane);
        if lane == self.own.lane && self.own.questions > 0 {
            return;
        }
        self.own.lane = lane;
        self.own.writer = None;
        self.own.closing = None;
        self.own.poll = None;
        if lane.is_some() || self.own.questions == 0 {
            self.ask(None);
        }
    }

    /// Asks the validators for the end of the own lane, which goes at least as far as `known`.
    fn ask(&mut self, known: Option<Arc<Segment>>) {
        self.own.questions += 1;
        let question = self.boot.wrapping_add(self.own.questions << 16);
        let stored = self.own.lane.and_then(|lane| self.shell.disk.store().written(&lane));
        self.own.poll = Some(Poll {
            question,
            answered: BTreeSet::new(),
            end: known,
            stored,
            decided: Height::ZERO,
            quorum_at: None,
        });
        self.on_recover_timer();
    }

    /// Asks those who have not answered.
    pub(super) fn on_recover_timer(&mut self) {
        let Some(poll) = &self.own.poll else { return };
        let members = &self.base.validators;
        let me = self.setup.validator(self.me);
        let power = |place: &usize| members.get(&self.setup.validator(*place)).map_or(0, |it| it.power.get());
        let sum: u64 = poll.answered.iter().chain([&self.me]).map(power).sum();
        let missing: Vec<usize> = members
            .members()
            .iter()
            .filter(|member| member.id != me)
            .filter_map(|member| self.setup.places.get(&member.id).copied())
            .filter(|to| !poll.answered.contains(to))
            .collect();
        let question = poll.question;
        if sum >= members.quorums().quorum {
            let since = poll.quorum_at.unwrap_or(self.shell.now);
            if missing.is_empty() || self.shell.now >= since + pace::GRACE {
                return self.answered();
            }
            if let Some(poll) = &mut self.own.poll {
                poll.quorum_at = Some(since);
            }
        }
        let outside = LaneId { validator: me, incarnation: Incarnation::ZERO };
        let lane = self.own.lane.unwrap_or(outside);
        for to in missing {
            self.shell.send(to, Message::AskEnd(question, lane));
        }
        self.shell.timer(pace::ASK_AGAIN, Timer::Recover);
    }

    /// A validator asks for the end of its lane.
    pub(super) fn tell_end(&mut self, from: usize, question: u32, lane: LaneId) {
        let store = self.shell.disk.store();
        let newest = store.newest(&lane);
        let segment = newest.and_then(|newest| store.segment(&newest.digest).cloned());
        let end = LaneEnd { segment, decided: self.chain.height() };
        self.shell.send(from, Message::End(question, end));
    }

    pub(super) fn on_end(&mut self, from: usize, question: u32, end: LaneEnd) {
        let own = self.own.lane;
        let Some(poll) = self.own.poll.as_mut().filter(|poll| poll.question == question) else { return };
        poll.answered.insert(from);
        let newest = |held: &Option<Arc<Segment>>| held.as_ref().map(|segment| segment.header().seq);
        if let Some(found) = end.segment.filter(|segment| Some(segment.header().lane) == own)
            && newest(&poll.end) < Some(found.header().seq)
        {
            poll.end = Some(found);
        }
        poll.decided = poll.decided.max(end.decided);
        let all = self.base.validators.len() - usize::from(own.is_some());
        if poll.answered.len() >= all {
            self.on_recover_timer();
        }
    }

    /// Everybody who is waited for has answered: consensus is told how far they are, and writing goes on.
    fn answered(&mut self) {
        let Some(poll) = &self.own.poll else { return };
        let end = poll.end.as_ref().map(|end| end.header().seq);
        let told = Told { decided: poll.decided, lane_ahead: end > poll.stored };
        self.own.told = poll.decided;
        let members = &self.base.validators;
        let power = members.get(&self.setup.validator(self.me)).map_or(0, |member| member.power.get());
        let alone = power >= members.quorums().quorum;
        if told.lane_ahead && !alone {
            // Once the lane is taken over, nothing but this tells that the disk was old.
            let memory = Memory { decided: self.chain.height(), ..Memory::default() };
            self.shell.disk.distrust_log(memory.unknown_up_to(told));
        }
        self.be_told((!alone).then_some(told));
        match self.own.lane {
            Some(lane) => self.begin_writing(lane),
            None => self.own.poll = None,
        }
    }

    /// The lane is known up to its end: writing goes on from there, once its undecided part is held.
    fn begin_writing(&mut self, lane: LaneId) {
        let decided = self.base.head(lane);
        let asked = self.own.poll.as_ref().and_then(|poll| poll.end.clone());
        if let Some(end) = &asked {
            self.shell.write(Write::OwnSegment(end.clone()));
        }
        let stored = self.shell.disk.store().newest(&lane);
        let asked_end = asked.map(|end| end.reference());
        let ends = [stored, asked_end, Some(decided)];
        let last = ends.into_iter().flatten().max_by_key(|end| end.seq).unwrap_or(decided);
        let window = u64::from(self.setup.params.lane_window_segments);
        let open = if last.seq.get().saturating_sub(decided.seq.get()) > window {
            // Writing has to wait for the chain anyway.
            Some(Vec::new())
        } else {
            self.shell.disk.store().chain(&last, decided.seq)
        };
        let Some(open) = open else {
            return self.fetch_own(last, decided.seq);
        };
        if open.first().is_some_and(|first| first.parent() != decided) {
            self.shell.note_fault(format!("validator {} finds that its own lane is forked", self.me));
            return;
        }
        self.write_on(lane, last, open);
    }

    /// Parts of the own lane are held by others only.
    fn fetch_own(&mut self, last: SegmentRef, after: LaneSeq) {
        self.shell.broadcast(Message::Fetch { last, after });
        self.shell.timer(pace::ASK_AGAIN, Timer::Recover);
    }

    fn write_on(&mut self, lane: LaneId, last: SegmentRef, open: Vec<Arc<Segment>>) {
        let mut writer = LaneWriter::new(lane, last, self.setup.params.clone());
        open.iter().for_each(|segment| writer.recall(segment));
        let now = self.shell.local();
        self.own.poll = None;
        let heads = self.view.decided_heads();
        self.shell.tell(Observed::Writes(lane, heads.iter().map(|head| head.reference).collect()));
        heads.into_iter().for_each(|head| writer.observe(head, now));
        self.own.writer = Some(writer);
        self.own.pace.last = self.shell.now;
        self.shell.sync(PersistPoint::OwnSegment);
        for segment in open {
            self.take_in_stored(segment);
        }
        self.dirty = true;
    }

    /// An own segment from outside that this validator did not know: its memory ends before the lane does.
    pub(super) fn notice_own(&mut self, segment: &Arc<Segment>) {
        let header = segment.header();
        if Some(header.lane) != self.own.lane || self.villain.is_some() {
            return;
        }
        let beyond = self.own.writer.as_ref().is_some_and(|writer| header.seq > writer.last().seq);
        if beyond {
            self.own.writer = None;
            self.ask(Some(segment.clone()));
        } else if self.own.poll.is_some() {
            self.shell.write(Write::Segment(segment.clone()));
        }
    }
}

/// How long the fsync of a segment takes: between half a millisecond and four, by its content.
fn sync_time(segment: &Segment) -> u64 {
    let [first, ..] = *segment.digest().as_bytes();
    500_000 + u64::from(first) * 14_000
}
