//! Points of the Edwards curve over BN254's scalar field in constraints.
//!
//! With `a = 1`, which is a square, and `d`, which is none, the addition law has no exceptions on the curve: no denominator
//! is ever zero, whichever points are added.

use super::wire::{Bit, Builder, Num, Synthesis};
use crate::keys::PublicKey;
use ark_bn254::Fr;
use ark_ec::twisted_edwards::TECurveConfig;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ed_on_bn254::{EdwardsAffine, EdwardsConfig, EdwardsProjective};
use ark_ff::AdditiveGroup;

/// A point of the curve.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) x: Num,
    pub(crate) y: Num,
}

impl Point {
    pub(crate) fn constant(point: EdwardsAffine) -> Self {
        Self { x: Num::constant(point.x), y: Num::constant(point.y) }
    }

    fn neutral() -> Self {
        Self::constant(EdwardsAffine::zero())
    }

    /// `x = (x1 y2 + y1 x2) / (1 + d x1 x2 y1 y2)`, `y = (y1 y2 - x1 x2) / (1 - d x1 x2 y1 y2)`.
    pub(crate) fn add(&self, builder: &Builder, other: &Self) -> Synthesis<Self> {
        let across = builder.multiply(&(&self.x + &self.y), &(&other.x + &other.y))?;
        let xx = builder.multiply(&self.x, &other.x)?;
        let yy = builder.multiply(&self.y, &other.y)?;
        let product = &builder.multiply(&xx, &yy)? * EdwardsConfig::COEFF_D;
        let one = Num::from(1);
        let x = builder.divide(&(&(&across - &xx) - &yy), &(&one + &product))?;
        let y = builder.divide(&(&yy - &xx), &(&one - &product))?;
        Ok(Self { x, y })
    }

    /// As `add`, with the denominators from the curve's equation: `x^2 + y^2` and `2 - x^2 - y^2`.
    fn double(&self, builder: &Builder) -> Synthesis<Self> {
        let across = builder.multiply(&self.x, &self.y)?;
        let xx = builder.multiply(&self.x, &self.x)?;
        let yy = builder.multiply(&self.y, &self.y)?;
        let sum = &xx + &yy;
        let x = builder.divide(&(&across + &across), &sum)?;
        let y = builder.divide(&(&yy - &xx), &(&Num::from(2) - &sum))?;
        Ok(Self { x, y })
    }

    pub(crate) fn select(builder: &Builder, condition: Bit, yes: &Self, no: &Self) -> Synthesis<Self> {
        Ok(Self {
            x: builder.select(condition, &yes.x, &no.x)?,
            y: builder.select(condition, &yes.y, &no.y)?,
        })
    }

    /// The point times a number, given by its bits, most significant first.
    pub(crate) fn multiply(&self, builder: &Builder, bits: &[Bit]) -> Synthesis<Self> {
        let neutral = Self::neutral();
        let mut product: Option<Self> = None;
        for bit in bits {
            let next = Self::select(builder, *bit, self, &neutral)?;
            product = Some(match product {
                None => next,
                Some(before) => before.double(builder)?.add(builder, &next)?,
            });
        }
        Ok(product.unwrap_or(neutral))
    }

    /// The generator times a number, given by its bits, most significant first: two bits choose among four multiples that
    /// are known.
    pub(crate) fn multiply_generator(builder: &Builder, bits: &[Bit]) -> Synthesis<Self> {
        let mut product: Option<Self> = None;
        let mut base = EdwardsProjective::from(EdwardsAffine::generator());
        for pair in bits.rchunks(2) {
            let (low, high) = match pair {
                [high, low] => (*low, *high),
                [low] => (*low, Bit::ZERO),
                _ => continue,
            };
            let next = choose(builder, low, high, base)?;
            product = Some(match product {
                None => next,
                Some(before) => before.add(builder, &next)?,
            });
            base.double_in_place().double_in_place();
        }
        Ok(product.unwrap_or_else(Self::neutral))
    }
}

/// The base times the number of two bits. Each coordinate is linear in the bits and their product.
fn choose(builder: &Builder, low: Bit, high: Bit, base: EdwardsProjective) -> Synthesis<Point> {
    let table = [EdwardsProjective::default(), base, base.double(), base.double() + base]
        .map(|multiple| multiple.into_affine());
    let both = builder.and(low, high)?;
    let coordinate = |of: fn(&EdwardsAffine) -> Fr| {
        let [none, one, two, three] = table.each_ref().map(of);
        Num::sum([
            Num::constant(none),
            &Num::from(low) * (one - none),
            &Num::from(high) * (two - none),
            &Num::from(both) * (three - two - one + none),
        ])
    };
    Ok(Point { x: coordinate(|point| point.x), y: coordinate(|point| point.y) })
}

/// Whether a pair of numbers is a point of the curve.
pub(crate) fn is_on_curve(builder: &Builder, x: &Num, y: &Num) -> Synthesis<Bit> {
    let xx = builder.multiply(x, x)?;
    let yy = builder.multiply(y, y)?;
    let product = builder.multiply(&xx, &yy)?;
    builder.is_equal(&(&xx + &yy), &(&Num::from(1) + &(&product * EdwardsConfig::COEFF_D)))
}

/// A key as a point, with the generator in place of what is none; and whether it is one.
pub(crate) fn key_point(builder: &Builder, x: &Num, y: &Num) -> Synthesis<(Point, Bit)> {
    let is_point = is_on_curve(builder, x, y)?;
    let given = Point { x: x.clone(), y: y.clone() };
    let point = Point::select(builder, is_point, &given, &Point::constant(EdwardsAffine::generator()))?;
    debug_assert_eq!(is_point.value(), PublicKey { x: x.value(), y: y.value() }.is_on_curve());
    Ok((point, is_point))
}
