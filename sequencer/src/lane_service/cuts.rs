//! What consensus waits for: the next cut, the judgement of a proposed one, the content of a decided one.
//!
//! Each question is looked at again whenever the view has changed. An answer that says "held" is given only once all
//! segments accepted so far are queued for the store.

use crate::lane_service::actor::Actor;
use crate::lane_service::messages::Request;
use crate::metrics::ReasonLabel;
use fairlane_engine::{CutVerdict, FinalizedBlock, NextCut};
use fairlane_lanes::{CutBase, CutContent, Judgement, RefusalKind};
use fairlane_types::{Cut, Evidence, Height, Proposal, Round};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A question of consensus that cannot be answered yet.
pub(super) enum Waiter {
    Next {
        base: CutBase,
        not_before: Instant,
        reply: oneshot::Sender<NextCut>,
    },
    Due {
        base: CutBase,
        not_before: Instant,
        reply: oneshot::Sender<()>,
    },
    Judge {
        base: CutBase,
        proposal: Arc<Proposal>,
        round: Round,
        fresh: bool,
        reply: oneshot::Sender<Result<CutContent, CutVerdict>>,
    },
    Content {
        base: CutBase,
        cut: Cut,
        reply: oneshot::Sender<CutContent>,
    },
}

impl Waiter {
    fn is_gone(&self) -> bool {
        match self {
            Self::Next { reply, .. } => reply.is_closed(),
            Self::Due { reply, .. } => reply.is_closed(),
            Self::Judge { reply, .. } => reply.is_closed(),
            Self::Content { reply, .. } => reply.is_closed(),
        }
    }
}

/// An answer that waits for the store.
pub(super) struct Held {
    mark: u64,
    answer: Answer,
}

enum Answer {
    Next(NextCut, oneshot::Sender<NextCut>),
    Judged(CutContent, oneshot::Sender<Result<CutContent, CutVerdict>>),
    Content(CutContent, oneshot::Sender<CutContent>),
}

/// Whether this node runs after the others: it executes blocks that were decided without it, one after the other.
#[derive(Debug, Default)]
pub(super) struct Pursuit {
    /// The last such block's parent, how many came in a row, and when the last of them came.
    height: Height,
    row: u32,
    at: Option<Instant>,
}

impl Pursuit {
    /// One block that was missed is no sign yet.
    const ROW: u32 = 3;
    /// How long after the last one it may be over.
    const OVER: Duration = Duration::from_millis(250);

    /// A decided cut's content is asked for.
    pub(super) fn follow(&mut self, height: Height, now: Instant) {
        self.row = if self.height.next() == height { self.row.saturating_add(1) } else { 1 };
        self.height = height;
        self.at = Some(now);
    }

    /// Until when nothing is said in the own lane: nobody waits for it, and a lane that advances makes its validator
    /// a proposer, who would keep the others waiting.
    pub(super) fn silent_until(&self) -> Option<Instant> {
        self.at.filter(|_| self.row >= Self::ROW).map(|at| at + Self::OVER)
    }
}

/// How long a cut waits past its time for what the others say of the last transactions, which otherwise wait for the next
/// one.
const REPORTS_PATIENCE: Duration = Duration::from_millis(2);
/// How long a segment of a proposed cut may still come by itself before it is fetched.
const PROPOSAL_PATIENCE: Duration = Duration::from_millis(60);

