//! What must hold after every event, computed the naive way.
//!
//! Nothing here asks the code under test what is right. Powers are added up, lanes are walked from their start, and
//! quantiles and paths are found by looking at everything; from the production crates come types, hashes, and what a
//! consumer would use to verify batches ([`batches`]). Each module has one promise, or a few that share their facts.

mod agreement;
mod archive;
mod batches;
mod censorship;
mod council;
mod cuts;
mod fairness;
mod ledger;
mod liveness;
mod once;
mod signatures;
mod truth;

use crate::observe::{Committed, Observed};
use crate::scenario::Scenario;
use crate::setup::Setup;
use crate::wire::Message;
use agreement::Agreement;
use archive::Archive;
use batches::Subscribers;
use censorship::Censorship;
pub(crate) use council::Council;
use council::Councils;
use fairlane_types::{Evidence, Height, LaneId, LaneSeq, SegmentRef};
use ledger::Ledger;
use liveness::Promises;
pub(crate) use liveness::{Ending, Standing};
use once::Once;
use signatures::Signatures;
use std::fmt;
use std::sync::Arc;
use truth::Truth;

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub invariant: &'static str,
    /// When, in nanoseconds of virtual time.
    pub at: u64,
    /// How.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(invariant: &'static str, at: u64, what: impl Into<String>) -> Self {
        Self { invariant, at, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "violated at {} ms: {}: {}", self.at / 1_000_000, self.invariant, self.what)
    }
}

