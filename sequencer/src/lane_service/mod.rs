//! The lane service: this node's own lane, and its view of all others.
