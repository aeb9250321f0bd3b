//! A contract without state, in an Ethereum virtual machine with the rules of Osaka.

use alloy_primitives::{Address, Bytes, address};
use revm::context::result::{ExecutionResult, Output};
use revm::context::{BlockEnv, CfgEnv, Context, Journal, TxEnv};
use revm::database::CacheDB;
use revm::database_interface::EmptyDB;
use revm::primitives::{TxKind, hardfork::SpecId};
use revm::{ExecuteCommitEvm as _, ExecuteEvm as _, MainBuilder as _, MainnetEvm};

type Db = CacheDB<EmptyDB>;

const CALLER: Address = address!("00000000000000000000000000000000000ca11e");
/// The most that a transaction of Osaka may ask for.
const GAS_LIMIT: u64 = 1 << 24;

/// What a call came to.
pub(crate) enum Answer {
    /// What it returned.
    Returned(Bytes),
    /// What it reverted with.
    Reverted(Bytes),
}

/// A contract, ready to be called.
pub(crate) struct Contract {
    evm: MainnetEvm<Context<BlockEnv, TxEnv, CfgEnv, Db, Journal<Db>, ()>>,
    address: Address,
}

fn transaction(kind: TxKind, data: Bytes) -> TxEnv {
    let builder = TxEnv::builder().caller(CALLER).kind(kind).data(data).gas_limit(GAS_LIMIT);
    builder.build().expect("the transaction is complete")
}

impl Contract {
    /// Creates the contract.
    pub(crate) fn create(creation_code: &Bytes) -> Self {
        let context =
            Context::<BlockEnv, TxEnv, CfgEnv, Db, Journal<Db>, ()>::new(Db::default(), SpecId::OSAKA);
        let context = context.modify_cfg_chained(|cfg| cfg.disable_nonce_check = true);
        let mut evm = context.build_mainnet();
        let created = evm.transact_commit(transaction(TxKind::Create, creation_code.clone()));
        match created.expect("the machine runs") {
            ExecutionResult::Success { output: Output::Create(_, Some(address)), .. } => {
                Self { evm, address }
            }
            other => panic!("the contract is not created: {other:?}"),
        }
    }

    /// Calls it, and says what it used of gas, base and calldata included.
    pub(crate) fn call(&mut self, data: Vec<u8>) -> (Answer, u64) {
        let transaction = transaction(TxKind::Call(self.address), data.into());
        let result = self.evm.transact(transaction).expect("the machine runs").result;
        let gas = result.tx_gas_used();
        match result {
            ExecutionResult::Success { output, .. } => (Answer::Returned(output.into_data()), gas),
            ExecutionResult::Revert { output, .. } => (Answer::Reverted(output), gas),
            ExecutionResult::Halt { reason, .. } => panic!("the contract halts: {reason:?}"),
        }
    }
}
