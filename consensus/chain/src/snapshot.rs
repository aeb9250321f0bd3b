//! Snapshots: a state as bytes, and back.
//!
//! A snapshot carries the full encoding of the state and the bodies of live transactions. It does not carry the ids
//! of the replay window, of which it has one root for each block: whoever restores takes them from the blocks that
//! he stores. Nothing in a snapshot is trusted: the restored state must have the root in a header that the caller
//! holds a certificate for, and bodies and ids must be what the state commits to.

use crate::bodies::{Bodies, Body};
use crate::decided::{Decided, Entry, Open, Track};
use crate::encoding::{self, Detail};
use crate::registry::Rollups;
use crate::rule::Rule;
use crate::state::{ChainState, Core, GenesisError, StateId};
use crate::window::{self, EmittedBlock, Window};
use fairlane_ordering::{Groups, Run, RunTx};
use fairlane_types::{
    BlockHeader, Decode, DecodeError, Genesis, GroupId, HeadLeaf, HeadsTree, Height, LaneId, LaneSeq,
    NetworkId, Reader, RollupSpec, SegmentRef, Transaction, TransactionError, TxId, Writer,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Nothing in a snapshot is counted higher than this; what is really there limits further.
const MAX_COUNT: usize = 1 << 26;

/// Why bytes do not restore a state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Genesis gives no state.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The bytes are no snapshot of this version.
    #[error("the snapshot is not well formed: {0}")]
    Malformed(#[from] DecodeError),
    /// A body is no transaction.
    #[error("a body in the snapshot is not well formed: {0}")]
    Transaction(#[from] TransactionError),
    /// The state is not the one that the header commits to.
    #[error("the snapshot's {0} is not what the header commits to")]
    Mismatch(&'static str),
    /// The bodies are not exactly those of the live transactions, sorted by id.
    #[error("the snapshot's bodies are not those of the live transactions")]
    Bodies,
    /// The ids that a block ordered were not given, or they are not the block's.
    #[error("the ids that block {0} ordered are missing, or are not what the state commits to")]
    Emitted(Height),
}

impl ChainState {
    /// The state as bytes, without the ids of the replay window: see [`Self::restore`].
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Writer::new();
        encoding::state(&mut out, &self.core, self.window.blocks(), Detail::Full);
        let mut rule = Vec::new();
        self.core.rule.encode(&mut rule);
        out.var_bytes(&rule);
        let mut bodies: Vec<_> = self.bodies.values().filter_map(Body::transaction).collect();
        bodies.sort_unstable_by_key(|transaction| transaction.id());
        out.count(bodies.len());
        for transaction in bodies {
            out.var_bytes(transaction.envelope());
        }
        out.into_vec()
    }

    /// The state after the block with this header, of which the caller knows that it is final.
    ///
    /// `recent` gives for each height the ids that its block ordered, in order, for all blocks that ordered something
    /// and whose time is later than the header's time less the expiry bound. Others may be among them.
    pub fn restore(
        genesis: &Genesis,
        header: &BlockHeader,
        snapshot: &[u8],
        recent: impl IntoIterator<Item = (Height, Vec<TxId>)>,
    ) -> Result<Self, RestoreError> {
        let start = Self::genesis(genesis)?;
        let mut input = Reader::new(snapshot.to_vec());
        let (mut core, blocks) = read_state(&mut input, start.core)?;
        core.rule = Rule::decode(&input.var_bytes("ordering state", usize::MAX)?)?;
        let root = encoding::state_root(&core, blocks.iter());
        if root != header.state_root {
            return Err(RestoreError::Mismatch("state root"));
        }
        if header.height != core.height || header.time != core.time {
            return Err(RestoreError::Mismatch("height or time"));
        }
        let bodies = read_bodies(&mut input, &core.rule)?;
        input.finish()?;
        let window = fill_window(blocks, recent)?;
        let id = StateId { height: core.height, tip: header.id(), root };
        Ok(Self { core, id, window, bodies })
    }
}

/// Reads everything but the ordering rule's state. What only genesis knows is taken from `start`.
fn read_state(input: &mut Reader, start: Core) -> Result<(Core, Vec<EmittedBlock>), RestoreError> {
    let invalid = |what, why| RestoreError::Malformed(DecodeError::Invalid { what, why });
    if input.take_u16()? != encoding::VERSION {
        return Err(invalid("snapshot version", "this software knows version 1"));
    }
    if NetworkId::decode(input)? != start.constants.network {
        return Err(RestoreError::Mismatch("network"));
    }
    let mut core = start;
    core.validators = Decode::decode(input)?;
    let lanes = core.validators.len();
    core.height = Decode::decode(input)?;
    core.time = Decode::decode(input)?;
    core.l1_anchor = Decode::decode(input)?;
    core.cut = Decode::decode(input)?;
    core.equivocators = read_equivocators(input)?;
    let refs: Vec<LaneSeq> = input.list("references", MAX_COUNT, 8)?;
    let tracks = read_list(input, "lanes", 12, read_track)?;
    let retired = read_list(input, "retired lanes", 48, read_retired)?;
    let columns = lanes.saturating_add(retired.len());
    let is_sorted = retired.iter().zip(retired.iter().skip(1)).all(|((a, _), (b, _))| a < b);
    if core.cut.heads().len() != lanes
        || tracks.len() != lanes
        || refs.len() != lanes.saturating_mul(columns)
        || !is_sorted
    {
        return Err(invalid("snapshot", "it does not cover the lanes of the validator set"));
    }
    if !core.cut.heads().iter().zip(&tracks).all(|(head, track)| reaches(track, head)) {
        return Err(invalid("snapshot", "its lanes do not reach the heads of its cut"));
    }
    core.decided = Decided { tracks, retired, refs };
    core.heads = HeadsTree::new(input.list("heads", MAX_COUNT, HeadLeaf::BYTES)?);
    let rollups: Vec<RollupSpec> = input.list("rollups", MAX_COUNT, RollupSpec::BYTES)?;
    core.rollups = Rollups::new(rollups.iter().map(|rollup| (rollup.id, rollup.rules)).collect());
    Ok((core, read_list(input, "replay window", 48, read_block)?))
}

fn read_list<T>(
    input: &mut Reader,
    what: &'static str,
    item_bytes: usize,
    read: impl Fn(&mut Reader) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let count = input.count(what, MAX_COUNT, item_bytes)?;
    (0..count).map(|_| read(input)).collect()
}

fn read_equivocators(input: &mut Reader) -> Result<BTreeSet<LaneId>, DecodeError> {
    Ok(input.list("equivocators", MAX_COUNT, 36)?.into_iter().collect())
}

fn reaches(track: &Track, head: &SegmentRef) -> bool {
    track.head() == head.seq && track.entries.back().is_none_or(|entry| entry.digest == head.digest)
}

fn read_track(input: &mut Reader) -> Result<Track, DecodeError> {
    let floor = Decode::decode(input)?;
    Ok(Track { floor, entries: read_list(input, "segments", 33, read_entry)?.into() })
}

fn read_retired(input: &mut Reader) -> Result<(LaneId, Track), DecodeError> {
    Ok((Decode::decode(input)?, read_track(input)?))
}

fn read_entry(input: &mut Reader) -> Result<Entry, DecodeError> {
    let digest = Decode::decode(input)?;
    let open = match input.take_u8()? {
        0 => None,
        1 => Some(Open::restored(read_list(input, "runs", 4, read_run)?)),
        _ => {
            let why = "it is neither 0 nor 1";
            return Err(DecodeError::Invalid { what: "open flag", why });
        }
    };
    Ok(Entry { digest, open })
}

fn read_run(input: &mut Reader) -> Result<Arc<Run>, DecodeError> {
    Ok(Arc::new(Run::new(read_list(input, "run", 44, read_run_tx)?)))
}

fn read_run_tx(input: &mut Reader) -> Result<RunTx, DecodeError> {
    let id = Decode::decode(input)?;
    let expires_at = Decode::decode(input)?;
    let groups: Vec<GroupId> = input.list("ordering groups", fairlane_ordering::MAX_GROUPS, 4)?;
    let groups = Groups::new(groups)
        .map_err(|_| DecodeError::Invalid { what: "ordering groups", why: "there are too many" })?;
    Ok(RunTx { id, groups, expires_at })
}

fn read_block(input: &mut Reader) -> Result<EmittedBlock, DecodeError> {
    Ok(EmittedBlock {
        height: Decode::decode(input)?,
        time: Decode::decode(input)?,
        root: Decode::decode(input)?,
        ids: Arc::default(),
    })
}

/// Reads the bodies and checks that they are those of the live transactions.
fn read_bodies(input: &mut Reader, rule: &Rule) -> Result<Bodies, RestoreError> {
    let mut live: Vec<TxId> = rule.live_ids().collect();
    live.sort_unstable();
    let count = input.count("bodies", MAX_COUNT, 4)?;
    if count != live.len() {
        return Err(RestoreError::Bodies);
    }
    let mut bodies = Bodies::default();
    for id in live {
        let transaction = Transaction::from_envelope(input.var_bytes("body", usize::MAX)?)?;
        if transaction.id() != id {
            return Err(RestoreError::Bodies);
        }
        bodies.insert(id, Body::Alone(Arc::new(transaction)));
    }
    Ok(bodies)
}

fn fill_window(
    blocks: Vec<EmittedBlock>,
    recent: impl IntoIterator<Item = (Height, Vec<TxId>)>,
) -> Result<Window, RestoreError> {
    let mut recent: BTreeMap<Height, Vec<TxId>> = recent.into_iter().collect();
    let mut filled = Window::default();
    for block in blocks {
        let ids = recent.remove(&block.height).filter(|ids| window::root(ids) == block.root);
        let ids = ids.ok_or(RestoreError::Emitted(block.height))?.into();
        filled.push(EmittedBlock { ids, ..block });
    }
    Ok(filled)
}
