//! The file of a guard: JSON, which only its owner may read, replaced as a whole.

use super::sync_directory;
use fairlane_types::{
    Height, Incarnation, LaneId, LaneSeq, NetworkId, SegmentDigest, SegmentRef, ValidatorId,
};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The format that this software writes.
const FORMAT: u32 = 1;
/// No guard is longer.
const MAX_BYTES: u64 = 4096;

/// Why a guard cannot be used, written or moved.
#[derive(Debug, thiserror::Error)]
pub enum GuardFileError {
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read or change it.
    #[error("{} has mode {mode:03o}, so others may change what is signed: run `chmod 600 {}`", path.display(), path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is no guard.
    #[error(
        "{} is no guard that this version can read: {why}. Do not write one by hand: move it away, and the validator \
         watches for some blocks before it votes", path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It is of another network.
    #[error("{} is of network {found}, and this home belongs to network {wanted}", path.display())]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// The network that it names.
        found: NetworkId,
        /// The home's.
        wanted: NetworkId,
    },
    /// It is of another key.
    #[error("{} is of validator {found}, and the key of this home is validator {wanted}'s", path.display())]
    OtherKey {
        /// The file.
        path: PathBuf,
        /// The validator that it names.
        found: ValidatorId,
        /// The home's.
        wanted: ValidatorId,
    },
    /// The home's guard was exported.
    #[error(
        "{} was exported: this home signs nothing any more. Its key runs elsewhere, or is meant to; to run it here, \
         import the file that the export there wrote: `fairlane guard import FILE`", .0.display()
    )]
    Exported(PathBuf),
    /// What should be imported was not exported.
    #[error("{} was not written by `fairlane guard export`: its home may still sign", .0.display())]
    NotExported(PathBuf),
    /// What should be imported is older than what is here.
    #[error(
        "{} is older than this home: it ends with height {found_height} and segment {found_seq}, and this home has \
         signed up to height {height} and segment {seq}", path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its height.
        found_height: Height,
        /// Its lane's end.
        found_seq: LaneSeq,
        /// This home's.
        height: Height,
        /// This home's.
        seq: LaneSeq,
    },
    /// A file is not written over.
    #[error("{} exists and is not overwritten", .0.display())]
    Exists(PathBuf),
    /// There is no file.
    #[error("there is no guard at {}", .0.display())]
    Missing(PathBuf),
    /// The store cannot be opened, for one because the node runs.
    #[error(transparent)]
    Open(#[from] crate::store::OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

/// How far a key may have signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) network: NetworkId,
    pub(super) validator: ValidatorId,
    /// The highest height at which anything may have been signed.
    pub(super) height: Height,
    /// The end of the lane; only known in an exported guard.
    pub(super) lane: Option<SegmentRef>,
}

impl Marks {
    /// Whether they are of this network and key.
    pub(super) fn check(
        &self,
        path: &Path,
        network: NetworkId,
        validator: ValidatorId,
    ) -> Result<(), GuardFileError> {
        let path = path.to_owned();
        if self.network != network {
            return Err(GuardFileError::OtherNetwork { path, found: self.network, wanted: network });
        }
        if self.validator != validator {
            return Err(GuardFileError::OtherKey { path, found: self.validator, wanted: validator });
        }
        Ok(())
    }

    pub(super) fn seq(&self) -> LaneSeq {
        self.lane.map_or(LaneSeq::ZERO, |lane| lane.seq)
    }
}

/// Whether the home with this guard may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It may.
    Here,
    /// It may not: the guard was taken away, and its marks are exact.
    Exported,
}

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) marks: Marks,
    pub(super) state: State,
}

/// The file's text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    fairlane_guard: u32,
    state: State,
    network: String,
    validator: String,
    height: u64,
    lane: Option<LaneText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LaneText {
    incarnation: u32,
    seq: u64,
    digest: String,
}

impl From<&Record> for Text {
    fn from(record: &Record) -> Self {
        let Record { marks, state } = record;
        let lane = marks.lane.map(|lane| LaneText {
            incarnation: lane.lane.incarnation.get(),
            seq: lane.seq.get(),
            digest: hex::encode(lane.digest.as_bytes()),
        });
        Self {
            fairlane_guard: FORMAT,
            state: *state,
            network: hex::encode(marks.network.as_bytes()),
            validator: hex::encode(marks.validator.as_bytes()),
            height: marks.height.get(),
            lane,
        }
    }
}

impl TryFrom<Text> for Record {
    type Error = String;

    fn try_from(text: Text) -> Result<Self, String> {
        if text.fairlane_guard != FORMAT {
            return Err(format!("it has format {}, and {FORMAT} is known", text.fairlane_guard));
        }
        let validator = ValidatorId::from_bytes(hash("validator", &text.validator)?);
        let lane = text.lane.map(|lane| {
            Ok::<_, String>(SegmentRef {
                lane: LaneId { validator, incarnation: Incarnation::new(lane.incarnation) },
                seq: LaneSeq::new(lane.seq),
                digest: SegmentDigest::from_bytes(hash("digest", &lane.digest)?),
            })
        });
        let marks = Marks {
            network: NetworkId::from_bytes(hash("network", &text.network)?),
            validator,
            height: Height::new(text.height),
            lane: lane.transpose()?,
        };
        Ok(Self { marks, state: text.state })
    }
}

fn hash(field: &str, digits: &str) -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes)
        .map_err(|_| format!("`{field}` must be 64 hexadecimal digits"))?;
    Ok(bytes)
}

/// Reads a guard; `None` where there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Record>, GuardFileError> {
    let failed = |source| GuardFileError::Io { path: path.to_owned(), source };
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(GuardFileError::Permissions { path: path.to_owned(), mode });
    }
    let format = |why: String| GuardFileError::Format { path: path.to_owned(), why };
    let text = io::read_to_string(io::Read::take(file, MAX_BYTES)).map_err(failed)?;
    let text: Text = serde_json::from_str(&text).map_err(|error| format(error.to_string()))?;
    Record::try_from(text).map(Some).map_err(format)
}

/// Writes a guard in the place of the one before, if there is one. Durable when it returns.
pub(super) fn write(path: &Path, record: &Record) -> Result<(), GuardFileError> {
    let failed = |source| GuardFileError::Io { path: path.to_owned(), source };
    let fresh = path.with_extension("json.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&fresh).map_err(failed)?;
    fill(&mut file, record).map_err(failed)?;
    std::fs::rename(&fresh, path).map_err(failed)?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Writes a guard to a file that does not exist yet. Durable when it returns.
pub(super) fn write_new(path: &Path, record: &Record) -> Result<(), GuardFileError> {
    let failed = |source| GuardFileError::Io { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => GuardFileError::Exists(path.to_owned()),
        _ => failed(source),
    })?;
    fill(&mut file, record).map_err(failed)?;
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => sync_directory(parent),
        None => sync_directory(Path::new(".")),
    }
}

fn fill(file: &mut File, record: &Record) -> io::Result<()> {
    let text = serde_json::to_string_pretty(&Text::from(record)).map_err(io::Error::other)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
