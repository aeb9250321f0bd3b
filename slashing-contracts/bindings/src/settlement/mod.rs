//! A proven rollup's settlement contract: its deployment, what it says, and what is sent to it.
//!
//! `point` asks what any rollup's contract is asked, proven or not. `deploy` creates the contract with its verifier and keeps a record, `reading` asks where the rollup stands and which
//! deposits come next, `posting` sends deposits, proofs and claims. `docs/rollups/zk.md` has the rules.
//!
//! Nothing here repeats or waits: an attempt that comes second is refused by the contract, and costs nothing, because what
//! a contract would refuse is never sent. Which proof to send when is the adapter's decision.

mod deploy;
mod point;
mod posting;
mod reading;

pub use crate::contracts::ZkRollupSettlement::{
    BatchFields, Deposit, Finality, ItemProof, Progress, Transition, Withdrawals,
};
pub use deploy::{SettlementParams, SettlementRecord, deploy};
pub use point::{SettledPoint, settled_point};
pub use posting::{advance, advancing, claim, claim_call, deposit, read_settling, settle, settling};
pub use reading::{Settled, Standing, advanced, block_number, deposits, settled, settlements, standing};

use crate::checkpoint::word;
use crate::contracts::ZkRollupSettlement::{Checkpoint as L1Checkpoint, HeadPath as L1HeadPath};
use alloy_primitives::{B256, U256, keccak256};
use alloy_sol_types::SolValue as _;
use fairlane_types::batch::BatchHeader;
use fairlane_types::checkpoint::Checkpoint;
use fairlane_types::heads::HeadPath;

/// Nothing of the next batch is proven on chain: where a proof begins that begins the batch.
pub fn at_batch_start() -> Progress {
    Progress { root: B256::ZERO, position: B256::ZERO, withdrawals: B256::ZERO }
}

/// Where the next proof begins after a piece of a batch.
pub fn after_piece(from: &Progress, piece: &Transition) -> Progress {
    let withdrawals = match piece.withdrawals {
        0 => from.withdrawals,
        bits => keccak256((from.withdrawals, piece.first, bits).abi_encode()),
    };
    Progress { root: piece.root, position: piece.position, withdrawals }
}

/// A proof's points in the encoding of the precompiles: A, B and C, 256 bytes.
pub fn proof_words(proof: &[u8; 256]) -> [U256; 8] {
    let mut words = [U256::ZERO; 8];
    for (word, bytes) in words.iter_mut().zip(proof.chunks_exact(32)) {
        *word = U256::from_be_slice(bytes);
    }
    words
}

/// What a head commits to, as the contract takes it.
pub fn batch_fields(batch: &BatchHeader) -> BatchFields {
    BatchFields {
        height: batch.height.get(),
        time: batch.time.as_nanos(),
        count: batch.count,
        txRoot: word(batch.tx_root.as_bytes()),
        payloadHash: word(batch.payload_hash.as_bytes()),
    }
}

/// That a head is final: checkpoint `number` of the light client, the rollup's place in it, and the batches between the
/// head and that place.
pub fn finality(number: u64, checkpoint: &Checkpoint, path: &HeadPath, later: &[BatchHeader]) -> Finality {
    Finality {
        number,
        checkpoint: L1Checkpoint {
            height: checkpoint.height.get(),
            blockId: word(checkpoint.block.as_bytes()),
            headsRoot: word(checkpoint.heads_root.as_bytes()),
            validatorsHash: word(checkpoint.validators_hash.as_bytes()),
            nextValidatorsHash: word(checkpoint.next_validators_hash.as_bytes()),
        },
        path: L1HeadPath {
            rollup: path.leaf.rollup.get(),
            index: path.leaf.index.get(),
            head: word(path.leaf.head.as_bytes()),
            lastHeight: path.leaf.last_height.get(),
            position: path.position,
            size: path.size,
            siblings: path.siblings.iter().map(|sibling| word(sibling.as_bytes())).collect(),
        },
        later: later.iter().map(batch_fields).collect(),
    }
}
