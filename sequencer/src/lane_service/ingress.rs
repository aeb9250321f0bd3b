//! What a transaction must fulfil before this node takes it. Pure: time and state arrive as arguments.
//!
//! These checks spare clients from waiting for something that will never be ordered. None of them is a rule of the
//! protocol: what is expired, unknown or repeated is skipped when ordering, whoever let it in.

use fairlane_proto::v1::Refusal;
use fairlane_types::{Leg, ProtocolParams, RollupTable, Timestamp, Transaction, TransactionError};

/// Why a transaction is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// For programs.
    pub(super) reason: Refusal,
    /// For people: what is wrong and what to do.
    pub(super) message: String,
}

impl Refused {
    pub(super) fn new(reason: Refusal, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// Whether anything is ordered for a leg's rollup, and such legs are.
fn check_leg(leg: &Leg, rollups: &RollupTable) -> Result<(), Refused> {
    let Some(rules) = rollups.get(&leg.rollup) else {
        let message =
            format!("this network does not order for rollup {}: it is not registered, or closed", leg.rollup);
        return Err(Refused::new(Refusal::UnknownRollup, message));
    };
    if !rules.admit(leg) {
        let message = format!(
            "a payload of rollup {} has {} bytes, this one has {}: the rollup is registered with that length",
            leg.rollup,
            rules.leg_bytes,
            leg.payload.len()
        );
        return Err(Refused::new(Refusal::WrongSize, message));
    }
    Ok(())
}

/// How far chain time may lag behind local time before it is not believed any more, in nanoseconds.
const BELIEVED_LAG: u64 = 2_000_000_000;

/// What submitted transactions are checked against.
#[derive(Debug)]
pub(super) struct Ingress {
    pub(super) params: ProtocolParams,
}

impl Ingress {
    /// Sizes, expiry and rollups: the network orders for `rollups`. `chain_time` is the last block's.
    pub(super) fn check(
        &self,
        transaction: &Transaction,
        rollups: &RollupTable,
        now: Timestamp,
        chain_time: Timestamp,
    ) -> Result<(), Refused> {
        transaction.check_limits(&self.params).map_err(|error| {
            let reason = match error {
                TransactionError::LegTooLarge { .. } | TransactionError::TooLarge { .. } => Refusal::TooLarge,
                TransactionError::LegCount(_) | TransactionError::Malformed(_) => Refusal::Malformed,
            };
            Refused::new(reason, error.to_string())
        })?;
        transaction.legs().iter().try_for_each(|leg| check_leg(leg, rollups))?;
        let expires = transaction.expires_at();
        if expires <= now.max(chain_time) {
            return Err(Refused::new(
                Refusal::Expired,
                "the transaction has expired: set a later expires_at",
            ));
        }
        let from = chain_time.max(now.saturating_sub(BELIEVED_LAG));
        let latest = from.saturating_add(self.params.expiry_bound);
        if expires > latest {
            let seconds = self.params.expiry_bound / 1_000_000_000;
            let message = format!(
                "expires_at is too far ahead: the latest that is taken now is {latest} ns, at most {seconds} s after \
                 chain time"
            );
            return Err(Refused::new(Refusal::ExpiryTooFar, message));
        }
        Ok(())
    }
}
