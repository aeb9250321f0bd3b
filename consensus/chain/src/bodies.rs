//! Bodies of live transactions: seen in a decided segment, and neither ordered nor expired.
//!
//! Bodies are no part of the state root. Ids commit to them, so a node can take them from anywhere.

use crate::hash::IdHash;
use fairlane_types::{Segment, Transaction, TxId};
use std::collections::HashMap;
use std::sync::Arc;

/// Where a body is.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// In the segment that carried it.
    Carried { segment: Arc<Segment>, index: usize },
    /// By itself, as it came with a snapshot.
    Alone(Arc<Transaction>),
}

impl Body {
    pub(crate) fn transaction(&self) -> Option<&Transaction> {
        match self {
            Self::Carried { segment, index } => segment.transactions().get(*index),
            Self::Alone(transaction) => Some(transaction),
        }
    }
}

/// The bodies of all live transactions.
pub(crate) type Bodies = HashMap<TxId, Body, IdHash>;
