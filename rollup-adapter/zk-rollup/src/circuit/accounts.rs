//! Accounts in the tree, and what deposits do to them, in constraints.

use super::poseidon;
use super::wire::{Bit, Builder, Num, Synthesis};
use crate::poseidon::Purpose;
use crate::state::{Account, Opening};
use crate::tree::{ARITY, DEPTH, Path};

/// Bits of an account's number.
pub(crate) const ID_BITS: usize = 2 * DEPTH;

/// An account.
#[derive(Clone, Debug)]
pub(crate) struct AccountWires {
    pub(crate) x: Num,
    pub(crate) y: Num,
    pub(crate) balance: Num,
    pub(crate) nonce: Num,
}

impl AccountWires {
    /// An account that a root has to confirm.
    pub(crate) fn claimed(builder: &Builder, account: &Account) -> Synthesis<Self> {
        Ok(Self {
            x: builder.witness(account.key.x)?,
            y: builder.witness(account.key.y)?,
            balance: builder.witness(account.balance.into())?,
            nonce: builder.witness(account.nonce.into())?,
        })
    }

    fn leaf(&self, builder: &Builder) -> Synthesis<Num> {
        let elements = [&self.x, &self.y, &self.balance, &self.nonce].map(Clone::clone);
        poseidon::hash(builder, Purpose::Leaf, &elements)
    }
}

/// An account at its place in the tree.
pub(crate) struct Opened {
    pub(crate) account: AccountWires,
    path: Vec<[Num; ARITY - 1]>,
    id: Vec<Bit>,
}

impl Opened {
    /// The account with the given number (its bits, most significant first) in the tree with the given root.
    pub(crate) fn new(builder: &Builder, root: &Num, id: &[Bit], opening: &Opening) -> Synthesis<Self> {
        let account = AccountWires::claimed(builder, &opening.account)?;
        Self::claimed(builder, root, id, account, &opening.path)
    }

    /// The same, for an account that has wires already.
    pub(crate) fn claimed(
        builder: &Builder,
        root: &Num,
        id: &[Bit],
        account: AccountWires,
        siblings: &Path,
    ) -> Synthesis<Self> {
        let mut path = Vec::with_capacity(DEPTH);
        for level in siblings {
            let [a, b, c] = level.map(|sibling| builder.witness(sibling));
            path.push([a?, b?, c?]);
        }
        let opened = Self { account, path, id: id.to_vec() };
        builder.equal(&opened.root_with(builder, &opened.account)?, root)?;
        Ok(opened)
    }

    /// The root with another account at this place.
    pub(crate) fn root_with(&self, builder: &Builder, account: &AccountWires) -> Synthesis<Num> {
        let mut node = account.leaf(builder)?;
        for (siblings, place) in self.path.iter().zip(self.id.rchunks_exact(2)) {
            let children = arrange(builder, node, siblings, place[0], place[1])?;
            node = poseidon::hash(builder, Purpose::Node, &children)?;
        }
        Ok(node)
    }
}

/// A node's children in order: its own place is `2 high + low`, the siblings have the others.
fn arrange(
    builder: &Builder,
    own: Num,
    [a, b, c]: &[Num; ARITY - 1],
    high: Bit,
    low: Bit,
) -> Synthesis<[Num; ARITY]> {
    let is_last = builder.and(high, low)?;
    let is_first = builder.and(high.not(), low.not())?;
    let first = builder.select(is_first, &own, a)?;
    let last = builder.select(is_last, &own, c)?;
    // The second is the own where that is second, the first sibling where the own is first, else the second sibling.
    let second = builder.select(high, b, &builder.select(low, &own, a)?)?;
    let all = Num::sum([own, a.clone(), b.clone(), c.clone()]);
    let third = &all - &Num::sum([first.clone(), second.clone(), last.clone()]);
    Ok([first, second, third, last])
}

/// A deposit's bits, in the order of the statement.
pub(crate) struct DepositWires<'a> {
    pub(crate) account: &'a [Bit],
    pub(crate) x: Num,
    pub(crate) y: Num,
    pub(crate) amount: Num,
}

/// The root after a deposit.
pub(crate) fn deposit(
    builder: &Builder,
    root: &Num,
    deposit: &DepositWires<'_>,
    opening: &Opening,
) -> Synthesis<Num> {
    let opened = Opened::new(builder, root, deposit.account, opening)?;
    let before = &opened.account;
    let vacant = builder.and(builder.is_zero(&before.x)?, builder.is_zero(&before.y)?)?;
    let after = AccountWires {
        x: builder.select(vacant, &deposit.x, &before.x)?,
        y: builder.select(vacant, &deposit.y, &before.y)?,
        balance: &before.balance + &deposit.amount,
        nonce: before.nonce.clone(),
    };
    opened.root_with(builder, &after)
}
