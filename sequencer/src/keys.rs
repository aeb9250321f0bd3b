//! Secret key files: the consensus key (segments, votes, proposals), the network key (peer identity) and the
//! checkpoint key (BLS12-381, registered with the stake).
//!
//! A file has two lines: what it is, with a version, and the 32-byte seed in hex. It is created with mode
//! 0600 and never overwritten, and refused when anybody but its owner may read it. Secrets are wiped from memory
//! once used and never logged.

use crate::config::Home;
use fairlane_l1::CheckpointKey;
use fairlane_types::SigningKey;
use libp2p::identity::Keypair;
use rand::RngCore as _;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::{Zeroize as _, Zeroizing};

/// What a key is for: each kind has its own first line, so that one is never taken for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Signs segments, votes and proposals. Losing it to somebody else means losing stake.
    Consensus,
    /// Names the node on the peer-to-peer networks.
    Network,
    /// Signs checkpoints for Ethereum. A seed of 32 random bytes, from which the BLS12-381 key follows.
    Checkpoint,
}

impl KeyKind {
    fn first_line(self) -> &'static str {
        match self {
            Self::Consensus => "fairlane-consensus-key v1",
            Self::Network => "fairlane-network-key v1",
            Self::Checkpoint => "fairlane-checkpoint-key v1",
        }
    }
}

/// Why a key file cannot be used or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is none.
    #[error("there is no key at {}: `fairlane keys generate` makes one", .0.display())]
    Missing(PathBuf),
    /// It is there already.
    #[error("{} exists and is not overwritten: a lost key cannot be brought back. Move it away first", .0.display())]
    Exists(PathBuf),
    /// Others may read it.
    #[error("{} has mode {mode:03o}, so others may read the key: run `chmod 600 {}`", path.display(), path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It holds something else.
    #[error("{} is no {} file: {why}", path.display(), kind.first_line())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was expected.
        kind: KeyKind,
        /// What is wrong.
        why: &'static str,
    },
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// All keys of a home directory, and where they are.
pub fn files_of(home: &Home) -> [(KeyKind, PathBuf); 3] {
    [
        (KeyKind::Consensus, home.consensus_key()),
        (KeyKind::Network, home.network_key()),
        (KeyKind::Checkpoint, home.checkpoint_key()),
    ]
}

/// Makes a new random key and writes it. The seed is in the file before this returns.
pub fn generate(kind: KeyKind, path: &Path) -> Result<(), KeyError> {
    let mut seed = Zeroizing::new([0u8; 32]);
    rand::rngs::OsRng.fill_bytes(seed.as_mut());
    write(kind, path, &seed)
}

/// Writes a seed to a new file that only its owner may read.
pub fn write(kind: KeyKind, path: &Path, seed: &[u8; 32]) -> Result<(), KeyError> {
    let io = |source: std::io::Error| KeyError::Io { path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => io(source),
    })?;
    let digits = Zeroizing::new(hex::encode(seed));
    let text = Zeroizing::new(format!("{}\n{}\n", kind.first_line(), digits.as_str()));
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    // The name must survive a crash too.
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all()).map_err(io)
}

/// Reads the consensus key.
pub fn read_consensus(path: &Path) -> Result<SigningKey, KeyError> {
    Ok(SigningKey::from_seed(&*read(KeyKind::Consensus, path)?))
}

/// Reads the checkpoint key.
pub fn read_checkpoint(path: &Path) -> Result<CheckpointKey, KeyError> {
    Ok(CheckpointKey::from_seed(&*read(KeyKind::Checkpoint, path)?))
}

/// Reads the network key.
pub fn read_network(path: &Path) -> Result<Keypair, KeyError> {
    let mut seed = read(KeyKind::Network, path)?;
    let malformed =
        KeyError::Format { path: path.to_owned(), kind: KeyKind::Network, why: "the seed is not usable" };
    Keypair::ed25519_from_bytes(&mut *seed).map_err(|_| malformed)
}

fn read(kind: KeyKind, path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let io = |source: std::io::Error| KeyError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => KeyError::Missing(path.to_owned()),
        _ => io(source),
    })?;
    let mode = file.metadata().map_err(io)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Permissions { path: path.to_owned(), mode });
    }
    let format = |why| KeyError::Format { path: path.to_owned(), kind, why };
    let mut text = Zeroizing::new([0u8; 256]);
    let mut length = 0;
    loop {
        match file.read(&mut text[length..]).map_err(io)? {
            0 => break,
            read => length += read,
        }
        if length == text.len() {
            return Err(format("it is too long"));
        }
    }
    let text = std::str::from_utf8(&text[..length]).map_err(|_| format("it is not text"))?;
    let mut lines = text.lines();
    if lines.next().map(str::trim_end) != Some(kind.first_line()) {
        return Err(format("its first line says otherwise"));
    }
    let digits = lines.next().unwrap_or_default().trim();
    let mut seed = Zeroizing::new([0u8; 32]);
    if hex::decode_to_slice(digits, seed.as_mut()).is_err() {
        seed.zeroize();
        return Err(format("its second line must be 64 hexadecimal digits"));
    }
    if lines.any(|line| !line.trim().is_empty()) {
        return Err(format("something follows after the second line"));
    }
    Ok(seed)
}

#[cfg(test)]
mod tests;
