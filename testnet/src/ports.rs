//! Free loopback ports.
//!
//! They lie below those that the system gives to outgoing connections, any of which could otherwise take one before
//! the node that it is meant for listens.

use eyre::{WrapErr as _, bail};
use rand::Rng as _;
use std::net::TcpListener;
use std::ops::Range;

/// Ports that need no privileges, below those that Linux, macOS and Windows give to outgoing connections.
const RANGE: Range<u16> = 10_000..32_768;

/// `count` different ports that were free a moment ago.
///
/// All listeners are held until the last is bound, so that the ports differ. Somebody else may take one before it
/// is used; a node that finds its port taken says so and stops.
pub fn free(count: usize) -> eyre::Result<Vec<u16>> {
    // Networks that start at once begin to look at different places.
    let start = rand::thread_rng().gen_range(RANGE);
    let mut listeners = Vec::with_capacity(count);
    for port in (start..RANGE.end).chain(RANGE.start..start) {
        if listeners.len() == count {
            break;
        }
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error).wrap_err("looking for free loopback ports"),
        }
    }
    if listeners.len() < count {
        bail!(
            "only {} of {count} loopback ports from {RANGE:?} are free: stop what holds them",
            listeners.len()
        );
    }
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

#[cfg(test)]
mod tests {
    use super::RANGE;

    #[test]
    fn ports_differ_and_are_not_those_of_outgoing_connections() {
        let mut ports = super::free(20).unwrap();
        assert!(ports.iter().all(|port| RANGE.contains(port)));
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 20);
    }
}
