//! What a node says about itself and about transactions: for people and for deciding whom to ask, not verified.

use super::{Client, ClientError};
use fairlane_proto::v1::{self, get_transaction_status_response::Status};
use fairlane_proto::{ConvertError, convert};
use fairlane_types::{
    BatchIndex, BlockId, Height, NetworkId, RollupHead, RollupId, Timestamp, TxId, ValidatorId,
};

/// A node's view of the chain.
#[derive(Clone, Debug)]
pub struct ChainStatus {
    /// The network.
    pub network: NetworkId,
    /// The last finalized block's height.
    pub height: Height,
    /// Its id; zero before the first block.
    pub block: BlockId,
    /// Chain time.
    pub time: Timestamp,
    /// The first height that the node keeps.
    pub min_height: Height,
    /// Whether the node knows that it is behind.
    pub catching_up: bool,
    /// The node's validator, if it is one.
    pub validator: Option<ValidatorId>,
    /// Transactions ordered since the first block the node keeps count of.
    pub ordered_transactions: u64,
    /// Where each rollup stands.
    pub rollups: Vec<RollupStanding>,
    /// Everything, as the node sent it.
    pub raw: v1::GetStatusResponse,
}

/// Where a rollup stands, as the node says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollupStanding {
    /// The rollup.
    pub rollup: RollupId,
    /// How many batches it has.
    pub batches: BatchIndex,
    /// The head after them.
    pub head: RollupHead,
    /// The height of the last one.
    pub last_height: Height,
}

/// Where a transaction stands, as the node says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionStatus {
    /// Not known there, or forgotten.
    Unknown,
    /// In a lane, not ordered yet.
    Pending,
    /// Ordered.
    Ordered {
        /// The block.
        height: Height,
        /// Its place among all transactions of the block.
        position: u32,
    },
}

impl Client {
    /// What the node says about the chain and itself.
    pub async fn status(&self) -> Result<ChainStatus, ClientError> {
        let request = self.options.request(v1::GetStatusRequest {});
        Ok(chain_status(self.chain_service().get_status(request).await?.into_inner())?)
    }

    /// Where the node says a transaction stands.
    pub async fn transaction_status(&self, id: TxId) -> Result<TransactionStatus, ClientError> {
        let transaction_id = convert::to_field(&id);
        let request = self.options.request(v1::GetTransactionStatusRequest { transaction_id });
        let response = self.submit_service().get_transaction_status(request).await?.into_inner();
        Ok(match response.status.ok_or(ConvertError::Missing("status"))? {
            Status::Unknown(_) => TransactionStatus::Unknown,
            Status::Pending(_) => TransactionStatus::Pending,
            Status::Ordered(at) => {
                TransactionStatus::Ordered { height: Height::new(at.height), position: at.position }
            }
        })
    }
}

fn chain_status(raw: v1::GetStatusResponse) -> Result<ChainStatus, ConvertError> {
    let validator = match raw.validator.len() {
        0 => None,
        _ => Some(ValidatorId::from_bytes(convert::array("validator", &raw.validator)?)),
    };
    Ok(ChainStatus {
        network: NetworkId::from_bytes(convert::array("network", &raw.network)?),
        height: Height::new(raw.height),
        block: BlockId::from_bytes(convert::array("block_id", &raw.block_id)?),
        time: Timestamp::from_nanos(raw.time_nanos),
        min_height: Height::new(raw.min_height),
        catching_up: raw.catching_up,
        validator,
        ordered_transactions: raw.ordered_transactions,
        rollups: raw.rollups.iter().map(rollup_standing).collect::<Result<_, _>>()?,
        raw,
    })
}

fn rollup_standing(wire: &v1::RollupStatus) -> Result<RollupStanding, ConvertError> {
    Ok(RollupStanding {
        rollup: RollupId::new(wire.rollup_id),
        batches: BatchIndex::new(wire.batches),
        head: RollupHead::from_bytes(convert::array("head", &wire.head)?),
        last_height: Height::new(wire.last_height),
    })
}
