//! Which transactions are final: Omega, the cap, and what a group over the cap may do.

use super::Core;
use crate::graph::Graph;
use crate::intern::FastHash;
use crate::lane::NEVER;
use crate::live::Slot;
use crate::tie::TieBreak;
use fairlane_types::GroupId;
use std::collections::HashMap;

/// Dense numbers for the groups of one height, in order of first appearance.
#[derive(Default)]
pub(super) struct GroupNumbers {
    numbers: HashMap<GroupId, u32, FastHash>,
    ids: Vec<GroupId>,
}

impl GroupNumbers {
    /// The number of a group, a new one if need be.
    pub(super) fn number(&mut self, id: GroupId) -> u32 {
        let next = self.ids.len() as u32;
        let number = *self.numbers.entry(id).or_insert(next);
        if number == next {
            self.ids.push(id);
        }
        number
    }

    /// The number of a group that has one.
    pub(super) fn find(&self, id: GroupId) -> Option<u32> {
        self.numbers.get(&id).copied()
    }

    /// How many groups have a number.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }
}

/// How far one group has come in the scan for the cap.
#[derive(Clone, Copy, Default)]
struct Fill {
    count: u32,
    /// Nothing later is final.
    closed: bool,
    /// Closed by its own cap rather than by a bundle that another group left out.
    over: bool,
}

/// The division of the live transactions at one height.
pub(super) struct Finality {
    /// Omega, before the caps.
    pub(super) omega: u64,
    /// Fin, ascending by (key, tie-break).
    pub(super) finals: Vec<Slot>,
    /// Pend, in no particular order.
    pub(super) pending: Vec<Slot>,
    /// The groups of Fin, and those that a cap closed.
    pub(super) groups: GroupNumbers,
    /// The numbers of the groups over the cap.
    over: Vec<u32>,
}

impl Finality {
    /// Divides the live transactions of the engine, whose quantiles are up to date.
    pub(super) fn of(core: &Core, tie: TieBreak) -> Self {
        let omega = omega(core);
        let key = |slot: Slot| core.live.span.get(slot as usize).map_or(NEVER, |span| span.key);
        let (finals, pending): (Vec<Slot>, Vec<Slot>) = core.live.iter().partition(|&slot| key(slot) < omega);
        let mut finality = Self { omega, finals, pending, groups: GroupNumbers::default(), over: Vec::new() };
        finality.sort(core, tie);
        finality.apply_caps(core);
        finality
    }

    fn sort(&mut self, core: &Core, tie: TieBreak) {
        let key = |slot: &Slot| core.live.span.get(*slot as usize).map_or(NEVER, |span| span.key);
        let mut keyed: Vec<(u64, Slot)> = self.finals.iter().map(|slot| (key(slot), *slot)).collect();
        keyed.sort_unstable();
        let id = |slot: Slot| core.live.ids.get(slot as usize).copied().unwrap_or_default();
        for equal in keyed.chunk_by_mut(|a, b| a.0 == b.0).filter(|equal| equal.len() > 1) {
            equal.sort_by_cached_key(|&(_, slot)| (tie.rank(&id(slot)), id(slot)));
        }
        self.finals.clear();
        self.finals.extend(keyed.into_iter().map(|(_, slot)| slot));
    }

    /// Closes each group after its first C transactions. A bundle that one group leaves out closes its other
    /// groups at the same place, so that in every group what is final precedes what is not.
    fn apply_caps(&mut self, core: &Core) {
        let cap = core.params.group_cap.max(1);
        let mut fills: Vec<Fill> = Vec::new();
        let finals = std::mem::take(&mut self.finals);
        for slot in finals {
            let ids = core.live.groups.get(slot as usize).map_or(&[][..], |groups| groups.as_slice());
            let mut left_out = false;
            for &id in ids {
                let number = self.groups.number(id);
                if fills.len() < self.groups.len() {
                    fills.push(Fill::default());
                }
                let Some(fill) = fills.get_mut(number as usize) else { continue };
                if !fill.closed && fill.count == cap {
                    (fill.closed, fill.over) = (true, true);
                }
                left_out |= fill.closed;
            }
            for number in ids.iter().filter_map(|&id| self.groups.find(id)) {
                let Some(fill) = fills.get_mut(number as usize) else { continue };
                fill.count = fill.count.saturating_add(u32::from(!left_out));
                fill.closed |= left_out;
            }
            if left_out { self.pending.push(slot) } else { self.finals.push(slot) }
        }
        self.over = (0u32..).zip(&fills).filter(|(_, fill)| fill.over).map(|(number, _)| number).collect();
    }

    /// Lets each group over the cap that would emit nothing emit what is final in it; returns these groups.
    pub(super) fn force(&self, core: &Core, graph: &Graph, selected: &mut [bool]) -> Vec<GroupId> {
        if self.over.is_empty() {
            return Vec::new();
        }
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); self.groups.len()];
        for (number, &slot) in (0u32..).zip(&self.finals) {
            let ids = core.live.groups.get(slot as usize).map_or(&[][..], |groups| groups.as_slice());
            for group in ids.iter().filter_map(|&id| self.groups.find(id)) {
                members.get_mut(group as usize).into_iter().for_each(|members| members.push(number));
            }
        }
        let is_selected = |tx: &u32| selected.get(*tx as usize).is_some_and(|&selected| selected);
        let stuck = |group: &u32| {
            let txs = members.get(*group as usize).map_or(&[][..], Vec::as_slice);
            !txs.is_empty() && !txs.iter().any(is_selected)
        };
        let forced: Vec<u32> = self.over.iter().copied().filter(stuck).collect();
        let txs: Vec<u32> =
            forced.iter().filter_map(|&group| members.get(group as usize)).flatten().copied().collect();
        graph.close(selected, &txs);
        forced.iter().filter_map(|&group| self.groups.ids.get(group as usize).copied()).collect()
    }
}

/// min(Clock(h), the least key below Clock(h) of something that lanes of less than power q hold).
fn omega(core: &Core) -> u64 {
    let unfinished = core.live.iter().filter_map(|slot| {
        let power = *core.live.power.get(slot as usize)?;
        let key = core.live.span.get(slot as usize)?.key;
        (power < core.quorums.quorum).then_some(key)
    });
    unfinished.fold(core.clock, u64::min)
}