/// What a check says: nothing, or which invariant does not hold and how.
type Verdict = Result<(), (&'static str, String)>;

/// Fails a check.
fn broken<T>(invariant: &'static str, what: impl Into<String>) -> Result<T, (&'static str, String)> {
    Err((invariant, what.into()))
}

/// Who is who, and how much power is how much.
struct Cast {
    setup: Arc<Setup>,
    honest: Vec<bool>,
    councils: Councils,
}

impl Cast {
    /// The set that decides the next block.
    fn council(&self) -> &Council {
        self.councils.now()
    }

    fn faulty(&self) -> u64 {
        self.council().faulty()
    }

    fn quorum(&self) -> u64 {
        self.council().quorum()
    }

    fn majority(&self) -> u64 {
        self.council().majority()
    }

    fn power_of(&self, places: impl IntoIterator<Item = usize>) -> u64 {
        self.council().power_of(places)
    }

    /// The place of the validator that writes a lane.
    fn writer(&self, lane: &LaneId) -> usize {
        self.setup.places[&lane.validator]
    }
}

/// All invariants of one run.
pub(crate) struct Invariants {
    cast: Cast,
    archive: Archive,
    agreement: Agreement,
    ledger: Ledger,
    once: Once,
    subscribers: Subscribers,
    signatures: Signatures,
    truth: Truth,
    censorship: Censorship,
    promises: Promises,
}

impl Invariants {
    pub(crate) fn new(scenario: &Scenario, setup: Arc<Setup>) -> Self {
        let count = setup.count();
        let honest = (0..count).map(|place| !scenario.is_villain(place)).collect();
        Self {
            archive: Archive::default(),
            agreement: Agreement::default(),
            ledger: Ledger::new(&setup),
            once: Once::default(),
            subscribers: Subscribers::new(scenario, &setup),
            signatures: Signatures::default(),
            truth: Truth::new(count),
            censorship: Censorship::new(scenario),
            promises: Promises::new(scenario),
            cast: Cast { councils: Councils::new(&setup), setup, honest },
        }
    }

    /// A validator tells a fact.
    pub(crate) fn observe(&mut self, now: u64, place: usize, fact: Observed) -> Result<(), Violation> {
        let honest = self.cast.honest[place];
        let verdict = match fact {
            Observed::Took(id) if honest => {
                self.truth.took(place, id);
                Ok(())
            }
            Observed::Ready(reference) if honest => {
                self.truth.ready(place, reference);
                self.censorship.ready(now, place, reference);
                Ok(())
            }
            Observed::Closed(segment) if honest => {
                self.promises.closed(&segment, self.cast.councils.now());
                self.archive.keep(&segment);
                self.truth.closed(place, &segment)
            }
            Observed::Writes(lane, heads) if honest => {
                self.truth.writes(place, lane, &heads);
                Ok(())
            }
            Observed::Proposed(id) => {
                self.censorship.proposed(now, place, id);
                Ok(())
            }
            Observed::Found(evidence) if honest => self.blames_no_honest(&evidence),
            Observed::Committed(block) if honest => self.committed(now, place, &block),
            _ => Ok(()),
        };
        verdict.map_err(|(invariant, what)| {
            Violation::new(invariant, now, format!("at validator {place}: {what}"))
        })
    }

    /// A message leaves a validator.
    pub(crate) fn sent(&mut self, now: u64, place: usize, message: &Message) -> Result<(), Violation> {
        if let Message::Segments(segments) = message {
            segments.iter().for_each(|segment| self.archive.keep(segment));
        }
        if !self.cast.honest[place] {
            return Ok(());
        }
        self.signatures
            .sent(&self.cast, place, message)
            .map_err(|(invariant, what)| Violation::new(invariant, now, what))
    }

    /// A validator's process ended: what it only had in memory is gone.
    pub(crate) fn died(&mut self, place: usize) {
        self.truth.forget(place);
        self.censorship.died(place);
        self.subscribers.died(place);
    }

    /// Whether everything that was promised is kept by now. It must be within a bound after the last fault.
    /// `standing` has the honest validators.
    pub(crate) fn is_live(&mut self, now: u64, standing: &[Standing]) -> Result<Ending, Violation> {
        let open = self.promises.open(&self.ledger);
        self.promises
            .check(now, standing, self.cast.quorum(), open, &self.ledger)
            .map_err(|(invariant, what)| Violation::new(invariant, now, what))
    }

    /// What can be said when the run is over.
    pub(crate) fn at_the_end(&mut self, now: u64) -> Result<(), Violation> {
        self.subscribers
            .catch_up(&self.agreement)
            .map_err(|(invariant, what)| Violation::new(invariant, now, what))
    }

    /// The validator set that decides the next block.
    pub(crate) fn council(&self) -> &Council {
        self.cast.council()
    }

    /// The last lane of a validator, and by which block it left the set.
    pub(crate) fn last_lane(&self, place: usize) -> Option<(LaneId, Option<Height>)> {
        self.cast.councils.last_lane(place)
    }

    /// What an honest validator has shown of its lane, ascending.
    pub(crate) fn shown(&self, lane: LaneId) -> impl Iterator<Item = SegmentRef> {
        self.archive.lane(lane)
    }

    /// The rest of a lane is gone for ever: only a disk that was lost had the segment `from`.
    pub(crate) fn lane_is_lost(&mut self, lane: LaneId, from: LaneSeq) {
        self.promises.lane_is_lost(lane, from);
    }

    /// How often the validator set changed.
    pub(crate) fn hand_overs(&self) -> u64 {
        self.cast.councils.hand_overs()
    }

    /// How many blocks were decided.
    pub(crate) fn blocks(&self) -> u64 {
        self.agreement.height()
    }

    /// How many transactions were ordered.
    pub(crate) fn ordered(&self) -> u64 {
        self.ledger.ordered_count()
    }

    fn blames_no_honest(&self, evidence: &Evidence) -> Verdict {
        let offender = evidence.offender();
        match self.cast.setup.places.get(&offender) {
            Some(place) if !self.cast.honest[*place] => Ok(()),
            _ => broken(
                "there is never evidence against an honest validator",
                format!("{:?}", evidence.slot()),
            ),
        }
    }

    fn committed(&mut self, now: u64, place: usize, block: &Arc<Committed>) -> Verdict {
        if self.agreement.committed(&self.cast, place, block)? {
            block.proposal.evidence.iter().try_for_each(|piece| self.blames_no_honest(piece))?;
            council::accuses_members(&self.cast.councils, block)?;
            let new = cuts::check(&self.cast, &self.archive, &self.agreement, block)?;
            self.censorship.check(&self.cast, &self.archive, &self.agreement, block)?;
            self.once.check(block)?;
            let parent = block.proposal.header.parent;
            self.ledger.append(&self.cast, new, &block.proposal.header)?;
            fairness::check(&self.cast, &self.ledger, &parent, block)?;
            self.ledger.emit(block)?;
            let Cast { setup, honest, councils } = &mut self.cast;
            if let Some(before) = councils.committed(now, setup, honest, block)? {
                self.ledger.hand_over(&before, councils.now());
                self.promises.hand_over(&before, councils.now(), &block.proposal.cut);
            }
        }
        self.subscribers.committed(&self.cast, &self.agreement, place, block.proposal.header.height)
    }
}
