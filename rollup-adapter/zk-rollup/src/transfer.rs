//! Transfers as clients send them: payloads of 85 bytes, whose items then have 128 bytes in a batch, two blocks of SHA-256.

use crate::field::{self, Field};
use crate::keys::{Context, SecretKey, Signature};
use crate::tree::ACCOUNTS;
use std::array;

/// The number of an account, below 16,384. The contract on Ethereum assigns them, from 0.
pub type AccountId = u16;

/// An address on Ethereum.
pub type Address = [u8; 20];

/// Bytes of a payload.
pub const PAYLOAD_BYTES: usize = 85;

/// What is added to the kind of a transfer that is a leg of a bundle.
const IN_BUNDLE: u8 = 2;

/// Where value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Another account, or the same.
    Account(AccountId),
    /// An address on Ethereum, which can claim it once the batch is settled.
    Ethereum(Address),
}

/// What an account orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Who pays.
    pub from: AccountId,
    /// Who receives.
    pub to: Destination,
    /// How much, in units of the contract.
    pub amount: u64,
    /// How many transfers the account made before.
    pub nonce: u32,
}

impl Transfer {
    /// Signs it: the payload of a transaction of its own. As a leg of a bundle it does nothing.
    pub fn sign(&self, context: &Context, key: &SecretKey) -> [u8; PAYLOAD_BYTES] {
        self.signed(context, key, 0)
    }

    /// Signs it: the payload of a bundle's leg. Alone it does nothing. In which bundle, and with what, is not signed.
    pub fn sign_leg(&self, context: &Context, key: &SecretKey) -> [u8; PAYLOAD_BYTES] {
        self.signed(context, key, IN_BUNDLE)
    }

    fn signed(&self, context: &Context, key: &SecretKey, place: u8) -> [u8; PAYLOAD_BYTES] {
        let mut payload = [0; PAYLOAD_BYTES];
        let (kind, to) = match self.to {
            Destination::Account(account) => {
                let mut to = [0; 20];
                to[18..].copy_from_slice(&account.to_be_bytes());
                (0, to)
            }
            Destination::Ethereum(address) => (1, address),
        };
        payload[0] = kind + place;
        payload[1..5].copy_from_slice(&u32::from(self.from).to_be_bytes());
        payload[5..25].copy_from_slice(&to);
        payload[25..33].copy_from_slice(&self.amount.to_be_bytes());
        payload[33..37].copy_from_slice(&self.nonce.to_be_bytes());
        let signature = key.sign(context, Fields::of(&payload).message);
        payload[37..53].copy_from_slice(&signature.challenge);
        payload[53..].copy_from_slice(&signature.response);
        payload
    }
}

/// A payload taken apart, whatever it says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) kind: u8,
    pub(crate) from: u32,
    pub(crate) to: Address,
    pub(crate) amount: u64,
    pub(crate) nonce: u32,
    pub(crate) signature: Signature,
    /// What is signed: all but the signature, in two elements.
    pub(crate) message: [Field; 2],
}

impl Fields {
    pub(crate) fn of(payload: &[u8; PAYLOAD_BYTES]) -> Self {
        Self {
            kind: payload[0],
            from: u32::from_be_bytes(array::from_fn(|at| payload[1 + at])),
            to: array::from_fn(|at| payload[5 + at]),
            amount: u64::from_be_bytes(array::from_fn(|at| payload[25 + at])),
            nonce: u32::from_be_bytes(array::from_fn(|at| payload[33 + at])),
            signature: Signature {
                challenge: array::from_fn(|at| payload[37 + at]),
                response: array::from_fn(|at| payload[53 + at]),
            },
            message: [field::from_number(&payload[..25]), field::from_number(&payload[25..37])],
        }
    }

    /// The number that the sender's account has, or would have.
    pub(crate) fn sender(&self) -> u32 {
        self.from
    }

    /// The number that the receiver's account has, or would have: the end of the destination.
    pub(crate) fn receiver(&self) -> u32 {
        u32::from_be_bytes(array::from_fn(|at| self.to[16 + at]))
    }

    /// Whether the destination is an account's number.
    pub(crate) fn names_account(&self) -> bool {
        self.to[..16].iter().all(|byte| *byte == 0) && self.receiver() < ACCOUNTS
    }
}
