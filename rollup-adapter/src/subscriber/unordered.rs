//! Transactions that lanes hold and no batch has had: checked down to a validator's signature, and told once.
//!
//! They have a window of their own, and a queue that the window bounds: a rollup that does not take them loses them, and
//! learns how many ([`Missed`](super::Missed)). Batches wait for none of this but its bytes on the wire.

use super::flow::{Flow, Window};
use super::run::Stop;
use crate::fault::Fault;
use crate::trust::{Trust, check_path, fetch_header};
use fairlane_proto::ConvertError;
use fairlane_proto::convert;
use fairlane_proto::v1::chain_service_client::ChainServiceClient;
use fairlane_proto::v1::subscribe_response::{self as wire, acknowledged::Entry};
use fairlane_types::{Height, Receipt, RollupId, SegmentHeader, Signature, Transaction, TxId};
use fairlane_verify::{MemberReceiptError, VerifiedBatch, verify_member_receipt};
use prost::Message as _;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tonic::transport::Channel;

/// The default window, in bytes on the wire.
pub(super) const WINDOW: u64 = 1 << 20;
/// No message is shorter: it has a header, a signature, and a transaction.
const SHORTEST: u64 = 256;
/// A validator set that is not known is asked for at most this often.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// A transaction that a validator signed to be in its lane, before it is ordered.
///
/// This is no batch and no part of one. Among others it **may come in another order** than here, as fair ordering goes by
/// what a quorum received; it may be told of **again** after a reconnect (repetitions within the last 65,536 are dropped);
/// and it may **never be finalized**, because it expires first. Act on it only as far as you can take it back.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    /// The transaction, with all its legs.
    pub transaction: Transaction,
    /// The lane's word: signed by a member of the validator set, and checked.
    pub receipt: Receipt,
}

/// Transactions of one message, and its length on the wire.
pub(super) type Told = (Vec<Acknowledged>, u64);

/// The verifying end.
pub(super) struct Unordered {
    rollup: RollupId,
    pub(super) flow: Arc<Flow>,
    queue: mpsc::Sender<Told>,
    repeats: Repeats,
    asked: Option<Instant>,
}

impl Unordered {
    /// Both ends, with a window of so many bytes.
    pub(super) fn new(rollup: RollupId, window: u64) -> (Self, Taken) {
        let flow = Arc::new(Flow::new(Window { batches: u32::MAX, bytes: window }));
        let most = usize::try_from(window.div_ceil(SHORTEST)).unwrap_or(usize::MAX >> 3) + 1;
        let (queue, told) = mpsc::channel(most.min(usize::MAX >> 3));
        let taken = Taken { flow: flow.clone(), told, ready: VecDeque::new(), bytes: 0 };
        (Self { rollup, flow, queue, repeats: Repeats::default(), asked: None }, taken)
    }

    /// A batch has these: whoever tells of them later is late.
    pub(super) fn ordered(&mut self, batch: &VerifiedBatch) {
        for item in batch.batch().items() {
            self.repeats.is_new(item.transaction);
        }
    }

