use super::*;
use std::os::unix::fs::PermissionsExt as _;

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_key_survives_the_way_through_its_file() {
    let dir = directory();
    let path = dir.path().join("keys/consensus.key");
    write(KeyKind::Consensus, &path, &[7; 32]).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(read_consensus(&path).unwrap().validator(), SigningKey::from_seed(&[7; 32]).validator());
}

#[test]
fn generated_keys_differ() {
    let dir = directory();
    let [a, b] = ["a", "b"].map(|name| {
        let path = dir.path().join(name);
        generate(KeyKind::Network, &path).unwrap();
        read_network(&path).unwrap().public().to_peer_id()
    });
    assert_ne!(a, b);
}

#[test]
fn a_key_is_never_overwritten() {
    let dir = directory();
    let path = dir.path().join("key");
    write(KeyKind::Consensus, &path, &[7; 32]).unwrap();
    assert!(matches!(write(KeyKind::Consensus, &path, &[8; 32]), Err(KeyError::Exists(_))));
    assert_eq!(read_consensus(&path).unwrap().seed(), [7; 32]);
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let dir = directory();
    let path = dir.path().join("key");
    write(KeyKind::Consensus, &path, &[7; 32]).unwrap();
    for mode in [0o640, 0o604, 0o610] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = read_consensus(&path).unwrap_err();
        assert!(matches!(error, KeyError::Permissions { mode: found, .. } if found == mode));
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}

#[test]
fn one_kind_is_not_taken_for_the_other() {
    let dir = directory();
    let path = dir.path().join("key");
    write(KeyKind::Network, &path, &[7; 32]).unwrap();
    assert!(matches!(read_consensus(&path), Err(KeyError::Format { .. })));
}

#[test]
fn what_is_no_key_file_is_refused_without_printing_it() {
    let dir = directory();
    let first = KeyKind::Consensus.first_line();
    for (number, content) in [
        String::new(),
        "secretsecret".to_owned(),
        format!("{first}\nsecretsecret\n"),
        format!("{first}\n{}\nsecretsecret", "ab".repeat(32)),
        "secretsecret\n".repeat(100),
    ]
    .into_iter()
    .enumerate()
    {
        let path = dir.path().join(number.to_string());
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let error = read_consensus(&path).unwrap_err();
        assert!(matches!(error, KeyError::Format { .. }), "{error}");
        assert!(!error.to_string().contains("secretsecret"), "{error}");
    }
}

#[test]
fn a_missing_key_says_how_to_make_one() {
    let error = read_consensus(Path::new("/nonexistent/key")).unwrap_err();
    assert!(matches!(error, KeyError::Missing(_)));
    assert!(error.to_string().contains("fairlane keys generate"));
}
