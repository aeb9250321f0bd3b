//! Batches that were taken from the sequencer and are not settled yet, with the cursor of the subscription.
//!
//! A batch and the cursor behind it are written in one transaction: what was acknowledged is here, and what is here is not
//! asked for again. The number of batches is bounded; while it is full nothing more is taken.

use fairlane_rollup_adapter::{Cursor, CursorError, CursorStore};
use fairlane_types::{Batch, BatchHeader, BatchIndex, Decode, DecodeError, Encode};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use std::sync::Arc;
use tokio::sync::watch;

/// Batches by index: the header, and the body.
const BATCHES: TableDefinition<u64, &[u8]> = TableDefinition::new("inbox");
/// The subscription's cursor.
const CURSOR: TableDefinition<(), &[u8]> = TableDefinition::new("cursor");

/// Why the inbox failed.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// The store failed.
    #[error("the store of batches failed: {0}")]
    Store(#[from] redb::Error),
    /// A record cannot be read.
    #[error("the store of batches is damaged: {0}")]
    Damaged(#[from] DecodeError),
}

/// How many batches there are, and the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// How many.
    pub count: u64,
    /// The last that was taken; zero before the first.
    pub last: BatchIndex,
}

/// The durable inbox. Cheap to clone. Calls may block on the disk for milliseconds.
#[derive(Clone, Debug)]
pub struct Inbox {
    database: Arc<Database>,
    held: watch::Sender<Held>,
}

impl Inbox {
    /// Reads what is there.
    pub fn open(database: Arc<Database>) -> Result<Self, InboxError> {
        let (held, _) = watch::channel(Held::default());
        let inbox = Self { database, held };
        let write = inbox.database.begin_write().map_err(redb::Error::from)?;
        write.open_table(BATCHES).map_err(redb::Error::from)?;
        write.open_table(CURSOR).map_err(redb::Error::from)?;
        write.commit().map_err(redb::Error::from)?;
        let last = inbox.cursor()?.map_or(BatchIndex::ZERO, |cursor| cursor.position.index);
        let count = inbox.count()?;
        inbox.held.send_replace(Held { count, last });
        Ok(inbox)
    }

    /// How many there are, now and whenever that changes.
    pub fn watch(&self) -> watch::Receiver<Held> {
        self.held.subscribe()
    }

    /// Keeps a batch and the cursor behind it. Durable when it returns.
    pub fn put(&self, batch: &Batch, cursor: &Cursor) -> Result<(), InboxError> {
        let header = batch.header();
        let mut bytes = header.to_bytes();
        bytes.extend_from_slice(batch.body());
        let write = || -> Result<(), redb::Error> {
            let write = self.database.begin_write()?;
            write.open_table(BATCHES)?.insert(header.index.get(), bytes.as_slice())?;
            write.open_table(CURSOR)?.insert((), cursor.to_bytes().as_slice())?;
            Ok(write.commit()?)
        };
        write()?;
        self.held.send_modify(|held| *held = Held { count: held.count + 1, last: header.index });
        Ok(())
    }

    /// A batch, if it is here.
    pub fn get(&self, index: BatchIndex) -> Result<Option<Batch>, InboxError> {
        let Some(mut bytes) = self.bytes(index)? else { return Ok(None) };
        let body = bytes.split_off(BatchHeader::BYTES.min(bytes.len()));
        Ok(Some(Batch::from_parts(BatchHeader::from_bytes(bytes)?, body.into())?))
    }

    /// The headers of consecutive batches; `None` if one of them is not here.
    pub fn headers(&self, from: BatchIndex, to: BatchIndex) -> Result<Option<Vec<BatchHeader>>, InboxError> {
        let mut headers = Vec::new();
        for index in from.get()..=to.get() {
            let Some(mut bytes) = self.bytes(BatchIndex::new(index))? else { return Ok(None) };
            bytes.truncate(BatchHeader::BYTES);
            headers.push(BatchHeader::from_bytes(bytes)?);
        }
        Ok(Some(headers))
    }

    /// Forgets a batch and all before it.
    pub fn forget(&self, until: BatchIndex) -> Result<(), InboxError> {
        let forget = || -> Result<(), redb::Error> {
            let write = self.database.begin_write()?;
            write.open_table(BATCHES)?.retain(|index, _| index > until.get())?;
            Ok(write.commit()?)
        };
        forget()?;
        let count = self.count()?;
        self.held.send_modify(|held| held.count = count);
        Ok(())
    }

    fn bytes(&self, index: BatchIndex) -> Result<Option<Vec<u8>>, redb::Error> {
        let read = self.database.begin_read()?;
        let value = read.open_table(BATCHES)?.get(index.get())?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    fn count(&self) -> Result<u64, redb::Error> {
        let read = self.database.begin_read()?;
        let batches = read.open_table(BATCHES)?;
        Ok(batches.iter()?.count() as u64)
    }

    fn cursor(&self) -> Result<Option<Cursor>, InboxError> {
        let read = || -> Result<_, redb::Error> {
            let read = self.database.begin_read()?;
            let value = read.open_table(CURSOR)?.get(())?;
            Ok(value.map(|value| value.value().to_vec()))
        };
        Ok(read()?.map(Cursor::from_bytes).transpose()?)
    }
}

impl CursorStore for Inbox {
    fn load(&self) -> Result<Option<Cursor>, CursorError> {
        self.cursor().map_err(|error| CursorError::Other(Box::new(error)))
    }

    /// The cursor is written with each batch, before it is acknowledged.
    fn save(&self, _: &Cursor) -> Result<(), CursorError> {
        Ok(())
    }
}
