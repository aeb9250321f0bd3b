//! What comes out of a step.

use fairlane_types::{GroupId, Timestamp, TxId};

/// The result of one height.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ordered {
    /// Chain time: Clock(h). Never decreases.
    pub clock: Timestamp,
    /// Omega: keys below it are final. A group over the cap has a lower one of its own.
    pub omega: Timestamp,
    /// What is emitted, in order.
    pub components: Vec<Component>,
    /// Groups over the cap that could only be emitted by breaking T1 (see `docs/fair-ordering.md`, "The cap").
    pub capped: Vec<GroupId>,
    /// Ids that expired without having been emitted, ascending.
    pub dropped: Vec<TxId>,
    /// Final but held back, because something unfinished may still precede them; by key, then tie-break.
    pub held: Vec<TxId>,
    /// How many are held back.
    pub blocked: usize,
    /// How many have been seen and are not final.
    pub pending: usize,
}

impl Ordered {
    /// What is emitted, without the division into components.
    pub fn txs(&self) -> impl Iterator<Item = &OrderedTx> {
        self.components.iter().flat_map(|component| component.txs.iter())
    }
}

/// Transactions emitted as one: a single one, or those on cycles of contradicting evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Component {
    /// Its members, in order. Never empty.
    pub txs: Vec<OrderedTx>,
}

/// One emitted transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderedTx {
    /// Its id.
    pub id: TxId,
    /// By this time lanes of more than half the power had it.
    pub key: Timestamp,
    /// By this time lanes of power min(q - F, M) had it.
    pub lo: Timestamp,
    /// By this time lanes of power q had it.
    pub hi: Timestamp,
}

/// The three quantiles of a live transaction; `None` where the lanes holding it have too little power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// By this time lanes of more than half the power had it.
    pub key: Option<Timestamp>,
    /// By this time lanes of power min(q - F, M) had it.
    pub lo: Option<Timestamp>,
    /// By this time lanes of power q had it.
    pub hi: Option<Timestamp>,
}
