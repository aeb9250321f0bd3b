//! A certified batch on its way through bad hands: changed anywhere, it is refused or still says the same.

use crate::batch::WireBatch;
use crate::fixture::{Chain, item};
use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use fairlane_types::{BatchHeader, BlockHeader, CommitCertificate, Decode, Encode, HeadPath};
use fairlane_verify::{TrustedSets, Verifier};
use std::sync::OnceLock;

struct Sample {
    sets: TrustedSets,
    wire: WireBatch,
}

fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let mut chain = Chain::new();
        let block = chain.block(1, vec![(10, vec![item(3, 0, 1), item(5, 1, 2)]), (30, vec![item(1, 0, 1)])]);
        Sample { sets: chain.sets(), wire: block.wire(0) }
    })
}

/// Changes some bytes of the five parts, and judges what comes out.
pub fn run(data: &[u8]) {
    let _ = judge(&mut Unstructured::new(data));
}

fn judge(input: &mut Unstructured) -> Result<()> {
    let Sample { sets, wire } = sample();
    let mut parts = [
        wire.header.to_bytes(),
        wire.certificate.to_bytes(),
        wire.path.to_bytes(),
        wire.batch.to_bytes(),
        wire.body.to_vec(),
    ];
    for _ in 0..input.int_in_range(0..=4)? {
        change(input, &mut parts)?;
    }
    let [header, certificate, path, batch, body] = parts.map(Bytes::from);
    let (Ok(header), Ok(certificate), Ok(path), Ok(batch)) = (
        BlockHeader::from_bytes(header),
        CommitCertificate::from_bytes(certificate),
        HeadPath::from_bytes(path),
        BatchHeader::from_bytes(batch),
    ) else {
        return Ok(());
    };
    let changed = WireBatch { header, certificate, path, batch, body };
    let alone = changed.clone().verify(sets);
    let cached = Verifier::new(sets.clone()).batch(changed.clone());
    assert_eq!(alone, cached, "one way of verifying takes what the other refuses");
    match alone {
        Ok(verified) => {
            assert_eq!(verified.batch().header(), &wire.batch, "a batch that no quorum decided");
            assert_eq!(verified.batch().body(), &wire.body);
            assert_eq!(verified.proven_by().header(), &wire.header);
        }
        Err(_) => assert_ne!(&changed, wire, "the true batch is refused"),
    }
    Ok(())
}

/// Overwrites, cuts off, repeats or appends.
fn change(input: &mut Unstructured, parts: &mut [Vec<u8>; 5]) -> Result<()> {
    let part = &mut parts[input.int_in_range(0..=4usize)?];
    let at = input.int_in_range(0..=part.len())?;
    match input.int_in_range(0..=3u8)? {
        0 => part.truncate(at),
        1 => part.extend_from_slice(input.bytes(input.len().min(4))?),
        2 => {
            let copy = part[at..].to_vec();
            part.extend(copy);
        }
        _ => {
            if let Some(byte) = part.get_mut(at) {
                *byte ^= input.arbitrary::<u8>()?;
            }
        }
    }
    Ok(())
}
