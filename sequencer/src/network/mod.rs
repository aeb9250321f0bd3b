//! The libp2p network that carries segments.
