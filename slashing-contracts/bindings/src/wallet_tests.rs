use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

const SOURCE: KeySource =
    KeySource { whose: "operator", option: "--key-file", variable: "FAIRLANE_KEY_OF_NO_TEST" };

/// The test vector of Web3 Secret Storage with PBKDF2.
const KEYSTORE: &str = r#"{
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": { "iv": "6087dab2f9fdbbfaddc31a909735c1e6" },
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3
}"#;
const KEY: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";

fn file(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("operator.key");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    (home, path)
}

#[test]
fn a_keystore_opens_with_its_password_only() {
    let (_home, path) = file(KEYSTORE, 0o600);
    let plain: PrivateKeySigner = KEY.parse().unwrap();
    assert_eq!(SOURCE.unlock(&path, "testpassword").unwrap().address(), plain.address());
    let wrong = SOURCE.unlock(&path, "another").unwrap_err();
    assert!(matches!(wrong, WalletError::Locked { .. }), "{wrong}");
    let (_home, path) = file(r#"{"version": 3}"#, 0o600);
    assert!(matches!(SOURCE.unlock(&path, "testpassword"), Err(WalletError::Locked { .. })));
}

#[test]
fn a_file_of_digits_must_be_its_owners_alone() {
    let (_home, path) = file(KEY, 0o600);
    assert!(SOURCE.read(Some(&path)).is_ok());
    let (_home, path) = file(KEY, 0o644);
    assert!(matches!(SOURCE.read(Some(&path)), Err(WalletError::Permissions { .. })));
    let (_home, path) = file("no key at all", 0o600);
    let wrong = SOURCE.read(Some(&path)).unwrap_err();
    assert!(matches!(wrong, WalletError::Format { .. }) && !wrong.to_string().contains("no key"), "{wrong}");
    assert!(matches!(SOURCE.read(None), Err(WalletError::Missing { .. })));
}
