use super::*;
use crate::config::{Home, L1Config};
use crate::testing::genesis;
use fairlane_types::{Hash32, SigningKey};
use std::collections::BTreeSet;

#[test]
fn each_validator_but_the_offender_has_a_turn_of_its_own() {
    let genesis = genesis(&[1, 2, 3, 4]);
    let id = |seed: u8| SigningKey::from_seed(&[seed; 32]).validator();
    let offender = id(4);
    let mut first = BTreeSet::new();
    for offence in 0..32u8 {
        let offence = Hash32::from_bytes([offence; 32]);
        let rank = |own| Rank::new(own, genesis.validators.clone()).of(&offence, &offender);
        let ranks: BTreeSet<u32> = (1..=3).filter_map(|seed| rank(Some(id(seed)))).collect();
        assert_eq!(ranks, BTreeSet::from([0, 1, 2]));
        assert_eq!(rank(None), Some(3), "a node that is no validator comes last");
        assert_eq!(rank(Some(offender)), None, "nobody is paid for accusing itself");
        first.extend((1..=3).filter(|seed| rank(Some(id(*seed))) == Some(0)));
    }
    assert_eq!(first.len(), 3, "the work is shared");
}

#[test]
fn without_endpoints_nothing_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let settings = L1Settings::read(&L1Config::default(), &Home::new(folder.path()), &genesis(&[1])).unwrap();
    assert!(settings.is_none());
}

#[test]
fn a_network_without_stake_needs_no_ethereum() {
    let folder = tempfile::tempdir().unwrap();
    let config = L1Config { rpc_urls: vec!["http://127.0.0.1:1".into()], ..L1Config::default() };
    let refused = L1Settings::read(&config, &Home::new(folder.path()), &genesis(&[1])).unwrap_err();
    assert!(matches!(refused, L1Error::NoL1), "{refused}");
    let mut staked = genesis(&[1]);
    staked.l1_chain_id = 31337;
    let refused = L1Settings::read(&config, &Home::new(folder.path()), &staked).unwrap_err();
    assert!(refused.to_string().contains("l1.json"), "{refused}");
}
