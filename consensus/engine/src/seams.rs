//! What the engine needs from the node: cuts and their content, and a place to keep blocks.
//!
//! Traits, implemented by the node and by tests. Their documents say what an implementation owes: what must be
//! durable when a call returns, what may be called twice, what may be cancelled.

use async_trait::async_trait;
use fairlane_agreement::Told;
use fairlane_chain::{OrderRecord, OrderingReport};
use fairlane_lanes::{CutBase, CutContent};
use fairlane_types::{
    Batch, BlockId, CommitCertificate, Cut, Evidence, HeadsTree, Height, L1Anchor, Proposal, RollupChanges,
    Round, ValidatorId, ValidatorSet,
};
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Instant;

/// A cut to propose, with all that its block is computed from.
#[derive(Clone, Debug)]
pub struct NextCut {
    /// The cut.
    pub cut: Cut,
    /// The segments by which it goes beyond the base.
    pub content: CutContent,
    /// Offences that the block is to prove.
    pub evidence: Vec<Evidence>,
    /// The Ethereum block to anchor to: the base's, or the first one of the next epoch.
    pub l1_anchor: L1Anchor,
    /// With a new anchor, the set that its epoch brings, where that is another one.
    pub next_validators: Option<ValidatorSet>,
    /// With a new anchor, the rollups that its epoch registers and closes.
    pub rollups: RollupChanges,
}

impl NextCut {
    /// A cut whose block leaves the anchor where it is, and all that comes with anchors.
    pub fn staying(base: &CutBase, cut: Cut, content: CutContent, evidence: Vec<Evidence>) -> Self {
        let (l1_anchor, next_validators) = (base.l1_anchor, None);
        Self { cut, content, evidence, l1_anchor, next_validators, rollups: RollupChanges::default() }
    }
}

/// Why a proposed cut is not vouched for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutVerdict {
    /// It breaks a rule that no time and no further segment can mend: every honest node finds the same.
    #[error("the cut is not valid: {0}")]
    Invalid(String),
    /// It may be right for others, or later. The engine says nothing about it, which ends in a nil prevote.
    #[error("the cut is untimely: {0}")]
    Untimely(String),
}

/// The lanes, as consensus sees them.
#[async_trait]
pub trait LaneService: Send + Sync + 'static {
    /// Resolves when a valid next cut exists and is worth a block: something to order, or the idle interval passed;
    /// but not before the given time, at which the lanes should have said what they have to say. Cancel safe.
    async fn next_cut(&self, base: CutBase, not_before: Instant) -> NextCut;

    /// Resolves when [`Self::next_cut`] would, for who is not to propose it. Cancel safe.
    async fn cut_is_due(&self, base: CutBase, not_before: Instant);

    /// The content of a proposed cut, once it is held and the cut, the evidence, the L1 anchor and what comes with it
    /// are found valid. Waits for what is missing and fetches it. With `fresh`, timeliness is judged too, and the
    /// anchor must be known here; without, a quorum has prevoted for the proposal in an earlier round and only
    /// validity counts. Cancel safe; the caller bounds it
    /// in time.
    async fn judge(
        &self,
        base: CutBase,
        proposal: Arc<Proposal>,
        round: Round,
        fresh: bool,
    ) -> Result<CutContent, CutVerdict>;

    /// The content of a decided cut. Only availability counts, and it never gives up while the node runs.
    /// Cancel safe.
    async fn fetch(&self, base: CutBase, cut: Cut) -> CutContent;

    /// What a quorum of the validators says of this one, asked once after the start; waits for their answers. `None`
    /// where nobody is asked: this validator is a quorum by itself, or its operator does not mind losing stake.
    /// Cancel safe.
    async fn told(&self) -> Option<Told>;

    /// A block was committed and is durable: the lanes advance to `base_after`. May be told again after a restart.
    async fn decided(&self, base_after: CutBase);
}

