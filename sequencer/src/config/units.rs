//! Values with units, and addresses, as they are written in the configuration.

use libp2p::Multiaddr;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A number of bytes, written as `512KiB`, `64MiB` or `1GiB`, or as a plain number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

const UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

impl ByteSize {
    /// So many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many units of 1024 bytes.
    pub const fn kib(n: u32) -> Self {
        Self((n as u64) << 10)
    }

    /// So many units of 1024 * 1024 bytes.
    pub const fn mib(n: u32) -> Self {
        Self((n as u64) << 20)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes; the largest `usize` stands for more.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (digits, factor) = UNITS
            .iter()
            .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
            .unwrap_or((text, 1));
        let wanted = || format!("`{text}` is no size: write a number and KiB, MiB or GiB, as in `64MiB`");
        let number: u64 = digits.trim().parse().map_err(|_| wanted())?;
        number.checked_mul(factor).map(Self).ok_or_else(wanted)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().rev().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        match unit {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Size;
        impl Visitor<'_> for Size {
            type Value = ByteSize;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as \"64MiB\"")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ByteSize, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<ByteSize, E> {
                u64::try_from(value).map(ByteSize).map_err(|_| E::custom("a size is not negative"))
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<ByteSize, E> {
                Ok(ByteSize(value))
            }
        }
        deserializer.deserialize_any(Size)
    }
}

fn parse_multiaddr(text: &str) -> Result<Multiaddr, String> {
    text.trim().parse().map_err(|error| {
        format!("`{text}` is no address ({error}): write it as in `/ip4/10.0.0.1/tcp/26656`")
    })
}

/// Reads one multiaddress.
pub(super) fn multiaddr<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Multiaddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_multiaddr(&text).map_err(D::Error::custom)
}

/// Reads a list of texts, or one string that separates them by commas.
pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "write a list of texts, or one that separates them by commas")]
    enum Texts {
        List(Vec<String>),
        One(String),
    }
    Ok(match Texts::deserialize(deserializer)? {
        Texts::List(list) => list,
        Texts::One(text) => {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        }
    })
}

/// Reads a list of multiaddresses, or one string that separates them by commas.
pub(super) fn multiaddrs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Multiaddr>, D::Error> {
    struct List;
    impl<'de> Visitor<'de> for List {
        type Value = Vec<Multiaddr>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of addresses such as [\"/ip4/10.0.0.1/tcp/26656\"]")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            parts.map(parse_multiaddr).collect::<Result<_, _>>().map_err(E::custom)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut list = Vec::new();
            while let Some(text) = seq.next_element::<String>()? {
                list.push(parse_multiaddr(&text).map_err(A::Error::custom)?);
            }
            Ok(list)
        }
    }
    deserializer.deserialize_any(List)
}
