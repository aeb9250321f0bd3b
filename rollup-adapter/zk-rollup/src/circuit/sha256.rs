//! SHA-256 in constraints, in about 17,600 for each block.
//!
//! The usual gadgets take two constraints for the exclusive or of three bits, and two for their majority. Both take one
//! here. With `s` the sum of the three, `s (s - 2 - 2x) = -3x` has, for each of the four values of `s`, exactly one
//! solution `x`, and it is the parity; `s (s - 1 - 4x) = -6x` has the majority. Sums are reduced once, when a new word
//! is made of them.

use super::wire::{Bit, Builder, Num, Synthesis};
use crate::cursor::{BLOCK, INITIAL};
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use std::array;

/// A word, most significant bit first.
pub(crate) type Word = [Bit; 32];

/// The state between blocks.
pub(crate) type Chain = [Word; 8];

/// Constants of the rounds (FIPS 180-4, 4.2.2).
const ROUNDS: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// The state before the first block.
pub(crate) fn initial() -> Chain {
    INITIAL.map(constant)
}

fn constant(value: u32) -> Word {
    array::from_fn(|place| Bit::Constant(value >> (31 - place) & 1 == 1))
}

/// Bits as words. Their number is a multiple of 32.
pub(crate) fn words(bits: &[Bit]) -> Vec<Word> {
    bits.chunks_exact(32).map(|word| array::from_fn(|place| word[place])).collect()
}

/// The hash of a message of a length that the circuit knows.
pub(crate) fn hash(builder: &Builder, message: &[Bit]) -> Synthesis<Chain> {
    let mut padded = message.to_vec();
    padded.push(Bit::ONE);
    while padded.len() % (8 * BLOCK) != 8 * (BLOCK - 8) {
        padded.push(Bit::ZERO);
    }
    let length = message.len() as u64;
    padded.extend((0..64).rev().map(|place| Bit::Constant(length >> place & 1 == 1)));
    padded.chunks_exact(8 * BLOCK).try_fold(initial(), |chain, block| compress(builder, &chain, block))
}

/// The state after one more block of 512 bits.
pub(crate) fn compress(builder: &Builder, chain: &Chain, block: &[Bit]) -> Synthesis<Chain> {
    let schedule = schedule(builder, block)?;
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *chain;
    for (constant, word) in ROUNDS.iter().zip(&schedule) {
        let first = [
            number(&h),
            number(&mix(builder, rotated(&e, 6), rotated(&e, 11), rotated(&e, 25))?),
            number(&choose(builder, &e, &f, &g)?),
            number(word),
            Num::from(u64::from(*constant)),
        ];
        let next_e = reduce(builder, &Num::sum(first.into_iter().chain([number(&d)])), 3)?;
        // The new `a` is the same sum without `d` and with two words more: the reduced sum says it in fewer terms.
        let second = [
            number(&next_e),
            number(&mix(builder, rotated(&a, 2), rotated(&a, 13), rotated(&a, 22))?),
            number(&majority(builder, &a, &b, &c)?),
            &Num::from(1 << 32) - &number(&d),
        ];
        let next_a = reduce(builder, &Num::sum(second), 2)?;
        (h, g, f, e, d, c, b, a) = (g, f, e, next_e, c, b, a, next_a);
    }
    let mut out = *chain;
    for (before, after) in out.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *before = reduce(builder, &(&number(before) + &number(&after)), 1)?;
    }
    Ok(out)
}

/// The words that the rounds take in.
fn schedule(builder: &Builder, block: &[Bit]) -> Synthesis<Vec<Word>> {
    let mut schedule = words(block);
    for at in 16..64 {
        let (near, far) = (schedule[at - 2], schedule[at - 15]);
        let terms = [
            number(&schedule[at - 16]),
            number(&mix(builder, rotated(&far, 7), rotated(&far, 18), shifted(&far, 3))?),
            number(&schedule[at - 7]),
            number(&mix(builder, rotated(&near, 17), rotated(&near, 19), shifted(&near, 10))?),
        ];
        schedule.push(reduce(builder, &Num::sum(terms), 2)?);
    }
    Ok(schedule)
}

