//! A job as it is kept, and its bytes.

use super::{Millis, Token};
use crate::job::JobSpec;
use fairlane_types::{Decode, DecodeError, Encode, Hash32, Reader, Writer};

/// What became of a job so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nobody has it.
    Waiting {
        /// Nobody gets it before.
        not_before: Millis,
    },
    /// A worker has it.
    Leased {
        /// By this lease.
        token: Token,
        /// Until then, if it is not kept.
        expires: Millis,
    },
    /// It is proven.
    Proven {
        /// SHA-256 of the proof.
        proof: Hash32,
    },
    /// Too many have failed at it.
    Stuck,
}

/// A job as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is.
    pub spec: JobSpec,
    /// Its place in the order of creation.
    pub place: u64,
    /// Failed attempts.
    pub attempts: u32,
    /// What became of it.
    pub phase: Phase,
}

impl Record {
    /// Whether a lease has it.
    pub(super) fn is_held(&self, token: Token) -> bool {
        matches!(self.phase, Phase::Leased { token: of, .. } if of == token)
    }
}

impl Encode for Record {
    fn encode(&self, out: &mut Writer) {
        self.spec.encode(out);
        out.u64(self.place);
        out.u32(self.attempts);
        match self.phase {
            Phase::Waiting { not_before } => {
                out.u8(0);
                out.u64(not_before);
            }
            Phase::Leased { token, expires } => {
                out.u8(1);
                out.u64(token.0);
                out.u64(expires);
            }
            Phase::Proven { proof } => {
                out.u8(2);
                proof.encode(out);
            }
            Phase::Stuck => out.u8(3),
        }
    }
}

impl Decode for Record {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        let (spec, place, attempts) = (Decode::decode(input)?, input.take_u64()?, input.take_u32()?);
        let phase = match input.take_u8()? {
            0 => Phase::Waiting { not_before: input.take_u64()? },
            1 => Phase::Leased { token: Token(input.take_u64()?), expires: input.take_u64()? },
            2 => Phase::Proven { proof: Decode::decode(input)? },
            3 => Phase::Stuck,
            _ => return Err(DecodeError::Invalid { what: "job", why: "its phase is unknown" }),
        };
        Ok(Self { spec, place, attempts, phase })
    }
}
