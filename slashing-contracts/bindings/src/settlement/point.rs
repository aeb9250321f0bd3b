//! How far any rollup's contract has settled: the one view that each of them offers.

use crate::contracts::IRollupSettlement;
use crate::endpoint::read;
use crate::error::CallError;
use alloy_primitives::{Address, B256};
use alloy_provider::DynProvider;
use alloy_rpc_types_eth::BlockId;

/// How far a contract has settled its rollup, after one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettledPoint {
    /// How many batches are settled.
    pub index: u64,
    /// The head after the last of them; `None` where the contract keeps none.
    pub head: Option<B256>,
}

/// How far a contract has settled its rollup, after block `number`; `None` if it does not say.
pub async fn settled_point(
    provider: &DynProvider,
    contract: Address,
    number: u64,
) -> Result<Option<SettledPoint>, CallError> {
    let settlement = IRollupSettlement::new(contract, provider);
    match read("asking what is settled", settlement.latest(), BlockId::number(number)).await {
        Ok(latest) => {
            let head = (latest.head != B256::ZERO).then_some(latest.head);
            Ok(Some(SettledPoint { index: latest.index, head }))
        }
        Err(CallError::NoContract { .. } | CallError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
