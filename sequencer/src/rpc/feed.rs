//! Finalized blocks as subscribers need them: each batch is put into its message once, whoever receives it.
//!
//! The newest block stands in a watch; what is new goes to a broadcast that subscribers may fall behind of: they
//! read the store then. A block is durable before it arrives here, so that what the feed told is always in the store.

use super::pending::Pending;
use fairlane_engine::FinalizedBlock;
use fairlane_proto::convert::{self, CertifiedHeader};
use fairlane_proto::v1;
use fairlane_types::{BatchIndex, HeadLeaf, HeadsTree, RollupId, Timestamp};
use prost::Message as _;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

/// Blocks that a subscriber may be behind before it reads the store.
const QUEUE: usize = 64;

/// The newest finalized block.
#[derive(Clone, Debug)]
pub(super) struct Tip {
    /// Its header; `None` before the first block.
    pub(super) block: Option<CertifiedHeader>,
    /// Where each rollup stands after it.
    pub(super) heads: HeadsTree,
    /// Transactions ordered since the node started.
    pub(super) ordered: u64,
}

impl Tip {
    /// Where a rollup stands; `None` when it is not registered.
    pub(super) fn leaf(&self, rollup: RollupId) -> Option<&HeadLeaf> {
        let leaves = self.heads.leaves();
        leaves.get(leaves.binary_search_by_key(&rollup, |leaf| leaf.rollup).ok()?)
    }

    /// Chain time; zero before the first block.
    pub(super) fn time(&self) -> Timestamp {
        self.block.as_ref().map_or(Timestamp::ZERO, |block| block.header.time)
    }
}

/// A batch, ready to be sent.
#[derive(Debug)]
pub(super) struct ReadyBatch {
    pub(super) index: BatchIndex,
    pub(super) message: v1::VerifiableBatch,
    /// What it costs of a subscriber's credit.
    pub(super) bytes: u64,
}

impl ReadyBatch {
    pub(super) fn new(index: BatchIndex, message: v1::VerifiableBatch) -> Self {
        let bytes = message.encoded_len() as u64;
        Self { index, message, bytes }
    }
}

/// What is new.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// A block's batches.
    Block(Arc<HashMap<RollupId, ReadyBatch>>),
    /// Blocks were missed here: the store has them.
    Missed,
}

/// The receiving ends.
pub(super) struct Feed {
    tip: watch::Receiver<Arc<Tip>>,
    news: broadcast::Sender<News>,
}

impl Feed {
    pub(super) fn start(
        finalized: broadcast::Receiver<Arc<FinalizedBlock>>,
        tip: Tip,
        pending: Arc<Pending>,
        shutdown: CancellationToken,
    ) -> Self {
        let (tips, tip) = watch::channel(Arc::new(tip));
        let (news, _) = broadcast::channel(QUEUE);
        tokio::spawn(follow(finalized, tips, news.clone(), pending, shutdown));
        Self { tip, news }
    }

    /// The newest block.
    pub(super) fn tip(&self) -> Arc<Tip> {
        self.tip.borrow().clone()
    }

    /// What is new from now on.
    pub(super) fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }
}

async fn follow(
    mut finalized: broadcast::Receiver<Arc<FinalizedBlock>>,
    tips: watch::Sender<Arc<Tip>>,
    news: broadcast::Sender<News>,
    pending: Arc<Pending>,
    shutdown: CancellationToken,
) {
    loop {
        let received = tokio::select! {
            received = finalized.recv() => received,
            () = shutdown.cancelled() => return,
        };
        let item = match received {
            Ok(block) => {
                let header = certified(&block);
                let ordered = tips.borrow().ordered + u64::from(header.header.ordered_count);
                let batches = ready_batches(&block, &header);
                pending.ordered(block.order.ids(), header.header.time);
                let heads = block.heads.clone();
                tips.send_replace(Arc::new(Tip { block: Some(header), heads, ordered }));
                News::Block(Arc::new(batches))
            }
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "finalized blocks come faster than they can be served");
                News::Missed
            }
            Err(broadcast::error::RecvError::Closed) => return,
        };
        // Nobody may be subscribed.
        let _ = news.send(item);
    }
}

fn certified(block: &FinalizedBlock) -> CertifiedHeader {
    CertifiedHeader {
        header: block.proposal.header.clone(),
        certificate: block.certificate.clone(),
        next_validators: block.proposal.next_validators.clone(),
    }
}

fn ready_batches(block: &FinalizedBlock, header: &CertifiedHeader) -> HashMap<RollupId, ReadyBatch> {
    let wire = v1::CertifiedHeader::from(header);
    let ready = |batch: &fairlane_types::Batch| {
        let rollup = batch.header().rollup;
        let message = v1::VerifiableBatch {
            block: Some(wire.clone()),
            head_path: convert::to_field(&block.heads.path(rollup)?),
            batch_header: convert::to_field(batch.header()),
            body: batch.body().clone(),
        };
        Some((rollup, ReadyBatch::new(batch.header().index, message)))
    };
    block.batches.iter().filter_map(ready).collect()
}
