//! What is to be proven, and its name.

use fairlane_types::crypto::sha256;
use fairlane_types::{BatchIndex, Decode, DecodeError, Encode, Hash32, Reader, RollupId, Writer};
use std::fmt;

/// What job ids begin with.
const DOMAIN: &[u8] = b"FAIRLANE-JOB-v1";
/// The most bytes of a proof system's name.
pub const MAX_SYSTEM_BYTES: usize = 32;

/// The name of a job: the hash of what is proven, from where to where, and with which key. Who describes the same job
/// gets the same name, so creating it again changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub Hash32);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a worker must be able to do: a proof system, and a verification key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProofKey {
    /// The proof system's name, as in `groth16-bn254`; at most [`MAX_SYSTEM_BYTES`] bytes.
    pub system: String,
    /// Hash of the verification key.
    pub vk: Hash32,
}

/// One proof to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSpec {
    /// The rollup.
    pub rollup: RollupId,
    /// The batch that it is about.
    pub index: BatchIndex,
    /// What it is proven with.
    pub key: ProofKey,
    /// Where in the rollup's history the proof begins: a head, or a place inside a batch.
    pub old_head: Hash32,
    /// Where it ends.
    pub new_head: Hash32,
    /// The state before, with all that comes in from Ethereum: what the result follows from, besides the batch.
    pub old_state: Hash32,
    /// SHA-256 of the input.
    pub input: Hash32,
}

impl JobSpec {
    /// The job's name. The index and the input follow from what is in it.
    pub fn id(&self) -> JobId {
        JobId(sha256(&[
            DOMAIN,
            &self.rollup.get().to_be_bytes(),
            self.old_head.as_bytes(),
            self.new_head.as_bytes(),
            self.old_state.as_bytes(),
            self.key.vk.as_bytes(),
            self.key.system.as_bytes(),
        ]))
    }

    /// Whether this begins where another one ends.
    pub fn follows(&self, before: &Self) -> bool {
        self.rollup == before.rollup && self.key == before.key && self.old_head == before.new_head
    }
}

impl Encode for JobSpec {
    fn encode(&self, out: &mut Writer) {
        self.rollup.encode(out);
        self.index.encode(out);
        out.var_bytes(self.key.system.as_bytes());
        for hash in [&self.key.vk, &self.old_head, &self.new_head, &self.old_state, &self.input] {
            hash.encode(out);
        }
    }
}

impl Decode for JobSpec {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        let (rollup, index) = (Decode::decode(input)?, Decode::decode(input)?);
        let system = input.var_bytes("proof system", MAX_SYSTEM_BYTES)?;
        let invalid = |_| DecodeError::Invalid { what: "proof system", why: "it is no text" };
        let system = String::from_utf8(system.to_vec()).map_err(invalid)?;
        Ok(Self {
            rollup,
            index,
            key: ProofKey { system, vk: Decode::decode(input)? },
            old_head: Decode::decode(input)?,
            new_head: Decode::decode(input)?,
            old_state: Decode::decode(input)?,
            input: Decode::decode(input)?,
        })
    }
}
