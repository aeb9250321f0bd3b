//! Snapshots in files, and becoming the store of a home.

use super::format::check_size;
use super::{FileError, Snapshot, VerifiedSnapshot};
use crate::config::Home;
use crate::store::{Seed, Store};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

/// Reads a snapshot from a file. What it says is not verified yet.
pub fn read(path: &Path) -> Result<Snapshot, FileError> {
    let failed = |source| FileError::Io { path: path.to_owned(), source };
    let refused = |source| FileError::Refused { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    check_size(file.metadata().map_err(failed)?.len()).map_err(refused)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed)?;
    Snapshot::decode(bytes.into()).map_err(refused)
}

/// Writes a snapshot to a file that does not exist yet. The file is there as a whole, and durable, when this returns.
pub fn write(path: &Path, snapshot: &[u8]) -> Result<(), FileError> {
    let failed = |source| FileError::Io { path: path.to_owned(), source };
    if path.try_exists().map_err(failed)? {
        return Err(FileError::Exists(path.to_owned()));
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&part).map_err(failed)?;
    file.write_all(snapshot).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&part, path).map_err(failed)
}

impl VerifiedSnapshot {
    /// Makes the snapshot the store of a home whose node has not run yet.
    pub fn restore(&self, home: &Home) -> Result<(), FileError> {
        let store = home.store();
        let logs = ["journal-a", "journal-b"].map(|log| store.with_extension(log));
        for path in logs.into_iter().chain([store.clone(), home.consensus_wal()]) {
            if path.try_exists().map_err(|source| FileError::Io { path: path.clone(), source })? {
                return Err(FileError::HomeInUse(path));
            }
        }
        let data = home.data();
        std::fs::create_dir_all(&data).map_err(|source| FileError::Io { path: data, source })?;
        let snapshot = self.snapshot();
        let seed = Seed {
            decisions: &snapshot.decisions,
            handovers: &snapshot.handovers,
            ordered: &snapshot.ordered,
            state: &snapshot.state,
        };
        Ok(Store::seed(&store, snapshot.network, seed)?)
    }
}