impl Actor {
    pub(super) fn on_request(&mut self, request: Request) {
        match request {
            Request::Next { base, not_before, reply } => {
                self.foresee(not_before, true);
                self.waiters.push(Waiter::Next { base, not_before, reply });
            }
            Request::Due { base, not_before, reply } => {
                self.foresee(not_before, false);
                self.waiters.push(Waiter::Due { base, not_before, reply });
            }
            Request::Judge { base, proposal, round, fresh, reply } => {
                self.waiters.push(Waiter::Judge { base, proposal, round, fresh, reply });
            }
            Request::Content { base, cut, reply } => {
                self.pursuit.follow(base.height, Instant::now());
                self.waiters.push(Waiter::Content { base, cut, reply });
            }
            Request::Decided { base, done } => {
                self.on_decided(base);
                // The engine may be gone.
                let _ = done.send(());
            }
            Request::Undecided { reply } => {
                // Who asked may be gone.
                let _ = reply.send(self.view.undecided().cloned().collect());
                return;
            }
            Request::Finalized(block) => self.on_finalized(&block),
            Request::Evidence(evidence) => self.on_evidence(evidence),
        }
        self.dirty = true;
    }

    /// The next height begins at this time, with a cut that this node makes or not.
    fn foresee(&mut self, beginning: Instant, ours: bool) {
        if beginning > Instant::now() {
            self.rhythm.expect(beginning, ours);
        }
    }

    pub(super) fn on_evidence(&mut self, evidence: Evidence) {
        if self.evidence.add(evidence.clone()) {
            self.reports.report(evidence.clone());
            let now = self.clock.now();
            let effects = self.view.accuse(&evidence, now);
            self.follow(effects);
        }
    }

    /// A block was committed: the view moves on.
    fn on_decided(&mut self, base: CutBase) {
        if base.height < self.base.height {
            return;
        }
        let now = self.clock.now();
        let effects = self.view.decided(&base, now);
        self.set_base(base);
        self.follow(effects);
        self.last_block = Instant::now();
        self.feed();
        self.refresh_wants();
    }

    fn on_finalized(&mut self, block: &FinalizedBlock) {
        self.evidence.committed(&block.proposal.evidence);
        self.submissions.ordered(block.order.ids());
    }

    /// Looks at all waiting questions again.
    pub(super) fn look_again(&mut self) {
        self.dirty = false;
        self.looked = Instant::now();
        for waiter in std::mem::take(&mut self.waiters) {
            if waiter.is_gone() {
                continue;
            }
            if let Some(waiter) = self.try_answer(waiter) {
                self.waiters.push(waiter);
            }
        }
    }

    /// When a question about the next cut has to be looked at again, whether or not something changes.
    pub(super) fn cut_deadline(&self) -> Option<Instant> {
        let looked = self.looked;
        let idle = self.last_block + self.config.idle_block;
        let deadlines = |waiter: &Waiter| match waiter {
            Waiter::Next { not_before, .. } => [*not_before, *not_before + REPORTS_PATIENCE, idle],
            Waiter::Due { not_before, .. } => [*not_before, idle, idle],
            Waiter::Judge { .. } | Waiter::Content { .. } => [looked; 3],
        };
        self.waiters.iter().flat_map(deadlines).filter(|deadline| *deadline > looked).min()
    }

    fn try_answer(&mut self, waiter: Waiter) -> Option<Waiter> {
        match waiter {
            Waiter::Next { base, not_before, reply } => match self.next_cut(&base, not_before) {
                Some(next) => self.hold(Answer::Next(next, reply)),
                None => return Some(Waiter::Next { base, not_before, reply }),
            },
            Waiter::Due { base, not_before, reply } => match self.due_cut(&base, not_before) {
                // The engine may have stopped waiting.
                Some(_) => drop(reply.send(())),
                None => return Some(Waiter::Due { base, not_before, reply }),
            },
            Waiter::Judge { base, proposal, round, fresh, reply } => {
                match self.judge(&base, &proposal, round, fresh) {
                    Some(Ok(content)) => self.hold(Answer::Judged(content, reply)),
                    // The engine may have stopped waiting.
                    Some(Err(verdict)) => drop(reply.send(Err(verdict))),
                    None => return Some(Waiter::Judge { base, proposal, round, fresh, reply }),
                }
            }
            Waiter::Content { base, cut, reply } => match self.view.content(&base, &cut) {
                Ok(content) => self.hold(Answer::Content(content, reply)),
                Err(missing) => {
                    self.need(&missing, Duration::ZERO);
                    return Some(Waiter::Content { base, cut, reply });
                }
            },
        }
        None
    }

