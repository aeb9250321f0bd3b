//! The engine against the rule read literally, against its theorems, against vectors and against hostile input.

mod against_oracle;
mod cases;
mod hostile;
mod oracle;
#[path = "../../examples/vectors/replay.rs"]
mod replay;
mod theorems;
mod vectors;
