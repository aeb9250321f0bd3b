//! Certificates of checkpoints, where a rollup stands at their heights, and what of it Ethereum knows.

use super::core::Core;
use crate::store::{Store, StoreError};
use fairlane_proto::convert;
use fairlane_proto::v1::{GetCheckpointResponse, Refusal};
use fairlane_types::{HeadLeaf, Height, RollupId};
use tonic::Status;

/// What Ethereum knows to be final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnEthereum {
    /// The height of the light client's newest checkpoint, at the block that counts for this node.
    pub checkpoint: Height,
    /// Where each rollup stood there; empty where this node does not keep it.
    pub heads: Vec<HeadLeaf>,
}

impl Core {
    /// What Ethereum knows to be final; `None` where this node does not look there, or there is nothing yet.
    pub(super) async fn on_ethereum(&self) -> Result<Option<OnEthereum>, Status> {
        let Some((book, views)) = self.checkpoints.clone().zip(self.ethereum.as_ref()) else {
            return Ok(None);
        };
        let checkpoint = views.borrow().as_ref().and_then(|view| view.checkpoint);
        let Some(checkpoint) = checkpoint else { return Ok(None) };
        let heads = self.read(move |_| book.leaves(checkpoint)).await?;
        Ok(Some(OnEthereum { checkpoint, heads: heads.unwrap_or_default() }))
    }

    /// The certificate of a height, or the newest one; with a rollup, its way to the checkpoint's heads root, too.
    pub(super) async fn checkpoint(
        &self,
        height: Height,
        rollup: Option<RollupId>,
    ) -> Result<GetCheckpointResponse, Status> {
        let Some(book) = self.checkpoints.clone() else {
            let message = "this node does not look at Ethereum, where the keys that sign checkpoints are: ask one that does";
            return Err(self.refuse(Refusal::NotFound, message));
        };
        let read = move |_: &Store| -> Result<_, StoreError> {
            let certificate = match height {
                Height::ZERO => book.newest(),
                height => book.certificate(height)?,
            };
            let at = certificate.map(|certificate| certificate.checkpoint.height);
            let path = match at.zip(rollup) {
                Some((height, rollup)) => book.path(height, rollup)?,
                None => None,
            };
            Ok((certificate, path))
        };
        let (certificate, path) = self.read(read).await?;
        let Some(certificate) = certificate else {
            let message = match height {
                Height::ZERO => "no checkpoint has a quorum's signatures yet: ask again soon".to_owned(),
                height => format!("no certificate of height {height} is kept here"),
            };
            return Err(self.refuse(Refusal::NotFound, message));
        };
        if let (Some(rollup), None) = (rollup, &path) {
            let message = format!(
                "where rollup {rollup} stood at height {} is not kept here: ask another node, or for a newer checkpoint",
                certificate.checkpoint.height
            );
            return Err(self.refuse(Refusal::NotFound, message));
        }
        Ok(GetCheckpointResponse {
            certificate: convert::to_field(&certificate),
            head_path: path.as_ref().map(convert::to_field).unwrap_or_default(),
        })
    }
}
