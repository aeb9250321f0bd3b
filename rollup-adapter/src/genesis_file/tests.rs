use super::*;
use fairlane_types::SigningKey;

fn genesis() -> Genesis {
    let member = |seed: u8| Validator {
        id: SigningKey::from_seed(&[seed; 32]).validator(),
        power: VotingPower::new(u64::from(seed)),
        incarnation: Incarnation::ZERO,
    };
    Genesis {
        name: "test".to_owned(),
        time: Timestamp::from_nanos(1_700_000_000_123_456_789),
        params: ProtocolParams::default(),
        validators: ValidatorSet::new(vec![member(1), member(2)]).unwrap(),
        rollups: vec![
            RollupSpec::new(RollupId::new(1), GroupId::new(0)),
            RollupSpec::new(RollupId::new(7), GroupId::new(3)),
            RollupSpec { id: RollupId::new(9), rules: RollupRules { group: GroupId::ZERO, leg_bytes: 96 } },
        ],
        l1_chain_id: 0,
        stake_manager: [0; 20],
        l1_epoch: 0,
    }
}

/// The file's JSON after `change`, read back.
fn changed(change: impl FnOnce(&mut serde_json::Value)) -> Result<Genesis, GenesisFileError> {
    let dir = tempfile::tempdir().unwrap();
    let mut json = serde_json::to_value(GenesisFile::from(&genesis())).unwrap();
    json.as_object_mut().unwrap().remove("network");
    change(&mut json);
    let path = dir.path().join("genesis.json");
    std::fs::write(&path, json.to_string()).unwrap();
    read(&path)
}

fn message(result: Result<Genesis, GenesisFileError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_genesis_survives_the_way_through_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let with_l1 = Genesis { l1_chain_id: 31337, stake_manager: [0x5a; 20], l1_epoch: 12, ..genesis() };
    for (name, genesis) in [("a", genesis()), ("b", with_l1)] {
        let path = dir.path().join(name);
        write(&path, &genesis).unwrap();
        let back = read(&path).unwrap();
        assert_eq!(back, genesis);
        assert_eq!(back.network(), genesis.network());
        assert!(matches!(write(&path, &genesis), Err(GenesisFileError::Write { .. })));
    }
}

#[test]
fn parameters_that_are_left_out_have_their_defaults() {
    let back = changed(|json| json["params"] = serde_json::json!({ "expiry_bound": "30s" })).unwrap();
    assert_eq!(back.params, ProtocolParams { expiry_bound: 30_000_000_000, ..Default::default() });
}

#[test]
fn rollups_may_stand_in_any_order() {
    let back = changed(|json| json["rollups"].as_array_mut().unwrap().reverse()).unwrap();
    assert_eq!(back.rollups, genesis().rollups);
}

#[test]
fn another_network_id_is_refused() {
    let stated = "00".repeat(32);
    let error = message(changed(|json| json["network"] = stated.clone().into()));
    assert!(error.contains(&stated) && error.contains(&genesis().network().to_string()), "{error}");
}

#[test]
fn each_error_names_the_file_and_the_field() {
    type Change = fn(&mut serde_json::Value);
    let cases: [(&str, Change); 9] = [
        ("validators.id", |json| json["validators"][0]["id"] = "abc".into()),
        ("has no voting power", |json| json["validators"][0]["power"] = 0.into()),
        ("stands in the set twice", |json| json["validators"][1]["id"] = json["validators"][0]["id"].clone()),
        ("genesis rollups", |json| json["rollups"][1]["id"] = 1.into()),
        ("time", |json| json["time"] = "yesterday".into()),
        ("unknown field `colour`", |json| json["colour"] = "red".into()),
        ("unknown field `max_leg`", |json| json["params"]["max_leg"] = 1.into()),
        ("l1.stake_manager", |json| {
            json["l1"] = serde_json::json!({ "chain_id": 1, "stake_manager": "0x12", "epoch": 3 })
        }),
        ("max_leg_bytes", |json| json["params"]["max_leg_bytes"] = 1_000_000_000.into()),
    ];
    for (wanted, change) in cases {
        let error = message(changed(change));
        assert!(error.contains(wanted) && error.contains("genesis.json"), "{wanted}: {error}");
    }
}
