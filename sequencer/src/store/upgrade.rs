//! What a file of an earlier format lacks is added once, when it is opened.

use super::StoreError;
use super::apply::put_handover;
use super::records::{decode_decided, handover};
use super::tables::{FORMAT, META_FORMAT, Tables};
use redb::{Database, ReadableTable as _};

/// The first format that keeps apart the blocks by which validator sets hand over.
const WITH_HANDOVERS: u32 = 5;

/// Brings a file from an earlier format to the present one.
pub(super) fn upgrade(database: &Database, from: u32) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    {
        let mut tables = Tables::open(&transaction)?;
        // Without another set than that of genesis nothing was handed over, and no block need be looked at.
        if from < WITH_HANDOVERS && tables.sets.first()?.is_some() {
            add_handovers(&mut tables)?;
        }
        tables.meta.insert(META_FORMAT, FORMAT.to_be_bytes().as_slice())?;
    }
    transaction.commit()?;
    tracing::info!(from, to = FORMAT, "the store is of a new format now");
    Ok(())
}

/// Finds the blocks that handed over, among those that are still kept.
fn add_handovers(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let mut found = Vec::new();
    for entry in tables.decided.range::<u64>(..)? {
        let (proposal, certificate) = decode_decided(entry?.1.value())?;
        found.extend(handover(&proposal, &certificate));
    }
    found.iter().try_for_each(|handover| put_handover(tables, handover))
}
