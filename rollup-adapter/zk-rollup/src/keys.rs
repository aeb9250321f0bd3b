//! Keys and signatures of accounts: Schnorr on the Edwards curve over BN254's scalar field (Baby Jubjub in the form with
//! `a = 1`), with a Poseidon challenge of 128 bits.
//!
//! A signature is `(e, s)` and holds if `e` is the challenge of `R = sG + eA`. Whatever the bytes, that is computed without
//! a case that cannot be: a key that is no point of the curve is never used for arithmetic, additions on the curve have
//! no exceptions, and `R` need not be decoded. `s` is below 2^251 and need not be reduced: a second form of a signature is
//! good for nothing, because the nonce is used up. The circuit computes the same.

use crate::field::{self, Field};
use crate::poseidon::{self, Purpose};
use ark_ec::twisted_edwards::TECurveConfig;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ed_on_bn254::{EdwardsAffine, EdwardsConfig, Fr as Scalar};
use ark_ff::{BigInteger, Field as _, PrimeField};
use fairlane_types::{NetworkId, RollupId};
use sha2::{Digest, Sha512};

/// Bits of a challenge.
pub(crate) const CHALLENGE_BITS: usize = 128;
/// Bits that `s` may have.
pub(crate) const RESPONSE_BITS: usize = 251;

/// What every signature is bound to besides its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The sequencer's network.
    pub network: NetworkId,
    /// The rollup's id there.
    pub rollup: RollupId,
}

impl Context {
    /// The context as the circuit counts it: the network's first half, and the rollup with the network's second.
    fn elements(&self) -> [Field; 2] {
        let (high, low) = self.network.as_bytes().split_at(16);
        [field::from_number(high), field::from_number(&[&self.rollup.get().to_be_bytes(), low].concat())]
    }
}

/// What an account signs with.
#[derive(Clone)]
pub struct SecretKey(Scalar);

/// What an account's signatures are checked with: the coordinates of a point. Whether they are one is checked when it
/// matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublicKey {
    /// The first coordinate.
    pub x: Field,
    /// The second coordinate.
    pub y: Field,
}

impl PublicKey {
    /// Whether this is a point of the curve. Zeros, which an account has that nobody opened, are none.
    pub fn is_on_curve(&self) -> bool {
        let (x, y) = (self.x.square(), self.y.square());
        x + y == Field::ONE + EdwardsConfig::COEFF_D * x * y
    }
}

/// A signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The challenge, most significant byte first.
    pub challenge: [u8; CHALLENGE_BITS / 8],
    /// The response, most significant byte first.
    pub response: [u8; 32],
}

impl SecretKey {
    /// The key that follows from a seed.
    pub fn from_seed(seed: &[u8]) -> Self {
        let digest = Sha512::new_with_prefix(b"FAIRLANE-ZKK-v1").chain_update(seed).finalize();
        Self(Scalar::from_be_bytes_mod_order(&digest))
    }

    /// The key that belongs to this one.
    pub fn public(&self) -> PublicKey {
        let point = (EdwardsAffine::generator() * self.0).into_affine();
        PublicKey { x: point.x, y: point.y }
    }

    /// Signs a message. The nonce follows from key and message, so equal messages have equal signatures.
    pub fn sign(&self, context: &Context, message: [Field; 2]) -> Signature {
        let mut digest =
            Sha512::new_with_prefix(b"FAIRLANE-ZKN-v1").chain_update(self.0.into_bigint().to_bytes_be());
        for element in context.elements().iter().chain(&message) {
            digest.update(field::to_bytes(element));
        }
        let nonce = Scalar::from_be_bytes_mod_order(&digest.finalize());
        let challenge =
            challenge(context, &self.public(), &(EdwardsAffine::generator() * nonce).into_affine(), message);
        let response = nonce - Scalar::from_be_bytes_mod_order(&challenge) * self.0;
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&response.into_bigint().to_bytes_be());
        Signature { challenge, response: bytes }
    }
}

impl Signature {
    /// Whether the signature is the key's, for the message.
    pub fn is_valid(&self, context: &Context, key: &PublicKey, message: [Field; 2]) -> bool {
        if !key.is_on_curve() || self.response[0] >> (RESPONSE_BITS - 248) != 0 {
            return false;
        }
        let point = EdwardsAffine::new_unchecked(key.x, key.y);
        let response = Scalar::from_be_bytes_mod_order(&self.response);
        let mut limbs = [0; 4];
        for (limb, bytes) in limbs.iter_mut().zip(self.challenge.rchunks_exact(8)) {
            *limb = u64::from_be_bytes(std::array::from_fn(|at| bytes[at]));
        }
        let commitment = EdwardsAffine::generator() * response + point.mul_bigint(limbs);
        challenge(context, key, &commitment.into_affine(), message) == self.challenge
    }
}

/// The last 128 bits of the hash of all that is signed.
fn challenge(
    context: &Context,
    key: &PublicKey,
    commitment: &EdwardsAffine,
    message: [Field; 2],
) -> [u8; CHALLENGE_BITS / 8] {
    let [high, low] = context.elements();
    let elements = [high, low, key.x, key.y, commitment.x, commitment.y, message[0], message[1]];
    let hash = field::to_bytes(&poseidon::hash(Purpose::Challenge, &elements));
    std::array::from_fn(|at| hash[32 - CHALLENGE_BITS / 8 + at])
}
