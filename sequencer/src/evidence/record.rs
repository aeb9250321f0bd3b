//! What is kept of an offence: its proof, the block that carries it, and what became of it on Ethereum.

use super::proof::{OffenceId, Proof};
use fairlane_types::codec::{Decode, DecodeError, Encode, Reader, Writer};
use fairlane_types::{Hash32, Height, NetworkId, Timestamp};

/// The longest reason that is kept.
const MAX_REASON: usize = 512;
/// How records begin; raised when older software could not read them.
const VERSION: u8 = 1;

/// A transaction that proved an offence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L1Receipt {
    /// The transaction.
    pub transaction: Hash32,
    /// The block that has it.
    pub block: u64,
    /// What it cost.
    pub gas_used: u64,
}

/// What became of an offence on Ethereum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// Nothing that is known.
    #[default]
    Open,
    /// It is punished, deep enough in the chain to stay so.
    Punished,
    /// The contracts will never punish it, for this reason.
    Refused(String),
}

/// A proven offence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceRecord {
    /// The proof.
    pub evidence: Proof,
    /// When this node learnt of it, by its own clock.
    pub found_at: Timestamp,
    /// The first block that carries it.
    pub block: Option<Height>,
    /// This node's own submission, if it was the one that got through.
    pub receipt: Option<L1Receipt>,
    /// What became of it.
    pub fate: Fate,
}

impl EvidenceRecord {
    /// A proof that nothing has been done about.
    pub fn new(evidence: impl Into<Proof>, found_at: Timestamp) -> Self {
        Self { evidence: evidence.into(), found_at, block: None, receipt: None, fate: Fate::Open }
    }

    /// The offence's name.
    pub fn id(&self) -> OffenceId {
        self.evidence.id()
    }

    /// Reads a record of this network that fills the input.
    pub fn from_bytes(network: NetworkId, bytes: Vec<u8>) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        let record = Self::decode(network, &mut input)?;
        input.finish()?;
        Ok(record)
    }

    fn decode(network: NetworkId, input: &mut Reader) -> Result<Self, DecodeError> {
        let invalid = |what, why| DecodeError::Invalid { what, why };
        if input.take_u8()? != VERSION {
            return Err(invalid("evidence record", "a later version of this software wrote it"));
        }
        let evidence = Proof::decode(network, input)?;
        let found_at = Decode::decode(input)?;
        let block = Some(Height::new(input.take_u64()?)).filter(|height| *height != Height::ZERO);
        let receipt = match input.take_u8()? {
            0 => None,
            1 => Some(L1Receipt {
                transaction: Decode::decode(input)?,
                block: input.take_u64()?,
                gas_used: input.take_u64()?,
            }),
            _ => return Err(invalid("receipt flag", "it is neither 0 nor 1")),
        };
        let fate = match input.take_u8()? {
            0 => Fate::Open,
            1 => Fate::Punished,
            2 => {
                let why = input.var_bytes("reason", MAX_REASON)?;
                Fate::Refused(String::from_utf8_lossy(&why).into_owned())
            }
            _ => return Err(invalid("fate", "it is not 0 (open), 1 (punished) or 2 (refused)")),
        };
        Ok(Self { evidence, found_at, block, receipt, fate })
    }
}

impl Encode for EvidenceRecord {
    fn encode(&self, out: &mut Writer) {
        out.u8(VERSION);
        self.evidence.encode(out);
        self.found_at.encode(out);
        out.u64(self.block.map_or(0, Height::get));
        match &self.receipt {
            None => out.u8(0),
            Some(receipt) => {
                out.u8(1);
                receipt.transaction.encode(out);
                out.u64(receipt.block);
                out.u64(receipt.gas_used);
            }
        }
        match &self.fate {
            Fate::Open => out.u8(0),
            Fate::Punished => out.u8(1),
            Fate::Refused(why) => {
                out.u8(2);
                let end = why.floor_char_boundary(MAX_REASON);
                out.var_bytes(why.get(..end).unwrap_or_default().as_bytes());
            }
        }
    }
}
