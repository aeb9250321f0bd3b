//! Opening the file: whose it is, whether this software can read it, and what it holds.

use super::apply;
use super::journal::{Journal, StoreId};
use super::queue::{Queue, Write};
use super::recent::{CAPACITY, Recent};
use super::records::{decode_bounds, decode_decided, decode_ids};
use super::tables::{
    DECIDED, FORMAT, LaneKey, META, META_BOUNDS, META_FORMAT, META_ID, META_NETWORK, ORDERED_BEFORE, ORDERS,
    OWN, Tables,
};
use super::upgrade::upgrade;
use super::writer::Outcome;
use super::{Bounds, OpenError, Shared, Store, StoreError, StoreOptions, WriterContext};
use crate::metrics::StoreMetrics;
use fairlane_chain::OrderRecord;
use fairlane_types::{CommitCertificate, Decode, Genesis, Height, LaneId, NetworkId, SegmentRef};
use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, StorageError};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, RwLock};
use tokio::sync::watch;

impl Store {
    /// Opens a network's store with default options, or makes an empty one.
    pub fn open(path: &Path, network: NetworkId, genesis: &Genesis) -> Result<Self, OpenError> {
        let metrics = crate::metrics::Metrics::new(env!("CARGO_PKG_VERSION")).store;
        Self::open_with(path, network, genesis, StoreOptions::default(), metrics)
    }

    /// Opens a network's store, or makes an empty one. May take long after a crash: see
    /// [`StoreOptions::quick_repair`].
    pub fn open_with(
        path: &Path,
        network: NetworkId,
        genesis: &Genesis,
        options: StoreOptions,
        metrics: StoreMetrics,
    ) -> Result<Self, OpenError> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)
                .map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        }
        let database = open_database(path, &options)?;
        prepare(&database, path, network)?;
        let damaged =
            |error: StoreError| OpenError::Damaged { path: path.to_owned(), why: error.to_string() };
        let id = read_id(&database).map_err(damaged)?;
        let (mut journal, writes) = Journal::open(path, id, network, genesis)?;
        replay(&database, &writes, &network).map_err(damaged)?;
        journal.clear().map_err(damaged)?;
        let (min, tip) = read_bounds(&database).map_err(damaged)?;
        let newest = read_own(&database).map_err(damaged)?;
        let recent = Arc::new(RwLock::new(read_recent(&database).map_err(damaged)?));
        let decided = RwLock::new(read_last_decision(&database).map_err(damaged)?);
        let database = Arc::new(database);
        let bounds = Arc::new(Bounds::default());
        bounds.set(min, tip);
        let context = WriterContext {
            database: Arc::clone(&database),
            network,
            expiry_bound: genesis.params.expiry_bound,
            options,
            bounds: Arc::clone(&bounds),
            recent: Arc::clone(&recent),
            metrics,
            path: path.to_owned(),
            committed: Arc::default(),
            failed: Arc::new(watch::Sender::new(None)),
        };
        let queue = Queue::start(context, journal, newest)
            .map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        let validators = genesis.validators.clone();
        Ok(Self(Arc::new(Shared { database, network, validators, queue, bounds, recent, decided })))
    }
}

fn open_database(path: &Path, options: &StoreOptions) -> Result<Database, OpenError> {
    let mut builder = Database::builder();
    builder.set_cache_size(options.cache);
    builder.set_repair_callback(|session| {
        let percent = (session.progress() * 100.0).round();
        tracing::info!(percent, "checking the store after a crash");
    });
    builder.create(path).map_err(|error| {
        let path = path.to_owned();
        match error {
            DatabaseError::DatabaseAlreadyOpen => OpenError::InUse(path),
            DatabaseError::Storage(StorageError::Io(source)) if source.kind() != ErrorKind::InvalidData => {
                OpenError::Io { path, source }
            }
            other => OpenError::Damaged { path, why: other.to_string() },
        }
    })
}

/// Checks format and network, or writes them into an empty file.
fn prepare(database: &Database, path: &Path, network: NetworkId) -> Result<(), OpenError> {
    let damaged = |why: String| OpenError::Damaged { path: path.to_owned(), why };
    let stored = read_identity(database).map_err(|error| damaged(error.to_string()))?;
    let Some((format, found)) = stored else {
        return write_identity(database, network).map_err(|error| damaged(error.to_string()));
    };
    let format: [u8; 4] = format.as_slice().try_into().map_err(|_| damaged("it has no format".to_owned()))?;
    let format = u32::from_be_bytes(format);
    if format > FORMAT {
        return Err(OpenError::NewerFormat { path: path.to_owned(), found: format, known: FORMAT });
    }
    let found = <NetworkId as Decode>::from_bytes(found).map_err(|error| damaged(error.to_string()))?;
    if found != network {
        return Err(OpenError::OtherNetwork { path: path.to_owned(), found, wanted: network });
    }
    if format < FORMAT {
        upgrade(database, format).map_err(|error| damaged(error.to_string()))?;
    }
    Ok(())
}

