//! Replays the kept inputs of every target: what fuzzing once reached, or once broke, stays checked.

use std::path::Path;

#[test]
fn every_kept_input_keeps_every_promise() {
    for (name, target) in fairlane_fuzz::TARGETS {
        let corpus = Path::new("corpus").join(name);
        let inputs =
            std::fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display()));
        let mut count = 0;
        for input in inputs {
            let path = input.expect("the corpus can be listed").path();
            println!("{}", path.display());
            target(&std::fs::read(&path).expect("an input can be read"));
            count += 1;
        }
        assert!(count > 0, "{} is empty", corpus.display());
    }
}
