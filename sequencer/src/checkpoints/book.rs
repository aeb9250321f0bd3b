//! What of checkpoints is on disk: what this node has signed, certificates, and where each rollup stood at their heights.
//!
//! It is a file of its own, so that no block waits for a checkpoint's fsync. Losing it costs nothing but history: a
//! checkpoint follows from the block that is decided, so what is signed again is the same.

use crate::network::CheckpointSource;
use crate::store::{OpenError, StoreError};
use bytes::Bytes;
use fairlane_types::checkpoint::{Checkpoint, CheckpointCertificate};
use fairlane_types::codec::{Decode as _, Encode as _, Reader, Writer};
use fairlane_types::{HeadLeaf, HeadPath, HeadsTree, Height, NetworkId, RollupId};
use redb::{Database, ReadableDatabase as _, ReadableTable, ReadableTableMetadata as _, TableDefinition};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// Four bytes of format, and the network.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const IDENTITY: &str = "identity";
const FORMAT: u32 = 1;
/// By height: the checkpoint that this node has signed, or was about to.
const SIGNED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("signed");
/// By height: the certificate.
const CERTIFIED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("certified");
/// By height: the leaves of the heads tree after the block.
const HEADS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("heads");

/// How many certificates are kept, as many as the contract keeps, and of how many heights it is known what was signed.
const KEPT: u64 = 8192;
/// How many leaves are kept in all, and of how many heights at least.
const LEAVES_KEPT: u64 = 1 << 20;
const HEADS_KEPT: u64 = 64;
/// Bytes of a leaf.
const LEAF_BYTES: usize = 56;
/// How many certificates a peer is given at a time.
const PAGE: usize = 64;
/// Memory for pages of the file, in bytes.
const CACHE: usize = 4 << 20;

/// Whether a checkpoint may be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what is not allowed must not be signed"]
pub enum SigningVerdict {
    /// It may, also after a crash: that is on disk.
    Allowed,
    /// It may not: this node has signed another one of its height.
    Contradicts(Checkpoint),
    /// It may not: this node has signed one of a later height, and does not know what it signed of this one.
    Passed(Height),
}

/// The file. Cheap to clone; clones share everything. Calls block.
#[derive(Clone)]
pub struct CheckpointBook(Arc<Shared>);

struct Shared {
    database: Database,
    newest: RwLock<Option<CheckpointCertificate>>,
}

impl std::fmt::Debug for CheckpointBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckpointBook").field("newest", &self.newest().map(|c| c.checkpoint.height)).finish()
    }
}

fn read_checkpoint(bytes: &[u8]) -> Result<Checkpoint, StoreError> {
    Checkpoint::from_bytes(bytes.to_vec()).map_err(StoreError::damaged("a checkpoint"))
}

fn read_certificate(bytes: &[u8]) -> Result<CheckpointCertificate, StoreError> {
    CheckpointCertificate::from_bytes(bytes.to_vec()).map_err(StoreError::damaged("a certificate"))
}

impl CheckpointBook {
    /// Opens the file of a network, or makes it.
    pub fn open(path: &Path, network: NetworkId) -> Result<Self, OpenError> {
        if let Some(parent) = path.parent() {
            let made = std::fs::create_dir_all(parent);
            made.map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        }
        let damaged = |why: String| OpenError::Damaged { path: path.to_owned(), why };
        let mut builder = Database::builder();
        let database = builder.set_cache_size(CACHE).create(path).map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => OpenError::InUse(path.to_owned()),
            other => damaged(other.to_string()),
        })?;
        let (format, found) = identify(&database, network).map_err(|error| damaged(error.to_string()))?;
        if format > FORMAT {
            return Err(OpenError::NewerFormat { path: path.to_owned(), found: format, known: FORMAT });
        }
        if found != network {
            return Err(OpenError::OtherNetwork { path: path.to_owned(), found, wanted: network });
        }
        let newest = read_newest(&database).map_err(|error| damaged(error.to_string()))?;
        Ok(Self(Arc::new(Shared { database, newest: RwLock::new(newest) })))
    }

    /// Asks whether a checkpoint may be signed. Where it may, that is on disk when this returns, and so is where each
    /// rollup stood.
    pub fn permit(
        &self,
        checkpoint: &Checkpoint,
        heads: Option<&HeadsTree>,
    ) -> Result<SigningVerdict, StoreError> {
        let transaction = self.0.database.begin_write()?;
        let verdict = {
            let mut signed = transaction.open_table(SIGNED)?;
            let verdict = judge(&signed, checkpoint)?;
            if verdict == SigningVerdict::Allowed {
                signed.insert(checkpoint.height.get(), checkpoint.to_bytes().as_slice())?;
                prune(&mut signed, KEPT)?;
            }
            if let Some(heads) = heads {
                put_heads(&mut transaction.open_table(HEADS)?, checkpoint.height, heads)?;
            }
            verdict
        };
        transaction.commit()?;
        Ok(verdict)
    }

    /// Keeps where each rollup stood after the block of a checkpoint.
    pub fn put_heads(&self, height: Height, heads: &HeadsTree) -> Result<(), StoreError> {
        let transaction = self.0.database.begin_write()?;
        put_heads(&mut transaction.open_table(HEADS)?, height, heads)?;
        Ok(transaction.commit()?)
    }

    /// Keeps a certificate that was verified; says whether it is new. Durable when it returns.
    pub fn put_certificate(&self, certificate: &CheckpointCertificate) -> Result<bool, StoreError> {
        let height = certificate.checkpoint.height.get();
        let transaction = self.0.database.begin_write()?;
        {
            let mut certified = transaction.open_table(CERTIFIED)?;
            if certified.get(height)?.is_some() {
                return Ok(false);
            }
            certified.insert(height, certificate.to_bytes().as_slice())?;
            prune(&mut certified, KEPT)?;
        }
        transaction.commit()?;
        let mut newest = self.0.newest.write().unwrap_or_else(PoisonError::into_inner);
        if newest.is_none_or(|newest| newest.checkpoint.height.get() < height) {
            *newest = Some(*certificate);
        }
        Ok(true)
    }

    /// The certificate of the greatest height. Does not read the disk.
    pub fn newest(&self) -> Option<CheckpointCertificate> {
        *self.0.newest.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The checkpoint of the greatest height that this node has signed, or was about to.
    pub fn newest_signed(&self) -> Result<Option<Checkpoint>, StoreError> {
        let signed = self.0.database.begin_read()?.open_table(SIGNED)?;
        signed.last()?.map(|(_, value)| read_checkpoint(value.value())).transpose()
    }

    /// The certificate of a height.
    pub fn certificate(&self, height: Height) -> Result<Option<CheckpointCertificate>, StoreError> {
        let certified = self.0.database.begin_read()?.open_table(CERTIFIED)?;
        certified.get(height.get())?.map(|value| read_certificate(value.value())).transpose()
    }

    /// A rollup's way to the heads root of a checkpoint; `None` where it was not registered or that is not kept.
    pub fn path(&self, height: Height, rollup: RollupId) -> Result<Option<HeadPath>, StoreError> {
        Ok(self.leaves(height)?.and_then(|leaves| HeadsTree::new(leaves).path(rollup)))
    }

    /// Where each rollup stood at the height of a checkpoint; `None` where that is not kept.
    pub fn leaves(&self, height: Height) -> Result<Option<Vec<HeadLeaf>>, StoreError> {
        let heads = self.0.database.begin_read()?.open_table(HEADS)?;
        let Some(value) = heads.get(height.get())? else { return Ok(None) };
        let mut input = Reader::new(value.value().to_vec());
        let leaves = input.list("heads", usize::MAX, LEAF_BYTES);
        leaves.map(Some).map_err(StoreError::damaged("a heads tree"))
    }

    fn above(&self, height: Height, limit: usize) -> Result<Vec<Bytes>, StoreError> {
        let certified = self.0.database.begin_read()?.open_table(CERTIFIED)?;
        let range = certified.range(height.get().saturating_add(1)..)?.take(limit);
        range.map(|entry| Ok(Bytes::copy_from_slice(entry?.1.value()))).collect()
    }
}

