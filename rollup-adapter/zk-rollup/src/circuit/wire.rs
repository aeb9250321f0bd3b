//! Numbers and bits of a constraint system, with their values: the layer that all gadgets are written in.
//!
//! Every wire carries its value, so a circuit is always built for one concrete witness; keys are made with any of them,
//! because the constraints do not depend on it. Linear combinations are kept as they are: adding costs nothing,
//! multiplying costs one constraint, and what is constant costs nothing either.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use ark_relations::gr1cs::{ConstraintSystemRef, LinearCombination, SynthesisError, Variable};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::ops::{Add, Mul, Sub};

/// What building a part of the circuit gives.
pub(crate) type Synthesis<T> = Result<T, SynthesisError>;

/// A linear combination of wires, with its value.
#[derive(Clone, Debug)]
pub(crate) struct Num {
    terms: Vec<(Fr, Variable)>,
    value: Fr,
}

impl Num {
    pub(crate) fn constant(value: Fr) -> Self {
        let terms = if value == Fr::ZERO { Vec::new() } else { vec![(value, Variable::One)] };
        Self { terms, value }
    }

    pub(crate) fn zero() -> Self {
        Self::constant(Fr::ZERO)
    }

    /// A combination whose value is known to be the given one.
    pub(crate) fn from_parts(terms: Vec<(Fr, Variable)>, value: Fr) -> Self {
        Self { terms, value }
    }

    pub(crate) fn value(&self) -> Fr {
        self.value
    }

    pub(crate) fn is_constant(&self) -> bool {
        self.terms.iter().all(|(_, variable)| variable.is_one())
    }

    /// The wire, where the number is a single one.
    pub(crate) fn variable(&self) -> Option<Variable> {
        match self.terms.as_slice() {
            [(factor, variable)] if *factor == Fr::ONE => Some(*variable),
            _ => None,
        }
    }

    pub(crate) fn sum(parts: impl IntoIterator<Item = Num>) -> Self {
        let mut sum = Self::zero();
        for part in parts {
            sum.terms.extend_from_slice(&part.terms);
            sum.value += part.value;
        }
        sum
    }

    /// The number that bits stand for, most significant first.
    pub(crate) fn from_bits(bits: &[Bit]) -> Self {
        let mut power = Fr::ONE;
        let mut terms = Vec::with_capacity(bits.len());
        let mut value = Fr::ZERO;
        let mut constant = Fr::ZERO;
        for bit in bits.iter().rev() {
            bit.add_to(power, &mut terms, &mut constant);
            if bit.value() {
                value += power;
            }
            power.double_in_place();
        }
        if constant != Fr::ZERO {
            terms.push((constant, Variable::One));
        }
        Self { terms, value }
    }

    fn combination(&self) -> LinearCombination<Fr> {
        let mut combination = LinearCombination(self.terms.clone());
        combination.compactify();
        combination
    }
}

impl Add for &Num {
    type Output = Num;

    fn add(self, other: &Num) -> Num {
        let mut terms = Vec::with_capacity(self.terms.len() + other.terms.len());
        terms.extend_from_slice(&self.terms);
        terms.extend_from_slice(&other.terms);
        Num { terms, value: self.value + other.value }
    }
}

impl Sub for &Num {
    type Output = Num;

    fn sub(self, other: &Num) -> Num {
        self + &(other * -Fr::ONE)
    }
}

impl Mul<Fr> for &Num {
    type Output = Num;

    fn mul(self, factor: Fr) -> Num {
        let terms = self.terms.iter().map(|(by, variable)| (*by * factor, *variable)).collect();
        Num { terms, value: self.value * factor }
    }
}

impl From<u64> for Num {
    fn from(value: u64) -> Self {
        Self::constant(Fr::from(value))
    }
}

impl From<Bit> for Num {
    fn from(bit: Bit) -> Self {
        Self::from_bits(&[bit])
    }
}

/// A bit: a constant, or a wire that is constrained to be one, or the opposite of such a wire.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bit {
    Constant(bool),
    Wire { variable: Variable, value: bool, negated: bool },
}

impl Bit {
    pub(crate) const ZERO: Self = Self::Constant(false);
    pub(crate) const ONE: Self = Self::Constant(true);

    pub(crate) fn value(self) -> bool {
        match self {
            Self::Constant(value) | Self::Wire { value, .. } => value,
        }
    }

