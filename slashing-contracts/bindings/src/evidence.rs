//! Handing evidence to the SlashingManager.
//!
//! Whether the evidence holds is for `fairlane-verify` to judge before, and for the contract in the end. One
//! offence is punished once, whoever was first, so "already slashed" is an ordinary outcome and no error.

use crate::contracts::SlashingManager;
use crate::contracts::SlashingManager::SlashingManagerErrors;
use crate::deployment::Contracts;
use crate::endpoint::read;
use crate::error::{CallError, Refusal};
use crate::sending::send;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_provider::DynProvider;
use alloy_rpc_types_eth::{BlockId, TransactionReceipt};
use alloy_sol_types::SolCall as _;
use fairlane_types::codec::{Encode as _, Writer};
use fairlane_types::evidence::{Evidence, OffenceSlot};

/// The name of an offence in the contracts: Keccak-256 of the evidence's kind and the slot's fields.
pub fn slot(evidence: &Evidence) -> B256 {
    let mut out = Writer::new();
    match evidence.slot() {
        OffenceSlot::Lane(validator, incarnation, seq) => {
            out.u8(1);
            validator.encode(&mut out);
            incarnation.encode(&mut out);
            seq.encode(&mut out);
        }
        OffenceSlot::Vote(validator, kind, height, round) => {
            out.u8(2);
            validator.encode(&mut out);
            out.u8(kind.tag());
            height.encode(&mut out);
            round.encode(&mut out);
        }
        OffenceSlot::Proposal(validator, height, round) => {
            out.u8(3);
            validator.encode(&mut out);
            height.encode(&mut out);
            round.encode(&mut out);
        }
    }
    keccak256(out.as_slice())
}

/// The call data of a submission, for who sends transactions in its own way.
pub fn call_data(evidence: &Evidence, reporter: Address) -> Bytes {
    let evidence = Bytes::from(evidence.to_bytes());
    SlashingManager::submitEvidenceCall { evidence, reporter }.abi_encode().into()
}

/// Whether an offence is punished already, in the newest state.
pub async fn is_punished(
    provider: &DynProvider,
    contracts: &Contracts,
    evidence: &Evidence,
) -> Result<bool, CallError> {
    is_convicted(provider, contracts, slot(evidence)).await
}

async fn is_convicted(provider: &DynProvider, contracts: &Contracts, slot: B256) -> Result<bool, CallError> {
    let slashing = SlashingManager::new(contracts.slashing_manager, provider);
    let call = slashing.convictionOf(slot);
    let conviction = read("asking for a conviction", call, BlockId::latest()).await?;
    Ok(conviction.operator != Address::ZERO)
}

/// What became of a submission.
#[derive(Clone, Debug)]
pub enum Submission {
    /// This transaction punished the offender.
    Punished(Box<TransactionReceipt>),
    /// Somebody proved the offence before.
    AlreadyPunished,
}

/// Submits evidence from `sender`, whose key `provider` signs with; `reporter` gets the reward.
pub async fn submit(
    provider: &DynProvider,
    contracts: &Contracts,
    evidence: &Evidence,
    sender: Address,
    reporter: Address,
) -> Result<Submission, CallError> {
    submit_bytes(provider, contracts, (slot(evidence), evidence.to_bytes().into()), sender, reporter).await
}

/// Submits a proof of the offence with this name.
pub(crate) async fn submit_bytes(
    provider: &DynProvider,
    contracts: &Contracts,
    (slot, evidence): (B256, Bytes),
    sender: Address,
    reporter: Address,
) -> Result<Submission, CallError> {
    let slashing = SlashingManager::new(contracts.slashing_manager, provider);
    let call = slashing.submitEvidence(evidence, reporter);
    match send("submitting evidence", provider, call.from(sender).into_transaction_request()).await {
        Ok(receipt) => Ok(Submission::Punished(Box::new(receipt))),
        Err(CallError::Refused { why, .. })
            if matches!(*why, Refusal::Slashing(SlashingManagerErrors::AlreadySlashed(_))) =>
        {
            Ok(Submission::AlreadyPunished)
        }
        Err(CallError::Reverted { .. }) if is_convicted(provider, contracts, slot).await? => {
            Ok(Submission::AlreadyPunished)
        }
        Err(error) => Err(error),
    }
}
