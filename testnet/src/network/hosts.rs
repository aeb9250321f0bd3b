//! Where validators live: all on loopback, or each in a network namespace with an address of its own.

use std::net::Ipv4Addr;

/// Where the validators of a local network live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Together on loopback.
    Loopback,
    /// Each in the network namespace `validator<index>`, which exists before the network is made.
    Namespaces,
}

impl Hosts {
    /// The address of a validator.
    pub fn address(self, index: usize) -> Ipv4Addr {
        match self {
            Self::Loopback => Ipv4Addr::LOCALHOST,
            Self::Namespaces => Ipv4Addr::new(10, 77, 0, index as u8 + 1),
        }
    }

    /// The name of a validator's namespace.
    pub fn namespace(index: usize) -> String {
        format!("validator{index}")
    }

    /// The words that come before a command so that it runs where the validator lives.
    pub(super) fn enter(self, index: usize) -> Vec<String> {
        match self {
            Self::Loopback => Vec::new(),
            Self::Namespaces => vec!["ip".into(), "netns".into(), "exec".into(), Self::namespace(index)],
        }
    }
}
