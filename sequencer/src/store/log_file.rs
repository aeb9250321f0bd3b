//! A log that is written over again and again in place, so that a sync has the disk write content and nothing about it.
//!
//! An entry is its log's generation (8 bytes), its length (4 bytes), a checksum (4 bytes) and its bytes; a zero header
//! follows the last one. The checksum covers the owner's secret id and the generation too: neither what an earlier
//! generation left, nor another owner's entries, nor bytes that a client made up inside of an entry are ever taken for one.
//! An entry that is not whole ends the log: nobody was told that it is durable.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Bytes of an entry besides its content.
const HEADER: usize = 16;

/// One log.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    id: [u8; 16],
    generation: u64,
    /// Where the next entry goes.
    end: u64,
    buffer: Vec<u8>,
}

impl LogFile {
    /// Opens or makes a log, and reads its entries.
    pub(super) fn open(path: &Path, id: [u8; 16]) -> io::Result<(Self, Vec<Vec<u8>>)> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        let mut entries = Vec::new();
        let mut rest = content.as_slice();
        let generation = first_u64(rest);
        while let Some((entry, after)) = split(rest, &id, generation) {
            entries.push(entry.to_vec());
            rest = after;
        }
        let end = (content.len() - rest.len()) as u64;
        // What does not begin with an entry of this owner is somebody else's, or new.
        let generation = if entries.is_empty() { 0 } else { generation };
        Ok((Self { file, id, generation, end, buffer: Vec::new() }, entries))
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// How long the log is.
    pub(super) fn bytes(&self) -> u64 {
        self.end
    }

    /// Forgets all entries. What comes belongs to another generation, above all before.
    pub(super) fn begin(&mut self, generation: u64) -> io::Result<()> {
        self.generation = generation;
        self.end = 0;
        // The generation is remembered by an entry without content.
        self.append(&[])?;
        self.sync()
    }

    /// Writes an entry.
    pub(super) fn append(&mut self, entry: &[u8]) -> io::Result<()> {
        let length = u32::try_from(entry.len()).map_err(|_| io::Error::other("an entry above 4 GiB"))?;
        self.buffer.clear();
        self.buffer.extend_from_slice(&self.generation.to_be_bytes());
        self.buffer.extend_from_slice(&length.to_be_bytes());
        self.buffer.extend_from_slice(&checksum(&self.id, self.generation, entry).to_be_bytes());
        self.buffer.extend_from_slice(entry);
        self.buffer.extend_from_slice(&[0; HEADER]);
        self.file.write_all_at(&self.buffer, self.end)?;
        self.end += (HEADER + entry.len()) as u64;
        Ok(())
    }

    /// Makes durable what was written.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn first_u64(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// The entry at the front, and what follows it; `None` at the log's end.
fn split<'a>(bytes: &'a [u8], id: &[u8; 16], generation: u64) -> Option<(&'a [u8], &'a [u8])> {
    let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
    let (length, sum) = header[8..].split_at(4);
    let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
    let (entry, rest) = rest.split_at_checked(length)?;
    let is_whole = first_u64(header) == generation
        && generation > 0
        && sum == checksum(id, generation, entry).to_be_bytes();
    is_whole.then_some((entry, rest))
}

fn checksum(id: &[u8; 16], generation: u64, entry: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(id);
    sum.update(&generation.to_be_bytes());
    sum.update(entry);
    sum.finalize()
}
