//! Moving a validator from one home to another without a moment at which both may sign.
//!
//! An export first makes its own home refuse to sign, and only then writes the file that lets another one sign. Both
//! steps need a node that does not run, and take its store's lock to be sure of that. A file must be imported once:
//! that two homes import it is nothing that a file can prevent.

use super::file::{self, Marks, Record, State};
use super::{GuardFileError, set_log_aside};
use crate::config::Home;
use crate::store::{Store, StoreError};
use bytes::Bytes;
use fairlane_types::{Decode as _, Genesis, Height, LaneId, Reader, SegmentHeader, SegmentRef, ValidatorId};
use std::path::Path;

/// A home whose node does not run.
pub struct StoppedHome<'a> {
    /// Where it is.
    pub home: &'a Home,
    /// The network's beginning.
    pub genesis: &'a Genesis,
    /// Whose key it has.
    pub validator: ValidatorId,
}

/// How far a key has signed, as an export or an import leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The highest height at which anything may have been signed.
    pub height: Height,
    /// The end of the lane, if it has begun.
    pub lane: Option<SegmentRef>,
}

impl StoppedHome<'_> {
    /// Makes this home refuse to sign, and writes its marks to a new file. After an export that was cut short it may be
    /// repeated.
    pub async fn export(&self, to: &Path) -> Result<Moved, GuardFileError> {
        let path = self.home.guard();
        let record = file::read(&path)?.ok_or_else(|| GuardFileError::Missing(path.clone()))?;
        record.marks.check(&path, self.genesis.network(), self.validator)?;
        if to.try_exists().unwrap_or(true) {
            return Err(GuardFileError::Exists(to.to_owned()));
        }
        let marks = match record.state {
            State::Exported => record.marks,
            State::Here => self.signed(Some(record.marks)).await?,
        };
        let exported = Record { marks, state: State::Exported };
        file::write(&path, &exported)?;
        file::write_new(to, &exported)?;
        Ok(Moved { height: marks.height, lane: marks.lane })
    }

    /// Lets this home sign what lies beyond the marks of an exported guard.
    pub async fn import(&self, from: &Path) -> Result<Moved, GuardFileError> {
        let missing = || GuardFileError::Missing(from.to_owned());
        let Record { marks: found, state } = file::read(from)?.ok_or_else(missing)?;
        found.check(from, self.genesis.network(), self.validator)?;
        if state != State::Exported {
            return Err(GuardFileError::NotExported(from.to_owned()));
        }
        let path = self.home.guard();
        let record = file::read(&path)?;
        if let Some(record) = &record {
            record.marks.check(&path, self.genesis.network(), self.validator)?;
        }
        let exported = record.filter(|record| record.state == State::Exported).map(|record| record.marks);
        let own = match exported {
            Some(marks) => marks,
            None => self.signed(record.map(|record| record.marks)).await?,
        };
        if found.height < own.height || found.seq() < own.seq() {
            return Err(GuardFileError::Older {
                path: from.to_owned(),
                found_height: found.height,
                found_seq: found.seq(),
                height: own.height,
                seq: own.seq(),
            });
        }
        // The log that is here is the last one only where nobody else has signed since.
        if exported != Some(found) {
            set_log_aside(self.home)?;
        }
        file::write(&path, &Record { marks: found, state: State::Here })?;
        Ok(Moved { height: found.height, lane: found.lane })
    }

    /// How far this home has signed: by its store and its log, and without a log by what it had reserved.
    async fn signed(&self, reserved: Option<Marks>) -> Result<Marks, GuardFileError> {
        let (network, validator) = (self.genesis.network(), self.validator);
        let reserved = reserved.unwrap_or(Marks { network, validator, height: Height::ZERO, lane: None });
        if !self.home.store().exists() {
            return Ok(reserved);
        }
        let store = Store::open(&self.home.store(), network, self.genesis)?;
        let marks = self.marks_of(&store, reserved);
        let closed = store.close().await;
        let marks = marks?;
        closed?;
        Ok(marks)
    }

    fn marks_of(&self, store: &Store, reserved: Marks) -> Result<Marks, GuardFileError> {
        let path = self.home.consensus_wal();
        let log = fairlane_engine::log_height(&path);
        let log = log.map_err(|source| GuardFileError::Io { path, source })?;
        let decided = store.last_decision().map_or(Height::ZERO, |certificate| certificate.height);
        let height = decided.max(log.unwrap_or(reserved.height));
        let set = store.validators_at(store.tip())?.unwrap_or_else(|| self.genesis.validators.clone());
        let lane = match set.get(&self.validator) {
            Some(member) => lane_end(store, &member.lane())?,
            None => None,
        };
        let lane = lane.into_iter().chain(reserved.lane).max_by_key(|end| end.seq);
        Ok(Marks { height, lane, ..reserved })
    }
}

/// The newest segment of the own lane in a store.
fn lane_end(store: &Store, lane: &LaneId) -> Result<Option<SegmentRef>, StoreError> {
    let held = [store.last_own_segment(lane)?, store.newest_segment(lane)?];
    let header = |bytes: Bytes| SegmentHeader::decode(&mut Reader::new(bytes)).ok();
    let ends = held.into_iter().flatten().filter_map(header).map(|header| header.reference());
    Ok(ends.max_by_key(|end| end.seq))
}
