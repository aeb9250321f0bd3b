//! The canonical bytes of an engine: all that the next step depends on, and nothing of how it is kept in memory.
//!
//! Layout (integers big-endian): version u8; group cap u32; expiry bound u64; clock u64; lane count u32, and for
//! each lane its power u64, the latest time it has stated u64, and the least time its next entry may take u64;
//! transaction count u32, and for each live transaction, ascending by id: id, expiry u64, group count u8, groups
//! u32 each, holder count u32, and for each lane that holds it, ascending: lane u32, tau u64, and its dense
//! position u32 among the live transactions of that lane.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::engine::{Core, Engine};
use crate::groups::{Groups, MAX_GROUPS};
use crate::lane::NEVER;
use crate::live::Slot;
use crate::params::{MAX_LANES, OrderingParams};
use crate::run::RunTx;
use fairlane_types::{Decode, DecodeError, Encode, GroupId, Reader, Timestamp, TxId, VotingPower, Writer};

const VERSION: u8 = 1;
const LANE_BYTES: usize = 24;
/// The least that a transaction takes: one group and no lane.
const TX_BYTES: usize = 32 + 8 + 1 + 4 + 4;
const HOLDER_BYTES: usize = 16;

impl Engine {
    /// Appends the canonical bytes of the state. Engines that went through the same history give the same bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let core = self.core();
        let mut writer = Writer::new();
        writer.u8(VERSION);
        writer.u32(core.params.group_cap);
        writer.u64(core.params.expiry_bound);
        writer.u64(core.clock);
        writer.count(core.lanes.len());
        for (lane, &power) in core.lanes.iter().zip(&core.powers) {
            writer.u64(power);
            writer.u64(lane.head());
            writer.u64(lane.next);
        }
        encode_live(core, &mut writer);
        out.extend_from_slice(writer.as_slice());
    }

    /// Reads what [`Engine::encode`] wrote. Total on hostile input; allocates in proportion to its length.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes.to_vec());
        if input.take_u8()? != VERSION {
            return Err(invalid("version", "this version is not known"));
        }
        let params = OrderingParams { group_cap: input.take_u32()?, expiry_bound: input.take_u64()? };
        let clock = input.take_u64()?;
        let mut core = decode_lanes(&mut input, params)?;
        core.clock = clock;
        decode_live(&mut input, &mut core)?;
        input.finish()?;
        core.evaluate_again();
        Ok(Self::from_core(core))
    }
}

fn invalid(what: &'static str, why: &'static str) -> DecodeError {
    DecodeError::Invalid { what, why }
}

fn encode_live(core: &Core, out: &mut Writer) {
    let live = &core.live;
    let mut holders: Vec<Vec<(u32, u32)>> = vec![Vec::new(); live.slots()];
    for (number, lane) in (0u32..).zip(&core.lanes) {
        for (position, &slot) in (0u32..).zip(&lane.order) {
            if let Some(holders) = holders.get_mut(slot as usize) {
                holders.push((number, position));
            }
        }
    }
    let mut slots: Vec<(TxId, Slot)> =
        live.iter().filter_map(|slot| Some((*live.ids.get(slot as usize)?, slot))).collect();
    slots.sort_unstable();
    out.count(slots.len());
    for (id, slot) in slots {
        let groups = live.groups.get(slot as usize).map_or(&[][..], |groups| groups.as_slice());
        id.encode(out);
        out.u64(live.expires.get(slot as usize).copied().unwrap_or(0));
        out.u8(groups.len() as u8);
        groups.iter().for_each(|group| group.encode(out));
        let holders = holders.get(slot as usize).map_or(&[][..], Vec::as_slice);
        out.count(holders.len());
        for &(number, position) in holders {
            out.u32(number);
            out.u64(core.lanes.get(number as usize).and_then(|lane| lane.tau(slot)).unwrap_or(NEVER));
            out.u32(position);
        }
    }
}

