//! From lanes to a graph: which transactions are compared, and in which order each lane has them.

use super::Core;
use super::finality::Finality;
use crate::graph::{GraphInput, GroupInput};
use crate::lane::NEVER;
use crate::live::{Slot, Span};

/// Where the slots stand in their groups: (group, local number) for each slot that is compared.
struct Locals {
    /// By slot: where its entries start, and how many there are.
    entries: Vec<(u32, u32)>,
    placed: Vec<(u32, u32)>,
}

impl Locals {
    fn new(slots: usize) -> Self {
        Self { entries: vec![(0, 0); slots], placed: Vec::new() }
    }

    fn add(&mut self, slot: Slot, places: impl Iterator<Item = (u32, u32)>) {
        let start = self.placed.len() as u32;
        self.placed.extend(places);
        if let Some(entry) = self.entries.get_mut(slot as usize) {
            *entry = (start, self.placed.len() as u32 - start);
        }
    }

    fn of(&self, slot: Slot) -> &[(u32, u32)] {
        let (start, len) = self.entries.get(slot as usize).copied().unwrap_or_default();
        self.placed.get(start as usize..(start + len) as usize).unwrap_or(&[])
    }
}

/// The graph's input: the final transactions, and for each group the pending ones that could precede one of them.
pub(super) fn input(core: &Core, finality: &Finality) -> GraphInput {
    let span = |slot: Slot| core.live.span.get(slot as usize).copied().unwrap_or(Span::UNKNOWN);
    let mut input = GraphInput {
        lo: finality.finals.iter().map(|&slot| span(slot).lo).collect(),
        hi: finality.finals.iter().map(|&slot| span(slot).hi).collect(),
        groups: Vec::new(),
    };
    input.groups.resize_with(finality.groups.len(), GroupInput::default);
    let mut locals = Locals::new(core.live.slots());
    let mut latest = vec![0u64; finality.groups.len()];
    let group_of = |slot: Slot| {
        let ids = core.live.groups.get(slot as usize).map_or(&[][..], |groups| groups.as_slice());
        ids.iter().filter_map(|&id| finality.groups.find(id))
    };
    for (number, &slot) in (0u32..).zip(&finality.finals) {
        locals.add(
            slot,
            group_of(slot).filter_map(|index| {
                let group = input.groups.get_mut(index as usize)?;
                let latest = latest.get_mut(index as usize)?;
                *latest = span(slot).hi.max(*latest);
                group.finals.push(number);
                Some((index, group.finals.len() as u32 - 1))
            }),
        );
    }
    // Something pending precedes `v` by evidence only if lanes of power q - F hold it, so that `lo` is finite, and
    // only if it is not separated from `v`: `lo <= hi(v)`.
    let mut pending: Vec<(u64, Slot)> = finality.pending.iter().map(|&slot| (span(slot).lo, slot)).collect();
    pending.retain(|&(lo, _)| lo != NEVER);
    pending.sort_unstable();
    for (lo, slot) in pending {
        locals.add(
            slot,
            group_of(slot).filter_map(|index| {
                let group = input.groups.get_mut(index as usize)?;
                let relevant = !group.finals.is_empty() && lo <= *latest.get(index as usize)?;
                relevant.then(|| {
                    group.pending.push(lo);
                    (index, (group.finals.len() + group.pending.len()) as u32 - 1)
                })
            }),
        );
    }
    fill_lanes(core, &locals, &mut input);
    input
}

fn fill_lanes(core: &Core, locals: &Locals, input: &mut GraphInput) {
    for lane in &core.lanes {
        for &slot in &lane.order {
            for &(group, local) in locals.of(slot) {
                if let Some(group) = input.groups.get_mut(group as usize) {
                    group.seq.push(local);
                }
            }
        }
        for group in &mut input.groups {
            group.ends.push(group.seq.len() as u32);
        }
    }
}