    pub(crate) fn not(self) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(!value),
            Self::Wire { variable, value, negated } => {
                Self::Wire { variable, value: !value, negated: !negated }
            }
        }
    }

    fn add_to(self, factor: Fr, terms: &mut Vec<(Fr, Variable)>, constant: &mut Fr) {
        match self {
            Self::Constant(false) => {}
            Self::Constant(true) => *constant += factor,
            Self::Wire { variable, negated: false, .. } => terms.push((factor, variable)),
            Self::Wire { variable, negated: true, .. } => {
                *constant += factor;
                terms.push((-factor, variable));
            }
        }
    }
}

/// The bits of bytes that are known when the circuit is built, most significant first.
pub(crate) fn constant_bits(bytes: &[u8]) -> Vec<Bit> {
    bits_of(bytes).map(Bit::Constant).collect()
}

fn bits_of(bytes: &[u8]) -> impl Iterator<Item = bool> {
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |place| byte >> place & 1 == 1))
}

/// Adds wires and constraints.
pub(crate) struct Builder {
    system: ConstraintSystemRef<Fr>,
    observer: RefCell<Observer>,
}

/// What is learned about a circuit while it is built.
#[derive(Default)]
pub(crate) struct Observer {
    /// Constraints so far.
    pub(crate) constraints: usize,
    /// The first constraint that the values break.
    pub(crate) broken: Option<usize>,
    /// Takes in all constraints, where it is wanted.
    pub(crate) digest: Option<Sha256>,
}

impl Observer {
    fn observe(&mut self, a: &Num, b: &Num, c: &Num) {
        if self.broken.is_none() && a.value * b.value != c.value {
            self.broken = Some(self.constraints);
        }
        self.constraints += 1;
        let Some(digest) = &mut self.digest else { return };
        for side in [a, b, c] {
            let terms = side.combination().0;
            digest.update(terms.len().to_be_bytes());
            for (factor, variable) in terms {
                digest.update(crate::field::to_bytes(&factor));
                digest.update([u8::from(variable.is_witness())]);
                digest.update(variable.index().unwrap_or(usize::MAX).to_be_bytes());
            }
        }
    }
}

impl Builder {
    pub(crate) fn new(system: ConstraintSystemRef<Fr>) -> Self {
        Self::observed(system, Observer::default())
    }

    pub(crate) fn observed(system: ConstraintSystemRef<Fr>, observer: Observer) -> Self {
        Self { system, observer: RefCell::new(observer) }
    }

    /// What was learned.
    pub(crate) fn into_observer(self) -> Observer {
        self.observer.into_inner()
    }

    /// A public input.
    pub(crate) fn input(&self, value: Fr) -> Synthesis<Num> {
        let variable = self.system.new_input_variable(|| Ok(value))?;
        Ok(Num { terms: vec![(Fr::ONE, variable)], value })
    }

    /// A wire of which nothing is known yet.
    pub(crate) fn witness(&self, value: Fr) -> Synthesis<Num> {
        let variable = self.system.new_witness_variable(|| Ok(value))?;
        Ok(Num { terms: vec![(Fr::ONE, variable)], value })
    }

    /// A wire that is a bit by what the caller constrains.
    pub(crate) fn unchecked_bit(&self, value: bool) -> Synthesis<Bit> {
        let variable = self.system.new_witness_variable(|| Ok(Fr::from(value)))?;
        Ok(Bit::Wire { variable, value, negated: false })
    }

    pub(crate) fn bit(&self, value: bool) -> Synthesis<Bit> {
        let bit = self.unchecked_bit(value)?;
        let number = Num::from(bit);
        self.enforce(&number, &(&number - &Num::from(1)), &Num::zero())?;
        Ok(bit)
    }

