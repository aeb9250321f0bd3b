//! Identifiers and quantities: one newtype for each, so that a height can never be taken for a lane sequence.
//!
//! Numbers encode big-endian at their full width. Arithmetic is explicit: `checked_*` tells about overflow,
//! `saturating_*` says that the last value stands for "and beyond".

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
pub use crate::crypto::Hash32;
use std::fmt;

macro_rules! hash_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// All zero bytes: what stands where nothing precedes.
            pub const ZERO: Self = Self([0; 32]);

            /// Takes the 32 bytes as they are.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// Reads 64 hexadecimal digits, with or without a leading `0x`.
            pub fn from_hex(text: &str) -> Result<Self, DecodeError> {
                crate::crypto::bytes32_from_hex(text).map(Self)
            }
        }

        impl From<Hash32> for $name {
            fn from(hash: Hash32) -> Self {
                Self(*hash.as_bytes())
            }
        }

        impl From<$name> for Hash32 {
            fn from(id: $name) -> Self {
                Hash32::from_bytes(id.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0.first_chunk::<4>().unwrap_or(&[0; 4])))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl std::str::FromStr for $name {
            type Err = DecodeError;
            fn from_str(text: &str) -> Result<Self, DecodeError> {
                Self::from_hex(text)
            }
        }

        impl Encode for $name {
            fn encode(&self, out: &mut Writer) {
                out.bytes(&self.0);
            }
        }

        impl Decode for $name {
            fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
                input.array::<32>().map(Self)
            }
        }
    };
}

macro_rules! number_newtype {
    ($(#[$doc:meta])* $name:ident, $inner:ty, $put:ident, $take:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            /// The smallest value.
            pub const ZERO: Self = Self(0);
            /// The largest value.
            pub const MAX: Self = Self(<$inner>::MAX);

            /// Wraps the number.
            pub const fn new(value: $inner) -> Self {
                Self(value)
            }

            /// The number.
            pub const fn get(self) -> $inner {
                self.0
            }

            /// `self + n`, or `None` past the largest value.
            pub const fn checked_add(self, n: $inner) -> Option<Self> {
                match self.0.checked_add(n) {
                    Some(value) => Some(Self(value)),
                    None => None,
                }
            }

            /// `self + n`, staying at the largest value.
            pub const fn saturating_add(self, n: $inner) -> Self {
                Self(self.0.saturating_add(n))
            }

            /// `self - n`, staying at zero.
            pub const fn saturating_sub(self, n: $inner) -> Self {
                Self(self.0.saturating_sub(n))
            }

            /// The successor; the largest value is its own.
            pub const fn next(self) -> Self {
                self.saturating_add(1)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl Encode for $name {
            fn encode(&self, out: &mut Writer) {
                out.$put(self.0);
            }
        }

        impl Decode for $name {
            fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
                input.$take().map(Self)
            }
        }
    };
}

hash_newtype!(
    /// A transaction: the hash of its envelope's canonical bytes.
    TxId
);
hash_newtype!(
    /// A block: the hash of its header's canonical bytes. Also the value id of consensus.
    BlockId
);
hash_newtype!(
    /// A segment: SHA-256 of its fixed-width header.
    SegmentDigest
);
hash_newtype!(
    /// A validator: its ed25519 public key in compressed form (RFC 8032).
    ValidatorId
);
hash_newtype!(
    /// A network: the hash of genesis, L1 chain id and StakeManager address. Bound into every signature.
    NetworkId
);
hash_newtype!(
    /// The tip of a rollup's chain of batches.
    RollupHead
);

number_newtype!(
    /// A position in the chain of blocks. The first block has height 1.
    Height, u64, u64, take_u64
);
number_newtype!(
    /// A round of consensus within one height, from 0.
    Round, u32, u32, take_u32
);
number_newtype!(
    /// A position in a lane. The first segment has sequence 1; 0 stands for "none yet".
    LaneSeq, u64, u64, take_u64
);
number_newtype!(
    /// How often a validator has been registered: a validator that comes back starts a new lane.
    Incarnation, u32, u32, take_u32
);
number_newtype!(
    /// A rollup.
    RollupId, u64, u64, take_u64
);
number_newtype!(
    /// An ordering group: only transactions that share one are compared.
    GroupId, u32, u32, take_u32
);
number_newtype!(
    /// A position in one rollup's chain of batches. The first batch has index 1; 0 stands for "none yet".
    BatchIndex, u64, u64, take_u64
);
number_newtype!(
    /// Voting power, in units scaled so that three times the total fits 64 bits.
    VotingPower, u64, u64, take_u64
);
number_newtype!(
    /// Nanoseconds since the Unix epoch.
    Timestamp, u64, u64, take_u64
);

impl Height {
    /// The height of the first block.
    pub const FIRST: Self = Self(1);

    /// The height before, or `None` at zero.
    pub const fn previous(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }
}

impl Timestamp {
    /// A time so many nanoseconds after the Unix epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Nanoseconds from `earlier` to `self`; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// One lane: a validator's log in one of its registrations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId {
    /// Whose lane.
    pub validator: ValidatorId,
    /// Which registration.
    pub incarnation: Incarnation,
}

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{}", self.validator, self.incarnation)
    }
}

impl Encode for LaneId {
    fn encode(&self, out: &mut Writer) {
        self.validator.encode(out);
        self.incarnation.encode(out);
    }
}

impl Decode for LaneId {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self { validator: Decode::decode(input)?, incarnation: Decode::decode(input)? })
    }
}

#[cfg(test)]
#[path = "ids_tests.rs"]
mod tests;
