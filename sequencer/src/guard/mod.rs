//! The guard of a validator's key: a small file in the home directory that says how far anything may have been signed.
//!
//! It stands apart from the store and from the log of votes, so that losing these does not lose it. A running node
//! reserves heights ahead in it, so that hardly a vote waits for it. [`transfer`] takes it from one home to another.
//!
//! Invariants: nothing is signed at a height that the file does not cover, durably; a home whose guard was taken away
//! signs nothing; a guard is of one network and one key.
//!
//! Not its job: knowing which votes were signed. That is the log's, and where the log may be an old one, the other
//! validators' (`fairlane_agreement::Memory`).

mod file;
#[cfg(test)]
mod tests;
pub mod transfer;

pub use file::GuardFileError;

use crate::config::Home;
use async_trait::async_trait;
use fairlane_engine::{GuardError, SigningGuard};
use fairlane_types::{Height, NetworkId, SegmentRef, ValidatorId};
use file::{Marks, Record, State};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// How many heights are reserved at a time. A validator that has lost its log watches until the last of them is decided,
/// so few are better; with eight, the next ones are durable some hundred milliseconds before they are needed.
const STEP: u64 = 8;

/// The guard of a running node. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct Guard(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    home: Home,
    path: PathBuf,
    marks: Marks,
    /// Up to which height the file allows signing.
    reserved: AtomicU64,
    /// Held by who writes the file.
    writing: Mutex<()>,
}

impl Guard {
    /// Opens a home's guard; `None` where there is no file.
    ///
    /// # Errors
    /// It is another network's or another key's, it was taken away, or cannot be read.
    pub fn open(
        home: &Home,
        network: NetworkId,
        validator: ValidatorId,
    ) -> Result<Option<Self>, GuardFileError> {
        let path = home.guard();
        let Some(record) = file::read(&path)? else { return Ok(None) };
        record.marks.check(&path, network, validator)?;
        match record.state {
            State::Here => Ok(Some(Self::new(home, record.marks))),
            State::Exported => Err(GuardFileError::Exported(path)),
        }
    }

    /// Writes the guard of a key that has signed nothing.
    pub fn create(home: &Home, network: NetworkId, validator: ValidatorId) -> Result<Self, GuardFileError> {
        let path = home.guard();
        let marks = Marks { network, validator, height: Height::ZERO, lane: None };
        file::write(&path, &Record { marks, state: State::Here })?;
        Ok(Self::new(home, marks))
    }

    fn new(home: &Home, marks: Marks) -> Self {
        let reserved = AtomicU64::new(marks.height.get());
        let (home, path) = (home.clone(), home.guard());
        Self(Arc::new(Shared { home, path, marks, reserved, writing: Mutex::default() }))
    }

    /// The log of votes is not the last one, and anything may have been signed up to a height: the log is put aside, and the
    /// heights are reserved. Durable when this returns.
    ///
    /// # Errors
    /// The guard cannot be written, or the log not be moved.
    pub async fn distrust_log(&self, up_to: Height) -> Result<(), GuardFileError> {
        let reserved = self.reserve(up_to, up_to).await;
        reserved.map_err(|source| GuardFileError::Io { path: self.0.path.clone(), source })?;
        set_log_aside(&self.0.home)
    }

    /// The segment that the lane went up to when the guard came to this home.
    pub fn lane(&self) -> Option<SegmentRef> {
        self.0.marks.lane
    }

    /// Reserves heights from this one on, unless somebody else did so meanwhile.
    async fn extend(&self, height: Height) -> Result<(), std::io::Error> {
        self.reserve(height, height.saturating_add(STEP)).await
    }

    /// Reserves heights up to `last`, unless `height` is reserved already.
    async fn reserve(&self, height: Height, last: Height) -> Result<(), std::io::Error> {
        let _one_at_a_time = self.0.writing.lock().await;
        if height <= self.reserved() {
            return Ok(());
        }
        let marks = Marks { height: last, ..self.0.marks };
        let path = self.0.path.clone();
        let write = move || file::write(&path, &Record { marks, state: State::Here });
        let written = tokio::task::spawn_blocking(write).await.map_err(std::io::Error::other)?;
        written.map_err(std::io::Error::other)?;
        self.0.reserved.store(marks.height.get(), Ordering::SeqCst);
        Ok(())
    }
}

#[async_trait]
impl SigningGuard for Guard {
    fn reserved(&self) -> Height {
        Height::new(self.0.reserved.load(Ordering::SeqCst))
    }

    async fn permit(&self, height: Height) -> Result<(), GuardError> {
        let reserved = self.reserved();
        if height > reserved {
            let refused = |source| GuardError { height, source: Arc::new(source) };
            return self.extend(height).await.map_err(refused);
        }
        if height.saturating_add(STEP / 2) == reserved {
            let guard = self.clone();
            tokio::spawn(async move {
                if let Err(error) = guard.extend(reserved.next()).await {
                    tracing::warn!(%error, "the guard cannot be written ahead of its need");
                }
            });
        }
        Ok(())
    }
}

/// Puts aside the log of votes of a home where it cannot be told whose votes it has.
pub fn set_log_aside(home: &Home) -> Result<(), GuardFileError> {
    let (from, to) = (home.consensus_wal(), home.consensus_wal().with_extension("wal.aside"));
    match std::fs::rename(&from, to) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(GuardFileError::Io { path: from, source })
        }
        _ => from.parent().map_or(Ok(()), sync_directory),
    }
}

/// Makes names in a directory durable.
fn sync_directory(path: &Path) -> Result<(), GuardFileError> {
    let synced = std::fs::File::open(path).and_then(|directory| directory.sync_all());
    match synced {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(GuardFileError::Io { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}
