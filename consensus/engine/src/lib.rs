//! Fairlane on Malachite: codecs, signing, and the application loop that turns decisions into blocks.
//!
//! Malachite's actors live in this crate; its types in our terms are those of `fairlane-agreement`. What it needs from the node stands behind traits,
//! [`LaneService`] (cuts and their content) and [`BlockStore`] (durable blocks); [`start`] takes both and gives
//! back an [`EngineHandle`]. A third, [`SigningGuard`], is no must.
//!
//! Invariants: a value is durable before consensus learns of it, a decision before a height is left at which this
//! node signed and before it signs at the next, a block before its successor's successor starts. Nothing that a peer sends makes a panic. A proposal is called invalid only when it
//! is wrong for ever; what is late, untimely or missing is withheld, and the prevote timeout does the rest.
//!
//! Not its job: spreading segments, keeping lanes, serving clients.

mod app;
#[cfg(feature = "byzantine")]
pub mod byzantine;
mod codec;
mod config;
mod error;
mod handle;
mod life;
mod machine;
mod seams;
mod signing;
mod status;
mod stream;
#[cfg(test)]
mod testing;

#[cfg(any(test, feature = "fuzzing"))]
pub use codec::fuzzing;
pub use config::{EngineConfig, Multiaddr, PeerLimits, SyncSettings};
pub use error::EngineError;
pub use fairlane_agreement::{Activity, ConsensusTimeouts, Memory, Told};
pub use handle::{EngineHandle, start};
pub use life::log_height;
pub use seams::{
    BlockStore, CutVerdict, FinalizedBlock, GuardError, LaneService, NextCut, SigningGuard, StoreError,
    StoredProposal,
};
pub use status::EngineStatus;

/// The metrics of Malachite's own actors and of the consensus network, in the Prometheus text format. All engines
/// of a process share them and are told apart by their moniker.
pub fn metrics_text() -> String {
    let mut text = String::new();
    arc_malachitebft_app::metrics::export(&mut text);
    text
}
