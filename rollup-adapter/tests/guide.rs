//! The programs that the guide shows are the examples, which are compiled and run.

use std::fs::read_to_string;

#[test]
fn the_guide_shows_the_examples_as_they_are() {
    let guide = read_to_string("../docs/rollups/README.md").unwrap();
    for name in ["subscribe", "submit"] {
        let program = read_to_string(format!("examples/{name}.rs")).unwrap();
        assert!(guide.contains(&format!("```rust\n{program}```\n")), "the guide shows another {name}.rs");
    }
}