/// A word as a number.
pub(crate) fn number(word: &Word) -> Num {
    Num::from_bits(word)
}

fn rotated(word: &Word, by: usize) -> Word {
    array::from_fn(|place| word[(place + 32 - by) % 32])
}

fn shifted(word: &Word, by: usize) -> Word {
    array::from_fn(|place| if place < by { Bit::ZERO } else { word[place - by] })
}

/// A sum modulo 2^32. It is below `2^(32 + carry)`.
fn reduce(builder: &Builder, sum: &Num, carry: usize) -> Synthesis<Word> {
    let value = sum.value().into_bigint();
    if sum.is_constant() {
        return Ok(array::from_fn(|place| Bit::Constant(value.get_bit(31 - place))));
    }
    let bits = builder.reduce(sum, 32, carry)?;
    Ok(array::from_fn(|place| bits[place]))
}

fn try_word(mut bit: impl FnMut(usize) -> Synthesis<Bit>) -> Synthesis<Word> {
    let mut word = [Bit::ZERO; 32];
    for (place, out) in word.iter_mut().enumerate() {
        *out = bit(place)?;
    }
    Ok(word)
}

/// The parity of three words, bit by bit.
fn mix(builder: &Builder, a: Word, b: Word, c: Word) -> Synthesis<Word> {
    try_word(|place| {
        let (a, b, c) = (a[place], b[place], c[place]);
        if [a, b, c].iter().any(|bit| matches!(bit, Bit::Constant(_))) {
            return builder.xor(a, builder.xor(b, c)?);
        }
        let parity = builder.unchecked_bit(a.value() ^ b.value() ^ c.value())?;
        let (sum, x) = (Num::sum([a, b, c].map(Num::from)), Num::from(parity));
        let other = &(&sum - &Num::from(2)) - &(&x + &x);
        builder.enforce(&sum, &other, &(&x * -Fr::from(3u64)))?;
        Ok(parity)
    })
}

/// What most of three words say, bit by bit.
fn majority(builder: &Builder, a: &Word, b: &Word, c: &Word) -> Synthesis<Word> {
    try_word(|place| {
        let bits = [a[place], b[place], c[place]];
        match bits {
            [Bit::Constant(fixed), x, y] | [x, Bit::Constant(fixed), y] | [x, y, Bit::Constant(fixed)] => {
                if fixed {
                    builder.or(x, y)
                } else {
                    builder.and(x, y)
                }
            }
            [a, b, c] => {
                let most = builder
                    .unchecked_bit(u8::from(a.value()) + u8::from(b.value()) + u8::from(c.value()) > 1)?;
                let (sum, x) = (Num::sum(bits.map(Num::from)), Num::from(most));
                let other = &(&sum - &Num::from(1)) - &(&x * Fr::from(4u64));
                builder.enforce(&sum, &other, &(&x * -Fr::from(6u64)))?;
                Ok(most)
            }
        }
    })
}

/// `f` where `e` is set, `g` where it is not, bit by bit.
fn choose(builder: &Builder, e: &Word, f: &Word, g: &Word) -> Synthesis<Word> {
    try_word(|place| match (e[place], f[place], g[place]) {
        (Bit::Constant(choice), f, g) => Ok(if choice { f } else { g }),
        (_, Bit::Constant(f), Bit::Constant(g)) if f == g => Ok(Bit::Constant(g)),
        (e, Bit::Constant(f), Bit::Constant(_)) => Ok(if f { e } else { e.not() }),
        (e, f, g) => {
            let chosen = builder.unchecked_bit(if e.value() { f.value() } else { g.value() })?;
            let (f, g) = (Num::from(f), Num::from(g));
            builder.enforce(&e.into(), &(&f - &g), &(&chosen.into() - &g))?;
            Ok(chosen)
        }
    })
}
