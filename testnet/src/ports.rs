//! Free loopback ports, taken from the operating system.

use eyre::WrapErr;
use std::net::TcpListener;

/// `count` different ports that were free a moment ago.
///
/// All listeners are held until the last is bound, so that the ports differ. Somebody else may take one before it
/// is used; a node that finds its port taken says so and stops.
pub fn free(count: usize) -> eyre::Result<Vec<u16>> {
    let listeners = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").wrap_err("asking the system for a free loopback port"))
        .collect::<eyre::Result<Vec<_>>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn ports_differ() {
        let mut ports = super::free(20).unwrap();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 20);
    }
}
