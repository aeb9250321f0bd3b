//! The canonical encodings, seen from outside the crate: golden vectors, a second encoder that shares nothing with
//! production, hostile input, random values, and the strict signature rule.
#![allow(clippy::unwrap_used, reason = "a sample that cannot be made is a failed test")]

#[path = "../../examples/golden/cases.rs"]
mod cases;
#[path = "../../examples/golden/json.rs"]
mod json;
#[path = "../../examples/golden/samples.rs"]
mod samples;

mod canonical;
mod hostile;
mod properties;
mod second;
mod speccheck;
mod vector_file;
mod vectors;