impl CheckpointSource for CheckpointBook {
    fn certificates_above(&self, height: Height) -> Vec<Bytes> {
        self.above(height, PAGE).unwrap_or_else(|error| {
            tracing::error!(%error, "certificates cannot be read");
            Vec::new()
        })
    }
}

/// The format and the network of the file; writes ours into a new one, with empty tables.
fn identify(database: &Database, network: NetworkId) -> Result<(u32, NetworkId), StoreError> {
    let transaction = database.begin_write()?;
    let found = {
        let mut meta = transaction.open_table(META)?;
        let stored = meta.get(IDENTITY)?.map(|value| value.value().to_vec());
        transaction.open_table(SIGNED)?;
        transaction.open_table(CERTIFIED)?;
        transaction.open_table(HEADS)?;
        match stored {
            Some(bytes) => {
                let mut input = Reader::new(bytes);
                let read = input.take_u32().and_then(|format| Ok((format, NetworkId::decode(&mut input)?)));
                read.map_err(StoreError::damaged("the network of the checkpoints"))?
            }
            None => {
                let mut out = Writer::new();
                out.u32(FORMAT);
                network.encode(&mut out);
                meta.insert(IDENTITY, out.as_slice())?;
                (FORMAT, network)
            }
        }
    };
    transaction.commit()?;
    Ok(found)
}

fn read_newest(database: &Database) -> Result<Option<CheckpointCertificate>, StoreError> {
    let certified = database.begin_read()?.open_table(CERTIFIED)?;
    certified.last()?.map(|(_, value)| read_certificate(value.value())).transpose()
}

/// The rule: heights ascend, and each has one checkpoint.
fn judge(
    signed: &impl ReadableTable<u64, &'static [u8]>,
    checkpoint: &Checkpoint,
) -> Result<SigningVerdict, StoreError> {
    if let Some(value) = signed.get(checkpoint.height.get())? {
        let before = read_checkpoint(value.value())?;
        return Ok(match before == *checkpoint {
            true => SigningVerdict::Allowed,
            false => SigningVerdict::Contradicts(before),
        });
    }
    let newest = signed.last()?.map_or(0, |(height, _)| height.value());
    Ok(match newest < checkpoint.height.get() {
        true => SigningVerdict::Allowed,
        false => SigningVerdict::Passed(Height::new(newest)),
    })
}

fn put_heads(
    table: &mut redb::Table<'_, u64, &'static [u8]>,
    height: Height,
    heads: &HeadsTree,
) -> Result<(), StoreError> {
    let leaves = heads.leaves();
    let mut out = Writer::with_capacity(4 + leaves.len() * LEAF_BYTES);
    out.list(leaves);
    table.insert(height.get(), out.as_slice())?;
    let kept = LEAVES_KEPT / u64::try_from(leaves.len()).unwrap_or(u64::MAX).max(1);
    prune(table, kept.clamp(HEADS_KEPT, KEPT))
}

/// Removes the lowest heights beyond so many.
fn prune(table: &mut redb::Table<'_, u64, &'static [u8]>, kept: u64) -> Result<(), StoreError> {
    while table.len()? > kept {
        table.pop_first()?;
    }
    Ok(())
}