    /// Bytes of the witness, as bits, most significant first.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Synthesis<Vec<Bit>> {
        bits_of(bytes).map(|bit| self.bit(bit)).collect()
    }

    /// `a * b = c`.
    pub(crate) fn enforce(&self, a: &Num, b: &Num, c: &Num) -> Synthesis<()> {
        self.observer.borrow_mut().observe(a, b, c);
        self.system.enforce_r1cs_constraint(|| a.combination(), || b.combination(), || c.combination())
    }

    pub(crate) fn equal(&self, a: &Num, b: &Num) -> Synthesis<()> {
        self.enforce(&Num::from(1), &(a - b), &Num::zero())
    }

    /// `a = b` where the condition holds.
    pub(crate) fn equal_if(&self, condition: Bit, a: &Num, b: &Num) -> Synthesis<()> {
        self.enforce(&condition.into(), &(a - b), &Num::zero())
    }

    pub(crate) fn multiply(&self, a: &Num, b: &Num) -> Synthesis<Num> {
        if a.is_constant() {
            return Ok(b * a.value);
        }
        if b.is_constant() {
            return Ok(a * b.value);
        }
        let product = self.witness(a.value * b.value)?;
        self.enforce(a, b, &product)?;
        Ok(product)
    }

    /// `a / b`. Where `b` is zero nothing satisfies this.
    pub(crate) fn divide(&self, a: &Num, b: &Num) -> Synthesis<Num> {
        let inverse = b.value.inverse().ok_or(SynthesisError::DivisionByZero)?;
        let quotient = self.witness(a.value * inverse)?;
        self.enforce(&quotient, b, a)?;
        Ok(quotient)
    }

    pub(crate) fn select(&self, condition: Bit, yes: &Num, no: &Num) -> Synthesis<Num> {
        Ok(no + &self.multiply(&condition.into(), &(yes - no))?)
    }

    pub(crate) fn and(&self, a: Bit, b: Bit) -> Synthesis<Bit> {
        match (a, b) {
            (Bit::Constant(false), _) | (_, Bit::Constant(false)) => Ok(Bit::ZERO),
            (Bit::Constant(true), other) | (other, Bit::Constant(true)) => Ok(other),
            _ => {
                let both = self.unchecked_bit(a.value() && b.value())?;
                self.enforce(&a.into(), &b.into(), &both.into())?;
                Ok(both)
            }
        }
    }

    pub(crate) fn all(&self, bits: &[Bit]) -> Synthesis<Bit> {
        bits.iter().try_fold(Bit::ONE, |all, bit| self.and(all, *bit))
    }

    pub(crate) fn or(&self, a: Bit, b: Bit) -> Synthesis<Bit> {
        Ok(self.and(a.not(), b.not())?.not())
    }

    pub(crate) fn xor(&self, a: Bit, b: Bit) -> Synthesis<Bit> {
        match (a, b) {
            (Bit::Constant(false), other) | (other, Bit::Constant(false)) => Ok(other),
            (Bit::Constant(true), other) | (other, Bit::Constant(true)) => Ok(other.not()),
            _ => {
                let xor = self.unchecked_bit(a.value() != b.value())?;
                let (a, b) = (Num::from(a), Num::from(b));
                self.enforce(&(&a + &a), &b, &(&(&a + &b) - &xor.into()))?;
                Ok(xor)
            }
        }
    }

    /// Whether a number is zero, whatever it is.
    pub(crate) fn is_zero(&self, number: &Num) -> Synthesis<Bit> {
        if number.is_constant() {
            return Ok(Bit::Constant(number.value == Fr::ZERO));
        }
        let zero = self.unchecked_bit(number.value == Fr::ZERO)?;
        let inverse = self.witness(number.value.inverse().unwrap_or_default())?;
        self.enforce(number, &inverse, &zero.not().into())?;
        self.enforce(number, &zero.into(), &Num::zero())?;
        Ok(zero)
    }

    pub(crate) fn is_equal(&self, a: &Num, b: &Num) -> Synthesis<Bit> {
        self.is_zero(&(a - b))
    }

    /// A number's bits, most significant first; the number is constrained to fit them. `count` is below the field's size.
    pub(crate) fn decompose(&self, number: &Num, count: usize) -> Synthesis<Vec<Bit>> {
        let value = number.value.into_bigint();
        let bits =
            (0..count).rev().map(|place| self.bit(value.get_bit(place))).collect::<Synthesis<Vec<_>>>()?;
        self.equal(number, &Num::from_bits(&bits))?;
        Ok(bits)
    }

    /// The last `count` bits of a number below `2^(count + carry)`, most significant first, in one constraint less than
    /// all bits would take: the highest is what is left. `carry` is not zero.
    pub(crate) fn reduce(&self, number: &Num, count: usize, carry: usize) -> Synthesis<Vec<Bit>> {
        let lower = count + carry - 1;
        let value = number.value.into_bigint();
        let bits =
            (0..lower).rev().map(|place| self.bit(value.get_bit(place))).collect::<Synthesis<Vec<_>>>()?;
        let scale = Fr::from(1u64 << lower).inverse().ok_or(SynthesisError::DivisionByZero)?;
        let highest = &(number - &Num::from_bits(&bits)) * scale;
        self.enforce(&highest, &(&highest - &Num::from(1)), &Num::zero())?;
        Ok(bits[carry - 1..].to_vec())
    }
}
