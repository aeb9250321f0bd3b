//! The canonical encoding of the state, in two levels of detail.
//!
//! The **commitment** is what the state root hashes, once a block: bulky parts stand there by their own roots, which
//! change seldom. The **full** form is what a snapshot carries. Decoding the full form and committing to it gives
//! the same root, which is how a snapshot is checked against a certified header.
//!
//! The tip is in neither: it is the id of the block whose header carries the root.

use crate::decided::{Entry, Track};
use crate::state::Core;
use crate::window::EmittedBlock;
use fairlane_ordering::Run;
use fairlane_types::{Domain, Encode, Hash32, LaneId, LaneSeq, Writer};
use std::sync::Arc;

/// The version of both forms, their first two bytes.
pub(crate) const VERSION: u16 = 1;

/// How bulky parts are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// By their roots.
    Commitment,
    /// In full.
    Full,
}

/// The root of a state whose replay window consists of `blocks`.
pub(crate) fn state_root<'a>(core: &Core, blocks: impl Iterator<Item = &'a EmittedBlock>) -> Hash32 {
    let mut out = Writer::new();
    state(&mut out, core, blocks, Detail::Commitment);
    let mut rule = Vec::new();
    core.rule.encode(&mut rule);
    Domain::STATE.hash(&[out.as_slice(), &rule])
}

/// Everything but the ordering rule's own state. Delimits itself.
pub(crate) fn state<'a>(
    out: &mut Writer,
    core: &Core,
    blocks: impl Iterator<Item = &'a EmittedBlock>,
    detail: Detail,
) {
    out.u16(VERSION);
    core.constants.network.encode(out);
    match detail {
        Detail::Commitment => core.validators.hash().encode(out),
        Detail::Full => core.validators.encode(out),
    }
    core.height.encode(out);
    core.time.encode(out);
    core.l1_anchor.encode(out);
    core.cut.encode(out);
    let equivocators: Vec<LaneId> = core.equivocators.iter().copied().collect();
    out.list(&equivocators);
    out.list::<LaneSeq>(&core.decided.refs);
    out.count(core.decided.tracks.len());
    for lane in &core.decided.tracks {
        track(out, lane, detail);
    }
    out.count(core.decided.retired.len());
    for (lane, decided) in &core.decided.retired {
        lane.encode(out);
        track(out, decided, detail);
    }
    match detail {
        Detail::Commitment => core.heads.root().encode(out),
        Detail::Full => out.list(core.heads.leaves()),
    }
    match detail {
        Detail::Commitment => core.rollups.hash().encode(out),
        Detail::Full => core.rollups.encode(out),
    }
    window(out, blocks);
}

fn track(out: &mut Writer, track: &Track, detail: Detail) {
    track.floor.encode(out);
    out.count(track.entries.len());
    for Entry { digest, open } in &track.entries {
        digest.encode(out);
        out.u8(u8::from(open.is_some()));
        let Some(open) = open else { continue };
        match detail {
            Detail::Commitment => open.root.unwrap_or_default().encode(out),
            Detail::Full => runs(out, &open.runs),
        }
    }
}

/// The runs of one open segment.
pub(crate) fn runs(out: &mut Writer, runs: &[Arc<Run>]) {
    out.count(runs.len());
    for run in runs {
        out.count(run.txs().len());
        for tx in run.txs() {
            tx.id.encode(out);
            tx.expires_at.encode(out);
            out.list(tx.groups.as_slice());
        }
    }
}

fn window<'a>(out: &mut Writer, blocks: impl Iterator<Item = &'a EmittedBlock>) {
    let mut count = 0usize;
    let mut bytes = Writer::new();
    for block in blocks {
        block.height.encode(&mut bytes);
        block.time.encode(&mut bytes);
        block.root.encode(&mut bytes);
        count = count.saturating_add(1);
    }
    out.count(count);
    out.bytes(bytes.as_slice());
}
