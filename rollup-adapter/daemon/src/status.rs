//! How the adapter is doing, for people and programs.

use crate::adapter::Step;
use crate::evm::EvmStatus;
use serde::Serialize;

/// The page `/status`, and what `fairlane-adapter status` shows.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    /// The network.
    pub network: String,
    /// The rollup.
    pub rollup: u64,
    /// The last batch taken from the sequencer.
    pub taken: u64,
    /// The last batch carried out.
    pub carried_out: u64,
    /// The last batch all proofs of which are there, of a rollup that is proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven: Option<u64>,
    /// The last batch settled for good.
    pub confirmed: u64,
    /// What the last round came to; `None` before the first.
    pub step: Option<Step>,
    /// Why the last round failed, if it did.
    pub failure: Option<String>,
    /// Jobs that wait for a worker.
    pub jobs_waiting: usize,
    /// Jobs that a worker has.
    pub jobs_leased: usize,
    /// Jobs that are proven and not settled for good.
    pub jobs_proven: usize,
    /// Jobs that nobody gets any more: too many have failed at them. A restart gives them new attempts.
    pub jobs_stuck: usize,
    /// Workers that are connected.
    pub workers: u64,
    /// The node in use.
    pub endpoint: Option<String>,
    /// Where the chain stands, of a rollup that runs the EVM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evm: Option<EvmStatus>,
}
