//! The test vectors, through the same replay as the example that anybody can run on a file of their own.

use crate::replay::replay_all;

const FILE: &str = include_str!("../../vectors/ordering.json");

fn replay(text: &str) -> Result<usize, String> {
    replay_all(text, &mut |_| {})
}

#[test]
fn all_vectors_agree() {
    assert_eq!(replay(FILE), Ok(14));
}

/// A changed expectation is found, and named.
#[test]
fn differences_are_named() {
    let mut file: serde_json::Value = serde_json::from_str(FILE).expect("the file is JSON");
    let heights = |name: &str| format!("vector {name}: height 1: ");
    for (vector, name, field, value) in [
        (0, "v1_unanimous", "emit", serde_json::json!([["b"], ["a"], ["c"]])),
        (4, "v5_partial_visibility", "pending", serde_json::json!([])),
        (5, "v6_deferred_then_blocker_first", "blocked", serde_json::json!(["u"])),
        (2, "v3_condorcet_four_cycle", "keys", serde_json::json!({"a": [32, 23, 33]})),
    ] {
        let right = std::mem::replace(&mut file["vectors"][vector]["heights"][0][field], value);
        let error = replay(&file.to_string()).expect_err("the expectation is wrong");
        assert!(error.starts_with(&(heights(name) + field)), "{error}");
        assert!(error.contains("expected") && error.contains("got"), "{error}");
        file["vectors"][vector]["heights"][0][field] = right;
    }
}

#[test]
fn malformed_files_are_refused() {
    for text in [
        "",
        "{}",
        r#"{"vectors": 1}"#,
        r#"{"vectors": [{"name": "x"}]}"#,
        r#"{"vectors": [{"weights": [], "heights": []}]}"#,
        r#"{"vectors": [{"weights": [1], "heights": [{"lanes": [], "emit": []}]}]}"#,
        r#"{"vectors": [{"weights": [1], "heights": [{"lanes": [{"entries": [["a"]]}], "emit": []}]}]}"#,
        r#"{"vectors": [{"weights": [1], "heights": [{"lanes": [{"entries": [["a", -1]]}], "emit": []}]}]}"#,
    ] {
        assert!(replay(text).is_err(), "{text}");
    }
}
