//! What is signed, and when.

use super::{KeySigner, SigningGate};
use crate::seams::{GuardError, SigningGuard};
use crate::testing::{NETWORK, keys};
use arc_malachitebft_app::types::core::{NilOrVal, Round, ValidatorProof};
use arc_malachitebft_signing::{Signer as _, Verifier as _};
use async_trait::async_trait;
use fairlane_agreement::{Address, BlockHeight, BlockValue, ProposalMessage, StrictVerifier, Vote};
use fairlane_types::vote::VoteKind;
use fairlane_types::{BlockId, Height};
use std::io;
use std::sync::Arc;

fn vote(validator: Address, kind: VoteKind, round: Round, value: NilOrVal<BlockId>) -> Vote {
    Vote { kind, height: BlockHeight(Height::new(5)), round, value, validator }
}

#[tokio::test]
async fn nothing_is_signed_for_the_nil_round() {
    let key = keys(4).remove(0);
    let me = Address(key.validator());
    let signer = KeySigner::new(NETWORK, key, SigningGate::new(Height::new(4), None));
    assert!(signer.sign_vote(vote(me, VoteKind::Prevote, Round::Nil, NilOrVal::Nil)).await.is_err());
    let proposal = ProposalMessage {
        height: BlockHeight(Height::FIRST),
        round: Round::Nil,
        value: BlockValue(BlockId::ZERO),
        pol_round: Round::Nil,
        proposer: me,
    };
    assert!(signer.sign_proposal(proposal).await.is_err());
}

#[tokio::test]
async fn a_validator_proof_binds_the_key_to_the_peer() {
    let key = keys(4).remove(0);
    let public = key.validator().as_bytes().to_vec();
    let signer = KeySigner::new(NETWORK, key, SigningGate::new(Height::new(4), None));
    let verifier = StrictVerifier::new(NETWORK);
    let proof = signer.sign_validator_proof(public.clone(), vec![1, 2, 3]).await.expect("signs");
    let valid = |proof: ValidatorProof<_>| async move {
        verifier.verify_validator_proof(&proof).await.expect("never fails").is_valid()
    };
    assert!(valid(proof.clone()).await);
    assert!(!valid(ValidatorProof::new(public, vec![1, 2, 4], proof.signature)).await);
    assert!(!valid(ValidatorProof::new(vec![0; 32], vec![1, 2, 3], proof.signature)).await);
    assert!(!valid(ValidatorProof::new(vec![1; 5], vec![1, 2, 3], proof.signature)).await);
}

#[tokio::test]
async fn nothing_is_signed_before_the_decision_before_it_is_on_disk() {
    let key = keys(4).remove(0);
    let me = Address(key.validator());
    let gate = SigningGate::new(Height::new(2), None);
    let signer = KeySigner::new(NETWORK, key, gate.clone());
    let signing = tokio::spawn(async move {
        signer.sign_vote(vote(me, VoteKind::Prevote, Round::new(0), NilOrVal::Nil)).await.is_ok()
    });
    gate.written(Height::new(3));
    tokio::task::yield_now().await;
    assert!(!signing.is_finished(), "block 4 is not on disk, and the vote is for block 5");
    gate.written(Height::new(4));
    assert!(signing.await.expect("it does not panic"));
}

/// Permits what lies up to a height.
#[derive(Debug)]
struct UpTo(Height);

#[async_trait]
impl SigningGuard for UpTo {
    fn reserved(&self) -> Height {
        self.0
    }

    async fn permit(&self, height: Height) -> Result<(), GuardError> {
        let full = || Arc::new(io::Error::from(io::ErrorKind::StorageFull));
        if height <= self.0 { Ok(()) } else { Err(GuardError { height, source: full() }) }
    }
}

#[tokio::test]
async fn nothing_is_signed_that_the_guard_does_not_permit() {
    let key = keys(4).remove(0);
    let me = Address(key.validator());
    for (last, may_sign) in [(5, true), (4, false)] {
        let gate = SigningGate::new(Height::new(4), Some(Arc::new(UpTo(Height::new(last)))));
        let signer = KeySigner::new(NETWORK, key.clone(), gate.clone());
        let signed = signer.sign_vote(vote(me, VoteKind::Prevote, Round::new(0), NilOrVal::Nil)).await;
        assert_eq!(signed.is_ok(), may_sign);
        let proposal = ProposalMessage {
            height: BlockHeight(Height::new(5)),
            round: Round::new(0),
            value: BlockValue(BlockId::ZERO),
            pol_round: Round::Nil,
            proposer: me,
        };
        assert_eq!(signer.sign_proposal(proposal).await.is_ok(), may_sign);
        if !may_sign {
            assert_eq!(gate.refused().await.height, Height::new(5), "the engine hears of it");
        }
    }
}

#[tokio::test]
async fn a_height_is_held_for_its_decision_only_where_something_was_signed() {
    let gate = SigningGate::new(Height::new(2), None);
    assert!(gate.has_signed(Height::new(3)), "after a start nobody knows");
    assert!(!gate.has_signed(Height::new(4)));
    gate.resume(Height::new(7));
    assert!(gate.has_signed(Height::new(8)) && !gate.has_signed(Height::new(9)));
    gate.written(Height::new(9));
    gate.pass(Height::new(10)).await.expect("there is no guard");
    assert!(gate.has_signed(Height::new(10)) && !gate.has_signed(Height::new(11)));
    gate.written(Height::new(3));
    gate.pass(Height::new(10)).await.expect("there is no guard");
}
