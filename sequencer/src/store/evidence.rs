//! Evidence on disk: a table of its own, written rarely and apart from the writer's groups.
//!
//! Evidence comes seldom and is small, so each record is a transaction with an fsync of its own. redb lets one
//! transaction write at a time; this one waits for the writer's, and the writer's for this one.

use super::{Store, StoreError};
use crate::evidence::{EvidenceRecord, OffenceId};
use fairlane_types::Encode as _;
use redb::{ReadableDatabase as _, ReadableTable as _, TableDefinition};

/// Records by the offence's name. Those are hashes, but the table is small.
const EVIDENCE: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("evidence");

impl Store {
    /// Keeps a record in place of the one before of the same offence. Durable when it returns. Blocks.
    pub fn put_evidence(&self, id: &OffenceId, record: &EvidenceRecord) -> Result<(), StoreError> {
        let transaction = self.0.database.begin_write()?;
        transaction.open_table(EVIDENCE)?.insert(id.as_bytes(), record.to_bytes().as_slice())?;
        Ok(transaction.commit()?)
    }

    /// All records, in the order of their names. Blocks.
    pub fn evidence(&self) -> Result<Vec<EvidenceRecord>, StoreError> {
        let table = match self.0.database.begin_read()?.open_table(EVIDENCE) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut records = Vec::new();
        for entry in table.iter()? {
            let record = EvidenceRecord::from_bytes(self.network(), entry?.1.value().to_vec())
                .map_err(StoreError::damaged("an evidence record"))?;
            records.push(record);
        }
        Ok(records)
    }
}
