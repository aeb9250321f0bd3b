//! The wire and log forms of consensus's messages.

/// Reads the input as each kind of message; the first byte says which.
pub fn run(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    fairlane_engine::fuzzing::read(*kind, data);
}
