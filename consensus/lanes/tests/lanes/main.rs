//! Tests of lanes and cuts through the public interface: rule by rule, and whole networks with bad members.

mod build;
mod common;
mod equivocation;
mod judge;
mod oracle;
mod simulation;
mod view;
mod writer;
