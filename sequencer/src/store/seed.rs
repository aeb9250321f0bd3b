//! A new store that begins after a snapshot's block instead of with the first one.

use super::apply::put_handover;
use super::blocks::Decision;
use super::handover::Handover;
use super::open::put_identity;
use super::records::{encode_bounds, encode_decided, encode_ids};
use super::tables::{META_BOUNDS, Tables};
use super::{OpenError, Store, StoreError};
use fairlane_types::{Height, NetworkId, TxId};
use redb::Database;
use std::fs::File;
use std::io;
use std::path::Path;

/// What such a store holds at first. It was verified: a store does not judge what it keeps.
#[derive(Clone, Copy, Debug)]
pub struct Seed<'a> {
    /// The last decisions up to the snapshot's block, ascending, as many as proposer selection goes back.
    pub decisions: &'a [Decision],
    /// All blocks up to that one by which a validator set handed over to another.
    pub handovers: &'a [Handover],
    /// The ids of the replay window, by block.
    pub ordered: &'a [(Height, Vec<TxId>)],
    /// The chain's state after the block.
    pub state: &'a [u8],
}

impl Store {
    /// Makes a store where there is none. It is there as a whole and durable when this returns, and not at all if it fails.
    pub fn seed(path: &Path, network: NetworkId, seed: Seed<'_>) -> Result<(), OpenError> {
        let failed = |source| OpenError::Io { path: path.to_owned(), source };
        let fresh = path.with_extension("redb.new");
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        fill(&fresh, network, seed).map_err(|error| failed(io::Error::other(error)))?;
        std::fs::rename(&fresh, path).map_err(failed)?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new("."))).and_then(|open| open.sync_all()).map_err(failed)
    }
}

fn fill(path: &Path, network: NetworkId, seed: Seed<'_>) -> Result<(), StoreError> {
    let database =
        Database::create(path).map_err(|error| StoreError::Database(redb::Error::from(error).into()))?;
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    put(&mut Tables::open(&transaction)?, network, seed)?;
    Ok(transaction.commit()?)
}

fn put(tables: &mut Tables<'_>, network: NetworkId, seed: Seed<'_>) -> Result<(), StoreError> {
    put_identity(tables, network)?;
    for (proposal, certificate) in seed.decisions {
        let value = encode_decided(proposal, certificate);
        tables.decided.insert(proposal.header.height.get(), value.as_slice())?;
    }
    for handover in seed.handovers {
        put_handover(tables, handover)?;
    }
    for (height, ids) in seed.ordered {
        tables.ordered_before.insert(height.get(), encode_ids(ids).as_slice())?;
    }
    let tip = seed.decisions.last().map_or(Height::ZERO, |(proposal, _)| proposal.header.height);
    tables.snapshots.insert(tip.get(), seed.state)?;
    tables.meta.insert(META_BOUNDS, encode_bounds(tip.next(), tip).as_slice())?;
    Ok(())
}
