//! Round trips, and garbage.

use super::WireCodec;
use crate::stream::stream;
use crate::testing::{NETWORK, Noise, keys, proposal};
use arc_malachitebft_app::consensus::LivenessMsg;
use arc_malachitebft_app::streaming::{StreamContent, StreamId, StreamMessage};
use arc_malachitebft_app::types::codec::{Codec, HasEncodedLen as _};
use arc_malachitebft_app::types::core::{
    ExtendedCommitCertificate, ExtendedCommitSignature, NilOrVal, PolkaCertificate, PolkaSignature, Round,
    RoundCertificate, RoundCertificateType, RoundSignature, SignedProposal, SignedVote, ValidatorProof,
    Validity, VoteType,
};
use arc_malachitebft_app::types::sync::{RawDecidedValue, Request, Response, Status};
use arc_malachitebft_app::types::{PeerId, ProposedValue, SignedConsensusMsg};
use arc_malachitebft_sync::{ValueRequest, ValueResponse};
use bytes::Bytes;
use fairlane_agreement::{
    Address, BlockHeight, BlockValue, FairlaneContext, MAX_PAYLOAD_BYTES, PartPlace, ProposalMessage,
    ProposalPart, Vote,
};
use fairlane_types::vote::VoteKind;
use fairlane_types::{BlockId, DecodeError, Height, Round as DomainRound, Signature};
use std::fmt::Debug;

const BLOCK: BlockId = BlockId::from_bytes([3; 32]);
const SIGNATURE: Signature = Signature::from_bytes([4; 64]);

fn address(at: usize) -> Address {
    Address(keys(4)[at].validator())
}

fn height(height: u64) -> BlockHeight {
    BlockHeight(Height::new(height))
}

fn vote(round: Round, value: NilOrVal<BlockId>) -> SignedVote<FairlaneContext> {
    let vote = Vote { kind: VoteKind::Prevote, height: height(4), round, value, validator: address(0) };
    SignedVote::new(vote, SIGNATURE)
}

fn proposal_message(round: Round, pol_round: Round) -> SignedProposal<FairlaneContext> {
    let message = ProposalMessage {
        height: height(4),
        round,
        value: BlockValue(BLOCK),
        pol_round,
        proposer: address(1),
    };
    SignedProposal::new(message, SIGNATURE)
}

fn polka() -> PolkaCertificate<FairlaneContext> {
    let signed = |at| PolkaSignature::new(address(at), SIGNATURE);
    PolkaCertificate {
        height: height(4),
        round: Round::new(1),
        value_id: BLOCK,
        polka_signatures: (0..3).map(signed).collect(),
    }
}

fn round_certificate() -> RoundCertificate<FairlaneContext> {
    let signed = |vote_type, value, at| RoundSignature::new(vote_type, value, address(at), SIGNATURE);
    RoundCertificate {
        height: height(4),
        round: Round::new(1),
        cert_type: RoundCertificateType::Precommit,
        round_signatures: vec![
            signed(VoteType::Prevote, NilOrVal::Nil, 0),
            signed(VoteType::Precommit, NilOrVal::Val(BLOCK), 1),
        ],
    }
}

fn part() -> ProposalPart {
    let place = PartPlace {
        height: Height::new(4),
        round: DomainRound::new(2),
        valid_round: Some(DomainRound::ZERO),
    };
    ProposalPart::sign(&NETWORK, &keys(4)[0], place, &proposal(&keys(4), Height::new(4), 1))
}

fn decided(at: u64) -> RawDecidedValue<FairlaneContext> {
    let certificate = ExtendedCommitCertificate {
        height: height(at),
        round: Round::new(1),
        value_id: BLOCK,
        commit_signatures: (0..4)
            .map(|at| ExtendedCommitSignature::new(address(at), SIGNATURE, None))
            .collect(),
    };
    RawDecidedValue::new(Bytes::from(vec![at as u8; 100]), certificate)
}

fn response() -> Response<FairlaneContext> {
    Response::ValueResponse(ValueResponse::new(height(7), vec![decided(7), decided(8)]))
}

