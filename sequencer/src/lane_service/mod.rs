//! Lanes at work: one actor that owns this node's view of all lanes and, on a validator, the writer of its own.
//!
//! Segments of peers are decoded and verified beside the actor, in order ([`intake`]), taken into the view, and queued
//! for the store. What they build on and is missing is fetched ([`fetcher`]). Transactions of clients are checked
//! ([`ingress`]), taken as far as they will be ordered soon ([`backlog`]), wait in the writer, and leave in segments that are durable before anybody sees them ([`seal`]).
//! Consensus asks for cuts and their content through [`fairlane_engine::LaneService`] ([`cuts`]), and who wants to know of
//! transactions before they are ordered joins the [`feed`].
//!
//! Invariants:
//! - A segment of this node's own lane is durable before it is pushed, and a receipt is given only after that. One
//!   segment at a time is on its way.
//! - This node never signs at or below a place of its lane that is known as used: before it writes, it looks into its
//!   store and asks a quorum of the validators for the end of its lane ([`recovery`]); an own segment that comes from
//!   outside and lies ahead stops the writing until the lane is recovered up to it.
//! - Content that consensus is told to be held is queued for the store before. A block that is made durable afterwards
//!   therefore has its segments on disk.
//! - Every queue is bounded; the actor waits for nothing but its inputs.
//!
//! Not its job: the rules (`fairlane-lanes`), signatures of consensus, the order.

mod actor;
mod ahead;
mod alarm;
mod backlog;
mod clock;
mod config;
mod cuts;
mod evidence;
mod feed;
mod fetcher;
mod handle;
mod ingress;
mod intake;
mod messages;
mod own_lane;
mod recent;
mod recovery;
mod rhythm;
mod seal;
mod segments;
mod status;
mod submissions;
#[cfg(test)]
mod tests;

pub use actor::{LaneServiceError, LaneServiceParts, start};
pub use config::LaneServiceConfig;
pub use feed::{LaneFeed, LaneSegment};
pub use handle::LaneHandle;
pub use messages::{ReceiptEntry, SubmitReply};
pub use recent::{RecentSegments, SegmentServer};
pub use status::{LaneServiceStatus, LaneStatus};
