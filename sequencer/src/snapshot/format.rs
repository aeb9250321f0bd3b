//! The bytes of a snapshot (`docs/protocol.md`, "Snapshots"): canonical encodings between a magic word and a digest.

use super::{Snapshot, SnapshotError};
use crate::store::Decision;
use bytes::Bytes;
use fairlane_engine::Activity;
use fairlane_types::crypto::sha256;
use fairlane_types::{
    BlockHeader, CommitCertificate, Decode, DecodeError, Encode, Hash32, Height, Proposal, Reader, TxId,
    Writer,
};
use std::sync::Arc;

/// The version of the format.
pub const VERSION: u16 = 1;
/// The most bytes of a snapshot.
pub const MAX_BYTES: usize = 1 << 30;

/// What it begins with.
const MAGIC: [u8; 8] = *b"FAIRSNAP";
/// Magic word and version.
const FRONT_BYTES: usize = MAGIC.len() + 2;
/// The digest at the end.
const DIGEST_BYTES: usize = 32;
/// The most changes of the validator set.
const MAX_HANDOVERS: usize = 1 << 16;
/// The most blocks of a replay window that ordered something.
const MAX_ORDERED: usize = 1 << 20;
/// Bytes of the least certificate: one without signatures.
const CERTIFICATE_BYTES: usize = 8 + 4 + 32 + 4;

impl Snapshot {
    /// The bytes of a file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(self.state.len() + (64 << 10));
        out.bytes(&MAGIC);
        out.u16(VERSION);
        self.network.encode(&mut out);
        out.list(&self.handovers);
        out.count(self.decisions.len());
        for (proposal, certificate) in &self.decisions {
            certificate.encode(&mut out);
            proposal.encode(&mut out);
        }
        out.count(self.ordered.len());
        for (height, ids) in &self.ordered {
            height.encode(&mut out);
            out.list(ids);
        }
        out.var_bytes(&self.state);
        let digest = sha256(&[out.as_slice()]);
        digest.encode(&mut out);
        out.into_vec()
    }

    /// Reads the bytes of a file. Says nothing about their truth.
    pub fn decode(bytes: Bytes) -> Result<Self, SnapshotError> {
        check_size(bytes.len() as u64)?;
        let mut input = Reader::new(whole(bytes)?);
        let snapshot = Self {
            network: Decode::decode(&mut input)?,
            handovers: input.list(
                "validator sets that hand over",
                MAX_HANDOVERS,
                BlockHeader::BYTES + CERTIFICATE_BYTES,
            )?,
            decisions: read_decisions(&mut input)?,
            ordered: read_ordered(&mut input)?,
            state: input.var_bytes("state", MAX_BYTES)?,
        };
        input.finish()?;
        Ok(snapshot)
    }
}

/// Refuses what is too large to be read.
pub(super) fn check_size(bytes: u64) -> Result<(), SnapshotError> {
    let limit = MAX_BYTES as u64;
    if bytes > limit { Err(SnapshotError::TooLarge { bytes, limit }) } else { Ok(()) }
}

/// What stands between version and digest, if it is what the digest was made of.
fn whole(mut bytes: Bytes) -> Result<Bytes, SnapshotError> {
    if !bytes.starts_with(&MAGIC) || bytes.len() < FRONT_BYTES {
        return Err(SnapshotError::NotASnapshot);
    }
    let found = u16::from_be_bytes([bytes[MAGIC.len()], bytes[MAGIC.len() + 1]]);
    if found != VERSION {
        return Err(SnapshotError::Version { found, known: VERSION });
    }
    let left = bytes.len() - FRONT_BYTES;
    if left < DIGEST_BYTES {
        return Err(DecodeError::Truncated { wanted: DIGEST_BYTES, left }.into());
    }
    let digest = bytes.split_off(bytes.len() - DIGEST_BYTES);
    let (expected, found) =
        (Hash32::from_bytes(*digest.first_chunk().expect("it was split off")), sha256(&[&bytes]));
    if found != expected {
        return Err(SnapshotError::Digest { expected, found });
    }
    Ok(bytes.slice(FRONT_BYTES..))
}

fn read_decisions(input: &mut Reader) -> Result<Vec<Decision>, DecodeError> {
    let count = input.count("last blocks", Activity::CUTS, CERTIFICATE_BYTES + BlockHeader::BYTES)?;
    let read = |_| {
        let certificate = CommitCertificate::decode(input)?;
        Ok((Arc::new(Proposal::decode(input)?), certificate))
    };
    (0..count).map(read).collect()
}

fn read_ordered(input: &mut Reader) -> Result<Vec<(Height, Vec<TxId>)>, DecodeError> {
    let count = input.count("blocks of the replay window", MAX_ORDERED, 12)?;
    (0..count).map(|_| Ok((Decode::decode(input)?, input.list("ordered ids", usize::MAX, 32)?))).collect()
}
