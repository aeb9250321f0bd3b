//! The reader's refusals, and that it checks counts before it believes them.

use super::*;

fn reader(bytes: &[u8]) -> Reader {
    Reader::new(bytes.to_vec())
}

#[test]
fn numbers_stand_most_significant_byte_first() {
    let mut out = Writer::with_capacity(15);
    out.u8(1);
    out.u16(0x0203);
    out.u32(0x0405_0607);
    out.u64(0x0809_0a0b_0c0d_0e0f);
    assert_eq!(out.as_slice(), (1..=15).collect::<Vec<u8>>());
    let mut input = reader(out.as_slice());
    assert_eq!(input.take_u8(), Ok(1));
    assert_eq!(input.take_u16(), Ok(0x0203));
    assert_eq!(input.take_u32(), Ok(0x0405_0607));
    assert_eq!(input.take_u64(), Ok(0x0809_0a0b_0c0d_0e0f));
    assert_eq!(input.finish(), Ok(()));
}

#[test]
fn a_short_input_tells_what_is_missing() {
    assert_eq!(reader(&[1, 2]).take_u32(), Err(DecodeError::Truncated { wanted: 4, left: 2 }));
    assert_eq!(reader(&[1, 2]).take(3), Err(DecodeError::Truncated { wanted: 3, left: 2 }));
    assert_eq!(reader(&[1, 2]).finish(), Err(DecodeError::Trailing(2)));
    assert_eq!(reader(&[1, 2]).remaining(), 2);
}

#[test]
fn counts_are_checked_against_limit_and_input() {
    let mut input = reader(&[0, 0, 0, 3, 9, 9, 9, 9, 9, 9]);
    assert_eq!(input.clone().count("things", 3, 2), Ok(3));
    assert_eq!(
        input.clone().count("things", 2, 1),
        Err(DecodeError::TooLarge { what: "things", found: 3, limit: 2 })
    );
    assert_eq!(input.count("things", 3, 3), Err(DecodeError::Truncated { wanted: 9, left: 6 }));
    assert_eq!(
        reader(&[0xff; 8]).count("things", usize::MAX, usize::MAX),
        Err(DecodeError::Truncated { wanted: usize::MAX, left: 4 })
    );
}

#[test]
fn byte_strings_are_taken_without_copying() {
    let bytes = Bytes::from(vec![0, 0, 0, 2, 7, 8, 9]);
    let mut input = Reader::new(bytes.clone());
    let taken = input.var_bytes("text", 2).unwrap();
    assert_eq!(taken.as_ptr(), bytes[4..].as_ptr());
    assert_eq!((taken.as_ref(), input.remaining()), (&[7, 8][..], 1));
}
