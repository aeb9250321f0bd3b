//! The protobuf messages and gRPC services of Fairlane (package `fairlane.v1`), and checked conversions between
//! wire messages and domain types.
//!
//! Wire types stop here: what leaves [`convert`] is a domain value or an error that names the field.
//! What is hashed or signed travels as canonical bytes inside `bytes` fields, never as protobuf fields.

pub mod convert;
pub mod refusal;

/// Messages, clients and servers generated from `fairlane/v1/*.proto`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used)]
pub mod v1 {
    tonic::include_proto!("fairlane.v1");

    /// The descriptors of all files, for gRPC reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] =
        include_bytes!(concat!(env!("OUT_DIR"), "/fairlane_descriptor.bin"));
}

pub use convert::ConvertError;
