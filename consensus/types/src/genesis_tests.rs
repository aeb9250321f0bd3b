//! What makes no genesis, and that the network id covers everything.

use super::*;
use crate::crypto::SigningKey;
use crate::ids::{GroupId, Incarnation, RollupId, VotingPower};
use crate::validator::Validator;

fn genesis() -> Genesis {
    let id = SigningKey::from_seed(&[1; 32]).validator();
    let member = Validator { id, power: VotingPower::new(1), incarnation: Incarnation::ZERO };
    Genesis {
        name: "test".to_owned(),
        time: Timestamp::from_nanos(1),
        params: ProtocolParams::default(),
        validators: ValidatorSet::new(vec![member]).unwrap(),
        rollups: rollups(&[1, 2]),
        l1_chain_id: 1,
        stake_manager: [1; 20],
        l1_epoch: 3,
    }
}

fn rollups(ids: &[u64]) -> Vec<RollupSpec> {
    ids.iter().map(|id| RollupSpec::new(RollupId::new(*id), GroupId::ZERO)).collect()
}

fn refused(change: impl FnOnce(&mut Genesis)) -> &'static str {
    let mut genesis = genesis();
    change(&mut genesis);
    let verdict = genesis.check();
    assert!(Genesis::from_bytes(genesis.to_bytes()).is_err(), "what does not check is not decoded");
    match verdict {
        Err(DecodeError::Invalid { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_misfit_is_named() {
    assert_eq!(genesis().check(), Ok(()));
    assert_eq!(refused(|genesis| genesis.name.clear()), "genesis name");
    assert_eq!(refused(|genesis| genesis.name = "x".repeat(65)), "genesis name");
    assert_eq!(refused(|genesis| genesis.rollups = rollups(&[2, 1])), "genesis rollups");
    assert_eq!(refused(|genesis| genesis.rollups = rollups(&[1, 1])), "genesis rollups");
    let many: Vec<u64> = (0..=MAX_ROLLUPS as u64).collect();
    assert_eq!(refused(|genesis| genesis.rollups = rollups(&many)), "genesis rollups");
    assert_eq!(refused(|genesis| genesis.l1_chain_id = 0), "genesis stake");
    assert_eq!(refused(|genesis| genesis.params.group_cap = 0), "protocol parameter");
}

#[test]
fn a_name_must_be_text() {
    let mut bytes = genesis().to_bytes();
    bytes[4] = 0xff;
    let expected = DecodeError::Invalid { what: "genesis name", why: "it is not UTF-8" };
    assert_eq!(Genesis::from_bytes(bytes), Err(expected));
}

#[test]
fn the_network_covers_everything() {
    let changes: [fn(&mut Genesis); 9] = [
        |genesis| genesis.name.push('x'),
        |genesis| genesis.time = Timestamp::from_nanos(2),
        |genesis| genesis.params.expiry_bound += 1,
        |genesis| genesis.rollups = rollups(&[1]),
        |genesis| genesis.rollups[1].rules.group = GroupId::new(1),
        |genesis| genesis.rollups[1].rules.leg_bytes = 1,
        |genesis| genesis.l1_chain_id = 2,
        |genesis| genesis.stake_manager = [2; 20],
        |genesis| genesis.l1_epoch = 4,
    ];
    for change in changes {
        let mut other = genesis();
        change(&mut other);
        assert_ne!(other.network(), genesis().network());
    }
}