type Identity = (Vec<u8>, Vec<u8>);

/// Format and network as they stand in the file; `None` in an empty one.
fn read_identity(database: &Database) -> Result<Option<Identity>, StoreError> {
    let transaction = database.begin_read()?;
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let value = |name| Ok::<_, StoreError>(meta.get(name)?.map(|value| value.value().to_vec()));
    Ok(Some((value(META_FORMAT)?.unwrap_or_default(), value(META_NETWORK)?.unwrap_or_default())))
}

fn write_identity(database: &Database, network: NetworkId) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    put_identity(&mut Tables::open(&transaction)?, network)?;
    Ok(transaction.commit()?)
}

/// Says whose the file is, and in which format.
pub(super) fn put_identity(tables: &mut Tables<'_>, network: NetworkId) -> Result<(), StoreError> {
    tables.meta.insert(META_FORMAT, FORMAT.to_be_bytes().as_slice())?;
    tables.meta.insert(META_NETWORK, network.as_bytes().as_slice())?;
    Ok(())
}

fn read_bounds(database: &Database) -> Result<(Height, Height), StoreError> {
    let meta = database.begin_read()?.open_table(META)?;
    meta.get(META_BOUNDS)?.map_or(Ok((Height::ZERO, Height::ZERO)), |value| decode_bounds(value.value()))
}

/// The name of the file, by which its journal knows it. Files of the first format have none yet.
fn read_id(database: &Database) -> Result<StoreId, StoreError> {
    let meta = database.begin_read()?.open_table(META)?;
    if let Some(id) = meta.get(META_ID)?.and_then(|value| value.value().try_into().ok()) {
        return Ok(id);
    }
    let id: StoreId = rand::random();
    let transaction = database.begin_write()?;
    {
        let mut tables = Tables::open(&transaction)?;
        tables.meta.insert(META_ID, id.as_slice())?;
        tables.meta.insert(META_FORMAT, FORMAT.to_be_bytes().as_slice())?;
    }
    transaction.commit()?;
    Ok(id)
}

/// Writes what only the journal held.
fn replay(database: &Database, writes: &[Write], network: &NetworkId) -> Result<(), StoreError> {
    if writes.is_empty() {
        return Ok(());
    }
    let (min, tip) = read_bounds(database)?;
    let mut outcome = Outcome { min, tip, bytes: 0, pruned: 0 };
    let transaction = database.begin_write()?;
    apply::replay(&mut Tables::open(&transaction)?, writes, network, &mut outcome)?;
    transaction.commit()?;
    tracing::info!(writes = writes.len(), "the store's journal is written back");
    Ok(())
}

/// The newest own segment of each lane.
fn read_own(database: &Database) -> Result<BTreeMap<LaneId, SegmentRef>, StoreError> {
    let own = database.begin_read()?.open_table(OWN)?;
    let mut newest = BTreeMap::new();
    for entry in own.range::<&LaneKey>(..)? {
        let name = SegmentRef::from_bytes(entry?.1.value().to_vec())
            .map_err(StoreError::damaged("a segment name"))?;
        newest.insert(name.lane, name);
    }
    Ok(newest)
}

/// The certificate of the last decision.
fn read_last_decision(database: &Database) -> Result<Option<CommitCertificate>, StoreError> {
    let decided = database.begin_read()?.open_table(DECIDED)?;
    let Some((_, value)) = decided.last()? else { return Ok(None) };
    Ok(Some(decode_decided(value.value())?.1))
}

/// Reads order records from the newest on until enough transactions are known.
fn read_recent(database: &Database) -> Result<Recent, StoreError> {
    let orders = database.begin_read()?.open_table(ORDERS)?;
    let mut blocks = Vec::new();
    let mut count = 0;
    for entry in orders.range::<u64>(..)?.rev() {
        let (height, value) = entry?;
        let record = OrderRecord::from_bytes(value.value().to_vec())
            .map_err(StoreError::damaged("an order record"))?;
        count += record.entries.len();
        blocks.push((Height::new(height.value()), record.ids().collect()));
        if count >= CAPACITY {
            break;
        }
    }
    if count < CAPACITY {
        // What a snapshot brought lies before all of it.
        let before = database.begin_read()?.open_table(ORDERED_BEFORE)?;
        for entry in before.range::<u64>(..)?.rev() {
            let (height, value) = entry?;
            blocks.push((Height::new(height.value()), decode_ids(value.value())?.into()));
        }
    }
    let mut recent = Recent::default();
    for (height, ids) in blocks.into_iter().rev() {
        recent.push(height, ids);
    }
    Ok(recent)
}
