//! The canonical encoding: fixed-width big-endian integers, fixed-size byte strings, and length-prefixed lists.
//!
//! [`Reader`] is total on hostile input: it never panics, never reads past the end, and a length prefix is checked
//! against the bytes that are really there before anything is allocated. Byte strings are taken without copying.

use bytes::Bytes;

/// Why bytes are not a canonical encoding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input ends too early.
    #[error("the input ends too early: {wanted} more bytes are needed and {left} are left")]
    Truncated {
        /// Bytes needed next.
        wanted: usize,
        /// Bytes left.
        left: usize,
    },
    /// Bytes follow after the value.
    #[error("{0} bytes follow after the value")]
    Trailing(usize),
    /// A count or length is above its limit.
    #[error("{what}: {found} is above the limit of {limit}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// The count that the input gives.
        found: u64,
        /// The largest that is allowed.
        limit: u64,
    },
    /// A field has a value that the encoding does not allow.
    #[error("{what} is not valid: {why}")]
    Invalid {
        /// Which field.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Something with a canonical encoding.
pub trait Encode {
    /// Appends the canonical bytes.
    fn encode(&self, out: &mut Writer);

    /// The canonical bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new();
        self.encode(&mut out);
        out.into_vec()
    }
}

/// Something that can be read back from its canonical encoding.
pub trait Decode: Sized {
    /// Reads one value and leaves the rest.
    fn decode(input: &mut Reader) -> Result<Self, DecodeError>;

    /// Reads a value that fills the whole input.
    fn from_bytes(bytes: impl Into<Bytes>) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes.into());
        let value = Self::decode(&mut input)?;
        input.finish()?;
        Ok(value)
    }
}

/// Appends canonical bytes.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty writer with room for `bytes` bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// What was written.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }

    /// What was written so far.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Appends one byte.
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    /// Appends two bytes, most significant first.
    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends four bytes, most significant first.
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends eight bytes, most significant first.
    pub fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends bytes as they are.
    pub fn bytes(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }

    /// Appends a four-byte count. Counts come from lists that the constructors bound far below 2^32.
    pub fn count(&mut self, value: usize) {
        self.u32(u32::try_from(value).unwrap_or(u32::MAX));
    }

    /// Appends a four-byte length and the bytes.
    pub fn var_bytes(&mut self, value: &[u8]) {
        self.count(value.len());
        self.bytes(value);
    }

    /// Appends a four-byte count and each item.
    pub fn list<T: Encode>(&mut self, items: &[T]) {
        self.count(items.len());
        for item in items {
            item.encode(self);
        }
    }
}

/// Reads canonical bytes.
#[derive(Clone, Debug)]
pub struct Reader {
    rest: Bytes,
}

impl Reader {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { rest: bytes.into() }
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Takes `len` bytes without copying them.
    pub fn take(&mut self, len: usize) -> Result<Bytes, DecodeError> {
        if len > self.rest.len() {
            return Err(DecodeError::Truncated { wanted: len, left: self.rest.len() });
        }
        Ok(self.rest.split_to(len))
    }

    /// Takes an array of `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let left = self.rest.len();
        let Some(array) = self.rest.first_chunk::<N>().copied() else {
            return Err(DecodeError::Truncated { wanted: N, left });
        };
        bytes::Buf::advance(&mut self.rest, N);
        Ok(array)
    }

    /// Takes one byte.
    pub fn take_u8(&mut self) -> Result<u8, DecodeError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    /// Takes two bytes, most significant first.
    pub fn take_u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// Takes four bytes, most significant first.
    pub fn take_u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// Takes eight bytes, most significant first.
    pub fn take_u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// Takes a four-byte count of items that need at least `item_bytes` bytes each, and checks both limits.
    pub fn count(
        &mut self,
        what: &'static str,
        limit: usize,
        item_bytes: usize,
    ) -> Result<usize, DecodeError> {
        let found = self.take_u32()?;
        let count = usize::try_from(found).unwrap_or(usize::MAX);
        if count > limit {
            return Err(DecodeError::TooLarge { what, found: u64::from(found), limit: limit as u64 });
        }
        let wanted = count.saturating_mul(item_bytes);
        if wanted > self.remaining() {
            return Err(DecodeError::Truncated { wanted, left: self.remaining() });
        }
        Ok(count)
    }

    /// Takes a four-byte length of at most `limit`, and that many bytes.
    pub fn var_bytes(&mut self, what: &'static str, limit: usize) -> Result<Bytes, DecodeError> {
        let len = self.count(what, limit, 1)?;
        self.take(len)
    }

    /// Takes a four-byte count of at most `limit`, and that many items of at least `item_bytes` bytes.
    pub fn list<T: Decode>(
        &mut self,
        what: &'static str,
        limit: usize,
        item_bytes: usize,
    ) -> Result<Vec<T>, DecodeError> {
        let count = self.count(what, limit, item_bytes)?;
        (0..count).map(|_| T::decode(self)).collect()
    }

    /// Succeeds when nothing is left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(DecodeError::Trailing(left)),
        }
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
