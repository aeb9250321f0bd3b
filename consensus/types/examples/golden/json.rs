//! How values stand in the vector files: 0x-hex for bytes, decimal strings for 64-bit numbers, JSON numbers below.

use fairlane_types::Encode;
use serde_json::Value;

/// Bytes as 0x-hex.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> Value {
    Value::String(format!("0x{}", hex::encode(bytes)))
}

/// A value's canonical bytes as 0x-hex.
pub(crate) fn enc(value: &impl Encode) -> Value {
    hex(value.to_bytes())
}

/// A 64-bit number as a decimal string: JSON numbers lose digits above 2^53.
pub(crate) fn num(value: u64) -> Value {
    Value::String(value.to_string())
}

/// A list.
pub(crate) fn list<T>(items: impl IntoIterator<Item = T>, each: impl Fn(T) -> Value) -> Value {
    Value::Array(items.into_iter().map(each).collect())
}

/// The content of a file: a list of flat cases, so that `.cases[i].field` finds everything.
pub(crate) fn file(cases: Vec<Value>) -> Value {
    serde_json::json!({ "cases": cases })
}
