//! Poseidon over the scalar field of BN254: five elements wide, four of them taken in at once, power 5, 8 full and 60
//! partial rounds.
//!
//! Numbers of rounds are those of the reference paper (eprint 2019/458) for this width at 128 bits, and constants come from
//! its generator (a Grain LFSR), as arkworks implements it. The capacity begins with the purpose and the number of
//! elements, so a hash for one purpose is never one for another.

use crate::field::Field;
use ark_crypto_primitives::sponge::poseidon::find_poseidon_ark_and_mds;
use ark_ff::Field as _;
use std::sync::LazyLock;

/// Elements of the state.
pub(crate) const WIDTH: usize = 5;
/// Elements that one permutation takes in.
pub(crate) const RATE: usize = WIDTH - 1;
/// Full rounds, half of them before the partial ones and half behind.
pub(crate) const FULL_ROUNDS: usize = 8;
/// Rounds in which only the first element is raised to the power.
pub(crate) const PARTIAL_ROUNDS: usize = 60;

/// The state of a permutation.
pub(crate) type State = [Field; WIDTH];

/// What a hash is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A leaf of the tree of accounts.
    Leaf = 1,
    /// A node of the tree of accounts.
    Node = 2,
    /// The challenge of a signature.
    Challenge = 3,
    /// A place inside a batch.
    Cursor = 4,
}

/// Constants of the rounds, and the matrix between them.
pub(crate) struct Parameters {
    pub(crate) rounds: Vec<State>,
    pub(crate) matrix: [State; WIDTH],
}

pub(crate) static PARAMETERS: LazyLock<Parameters> = LazyLock::new(|| {
    let (rounds, matrix) =
        find_poseidon_ark_and_mds::<Field>(254, RATE, FULL_ROUNDS as u64, PARTIAL_ROUNDS as u64, 0);
    let state = |row: &Vec<Field>| -> State { std::array::from_fn(|at| row[at]) };
    Parameters {
        rounds: rounds.iter().map(state).collect(),
        matrix: std::array::from_fn(|at| state(&matrix[at])),
    }
});

/// What the state begins with: nothing but the purpose and the number of elements.
pub(crate) fn initial(purpose: Purpose, count: usize) -> State {
    let mut state = State::default();
    state[0] = Field::from((count as u64) << 8 | purpose as u64);
    state
}

/// The hash of some elements.
pub(crate) fn hash(purpose: Purpose, elements: &[Field]) -> Field {
    let mut state = initial(purpose, elements.len());
    for chunk in elements.chunks(RATE) {
        for (to, element) in state[1..].iter_mut().zip(chunk) {
            *to += element;
        }
        permute(&mut state);
    }
    state[1]
}

/// Whether all elements go through the power in a round.
pub(crate) fn is_full(round: usize) -> bool {
    !(FULL_ROUNDS / 2..FULL_ROUNDS / 2 + PARTIAL_ROUNDS).contains(&round)
}

fn permute(state: &mut State) {
    for (round, constants) in PARAMETERS.rounds.iter().enumerate() {
        for (element, constant) in state.iter_mut().zip(constants) {
            *element += constant;
        }
        let powers = if is_full(round) { WIDTH } else { 1 };
        for element in &mut state[..powers] {
            *element *= element.square().square();
        }
        *state = multiply(&PARAMETERS.matrix, state);
    }
}

fn multiply(matrix: &[State; WIDTH], state: &State) -> State {
    std::array::from_fn(|row| matrix[row].iter().zip(state).map(|(factor, element)| *factor * element).sum())
}

#[cfg(test)]
#[path = "poseidon_tests.rs"]
mod tests;
