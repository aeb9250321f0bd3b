//! The journal: what must be durable at once, before redb has it.
//!
//! Two logs take turns. One grows; when it is long enough and all of the other is in redb, the other begins anew and
//! grows instead. What is in a log belongs to one redb file: beside another one it counts as empty.
//!
//! An entry holds the writes of one group, each as a kind (1 byte), its length (4 bytes) and its canonical bytes.

use super::log_file::LogFile;
use super::queue::Write;
use super::records::{decode_decided, decode_proposal, encode_decided, encode_proposal};
use super::{OpenError, StoreError};
use bytes::Bytes;
use fairlane_types::codec::{Reader, Writer};
use fairlane_types::{Decode as _, Encode as _, Genesis, Height, NetworkId, Segment};
use std::path::Path;
use std::sync::Arc;

/// Names one redb file.
pub(super) type StoreId = [u8; 16];

/// From which size on the logs take turns.
const TURN: u64 = 16 << 20;

const SEGMENT: u8 = 1;
const OWN_SEGMENT: u8 = 2;
const PROPOSAL: u8 = 3;
const DECIDED: u8 = 4;

/// Two logs, of which one grows.
pub(super) struct Journal {
    growing: LogFile,
    resting: LogFile,
    /// The last job in the resting log.
    resting_last: u64,
    /// Whether something is appended that is not synced.
    unsynced: bool,
}

impl Journal {
    /// Opens the journal beside a redb file and reads what it holds for it, oldest first.
    pub(super) fn open(
        store: &Path,
        id: StoreId,
        network: NetworkId,
        genesis: &Genesis,
    ) -> Result<(Self, Vec<Write>), OpenError> {
        let mut entries = Vec::new();
        let mut logs = Vec::new();
        for which in ["journal-a", "journal-b"] {
            let path = store.with_extension(which);
            let io = |source| OpenError::Io { path: path.clone(), source };
            let (log, found) = LogFile::open(&path, id).map_err(io)?;
            entries.push((log.generation(), path, found));
            logs.push(log);
        }
        entries.sort_by_key(|(generation, ..)| *generation);
        logs.sort_by_key(LogFile::generation);
        let mut writes = Vec::new();
        for (_, path, found) in entries {
            for entry in found {
                let mut input = Reader::new(Bytes::from(entry));
                while input.remaining() > 0 {
                    let write = decode(&mut input, network, genesis);
                    let damaged =
                        |error: StoreError| OpenError::Damaged { path: path.clone(), why: error.to_string() };
                    writes.push(write.map_err(damaged)?);
                }
            }
        }
        let [resting, growing]: [LogFile; 2] = logs.try_into().expect("two were opened");
        Ok((Self { growing, resting, resting_last: 0, unsynced: false }, writes))
    }

    /// Begins both logs anew: redb has what they held.
    pub(super) fn clear(&mut self) -> Result<(), StoreError> {
        let generation = self.growing.generation();
        self.resting.begin(generation + 1).map_err(StoreError::journal)?;
        self.growing.begin(generation + 2).map_err(StoreError::journal)
    }

    /// Appends writes, which are durable with the next [`Self::sync`].
    pub(super) fn append<'a>(&mut self, writes: impl Iterator<Item = &'a Write>) -> Result<(), StoreError> {
        let mut entry = Writer::new();
        writes.for_each(|write| encode(write, &mut entry));
        if !entry.as_slice().is_empty() {
            self.growing.append(entry.as_slice()).map_err(StoreError::journal)?;
            self.unsynced = true;
        }
        Ok(())
    }

    /// Makes durable what was appended.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.unsynced) {
            self.growing.sync().map_err(StoreError::journal)?;
        }
        Ok(())
    }

    /// Lets the logs take turns if it is time. `last` is the last job appended, `committed` the last one in redb.
    pub(super) fn turn(&mut self, last: u64, committed: u64) -> Result<(), StoreError> {
        if self.growing.bytes() < TURN || committed < self.resting_last {
            return Ok(());
        }
        self.sync()?;
        self.resting.begin(self.growing.generation() + 1).map_err(StoreError::journal)?;
        std::mem::swap(&mut self.growing, &mut self.resting);
        self.resting_last = last;
        Ok(())
    }
}

fn encode(write: &Write, out: &mut Writer) {
    match write {
        Write::Segments(segments) => segments.iter().for_each(|segment| put(out, SEGMENT, segment.bytes())),
        Write::OwnSegment(segment) => put(out, OWN_SEGMENT, segment.bytes()),
        Write::Proposal(height, proposal) => {
            let mut value = Writer::new();
            height.encode(&mut value);
            value.bytes(&encode_proposal(proposal));
            put(out, PROPOSAL, value.as_slice());
        }
        Write::Decided(proposal, certificate) => put(out, DECIDED, &encode_decided(proposal, certificate)),
        Write::Finalized(_) | Write::Nothing => {}
    }
}

fn put(out: &mut Writer, kind: u8, value: &[u8]) {
    out.u8(kind);
    out.u32(u32::try_from(value.len()).expect("what is kept is far below 4 GiB"));
    out.bytes(value);
}

fn decode(input: &mut Reader, network: NetworkId, genesis: &Genesis) -> Result<Write, StoreError> {
    let damaged = StoreError::damaged("an entry of the journal");
    let kind = input.take_u8().map_err(&damaged)?;
    let length = input.take_u32().map_err(&damaged)?;
    let value = input.take(length as usize).map_err(&damaged)?;
    match kind {
        SEGMENT | OWN_SEGMENT => {
            let segment = Segment::decode_trusted(value, network, &genesis.params);
            let segment = Arc::new(segment.map_err(|error| StoreError::DamagedSegment(error.to_string()))?);
            Ok(if kind == SEGMENT { Write::Segments(vec![segment]) } else { Write::OwnSegment(segment) })
        }
        PROPOSAL => {
            let mut value = Reader::new(value);
            let height = Height::decode(&mut value).map_err(&damaged)?;
            let rest = value.take(value.remaining()).map_err(&damaged)?;
            Ok(Write::Proposal(height, Box::new(decode_proposal(&rest)?)))
        }
        DECIDED => {
            let (proposal, certificate) = decode_decided(&value)?;
            Ok(Write::Decided(proposal, certificate))
        }
        _ => Err(damaged(fairlane_types::DecodeError::Invalid {
            what: "a journal entry",
            why: "its kind is unknown",
        })),
    }
}
