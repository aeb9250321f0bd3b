//! Poseidon in constraints: three for each power.
//!
//! Between powers everything is linear. In the partial rounds the one element that goes through the power is a combination of
//! the elements before them and of all results since; these combinations are the same in every permutation and are computed
//! once.

use super::wire::{Builder, Num, Synthesis};
use crate::poseidon::{self, FULL_ROUNDS, PARAMETERS, PARTIAL_ROUNDS, Purpose, RATE, WIDTH, is_full};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::Variable;
use std::sync::LazyLock;

/// A combination of the wires of the partial rounds: the results of the last full round before them, and then those of the
/// partial rounds; and a constant.
#[derive(Clone)]
struct Row {
    factors: Vec<Fr>,
    constant: Fr,
}

/// What goes into the powers of the partial rounds, and into those of the full round behind them.
struct Rows {
    partial: Vec<Row>,
    after: Vec<Row>,
}

static ROWS: LazyLock<Rows> = LazyLock::new(|| {
    let unit = |at: usize| {
        let mut factors = vec![Fr::ZERO; WIDTH + PARTIAL_ROUNDS];
        factors[at] = Fr::ONE;
        Row { factors, constant: Fr::ZERO }
    };
    let mut state = mix(&(0..WIDTH).map(unit).collect::<Vec<_>>());
    let mut partial = Vec::with_capacity(PARTIAL_ROUNDS);
    for round in 0..PARTIAL_ROUNDS {
        add_constants(&mut state, FULL_ROUNDS / 2 + round);
        partial.push(std::mem::replace(&mut state[0], unit(WIDTH + round)));
        state = mix(&state);
    }
    add_constants(&mut state, FULL_ROUNDS / 2 + PARTIAL_ROUNDS);
    Rows { partial, after: state }
});

fn add_constants(state: &mut [Row], round: usize) {
    for (row, constant) in state.iter_mut().zip(&PARAMETERS.rounds[round]) {
        row.constant += constant;
    }
}

fn mix(state: &[Row]) -> Vec<Row> {
    let mixed = |by: &poseidon::State| {
        let mut out = Row { factors: vec![Fr::ZERO; WIDTH + PARTIAL_ROUNDS], constant: Fr::ZERO };
        for (factor, row) in by.iter().zip(state) {
            out.constant += *factor * row.constant;
            for (to, from) in out.factors.iter_mut().zip(&row.factors) {
                *to += *factor * from;
            }
        }
        out
    };
    PARAMETERS.matrix.iter().map(mixed).collect()
}

/// The hash of some numbers.
pub(crate) fn hash(builder: &Builder, purpose: Purpose, elements: &[Num]) -> Synthesis<Num> {
    let mut state = poseidon::initial(purpose, elements.len()).map(Num::constant);
    for chunk in elements.chunks(RATE) {
        for (to, element) in state[1..].iter_mut().zip(chunk) {
            *to = &*to + element;
        }
        state = permute(builder, state)?;
    }
    let [_, hash, ..] = state;
    Ok(hash)
}

fn permute(builder: &Builder, mut state: [Num; WIDTH]) -> Synthesis<[Num; WIDTH]> {
    let rounds = FULL_ROUNDS + PARTIAL_ROUNDS;
    let mut powers = state.to_vec();
    for round in (0..rounds).filter(|round| is_full(*round)) {
        if round == FULL_ROUNDS / 2 + PARTIAL_ROUNDS {
            powers = partial_rounds(builder, powers)?;
        } else {
            if round > 0 {
                powers = mixed(&powers);
            }
            for (element, constant) in powers.iter_mut().zip(&PARAMETERS.rounds[round]) {
                *element = &*element + &Num::constant(*constant);
            }
        }
        for element in &mut powers {
            *element = power(builder, element)?;
        }
    }
    for (to, from) in state.iter_mut().zip(mixed(&powers)) {
        *to = from;
    }
    Ok(state)
}

/// From the results of the last full round before the partial ones to what goes into the powers behind them.
fn partial_rounds(builder: &Builder, powers: Vec<Num>) -> Synthesis<Vec<Num>> {
    let mut wires = powers;
    for row in &ROWS.partial {
        let result = power(builder, &combine(row, &wires))?;
        wires.push(result);
    }
    Ok(ROWS.after.iter().map(|row| combine(row, &wires)).collect())
}

fn combine(row: &Row, wires: &[Num]) -> Num {
    let mut terms = Vec::with_capacity(wires.len() + 1);
    let mut value = row.constant;
    for (factor, wire) in row.factors.iter().zip(wires) {
        value += *factor * wire.value();
        match wire.variable() {
            Some(variable) => terms.push((*factor, variable)),
            // Powers of constants are constants.
            None => terms.push((*factor * wire.value(), Variable::One)),
        }
    }
    terms.push((row.constant, Variable::One));
    Num::from_parts(terms, value)
}

fn mixed(state: &[Num]) -> Vec<Num> {
    let row =
        |by: &poseidon::State| Num::sum(by.iter().zip(state).map(|(factor, element)| element * *factor));
    PARAMETERS.matrix.iter().map(row).collect()
}

/// The fifth power: a wire, or a constant.
fn power(builder: &Builder, number: &Num) -> Synthesis<Num> {
    if number.is_constant() {
        return Ok(Num::constant(number.value() * number.value().square().square()));
    }
    let square = builder.multiply(number, number)?;
    let fourth = builder.multiply(&square, &square)?;
    builder.multiply(&fourth, number)
}
