//! Genesis: what all nodes of a network start from, and the network id that follows from it.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::{Domain, Hash32};
use crate::ids::{NetworkId, Timestamp};
use crate::params::ProtocolParams;
use crate::rollups::{MAX_ROLLUPS, RollupSpec};
use crate::validator::ValidatorSet;

/// The beginning of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// A human-readable name, at most 64 bytes.
    pub name: String,
    /// Chain time before the first block.
    pub time: Timestamp,
    /// Limits and bounds.
    pub params: ProtocolParams,
    /// The first validator set.
    pub validators: ValidatorSet,
    /// The first rollups, sorted by id.
    pub rollups: Vec<RollupSpec>,
    /// The Ethereum chain that holds the stake; 0 without one.
    pub l1_chain_id: u64,
    /// The StakeManager's address on that chain; zero without one.
    pub stake_manager: [u8; 20],
    /// The epoch whose set the first validators are; 0 without Ethereum.
    pub l1_epoch: u32,
}

impl Genesis {
    /// Checks what the fields' own types cannot: sorted rollups, a short name, fitting parameters.
    pub fn check(&self) -> Result<(), DecodeError> {
        let invalid = |what, why| Err(DecodeError::Invalid { what, why });
        if self.name.is_empty() || self.name.len() > 64 {
            return invalid("genesis name", "it must have 1 to 64 bytes");
        }
        if self.rollups.len() > MAX_ROLLUPS {
            return invalid("genesis rollups", "there are more than 65536");
        }
        if !self.rollups.iter().zip(self.rollups.iter().skip(1)).all(|(a, b)| a.id < b.id) {
            return invalid("genesis rollups", "they must be sorted by id, each once");
        }
        if self.l1_chain_id == 0 && (self.stake_manager != [0; 20] || self.l1_epoch != 0) {
            return invalid("genesis stake", "it names no Ethereum chain");
        }
        self.params.check(self.validators.len())
    }

    /// The hash of the canonical bytes.
    pub fn hash(&self) -> Hash32 {
        Domain::GENESIS.hash(&[&self.to_bytes()])
    }

    /// The network id: bound into every hash chain and every signature.
    pub fn network(&self) -> NetworkId {
        let hash = self.hash();
        Domain::NETWORK.hash(&[hash.as_bytes(), &self.l1_chain_id.to_be_bytes(), &self.stake_manager]).into()
    }
}

impl Encode for Genesis {
    fn encode(&self, out: &mut Writer) {
        out.var_bytes(self.name.as_bytes());
        self.time.encode(out);
        self.params.encode(out);
        self.validators.encode(out);
        out.list(&self.rollups);
        out.u64(self.l1_chain_id);
        out.bytes(&self.stake_manager);
        out.u32(self.l1_epoch);
    }
}

impl Decode for Genesis {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        let name = String::from_utf8(input.var_bytes("genesis name", 64)?.to_vec())
            .map_err(|_| DecodeError::Invalid { what: "genesis name", why: "it is not UTF-8" })?;
        let genesis = Self {
            name,
            time: Decode::decode(input)?,
            params: Decode::decode(input)?,
            validators: Decode::decode(input)?,
            rollups: input.list("rollups", MAX_ROLLUPS, RollupSpec::BYTES)?,
            l1_chain_id: input.take_u64()?,
            stake_manager: input.array()?,
            l1_epoch: input.take_u32()?,
        };
        genesis.check()?;
        Ok(genesis)
    }
}

#[cfg(test)]
#[path = "genesis_tests.rs"]
mod tests;
