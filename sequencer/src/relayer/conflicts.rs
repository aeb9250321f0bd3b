//! Contradictions: what nodes have of the height of the light client's newest checkpoint is held against it.
//!
//! A quorum that signed two checkpoints of one height has given up all that it promises. The light client stops for ever once
//! it is shown the second one, so that no contract goes on building on either; who signed both is found by nodes, from their
//! single signatures, and slashed. The relayer is who sees certificates of many nodes and Ethereum, so it looks.

use super::{Connection, Found, RelayError, Relayer, Step};
use fairlane_l1::checkpoint::{self as contract, Latest};
use fairlane_types::{Checkpoint, CheckpointCertificate};

impl Relayer {
    /// Shows the light client what contradicts its newest checkpoint, if any node has such a certificate, and it verifies.
    pub(super) async fn report_conflict(
        &mut self,
        connection: &Connection,
        head: Option<Latest>,
    ) -> Result<Option<Step>, RelayError> {
        let Some(head) = head else { return Ok(None) };
        let is_accepted =
            |certificate: &CheckpointCertificate| contract::digest(&certificate.checkpoint) == head.digest;
        let (known, others): (Vec<_>, Vec<_>) =
            self.sources.at(head.height).await.into_iter().partition(is_accepted);
        for certificate in others {
            match self.verify(&connection.provider, certificate).await {
                Ok(found) => {
                    let accepted = known.first().map(|known| known.checkpoint);
                    return self.report(connection, head, accepted, &found).await.map(Some);
                }
                Err(error @ (RelayError::Invalid(_) | RelayError::UnknownSet { .. })) => {
                    tracing::warn!(%error, "a certificate is of no use");
                }
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }

    async fn report(
        &mut self,
        connection: &Connection,
        head: Latest,
        accepted: Option<Checkpoint>,
        found: &Found,
    ) -> Result<Step, RelayError> {
        tracing::error!(
            height = head.height,
            block = %found.certificate.checkpoint.block,
            "a quorum signed two checkpoints of one height: the light client is told"
        );
        let epoch = self.usable_set(connection, found).await?;
        let contracts = &self.ethereum.deployment.contracts;
        let accepted = match accepted {
            Some(accepted) => contract::to_contract(&accepted),
            None => contract::accepted(&connection.provider, contracts, &head).await?,
        };
        let receipt = contract::report_conflict(
            &connection.provider,
            contracts,
            (head.number, accepted),
            &found.certificate,
            epoch,
            connection.sender,
        )
        .await?;
        self.metrics.conflicts.inc();
        self.metrics.gas.inc_by(receipt.gas_used);
        Ok(Step::Reported { height: head.height, gas_used: receipt.gas_used })
    }
}
