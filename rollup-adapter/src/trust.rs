//! The validator sets that this process trusts for one network, and the headers that it has verified.
//!
//! A header of a set that is not known yet is no error at once: the blocks that announce the changes in between are
//! looked up at the server (a binary search over heights), and each is verified by the set before it.

use crate::counters::{Counters, add};
use fairlane_proto::ConvertError;
use fairlane_proto::convert::{CertifiedHeader, UnverifiedBatch};
use fairlane_proto::v1::{self, chain_service_client::ChainServiceClient};
use fairlane_types::receipt::ReceiptError;
use fairlane_types::{BlockHeader, BlockId, Hash32, Height, NetworkId, Receipt, ValidatorSet, merkle};
use fairlane_verify::{
    AdvanceError, BatchError, FollowError, HeaderError, TrustedSets, VerifiedBatch, VerifiedHeader,
    verify_batch,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tonic::transport::Channel;

/// How many verified headers are kept for other subscriptions.
const SHARED_HEADERS: usize = 256;
/// A body from this size on is hashed on a blocking thread, so that the async threads stay free.
const HEAVY_BODY: usize = 32 << 10;
/// A certificate with more signatures than this is checked on a blocking thread.
const HEAVY_CERTIFICATE: usize = 8;

/// Headers verified in this process: several subscriptions of one network check each certificate once.
#[derive(Clone, Debug, Default)]
pub struct SharedHeaders(Arc<Mutex<VecDeque<VerifiedHeader>>>);

impl SharedHeaders {
    fn get(&self, id: &BlockId) -> Option<VerifiedHeader> {
        let headers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        headers.iter().rev().find(|known| known.id() == *id).cloned()
    }

    fn put(&self, header: VerifiedHeader) {
        let mut headers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if headers.len() >= SHARED_HEADERS {
            headers.pop_front();
        }
        headers.push_back(header);
    }
}

/// Why a header is not trusted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TrustError {
    /// It does not verify.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A block that should announce a change of validators does not verify.
    #[error("following a change of validators: {0}")]
    Follow(#[from] FollowError),
    /// The set that a verified header announces is not the one that came with it.
    #[error(transparent)]
    Advance(#[from] AdvanceError),
    /// The server has no block that leads from the known set to the header's.
    #[error("no block after height {since} announces the validators {wanted} of height {height}")]
    NoAnnouncement {
        /// Since when the known set decides.
        since: Height,
        /// The height of the header in question.
        height: Height,
        /// The set that it names.
        wanted: Hash32,
    },
    /// A header that was fetched is not well formed.
    #[error(transparent)]
    Malformed(#[from] ConvertError),
    /// A header could not be fetched.
    #[error("fetching a header: {0}")]
    Fetch(Box<tonic::Status>),
}

impl TrustError {
    /// Whether an honest server of this network can never cause it.
    pub fn is_lie(&self) -> bool {
        !matches!(self, Self::Fetch(_) | Self::Header(HeaderError::BeforeTrust { .. }))
    }
}

/// Shared by all that verify for one subscription or client.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    network: NetworkId,
    sets: Arc<RwLock<TrustedSets>>,
    shared: SharedHeaders,
    counters: Arc<Counters>,
}

impl Trust {
    pub(crate) fn new(sets: TrustedSets, shared: SharedHeaders, counters: Arc<Counters>) -> Self {
        Self { network: *sets.network(), sets: Arc::new(RwLock::new(sets)), shared, counters }
    }

    pub(crate) fn network(&self) -> &NetworkId {
        &self.network
    }

    /// The trusted sets now.
    pub(crate) fn sets(&self) -> TrustedSets {
        self.sets.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest trusted set.
    pub(crate) fn newest(&self) -> Option<ValidatorSet> {
        self.sets().sets().next_back().map(|(_, set)| set.clone())
    }

    /// Verifies a header; when its set is not known, the changes in between are fetched from `source` first.
    pub(crate) async fn header(
        &self,
        block: CertifiedHeader,
        source: &mut ChainServiceClient<Channel>,
    ) -> Result<VerifiedHeader, TrustError> {
        if let Some(known) = self.shared.get(&block.header.id()).filter(|known| self.is_ours(known)) {
            add(&self.counters.headers_shared, 1);
            self.advance(&known, block.next_validators)?;
            return Ok(known);
        }
        let verified = match self.check(block.clone()).await {
            Err(HeaderError::UnknownValidators { .. }) => {
                self.catch_up(&block.header, source).await?;
                self.check(block.clone()).await?
            }
            other => other?,
        };
        self.advance(&verified, block.next_validators)?;
        self.shared.put(verified.clone());
        Ok(verified)
    }

    /// Verifies a batch with all that proves it.
    pub(crate) async fn batch(
        &self,
        wire: UnverifiedBatch,
        source: &mut ChainServiceClient<Channel>,
    ) -> Result<Result<VerifiedBatch, BatchError>, TrustError> {
        let UnverifiedBatch { block, head_path, header, body } = wire;
        let block = self.header(block, source).await?;
        let heavy = body.len() >= HEAVY_BODY;
        Ok(offload(heavy, move || verify_batch(&block, &head_path, header, body)).await)
    }

    async fn check(&self, block: CertifiedHeader) -> Result<VerifiedHeader, HeaderError> {
        add(&self.counters.headers_verified, 1);
        let sets = self.sets();
        let heavy = block.certificate.signatures.len() > HEAVY_CERTIFICATE;
        offload(heavy, move || sets.verify_header(block.header, block.certificate)).await
    }

    fn is_ours(&self, header: &VerifiedHeader) -> bool {
        header.header().network == self.network
    }

    fn advance(&self, header: &VerifiedHeader, next: Option<ValidatorSet>) -> Result<(), AdvanceError> {
        match next {
            Some(next) => self.sets.write().unwrap_or_else(PoisonError::into_inner).advance(header, next),
            None => Ok(()),
        }
    }

    /// Follows each change of validators up to the one that decides `target`.
    async fn catch_up(
        &self,
        target: &BlockHeader,
        source: &mut ChainServiceClient<Channel>,
    ) -> Result<(), TrustError> {
        loop {
            let sets = self.sets();
            let Some((since, known)) = sets.at(target.height) else { return Ok(()) };
            if known.hash() == target.validators_hash {
                return Ok(());
            }
            let last = last_decided_by(known.hash(), since, target.height, source).await?;
            let block = fetch_header(last, source).await?;
            let (verified, next) = (self.check(block.clone()).await?, block.next_validators);
            let announced = verified.header().next_validators_hash;
            let missing = FollowError::SetMissing { height: last, announced };
            self.advance(&verified, Some(next.ok_or(missing)?))?;
            if self.sets().at(target.height).is_none_or(|(newer, _)| newer <= since) {
                let wanted = target.validators_hash;
                return Err(TrustError::NoAnnouncement { since, height: target.height, wanted });
            }
        }
    }
}

/// The height of a block that the set with hash `known` decides while another one decides the next: it decides
/// `low`, and does not decide `high`. What the server says on the way is not verified: the block found is.
async fn last_decided_by(
    known: Hash32,
    mut low: Height,
    mut high: Height,
    source: &mut ChainServiceClient<Channel>,
) -> Result<Height, TrustError> {
    while low.next() < high {
        let middle = Height::new(low.get() + (high.get() - low.get()) / 2);
        if fetch_header(middle, source).await?.header.validators_hash == known {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// The certified header at a height (zero: the newest), not verified.
pub(crate) async fn fetch_header(
    height: Height,
    source: &mut ChainServiceClient<Channel>,
) -> Result<CertifiedHeader, TrustError> {
    let request = v1::GetHeaderRequest { height: height.get() };
    let response = source.get_header(request).await.map_err(|status| TrustError::Fetch(Box::new(status)))?;
    Ok(response.into_inner().block.ok_or(ConvertError::Missing("block"))?.try_into()?)
}

/// Checks the way from a receipt's transaction to its segment, whose signature was checked before.
pub(crate) fn check_path(receipt: &Receipt) -> Result<(), ReceiptError> {
    let Receipt { transaction, header, index, path, .. } = receipt;
    let (place, count) = (u64::from(*index), u64::from(header.transaction_count));
    match merkle::root_from_path(merkle::leaf_hash(transaction.as_bytes()), place, count, path) {
        Some(root) if root == header.transactions_root => Ok(()),
        _ => Err(ReceiptError::Path),
    }
}

/// Runs `work` here, or on a blocking thread when it is heavy.
pub(crate) async fn offload<T: Send + 'static>(heavy: bool, work: impl FnOnce() -> T + Send + 'static) -> T {
    if !heavy {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // Only a runtime that is shutting down cancels blocking work: nobody waits for the value any more.
        Err(_) => std::future::pending().await,
    }
}
