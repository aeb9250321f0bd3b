//! Transactions of one account that belong together: to be sent, or only rehearsed.

use crate::error::{CallError, Refusal};
use crate::sending::send;
use alloy_contract::{CallBuilder, CallDecoder};
use alloy_primitives::{Address, Bytes};
use alloy_provider::{DynProvider, Provider};
use alloy_rpc_types_eth::simulate::{SimBlock, SimCallResult, SimulatePayload};
use alloy_rpc_types_eth::{TransactionReceipt, TransactionRequest};

/// What an account is about to send, one after the other. Nothing is sent yet.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct Transactions<'a> {
    provider: &'a DynProvider,
    from: Address,
    steps: Vec<(&'static str, TransactionRequest)>,
}

/// What one transaction would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// What it is for.
    pub what: &'static str,
    /// What it would use.
    pub gas: u64,
}

/// What all transactions would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsal {
    /// The transactions.
    pub steps: Vec<Rehearsed>,
    /// The most that a unit of gas would cost now, in wei.
    pub gas_price: u128,
}

impl Rehearsal {
    /// The most that all of it would cost now, in wei.
    pub fn cost(&self) -> u128 {
        let gas: u64 = self.steps.iter().map(|step| step.gas).sum();
        self.gas_price.saturating_mul(gas.into())
    }
}

impl<'a> Transactions<'a> {
    /// No transaction yet; `provider` signs for `from`.
    pub(crate) fn new(provider: &'a DynProvider, from: Address) -> Self {
        Self { provider, from, steps: Vec::new() }
    }

    /// One more transaction.
    pub(crate) fn then<P: Provider, D: CallDecoder>(
        mut self,
        what: &'static str,
        call: CallBuilder<P, D>,
    ) -> Self {
        self.steps.push((what, call.from(self.from).into_transaction_request()));
        self
    }

    /// Sends them, each once the one before is mined. Gives the last one's receipt.
    ///
    /// # Errors
    /// Those before the one that fails are mined; sending all again does nothing twice that is checked before, as
    /// approvals are.
    pub async fn send(self) -> Result<TransactionReceipt, CallError> {
        let mut last = None;
        for (what, request) in self.steps {
            last = Some(send(what, self.provider, request).await?);
        }
        last.ok_or(CallError::Nonsense { what: "sending", why: "there is nothing to send".into() })
    }

    /// What they would do in the newest state, one after the other. Sends nothing, and needs no ether.
    ///
    /// # Errors
    /// A contract would refuse one, or the endpoint cannot rehearse (it needs `eth_simulateV1`).
    pub async fn rehearse(&self) -> Result<Rehearsal, CallError> {
        const WHAT: &str = "rehearsing transactions";
        let transport = |error| CallError::transport(WHAT, error);
        let block = SimBlock::default().extend_calls(self.steps.iter().map(|(_, request)| request.clone()));
        let payload = SimulatePayload { block_state_calls: vec![block], ..SimulatePayload::default() };
        let results = self.provider.simulate(&payload).await.map_err(transport)?;
        let results: Vec<SimCallResult> = results.into_iter().flat_map(|block| block.calls).collect();
        if results.len() != self.steps.len() {
            return Err(CallError::Nonsense { what: WHAT, why: format!("{} answers", results.len()) });
        }
        let steps = self.steps.iter().zip(results).map(|((what, _), result)| rehearsed(what, result));
        let steps = steps.collect::<Result<_, _>>()?;
        let fees = self.provider.estimate_eip1559_fees().await.map_err(transport)?;
        Ok(Rehearsal { steps, gas_price: fees.max_fee_per_gas })
    }
}

fn rehearsed(what: &'static str, result: SimCallResult) -> Result<Rehearsed, CallError> {
    if result.status {
        return Ok(Rehearsed { what, gas: result.gas_used });
    }
    // Where an endpoint puts the reason differs.
    let data = result.error.as_ref().and_then(|error| error.data.clone()).unwrap_or_default();
    let data: Bytes = if data.is_empty() { result.return_data } else { data };
    match result.error {
        Some(error) if data.is_empty() => Err(CallError::Endpoint { what, message: error.message }),
        _ => Err(CallError::Refused { what, why: Box::new(Refusal::decode(&data)) }),
    }
}
