//! The chain state behind a lock: computing blocks on blocking threads, and moving on.

use crate::error::EngineError;
use fairlane_chain::{BlockInput, ChainState, Delta, PrepareError, Prepared, prepare};
use fairlane_lanes::CutBase;
use fairlane_types::{BlockId, Height, ValidatorSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use tokio::task::spawn_blocking;

/// Up to so many transactions a block is computed at once.
const SHORT_BLOCK: usize = 256;

/// Shared by the application loop and its tasks. Only the task that commits a decided block writes.
#[derive(Clone, Debug)]
pub(crate) struct Chain(Arc<RwLock<ChainState>>);

/// What the application loop needs to know of a state.
#[derive(Clone, Debug)]
pub(crate) struct Tip {
    pub(crate) height: Height,
    pub(crate) block: BlockId,
    pub(crate) base: CutBase,
    pub(crate) validators: ValidatorSet,
}

/// What became of computing a block.
pub(crate) enum Computed {
    /// Here it is.
    Block(Box<Prepared>),
    /// The cut makes no block.
    Refused(PrepareError),
    /// The state has moved on: nobody needs the block any more.
    Stale,
}

impl Chain {
    pub(crate) fn new(state: ChainState) -> Self {
        Self(Arc::new(RwLock::new(state)))
    }

    /// A writer that panicked has ended the engine by then, so the lock's poison says nothing new.
    fn read(&self) -> RwLockReadGuard<'_, ChainState> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tip(&self) -> Tip {
        let state = self.read();
        Tip {
            height: state.height(),
            block: state.tip(),
            base: state.base(),
            validators: state.validators().clone(),
        }
    }

    /// Computes the block of a height from a cut, if the state still is the one before it.
    pub(crate) async fn compute(&self, height: Height, input: BlockInput) -> Result<Computed, EngineError> {
        let chain = self.clone();
        let short = is_short(&input);
        let work = move || {
            let state = chain.read();
            if state.height().next() != height {
                return Computed::Stale;
            }
            match prepare(&state, input) {
                Ok(prepared) => Computed::Block(Box::new(prepared)),
                Err(error) => Computed::Refused(error),
            }
        };
        if short {
            return Ok(work());
        }
        spawn_blocking(work).await.map_err(|error| EngineError::Panicked(error.to_string()))
    }

    /// Moves on by a decided block. With `snapshot`, also gives the bytes of the state after it.
    pub(crate) async fn commit(&self, delta: Delta, snapshot: bool) -> Result<Option<Vec<u8>>, EngineError> {
        let chain = self.clone();
        let work = move || {
            let mut state = chain.0.write().unwrap_or_else(PoisonError::into_inner);
            state.commit(delta)?;
            Ok(snapshot.then(|| state.snapshot()))
        };
        if !snapshot {
            return work();
        }
        spawn_blocking(work).await.map_err(|error| EngineError::Panicked(error.to_string()))?
    }
}

/// Whether a block is computed within about a millisecond: then handing it to another thread costs more than it
/// helps.
fn is_short(input: &BlockInput) -> bool {
    let segments = input.content.lanes.iter().flat_map(|lane| &lane.segments);
    segments.map(|segment| segment.transactions().len()).sum::<usize>() <= SHORT_BLOCK
}
