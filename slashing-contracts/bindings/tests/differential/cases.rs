//! Keys, messages and signatures of many kinds, each made from a seed and its number alone.
//!
//! Where a kind needs keys or nonces with components of small order, they are made with curve25519-dalek's
//! points: the torsion group has eight elements T, and P + T has the same cofactored meaning as P and another
//! cofactorless one.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity as _;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use sha2::{Digest as _, Sha512};

/// The group's order L, least significant byte first.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// What both sides are given.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// How it was made.
    pub(crate) kind: Kind,
    /// A.
    pub(crate) key: [u8; 32],
    /// R.
    pub(crate) r: [u8; 32],
    /// S.
    pub(crate) s: [u8; 32],
    /// M.
    pub(crate) message: Vec<u8>,
}

/// The kinds of cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A signature as anybody makes it.
    Honest,
    /// An honest one with some bits flipped in A, R, S or M.
    Flipped,
    /// An honest one whose R or A is replaced by its negative.
    Negated,
    /// S + L, S + 2L and so on.
    UnreducedS,
    /// S at the limits of what is accepted.
    EdgeS,
    /// A and R have components of small order.
    MixedOrder,
    /// The same, where they cancel: valid by the strict rule.
    MixedOrderCancelling,
    /// A has small order, and the equation may hold.
    SmallOrderKey,
    /// R has small order, and the equation holds.
    SmallOrderNonce,
    /// A or R has an encoding of which there is a canonical one.
    NonCanonical,
    /// A and R are B, each other, or small multiples.
    SpecialPoint,
    /// A or R is any 32 bytes.
    AnyPoint,
    /// All is random.
    Noise,
}

const KINDS: [Kind; 13] = [
    Kind::Honest,
    Kind::Flipped,
    Kind::Negated,
    Kind::UnreducedS,
    Kind::EdgeS,
    Kind::MixedOrder,
    Kind::MixedOrderCancelling,
    Kind::SmallOrderKey,
    Kind::SmallOrderNonce,
    Kind::NonCanonical,
    Kind::SpecialPoint,
    Kind::AnyPoint,
    Kind::Noise,
];

impl Kind {
    /// Whether all cases of the kind are valid, none is, or some may be.
    pub(crate) fn expected(self) -> Option<bool> {
        match self {
            Self::Honest | Self::MixedOrderCancelling => Some(true),
            Self::Flipped
            | Self::Negated
            | Self::UnreducedS
            | Self::SmallOrderKey
            | Self::SmallOrderNonce
            | Self::NonCanonical
            | Self::AnyPoint
            | Self::Noise => Some(false),
            Self::EdgeS | Self::MixedOrder | Self::SpecialPoint => None,
        }
    }
}

/// The source of all choices of one case.
pub(crate) struct Dice(ChaCha12Rng);

impl Dice {
    /// The choices of case `number` of a seed.
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut source = ChaCha12Rng::seed_from_u64(seed);
        source.set_stream(number);
        Self(source)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.0.next_u64() % limit as u64).expect("it is below a usize")
    }

    /// Any 32 bytes.
    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    fn scalar(&mut self) -> Scalar {
        let mut wide = [0; 64];
        self.0.fill_bytes(&mut wide);
        Scalar::from_bytes_mod_order_wide(&wide)
    }

    fn torsion(&mut self) -> EdwardsPoint {
        EIGHT_TORSION[self.below(EIGHT_TORSION.len())]
    }

    /// Mostly 47 bytes as consensus signs them; else up to three blocks of SHA-512, or at a block's limit.
    fn message(&mut self) -> Vec<u8> {
        let length = match self.below(8) {
            0 => self.below(330),
            1 => [0, 46, 48, 63, 64, 111, 112, 175, 176][self.below(9)],
            _ => 47,
        };
        let mut message = vec![0; length];
        self.0.fill_bytes(&mut message);
        message
    }
}

fn challenge(r: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    let digest = Sha512::new().chain_update(r).chain_update(key).chain_update(message).finalize();
    Scalar::from_bytes_mod_order_wide(&digest.into())
}

