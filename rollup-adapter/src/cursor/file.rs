//! A cursor in a file: written beside, synced, renamed over the old one, and the directory synced.

use super::{Cursor, CursorError, CursorStore};
use fairlane_types::codec::{Decode, Encode};
use fairlane_types::crypto::sha256;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The first bytes of a cursor file, with the version of its layout.
const MAGIC: &[u8; 16] = b"fairlane-cursor1";
const CHECKSUM_BYTES: usize = 32;

/// Keeps the cursor in a file: magic, checksum, canonical cursor.
///
/// Holds a lock on `<path>.lock` for its lifetime, so that no two processes move one cursor.
#[derive(Debug)]
pub struct FileCursor {
    path: PathBuf,
    directory: PathBuf,
    _lock: File,
}

impl FileCursor {
    /// Uses the file at `path`, which need not exist yet. Its directory is created when missing.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, CursorError> {
        let path = path.into();
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let lock = lock(&path, &directory)?;
        Ok(Self { path, directory, _lock: lock })
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let beside = with_suffix(&self.path, ".new");
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        File::open(&self.directory)?.sync_all()
    }
}

impl CursorStore for FileCursor {
    fn load(&self) -> Result<Option<Cursor>, CursorError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CursorError::Io { path: self.path.clone(), source }),
        };
        parse(&bytes).map(Some).map_err(|why| CursorError::Damaged { path: self.path.clone(), why })
    }

    fn save(&self, cursor: &Cursor) -> Result<(), CursorError> {
        let body = cursor.to_bytes();
        let checksum = sha256(&[&body]);
        let bytes = [MAGIC.as_slice(), checksum.as_bytes(), &body].concat();
        self.write(&bytes).map_err(|source| CursorError::Io { path: self.path.clone(), source })
    }
}

fn parse(bytes: &[u8]) -> Result<Cursor, String> {
    let rest =
        bytes.strip_prefix(MAGIC.as_slice()).ok_or("it does not begin as a cursor of this version does")?;
    let (checksum, body) = rest.split_at_checked(CHECKSUM_BYTES).ok_or("it ends too early")?;
    if checksum != sha256(&[body]).as_bytes() {
        return Err("its checksum does not match".into());
    }
    Cursor::from_bytes(body.to_vec()).map_err(|error| error.to_string())
}

fn lock(path: &Path, directory: &Path) -> Result<File, CursorError> {
    let io_error = |source| CursorError::Io { path: path.to_owned(), source };
    fs::create_dir_all(directory).map_err(io_error)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(with_suffix(path, ".lock"))
        .map_err(io_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CursorError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(io_error(source)),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