/// Encodes, decodes, compares; then every shorter input must fail, and so must one more byte.
fn round_trip<T: PartialEq + Debug>(message: &T)
where
    WireCodec: Codec<T, Error = DecodeError>,
{
    let bytes = WireCodec.encode(message).expect("it can be encoded");
    let decode = |bytes: Bytes| <WireCodec as Codec<T>>::decode(&WireCodec, bytes);
    assert_eq!(&decode(bytes.clone()).expect("it can be decoded"), message);
    for len in 0..bytes.len() {
        assert!(decode(bytes.slice(..len)).is_err(), "{len} of {} bytes", bytes.len());
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert!(decode(longer.into()).is_err(), "a byte too many");
}

#[test]
fn messages_come_back_as_they_were() {
    round_trip(&SignedConsensusMsg::Vote(vote(Round::new(0), NilOrVal::Nil)));
    round_trip(&SignedConsensusMsg::Vote(vote(Round::new(9), NilOrVal::Val(BLOCK))));
    round_trip(&SignedConsensusMsg::Proposal(proposal_message(Round::new(3), Round::Nil)));
    round_trip(&SignedConsensusMsg::Proposal(proposal_message(Round::new(3), Round::new(1))));
    round_trip(&LivenessMsg::<FairlaneContext>::Vote(vote(Round::new(0), NilOrVal::Nil)));
    round_trip(&LivenessMsg::PolkaCertificate(polka()));
    round_trip(&LivenessMsg::SkipRoundCertificate(round_certificate()));
    round_trip(&polka());
    round_trip(&part());
    round_trip(&stream(part()));
    round_trip(&StreamMessage::<ProposalPart>::new(StreamId::new(vec![1].into()), 9, StreamContent::Fin));
    round_trip(&ValidatorProof::<FairlaneContext>::new(vec![1; 32], vec![2; 38], SIGNATURE));
    round_trip(&ProposedValue::<FairlaneContext> {
        height: height(4),
        round: Round::new(1),
        valid_round: Round::Nil,
        proposer: address(1),
        value: BlockValue(BLOCK),
        validity: Validity::Invalid,
    });
}

#[test]
fn sync_messages_come_back_as_they_were() {
    let peer_id = PeerId::from_bytes(&[&[0, 36, 8, 1, 18, 32][..], &[5; 32]].concat()).expect("a peer id");
    round_trip(&Status::<FairlaneContext> { peer_id, tip_height: height(9), history_min_height: height(1) });
    round_trip(&Request::<FairlaneContext>::ValueRequest(ValueRequest::new(height(3)..=height(200))));
    round_trip(&response());
    let encoded = WireCodec.encode(&response()).expect("it can be encoded");
    assert_eq!(WireCodec.encoded_len(&response()).expect("it has a length"), encoded.len());
}

#[test]
fn requests_for_nothing_or_too_much_are_refused() {
    let decode = |first, last| {
        let request =
            Request::<FairlaneContext>::ValueRequest(ValueRequest::new(height(first)..=height(last)));
        let bytes = WireCodec.encode(&request).expect("it can be encoded");
        <WireCodec as Codec<Request<FairlaneContext>>>::decode(&WireCodec, bytes)
    };
    assert!(decode(5, 4).is_err());
    assert!(decode(0, u64::MAX).is_err());
    assert!(decode(1, super::MAX_SYNC_VALUES as u64 + 1).is_err());
    assert!(decode(1, super::MAX_SYNC_VALUES as u64).is_ok());
}

#[test]
fn votes_and_proposals_without_a_sensible_round_are_refused() {
    let decode = |message: SignedConsensusMsg<FairlaneContext>| {
        let bytes = WireCodec.encode(&message).expect("it can be encoded");
        <WireCodec as Codec<SignedConsensusMsg<FairlaneContext>>>::decode(&WireCodec, bytes)
    };
    for round in [Round::Nil, Round::new(u32::MAX - 1), Round::new(super::MAX_ROUND + 1)] {
        assert!(decode(SignedConsensusMsg::Vote(vote(round, NilOrVal::Nil))).is_err(), "{round:?}");
        assert!(
            decode(SignedConsensusMsg::Proposal(proposal_message(round, Round::Nil))).is_err(),
            "{round:?}"
        );
    }
    let last = Round::new(super::MAX_ROUND);
    assert!(decode(SignedConsensusMsg::Vote(vote(last, NilOrVal::Nil))).is_ok());
}

#[test]
fn counts_beyond_the_limits_are_refused_before_anything_is_allocated() {
    let mut certificate = WireCodec.encode(&polka()).expect("it can be encoded").to_vec();
    let count_at = 8 + 4 + 32;
    certificate[count_at..count_at + 4].copy_from_slice(&u32::MAX.to_be_bytes());
    let decoded =
        <WireCodec as Codec<PolkaCertificate<FairlaneContext>>>::decode(&WireCodec, certificate.into());
    assert!(matches!(decoded, Err(DecodeError::TooLarge { .. })), "{decoded:?}");

    let mut oversized = part();
    oversized.payload = Bytes::from(vec![0; MAX_PAYLOAD_BYTES + 1]);
    let bytes = WireCodec.encode(&oversized).expect("it can be encoded");
    assert!(<WireCodec as Codec<ProposalPart>>::decode(&WireCodec, bytes).is_err());
}

/// Decodes as everything that the network and the log decode.
fn decode_as_everything(bytes: &Bytes) {
    fn decode<T>(bytes: &Bytes)
    where
        WireCodec: Codec<T>,
    {
        // Whether it fails is not the question: it must not panic, and not allocate without bound.
        let _ = <WireCodec as Codec<T>>::decode(&WireCodec, bytes.clone());
    }
    decode::<SignedConsensusMsg<FairlaneContext>>(bytes);
    decode::<LivenessMsg<FairlaneContext>>(bytes);
    decode::<PolkaCertificate<FairlaneContext>>(bytes);
    decode::<ProposalPart>(bytes);
    decode::<StreamMessage<ProposalPart>>(bytes);
    decode::<ProposedValue<FairlaneContext>>(bytes);
    decode::<ValidatorProof<FairlaneContext>>(bytes);
    decode::<Status<FairlaneContext>>(bytes);
    decode::<Request<FairlaneContext>>(bytes);
    decode::<Response<FairlaneContext>>(bytes);
}

#[test]
fn garbage_never_panics() {
    let seed = 0x5eed_0001;
    let mut noise = Noise(seed);
    for _ in 0..3_000 {
        let len = (noise.next() % 400) as usize;
        decode_as_everything(&noise.bytes(len).into());
    }
    let samples = [
        WireCodec.encode(&stream(part())).expect("it can be encoded"),
        WireCodec.encode(&response()).expect("it can be encoded"),
        WireCodec.encode(&LivenessMsg::SkipRoundCertificate(round_certificate())).expect("it can be encoded"),
    ];
    for sample in samples {
        for _ in 0..2_000 {
            let mut bytes = sample.to_vec();
            let at = noise.next() as usize % bytes.len();
            bytes[at] = noise.next() as u8;
            decode_as_everything(&bytes.into());
        }
    }
}

/// The inputs that fuzzing keeps, as they are, cut off anywhere, and with any one bit changed.
#[test]
fn kept_inputs_of_the_fuzzer_and_their_neighbours_keep_every_promise() {
    let mut count = 0;
    for file in std::fs::read_dir("../../fuzz/corpus/engine").unwrap() {
        let input = std::fs::read(file.unwrap().path()).unwrap();
        let Some((kind, message)) = input.split_first() else { continue };
        super::fuzzing::read(*kind, message);
        for at in 0..message.len() {
            super::fuzzing::read(*kind, &message[..at]);
            for bit in 0..8 {
                let mut changed = message.to_vec();
                changed[at] ^= 1 << bit;
                super::fuzzing::read(*kind, &changed);
            }
        }
        count += 1;
    }
    assert!(count >= 20, "{count} inputs are kept");
}
