//! One transfer in constraints. Whether it takes place is computed from its bytes and the accounts; nothing that the
//! prover chooses goes into it, and nothing that a client sends makes a constraint fail.

use super::accounts::{AccountWires, ID_BITS, Opened};
use super::curve::{self, Point};
use super::poseidon;
use super::reader::StepWires;
use super::wire::{Bit, Builder, Num, Synthesis};
use crate::keys::{CHALLENGE_BITS, RESPONSE_BITS};
use crate::poseidon::Purpose;
use crate::state::Opening;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};

/// What came of a step.
pub(crate) struct TransferWires {
    /// The root behind it.
    pub(crate) root: Num,
    /// Whether value left for Ethereum.
    pub(crate) withdrawn: Bit,
}

/// A payload's parts, most significant bit first.
struct Parts<'a> {
    kind: &'a [Bit],
    from: &'a [Bit],
    to: &'a [Bit],
    amount: &'a [Bit],
    nonce: &'a [Bit],
    challenge: &'a [Bit],
    response: &'a [Bit],
    message: [Num; 2],
}

impl<'a> Parts<'a> {
    fn of(payload: &'a [Bit]) -> Self {
        let bytes = |from: usize, to: usize| &payload[8 * from..8 * to];
        Self {
            kind: bytes(0, 1),
            from: bytes(1, 5),
            to: bytes(5, 25),
            amount: bytes(25, 33),
            nonce: bytes(33, 37),
            challenge: bytes(37, 53),
            response: bytes(53, 85),
            message: [Num::from_bits(bytes(0, 25)), Num::from_bits(bytes(25, 37))],
        }
    }
}

/// What a step does to the accounts under a root.
pub(crate) fn transfer(
    builder: &Builder,
    context: &[Num; 2],
    root: &Num,
    step: &StepWires,
    openings: &[Opening; 2],
) -> Synthesis<TransferWires> {
    let parts = Parts::of(&step.payload);
    let sender = Opened::new(builder, root, last(parts.from, ID_BITS), &openings[0])?;
    let amount = Num::from_bits(parts.amount);

    let in_range = are_zero(builder, &parts.from[..parts.from.len() - ID_BITS])?;
    let next = builder.is_equal(&Num::from_bits(parts.nonce), &sender.account.nonce)?;
    let covered = covers(builder, &sender.account.balance, &amount)?;
    let signed = is_signed(builder, context, &sender.account, &parts)?;
    let payable = builder.all(&[step.well_formed, in_range, next, covered, signed])?;

    // A transfer says with 2 that it is for a bundle, and it has to be a leg of one just then.
    let kind = &Num::from_bits(parts.kind) - &(&step.kind * Fr::from(2u64));
    let withdrawn = builder.and(payable, builder.is_equal(&kind, &Num::from(1))?)?;
    let is_transfer = builder.is_zero(&kind)?;
    let padded = are_zero(builder, &parts.to[..parts.to.len() - ID_BITS])?;

    // The receiver is opened in the tree behind the sender's change, which depends on whether there is a receiver: the
    // key says so, and no change of the sender touches keys.
    let receiver_account = AccountWires::claimed(builder, &openings[1].account)?;
    let exists = curve::is_on_curve(builder, &receiver_account.x, &receiver_account.y)?;
    let transferred = builder.all(&[payable, is_transfer, padded, exists])?;

    // Never both.
    let applied = &Num::from(withdrawn) + &transferred.into();
    let paid = AccountWires {
        balance: &sender.account.balance - &builder.multiply(&applied, &amount)?,
        nonce: &sender.account.nonce + &applied,
        ..sender.account.clone()
    };
    let between = sender.root_with(builder, &paid)?;
    let receiver =
        Opened::claimed(builder, &between, last(parts.to, ID_BITS), receiver_account, &openings[1].path)?;
    let credited = AccountWires {
        balance: &receiver.account.balance + &builder.multiply(&transferred.into(), &amount)?,
        ..receiver.account.clone()
    };
    Ok(TransferWires { root: receiver.root_with(builder, &credited)?, withdrawn })
}

fn last(bits: &[Bit], count: usize) -> &[Bit] {
    &bits[bits.len() - count..]
}

fn are_zero(builder: &Builder, bits: &[Bit]) -> Synthesis<Bit> {
    builder.is_zero(&Num::from_bits(bits))
}

/// Whether a balance is at least an amount. Both are below 2^64.
fn covers(builder: &Builder, balance: &Num, amount: &Num) -> Synthesis<Bit> {
    let shifted = &(balance - amount) + &Num::constant(Fr::from(1u128 << 64));
    Ok(builder.decompose(&shifted, 65)?[0])
}

fn is_signed(
    builder: &Builder,
    [high, low]: &[Num; 2],
    account: &AccountWires,
    parts: &Parts<'_>,
) -> Synthesis<Bit> {
    let (key, is_point) = curve::key_point(builder, &account.x, &account.y)?;
    let (beyond, response) = parts.response.split_at(parts.response.len() - RESPONSE_BITS);
    let in_range = are_zero(builder, beyond)?;
    let commitment = Point::multiply_generator(builder, response)?
        .add(builder, &key.multiply(builder, parts.challenge)?)?;
    let [first, second] = &parts.message;
    let elements = [high, low, &account.x, &account.y, &commitment.x, &commitment.y, first, second];
    let hash = poseidon::hash(builder, Purpose::Challenge, &elements.map(Clone::clone))?;
    let bits = canonical_bits(builder, &hash)?;
    let given = Num::from_bits(parts.challenge);
    let matches = builder.is_equal(&Num::from_bits(last(&bits, CHALLENGE_BITS)), &given)?;
    builder.all(&[is_point, in_range, matches])
}

/// The bits of a number, most significant first, and of no other number that is the same in the field.
fn canonical_bits(builder: &Builder, number: &Num) -> Synthesis<Vec<Bit>> {
    let count = Fr::MODULUS_BIT_SIZE as usize;
    let value = number.value().into_bigint();
    let bits = (0..count).rev().map(|at| builder.bit(value.get_bit(at))).collect::<Synthesis<Vec<_>>>()?;
    builder.equal(number, &Num::from_bits(&bits))?;
    // With the high halves of the bits and of the field's largest element: below, or equal and then not above in the low.
    let (high, low) = bits.split_at(count - 128);
    let largest = (-Fr::ONE).into_bigint();
    let limit = |from: usize, to: usize| {
        (from..to).rev().fold(Fr::ZERO, |sum, at| sum + sum + Fr::from(largest.get_bit(at)))
    };
    let [high, low] = [high, low].map(Num::from_bits);
    let gap = &Num::constant(limit(128, count)) - &high;
    builder.decompose(&gap, 128)?;
    let equal = builder.is_zero(&gap)?;
    let room = &Num::constant(limit(0, 128)) - &low;
    builder.decompose(&builder.multiply(&equal.into(), &room)?, 128)?;
    Ok(bits)
}