    /// A cut that is worth a block, with the evidence to go with it.
    fn due_cut(&self, base: &CutBase, not_before: Instant) -> Option<(Cut, Vec<Evidence>)> {
        if base.height != self.base.height || Instant::now() < not_before {
            return None;
        }
        let members = &base.validators;
        let evidence = self.evidence.for_block(|piece| members.get(&piece.offender()).is_some());
        let cut = self.view.build_cut(base, &evidence)?;
        let idle = self.last_block.elapsed() >= self.config.idle_block;
        (idle || self.view.has_payload(base, &cut)).then_some((cut, evidence))
    }

    fn next_cut(&mut self, base: &CutBase, not_before: Instant) -> Option<NextCut> {
        let (cut, evidence) = self.due_cut(base, not_before)?;
        let late = not_before.elapsed();
        if late < REPORTS_PATIENCE {
            // What was held by then is in the others' last segments, which may be on their way.
            let reported = late.saturating_add(self.rhythm.lead());
            let reported = u64::try_from(reported.as_nanos()).unwrap_or(u64::MAX);
            if self.view.awaits_references(self.clock.now().saturating_sub(reported)) {
                return None;
            }
        }
        let content = self.view.content(base, &cut).ok()?;
        self.cut_metrics.built.inc();
        // The anchor moves where Ethereum is seen: in the handle.
        Some(NextCut::staying(base, cut, content, evidence))
    }

    fn judge(
        &mut self,
        base: &CutBase,
        proposal: &Proposal,
        round: Round,
        fresh: bool,
    ) -> Option<Result<CutContent, CutVerdict>> {
        if base.height != self.base.height {
            return None;
        }
        let members = &base.validators;
        let stranger = proposal.evidence.iter().find(|piece| members.get(&piece.offender()).is_none());
        if let Some(piece) = stranger {
            let reason = format!("its evidence accuses {}, who is no validator", piece.offender());
            return Some(Err(CutVerdict::Invalid(reason)));
        }
        let judgement = Judgement { now: self.clock.now(), round, fresh };
        let verdict = self.view.check_cut(base, &proposal.cut, &proposal.evidence, judgement);
        match verdict.as_ref().map_err(|refusal| refusal.kind()) {
            Ok(()) => {
                self.cut_metrics.accepted.inc();
                self.view.content(base, &proposal.cut).ok().map(Ok)
            }
            Err(RefusalKind::Missing(missing)) => {
                self.need(&missing, PROPOSAL_PATIENCE);
                None
            }
            Err(kind) => {
                let reason = verdict.err().map(|refusal| refusal.to_string()).unwrap_or_default();
                Some(Err(self.refuse_cut(&kind, reason)))
            }
        }
    }

    fn refuse_cut(&self, kind: &RefusalKind, reason: String) -> CutVerdict {
        let untimely = matches!(kind, RefusalKind::Untimely);
        let name = if untimely { "untimely" } else { "invalid" };
        self.cut_metrics.refused.get_or_create(&ReasonLabel { reason: name }).inc();
        if untimely { CutVerdict::Untimely(reason) } else { CutVerdict::Invalid(reason) }
    }

    fn hold(&mut self, answer: Answer) {
        let mark = self.persist.mark();
        self.answers.push(Held { mark, answer });
        self.release_answers();
    }

    /// Gives the answers whose segments are queued for the store.
    pub(super) fn release_answers(&mut self) {
        let persist = &self.persist;
        for held in self.answers.extract_if(.., |held| persist.is_past(held.mark)) {
            // The engine may have stopped waiting.
            match held.answer {
                Answer::Next(next, reply) => drop(reply.send(next)),
                Answer::Judged(content, reply) => drop(reply.send(Ok(content))),
                Answer::Content(content, reply) => drop(reply.send(content)),
            }
        }
    }
}