/// A failed operation of the store. Retrying is the store's business: the engine stops the node.
#[derive(Debug, thiserror::Error)]
#[error("the block store failed: {0}")]
pub struct StoreError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// Wraps the store's own error.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// A proposal that this node holds valid, or made, for one round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredProposal {
    /// The round that it was proposed in.
    pub round: Round,
    /// The round in which a quorum prevoted for it, when it was proposed again.
    pub valid_round: Option<Round>,
    /// Who proposed it.
    pub proposer: ValidatorId,
    /// The proposal.
    pub proposal: Arc<Proposal>,
}

/// Blocks on disk. Each `put` is durable (fsynced) before it returns, and may be repeated with the same arguments.
#[async_trait]
pub trait BlockStore: Send + Sync + 'static {
    /// Keeps a proposal for a round, until a block of its height is finalized.
    async fn put_proposal(&self, height: Height, proposal: StoredProposal) -> Result<(), StoreError>;

    /// The proposals kept for a round, in the order in which they were put.
    async fn proposals(&self, height: Height, round: Round) -> Result<Vec<StoredProposal>, StoreError>;

    /// A proposal kept for a height, in whatever round.
    async fn proposal_by_id(&self, height: Height, id: BlockId) -> Result<Option<Arc<Proposal>>, StoreError>;

    /// Keeps a decision. A later certificate for the same block may replace the one kept.
    async fn put_decided(
        &self,
        proposal: Arc<Proposal>,
        certificate: CommitCertificate,
    ) -> Result<(), StoreError>;

    /// Keeps all that follows from a decision. Decided before, by [`BlockStore::put_decided`].
    async fn put_finalized(&self, block: Arc<FinalizedBlock>) -> Result<(), StoreError>;

    /// The decisions within a range of heights, ascending and without a gap from the first one on; those that are
    /// not kept (any more, or yet) are left out.
    async fn decided(
        &self,
        range: RangeInclusive<Height>,
    ) -> Result<Vec<(Arc<Proposal>, CommitCertificate)>, StoreError>;

    /// The last height whose decision is kept; zero while none is. What [`BlockStore::put_decided`] has returned for
    /// counts at once.
    async fn last_decided(&self) -> Result<Height, StoreError>;

    /// The earliest height that `decided` can give; zero while it can give none.
    async fn min_height(&self) -> Result<Height, StoreError>;
}

/// Nothing may be signed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("nothing is signed at height {height}: that it may be could not be kept: {source}")]
pub struct GuardError {
    /// The height at which something was to be signed.
    pub height: Height,
    /// What failed.
    pub source: Arc<std::io::Error>,
}

/// Keeps, apart from the log of votes and from the store, how far anything may have been signed.
#[async_trait]
pub trait SigningGuard: Debug + Send + Sync + 'static {
    /// The height up to which anything may have been signed; zero where nothing was.
    fn reserved(&self) -> Height;

    /// Returns once it is durable that something may be signed at a height. It does so at once for nearly all heights,
    /// as they are reserved ahead. When it fails, nothing is signed, and the engine ends.
    async fn permit(&self, height: Height) -> Result<(), GuardError>;
}

/// A block that is decided, executed and durable.
#[derive(Clone, Debug)]
pub struct FinalizedBlock {
    /// The decided header with its cut and evidence.
    pub proposal: Arc<Proposal>,
    /// The precommits of a quorum.
    pub certificate: CommitCertificate,
    /// What the block has for each rollup.
    pub batches: Vec<Batch>,
    /// The heads tree after the block.
    pub heads: HeadsTree,
    /// Each ordered transaction, and why it stands where it stands.
    pub order: OrderRecord,
    /// How the order came out.
    pub report: OrderingReport,
    /// The chain state after the block, at every so many blocks.
    pub snapshot: Option<Vec<u8>>,
}

impl FinalizedBlock {
    /// The block's height.
    pub fn height(&self) -> Height {
        self.proposal.header.height
    }
}
