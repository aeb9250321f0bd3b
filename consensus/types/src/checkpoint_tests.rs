use super::*;

#[test]
fn signers_are_bits_from_the_least_significant() {
    let mut signers = Signers::NONE;
    for member in [0, 7, 8, 200, 255, 256, 10_000] {
        signers.insert(member);
    }
    assert_eq!(signers.iter().collect::<Vec<_>>(), [0, 7, 8, 200, 255]);
    assert_eq!(signers.as_bytes()[31], 0b1000_0001);
    assert_eq!(signers.as_bytes()[30], 1);
    assert_eq!(signers.as_bytes()[0], 0b1000_0000);
    assert!(!signers.contains(256) && !signers.contains(10_000));
}

#[test]
fn a_conflict_is_named_by_validator_and_height() {
    let checkpoint = |block| Checkpoint {
        network: NetworkId::from_bytes([1; 32]),
        height: Height::new(5),
        block: BlockId::from_bytes([block; 32]),
        heads_root: Hash32::ZERO,
        validators_hash: Hash32::ZERO,
        next_validators_hash: Hash32::ZERO,
    };
    let signature = CheckpointSignature::from_bytes([9; 192]);
    let conflict = CheckpointConflict {
        validator: ValidatorId::from_bytes([2; 32]),
        key: CheckpointPublicKey::from_bytes([3; 96]),
        statements: Box::new([(checkpoint(1), signature), (checkpoint(2), signature)]),
    };
    assert_eq!(conflict.to_bytes().len(), CheckpointConflict::BYTES);
    let read =
        CheckpointConflict::decode(NetworkId::from_bytes([1; 32]), &mut Reader::new(conflict.to_bytes()));
    assert_eq!(read.unwrap(), conflict);
    assert!(
        CheckpointConflict::decode(NetworkId::from_bytes([1; 32]), &mut Reader::new(vec![3; 785])).is_err()
    );
    assert_eq!(conflict.slot(), [vec![4], vec![2; 32], 5u64.to_be_bytes().to_vec()].concat());
}