    /// Checks a message, and hands on what is new of it.
    pub(super) async fn take(
        &mut self,
        message: wire::Acknowledged,
        trust: &Trust,
        headers: &mut ChainServiceClient<Channel>,
    ) -> Result<(), Stop> {
        let bytes = message.encoded_len() as u64;
        let mut found = self.check(message, trust, headers).await?;
        found.retain(|told| self.repeats.is_new(told.receipt.transaction));
        self.flow.queued(bytes);
        if found.is_empty() {
            self.flow.taken(bytes);
            return Ok(());
        }
        match self.queue.try_send((found, bytes)) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(Fault::Protocol("it sent more transactions than it was allowed").into())
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Stop::Closed),
        }
    }

    /// The transactions of a message. None where the lane is of a validator that this side does not know: it may have left.
    async fn check(
        &mut self,
        message: wire::Acknowledged,
        trust: &Trust,
        headers: &mut ChainServiceClient<Channel>,
    ) -> Result<Vec<Acknowledged>, Fault> {
        let header: SegmentHeader = convert::canonical("segment_header", &message.segment_header)?;
        let signature = Signature::from_bytes(convert::array("signature", &message.signature)?);
        let mut found: Vec<Acknowledged> = Vec::with_capacity(message.entries.len());
        for entry in message.entries {
            let told = self.entry(entry, &header, signature)?;
            if !found.is_empty() {
                check_path(&told.receipt).map_err(MemberReceiptError::from)?;
            } else if !self.is_members_word(&told.receipt, trust, headers).await? {
                return Ok(Vec::new());
            }
            found.push(told);
        }
        Ok(found)
    }

    fn entry(
        &self,
        entry: Entry,
        header: &SegmentHeader,
        signature: Signature,
    ) -> Result<Acknowledged, Fault> {
        let transaction = Transaction::from_envelope(entry.envelope).map_err(ConvertError::from)?;
        if transaction.legs().iter().all(|leg| leg.rollup != self.rollup) {
            return Err(Fault::Protocol("it sent a transaction that has no leg for this rollup"));
        }
        let path = convert::path("path", &entry.path)?;
        let receipt = Receipt {
            transaction: transaction.id(),
            header: header.clone(),
            signature,
            index: entry.index,
            path,
        };
        Ok(Acknowledged { transaction, receipt })
    }

    /// Checks a receipt in full. A lane that is not known may belong to a newer set, which is asked for now and then.
    async fn is_members_word(
        &mut self,
        receipt: &Receipt,
        trust: &Trust,
        headers: &mut ChainServiceClient<Channel>,
    ) -> Result<bool, Fault> {
        if self.is_known_members_word(receipt, trust)? {
            return Ok(true);
        }
        if self.asked.is_some_and(|asked| asked.elapsed() < ASK_EVERY) {
            return Ok(false);
        }
        self.asked = Some(Instant::now());
        let newest = fetch_header(Height::ZERO, headers).await?;
        trust.header(newest, headers).await?;
        self.is_known_members_word(receipt, trust)
    }

    fn is_known_members_word(&self, receipt: &Receipt, trust: &Trust) -> Result<bool, Fault> {
        let Some(set) = trust.newest() else { return Ok(false) };
        match verify_member_receipt(receipt, trust.network(), &set) {
            Ok(()) => Ok(true),
            Err(MemberReceiptError::NotMember(_) | MemberReceiptError::OtherIncarnation { .. }) => Ok(false),
            Err(error @ MemberReceiptError::Receipt(_)) => Err(error.into()),
        }
    }
}

/// The rollup's end.
#[derive(Debug)]
pub(super) struct Taken {
    flow: Arc<Flow>,
    told: mpsc::Receiver<Told>,
    ready: VecDeque<Acknowledged>,
    /// Of the message that `ready` is the rest of.
    bytes: u64,
}

impl Taken {
    /// The next transaction; never where there is none to come. Cancel safe.
    pub(super) async fn next(&mut self) -> Acknowledged {
        loop {
            if let Some(next) = self.ready.pop_front() {
                if self.ready.is_empty() {
                    self.flow.taken(std::mem::take(&mut self.bytes));
                }
                return next;
            }
            match self.told.recv().await {
                Some((found, bytes)) => (self.ready, self.bytes) = (found.into(), bytes),
                None => std::future::pending().await,
            }
        }
    }
}

/// The transactions that were told of lately.
#[derive(Debug, Default)]
struct Repeats {
    seen: HashSet<TxId>,
    order: VecDeque<TxId>,
}

impl Repeats {
    const MOST: usize = 1 << 16;

    fn is_new(&mut self, id: TxId) -> bool {
        if !self.seen.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > Self::MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_known_within_the_window() {
        let id = |n: u64| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            TxId::from_bytes(bytes)
        };
        let mut repeats = Repeats::default();
        assert!(repeats.is_new(id(0)) && !repeats.is_new(id(0)));
        assert!((1..=Repeats::MOST as u64).all(|n| repeats.is_new(id(n))));
        assert!(repeats.is_new(id(0)), "it is forgotten");
        assert!(!repeats.is_new(id(2)) && repeats.seen.len() == Repeats::MOST);
    }
}