fn decode_lanes(input: &mut Reader, params: OrderingParams) -> Result<Core, DecodeError> {
    let count = input.count("lanes", MAX_LANES, LANE_BYTES)?;
    let mut powers = Vec::with_capacity(count);
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        powers.push(VotingPower::new(input.take_u64()?));
        times.push((input.take_u64()?, input.take_u64()?));
    }
    let mut core =
        Core::new(&powers, params).map_err(|_| invalid("powers", "no thresholds follow from them"))?;
    for (lane, (stated, next)) in core.lanes.iter_mut().zip(times) {
        if stated == NEVER || next.saturating_sub(1) > stated {
            return Err(invalid("lane", "its head lies before its last entry"));
        }
        (lane.stated, lane.next) = (stated, next);
    }
    Ok(core)
}

/// One lane's live transactions as they are read: (position, tau, slot).
type Held = Vec<(u32, u64, Slot)>;

fn decode_live(input: &mut Reader, core: &mut Core) -> Result<(), DecodeError> {
    let count = input.count("live transactions", u32::MAX as usize, TX_BYTES)?;
    let mut held: Vec<Held> = vec![Held::new(); core.lanes.len()];
    let mut last: Option<TxId> = None;
    for _ in 0..count {
        let tx = decode_tx(input, core)?;
        if last.is_some_and(|last| last >= tx.id) {
            return Err(invalid("live transactions", "ids must ascend"));
        }
        last = Some(tx.id);
        let slot = core.live.insert(&tx);
        decode_holders(input, slot, &mut held)?;
    }
    core.make_room();
    for (lane, held) in core.lanes.iter_mut().zip(held) {
        place_all(lane, held)?;
    }
    Ok(())
}

fn decode_tx(input: &mut Reader, core: &Core) -> Result<RunTx, DecodeError> {
    let id = TxId::decode(input)?;
    let expires_at = input.take_u64()?;
    if expires_at <= core.clock {
        return Err(invalid("live transaction", "it has expired"));
    }
    let count = usize::from(input.take_u8()?);
    if count == 0 || count > MAX_GROUPS {
        return Err(invalid("groups", "there must be between one and eight"));
    }
    let ids = (0..count).map(|_| GroupId::decode(input)).collect::<Result<Vec<_>, _>>()?;
    let groups = Groups::new(ids.iter().copied()).map_err(|_| invalid("groups", "there are too many"))?;
    if groups.as_slice() != ids {
        return Err(invalid("groups", "they must ascend"));
    }
    Ok(RunTx { id, groups, expires_at: Timestamp::from_nanos(expires_at) })
}

fn decode_holders(input: &mut Reader, slot: Slot, held: &mut [Held]) -> Result<(), DecodeError> {
    let count = input.count("holders", held.len(), HOLDER_BYTES)?;
    let mut last: Option<u32> = None;
    for _ in 0..count {
        let lane = input.take_u32()?;
        if last.is_some_and(|last| last >= lane) {
            return Err(invalid("holders", "lanes must ascend"));
        }
        last = Some(lane);
        let (tau, position) = (input.take_u64()?, input.take_u32()?);
        let held = held.get_mut(lane as usize).ok_or(invalid("holders", "there is no such lane"))?;
        held.push((position, tau, slot));
    }
    Ok(())
}

fn place_all(lane: &mut crate::lane::Lane, mut held: Held) -> Result<(), DecodeError> {
    held.sort_unstable();
    let mut last = 0;
    for (position, (found, tau, slot)) in (0u32..).zip(held) {
        if found != position {
            return Err(invalid("positions", "they must be dense"));
        }
        if tau < last || tau == NEVER {
            return Err(invalid("lane times", "they must not decrease along a lane"));
        }
        last = tau;
        lane.order.push(slot);
        if let Some(time) = lane.times.get_mut(slot as usize) {
            *time = tau;
        }
    }
    Ok(())
}
