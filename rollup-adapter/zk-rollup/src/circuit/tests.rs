//! How large the circuit is.

use super::*;

#[test]
fn a_standard_proof_fits_two_to_the_twentieth() {
    let small = describe(Shape { slots: 1, deposits: 1 }).unwrap();
    let slot = describe(Shape { slots: 2, deposits: 1 }).unwrap().constraints - small.constraints;
    let deposit = describe(Shape { slots: 1, deposits: 2 }).unwrap().constraints - small.constraints;
    println!("slot {slot} deposit {deposit} one of each {}", small.constraints);
    let all =
        small.constraints + (Shape::STANDARD.slots - 1) * slot + (Shape::STANDARD.deposits - 1) * deposit;
    println!("{all}");
    assert!(all + 2 <= 1 << 20);
}
