//! Agreement: at each height there is one block, and who commits, commits that one, in order.

use super::{Cast, Verdict, broken};
use crate::observe::Committed;
use fairlane_types::{BlockId, Height};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The blocks that were committed, from the first one on.
#[derive(Default)]
pub(super) struct Agreement {
    blocks: Vec<Arc<Committed>>,
}

impl Agreement {
    /// A validator committed a block. Says whether it is the first at this height.
    pub(super) fn committed(
        &mut self,
        cast: &Cast,
        place: usize,
        block: &Arc<Committed>,
    ) -> Result<bool, (&'static str, String)> {
        let header = &block.proposal.header;
        check_certificate(cast, block)?;
        if let Some(known) = self.block(header.height) {
            if known.proposal.id() != header.id() {
                let what = format!("block {} is {} and {}", header.height, known.proposal.id(), header.id());
                return broken("validators agree on each block", what);
            }
            if known.batches != block.batches || known.order != block.order {
                let what = format!("block {} has other batches at validator {place}", header.height);
                return broken("validators agree on each block's batches", what);
            }
            return Ok(false);
        }
        let parent = self.blocks.last().map_or(BlockId::ZERO, |last| last.proposal.id());
        if header.height.get() != self.height() + 1 || header.parent != parent {
            return broken("blocks follow each other", format!("block {} has another parent", header.height));
        }
        self.blocks.push(block.clone());
        Ok(true)
    }

    /// The height of the last block.
    pub(super) fn height(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// A block.
    pub(super) fn block(&self, height: Height) -> Option<&Arc<Committed>> {
        let at = usize::try_from(height.get().checked_sub(1)?).ok()?;
        self.blocks.get(at)
    }

    /// The blocks up to a height.
    pub(super) fn up_to(&self, height: Height) -> &[Arc<Committed>] {
        &self.blocks[..(height.get() as usize).min(self.blocks.len())]
    }
}

/// A certificate holds for its block, by a quorum of different validators.
fn check_certificate(cast: &Cast, block: &Committed) -> Verdict {
    let (header, certificate) = (&block.proposal.header, &block.certificate);
    let names: BTreeSet<_> = certificate.signatures.iter().map(|signed| signed.validator).collect();
    let places = names.iter().filter_map(|name| cast.setup.places.get(name).copied());
    let council = cast.councils.at(header.height);
    let power = council.power_of(places);
    let fits = certificate.block == header.id() && certificate.height == header.height;
    if !fits || names.len() != certificate.signatures.len() || power < council.quorum() {
        let what = format!("block {} by power {power}, a quorum is {}", header.height, council.quorum());
        return broken("a quorum certifies each block", what);
    }
    Ok(())
}
