//! Certificates of checkpoints, and where a rollup stands at their heights.

use super::core::Core;
use crate::store::{Store, StoreError};
use fairlane_proto::convert;
use fairlane_proto::v1::{GetCheckpointResponse, Refusal};
use fairlane_types::{Height, RollupId};
use tonic::Status;

impl Core {
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
