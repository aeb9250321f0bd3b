//! The parameters on which all validators of a network agree: part of genesis, and so of the network id.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;
const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

/// Limits and bounds of the protocol. Durations are in nanoseconds, sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolParams {
    /// The longest payload of one leg.
    pub max_leg_bytes: u32,
    /// The longest transaction envelope.
    pub max_transaction_bytes: u32,
    /// The longest segment on the wire.
    pub max_segment_bytes: u32,
    /// The most events in one segment.
    pub max_segment_events: u32,
    /// The most transactions in one segment.
    pub max_segment_transactions: u32,
    /// How many segments a lane may run ahead of its decided head (K).
    pub lane_window_segments: u32,
    /// How many bytes a lane may run ahead of its decided head (B).
    pub lane_window_bytes: u32,
    /// How many bytes of other lanes one segment may newly reference (R).
    pub max_reference_bytes: u32,
    /// How many bytes of one lane one block may newly include; at least validators times R.
    pub max_block_lane_bytes: u32,
    /// How many new transactions of one ordering group one block may include.
    pub max_block_group_transactions: u32,
    /// How many unordered transactions of one ordering group are compared at most (C).
    pub group_cap: u32,
    /// How far ahead of chain time a transaction may expire.
    pub expiry_bound: u64,
    /// How long a validator holds a segment before it withholds its prevote from cuts that leave it out.
    pub timeliness_bound: u64,
}

impl Default for ProtocolParams {
    fn default() -> Self {
        Self {
            max_leg_bytes: 128 * KIB,
            max_transaction_bytes: 256 * KIB,
            max_segment_bytes: MIB,
            max_segment_events: 8192,
            max_segment_transactions: 8192,
            lane_window_segments: 512,
            lane_window_bytes: 32 * MIB,
            max_reference_bytes: 8 * MIB,
            max_block_lane_bytes: 1024 * MIB,
            max_block_group_transactions: 20_000,
            group_cap: 20_000,
            expiry_bound: 120 * SECOND,
            timeliness_bound: 500 * MILLISECOND,
        }
    }
}

impl ProtocolParams {
    /// Bytes of the encoding.
    pub const BYTES: usize = 11 * 4 + 2 * 8;

    /// Whether the limits fit each other for a network of `validators` validators.
    pub fn check(&self, validators: usize) -> Result<(), DecodeError> {
        let invalid = |what, why| Err(DecodeError::Invalid { what, why });
        let referenced = u64::from(self.max_reference_bytes).saturating_mul(validators as u64);
        if u64::from(self.max_block_lane_bytes) < referenced {
            return invalid(
                "max_block_lane_bytes",
                "it must be at least validators times max_reference_bytes",
            );
        }
        if self.max_transaction_bytes.saturating_add(4096) > self.max_segment_bytes {
            return invalid(
                "max_segment_bytes",
                "a segment must have room for the largest transaction and 4 KiB",
            );
        }
        if self.max_segment_bytes > self.max_reference_bytes
            || self.max_segment_bytes > self.lane_window_bytes
        {
            return invalid("max_segment_bytes", "it must fit max_reference_bytes and lane_window_bytes");
        }
        if self.max_leg_bytes > self.max_transaction_bytes {
            return invalid("max_leg_bytes", "it must not be above max_transaction_bytes");
        }
        if self.max_segment_transactions > self.max_block_group_transactions {
            return invalid("max_segment_transactions", "it must not be above max_block_group_transactions");
        }
        if [self.lane_window_segments, self.max_segment_events, self.max_segment_transactions, self.group_cap]
            .contains(&0)
            || self.expiry_bound == 0
            || self.timeliness_bound == 0
        {
            return invalid("protocol parameter", "windows, counts, caps and bounds must be above zero");
        }
        Ok(())
    }
}

impl Encode for ProtocolParams {
    fn encode(&self, out: &mut Writer) {
        for value in [
            self.max_leg_bytes,
            self.max_transaction_bytes,
            self.max_segment_bytes,
            self.max_segment_events,
            self.max_segment_transactions,
            self.lane_window_segments,
            self.lane_window_bytes,
            self.max_reference_bytes,
            self.max_block_lane_bytes,
            self.max_block_group_transactions,
            self.group_cap,
        ] {
            out.u32(value);
        }
        out.u64(self.expiry_bound);
        out.u64(self.timeliness_bound);
    }
}

impl Decode for ProtocolParams {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            max_leg_bytes: input.take_u32()?,
            max_transaction_bytes: input.take_u32()?,
            max_segment_bytes: input.take_u32()?,
            max_segment_events: input.take_u32()?,
            max_segment_transactions: input.take_u32()?,
            lane_window_segments: input.take_u32()?,
            lane_window_bytes: input.take_u32()?,
            max_reference_bytes: input.take_u32()?,
            max_block_lane_bytes: input.take_u32()?,
            max_block_group_transactions: input.take_u32()?,
            group_cap: input.take_u32()?,
            expiry_bound: input.take_u64()?,
            timeliness_bound: input.take_u64()?,
        })
    }
}

#[cfg(test)]
#[path = "params_tests.rs"]
mod tests;