fn bytes_of(point: EdwardsPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

/// A signature by [a]B + `key_torsion` with nonce [r]B + `nonce_torsion`: S = r + k a.
fn sign(
    kind: Kind,
    a: Scalar,
    key_torsion: EdwardsPoint,
    nonce_torsion: EdwardsPoint,
    dice: &mut Dice,
) -> Case {
    let nonce = dice.scalar();
    let (key, r) = (bytes_of(B * a + key_torsion), bytes_of(B * nonce + nonce_torsion));
    let message = dice.message();
    let s = nonce + challenge(&r, &key, &message) * a;
    Case { kind, key, r, s: s.to_bytes(), message }
}

fn honest(kind: Kind, dice: &mut Dice) -> Case {
    let (a, none) = (dice.scalar(), EIGHT_TORSION[0]);
    sign(kind, a, none, none, dice)
}

/// Case `number` of a seed.
pub(crate) fn case(seed: u64, number: u64) -> Case {
    let dice = &mut Dice::new(seed, number);
    let kind = KINDS[usize::try_from(number % KINDS.len() as u64).expect("there are few kinds")];
    match kind {
        Kind::Honest => honest(kind, dice),
        Kind::Flipped => flipped(dice),
        Kind::Negated => negated(dice),
        Kind::UnreducedS => unreduced(dice),
        Kind::EdgeS => edge(dice),
        Kind::MixedOrder => {
            let (a, key, nonce) = (dice.scalar(), dice.torsion(), dice.torsion());
            sign(kind, a, key, nonce, dice)
        }
        Kind::MixedOrderCancelling => cancelling(dice),
        Kind::SmallOrderKey => {
            let (key, nonce) = (dice.torsion(), dice.torsion());
            sign(kind, Scalar::ZERO, key, nonce, dice)
        }
        Kind::SmallOrderNonce => small_order_nonce(dice),
        Kind::NonCanonical => non_canonical(dice),
        Kind::SpecialPoint => special(dice),
        Kind::AnyPoint => {
            let mut case = honest(kind, dice);
            *[&mut case.key, &mut case.r][dice.below(2)] = dice.bytes();
            case
        }
        Kind::Noise => {
            Case { kind, key: dice.bytes(), r: dice.bytes(), s: dice.bytes(), message: dice.message() }
        }
    }
}

fn flipped(dice: &mut Dice) -> Case {
    let mut case = honest(Kind::Flipped, dice);
    let part = dice.below(4);
    let bytes: &mut [u8] = match part {
        1 => &mut case.key,
        2 => &mut case.r,
        3 if !case.message.is_empty() => &mut case.message,
        _ => &mut case.s,
    };
    // Different bits: flipping one twice would leave an honest signature.
    let first = dice.below(8 * bytes.len());
    for flip in 0..=dice.below(3) {
        let bit = (first + flip) % (8 * bytes.len());
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    case
}

fn negated(dice: &mut Dice) -> Case {
    let mut case = honest(Kind::Negated, dice);
    [&mut case.key, &mut case.r][dice.below(2)][31] ^= 0x80;
    case
}

/// S + n L fits 256 bits for n up to 15.
fn unreduced(dice: &mut Dice) -> Case {
    let mut case = honest(Kind::UnreducedS, dice);
    for _ in 0..=dice.below(14) {
        case.s = plus_order(&case.s);
    }
    case
}

fn plus_order(s: &[u8; 32]) -> [u8; 32] {
    let mut sum = [0; 32];
    let mut carry = 0u16;
    for (place, (a, b)) in sum.iter_mut().zip(s.iter().zip(ORDER)) {
        let digit = u16::from(*a) + u16::from(b) + carry;
        *place = digit as u8;
        carry = digit >> 8;
    }
    assert_eq!(carry, 0, "S + n L fits 256 bits");
    sum
}

/// S is 0, 1, L - 1, L, L + 1, one high bit, all bits, or the right one.
fn edge(dice: &mut Dice) -> Case {
    let mut case = honest(Kind::EdgeS, dice);
    let mut high = [0; 32];
    high[31] = 1 << dice.below(8);
    let below = (Scalar::ZERO - Scalar::ONE).to_bytes();
    let above = plus_order(&Scalar::ONE.to_bytes());
    let edges = [[0; 32], Scalar::ONE.to_bytes(), below, ORDER, above, high, [0xff; 32], case.s];
    case.s = edges[dice.below(edges.len())];
    case
}

/// Messages are tried until [k]A and R have opposite torsion: on average eight.
fn cancelling(dice: &mut Dice) -> Case {
    let (a, key_torsion) = (dice.scalar(), EIGHT_TORSION[1 + dice.below(7)]);
    loop {
        let nonce_torsion = dice.torsion();
        let case = sign(Kind::MixedOrderCancelling, a, key_torsion, nonce_torsion, dice);
        let k = challenge(&case.r, &case.key, &case.message);
        if (key_torsion * k + nonce_torsion).is_identity() {
            return case;
        }
    }
}

/// S = k a, so that [S]B = R + [k]A holds with R neutral, and up to torsion otherwise.
fn small_order_nonce(dice: &mut Dice) -> Case {
    let a = dice.scalar();
    let (key, r) = (bytes_of(B * a), bytes_of(dice.torsion()));
    let message = dice.message();
    let s = challenge(&r, &key, &message) * a;
    Case { kind: Kind::SmallOrderNonce, key, r, s: s.to_bytes(), message }
}

/// The encodings with y from p to 2^255 - 1, of which there are 19, and those of x = 0 with the sign bit set.
fn non_canonical(dice: &mut Dice) -> Case {
    let more = u8::try_from(dice.below(21)).expect("it is below 21");
    let mut encoding = match more {
        19 => bytes_of(EIGHT_TORSION[0]),
        20 => bytes_of(EIGHT_TORSION[4]),
        _ => [&[0xed + more][..], &[0xff; 31]].concat().try_into().expect("1 and 31 bytes are 32"),
    };
    if more < 19 && dice.below(2) == 0 {
        encoding[31] &= 0x7f;
    } else {
        encoding[31] |= 0x80;
    }
    let mut case = honest(Kind::NonCanonical, dice);
    if dice.below(2) == 0 {
        case.r = encoding;
        return case;
    }
    // With the neutral element as a key, and up to torsion with others of small order, S = r makes the equation hold.
    case.key = encoding;
    let nonce = dice.scalar();
    case.r = bytes_of(B * nonce);
    case.s = nonce.to_bytes();
    case
}

/// A is B, its negative or its double, and R is A, its negative, B or [8]B; valid where S is right.
fn special(dice: &mut Dice) -> Case {
    let a = [Scalar::ONE, Scalar::ZERO - Scalar::ONE, Scalar::from(2u8), dice.scalar()][dice.below(4)];
    let nonce = [a, Scalar::ZERO - a, Scalar::ONE, Scalar::from(8u8)][dice.below(4)];
    let (key, r) = (bytes_of(B * a), bytes_of(B * nonce));
    let message = dice.message();
    let mut s = nonce + challenge(&r, &key, &message) * a;
    if dice.below(3) == 0 {
        s += Scalar::ONE;
    }
    Case { kind: Kind::SpecialPoint, key, r, s: s.to_bytes(), message }
}
