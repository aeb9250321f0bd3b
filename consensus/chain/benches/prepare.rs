//! How long a block takes to prepare.
fn main() {}
