//! Jobs of the proven rollup: how they are described, proven and checked.

use crate::job::{JobSpec, ProofKey};
use crate::service::CheckProof;
use crate::worker::Prove;
use fairlane_types::crypto::sha256;
use fairlane_types::{BatchIndex, Hash32};
use fairlane_zk_rollup::{Job, KeyWords, Proof, Prover, Shape, Verifier, field};
use rand::rngs::OsRng;

/// The proof system's name.
pub const SYSTEM: &str = "groth16-bn254";

/// What a worker with this verification key can prove.
pub fn proof_key(words: &KeyWords) -> ProofKey {
    let words: Vec<&[u8]> = words.iter().map(<[u8; 32]>::as_slice).collect();
    ProofKey { system: SYSTEM.to_owned(), vk: sha256(&words) }
}

/// A job of a batch, and its input.
///
/// The state before stands with the deposits that the proof takes in: with other deposits it is another job.
pub fn describe(job: &Job, index: BatchIndex, key: &ProofKey) -> (JobSpec, Vec<u8>) {
    let (statement, input) = (&job.statement, job.to_bytes());
    let mut state = field::to_bytes(&statement.old_root).to_vec();
    for deposit in &statement.deposits {
        state.extend(deposit.account.to_be_bytes());
        state.extend(field::to_bytes(&deposit.key.x));
        state.extend(field::to_bytes(&deposit.key.y));
        state.extend(deposit.amount.to_be_bytes());
    }
    let spec = JobSpec {
        rollup: statement.context.rollup,
        index,
        key: key.clone(),
        old_head: Hash32::from_bytes(statement.old_position.to_bytes()),
        new_head: Hash32::from_bytes(statement.new_position.to_bytes()),
        old_state: sha256(&[&state]),
        input: sha256(&[&input]),
    };
    (spec, input)
}

/// Checks proofs natively, before anybody pays gas for them.
pub struct ZkCheck(Verifier);

impl ZkCheck {
    /// With the key that the contract has; `None` where the words are no key.
    pub fn new(words: &KeyWords) -> Option<Self> {
        Verifier::from_key_words(words).map(Self)
    }
}

impl CheckProof for ZkCheck {
    fn holds(&self, _: &JobSpec, input: &[u8], proof: &[u8]) -> bool {
        let (Ok(job), Ok(proof)) = (Job::from_bytes(input), <[u8; 256]>::try_from(proof)) else {
            return false;
        };
        self.0.verify(&job.statement, &Proof(proof))
    }
}

/// Proves with the keys of one shape.
pub struct ZkProver(Prover);

impl ZkProver {
    /// With these keys.
    pub fn new(prover: Prover) -> Self {
        Self(prover)
    }

    /// The shape of the jobs that it proves.
    pub fn shape(&self) -> Shape {
        self.0.shape()
    }
}

impl Prove for ZkProver {
    fn keys(&self) -> Vec<ProofKey> {
        vec![proof_key(&self.0.verifier().key_words())]
    }

    fn prove(&self, input: &[u8]) -> Result<Vec<u8>, String> {
        let job = Job::from_bytes(input).map_err(|error| error.to_string())?;
        let proof = self.0.prove(&job, &mut OsRng).map_err(|error| error.to_string())?;
        Ok(proof.0.to_vec())
    }
}
