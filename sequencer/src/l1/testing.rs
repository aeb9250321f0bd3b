//! A real development node with the contracts, where rollups have settlement contracts.

use super::{L1Settings, Settlements, connect};
use crate::metrics::Metrics;
use crate::store::Store;
use crate::testing::genesis;
use fairlane_l1::deploy::deploy;
use fairlane_l1::dev::{self, Anvil, funded_keys};
use fairlane_l1::endpoint::{connect as connect_to, connect_with_key};
use fairlane_l1::registration::OperatorAccount;
use fairlane_l1::rollups::{OwnerAccount, RollupSettings};
use fairlane_l1::{Address, B256, DeployParams, Deployment, DynProvider, U256};
use fairlane_types::{GroupId, Hash32, NetworkId, RollupHead, RollupId, RollupSpec};
use std::sync::Arc;
use std::time::Duration;

/// Ethereum with a registry of rollups.
pub(crate) struct Ethereum {
    anvil: Anvil,
    deployment: Deployment,
    network: NetworkId,
}

impl Ethereum {
    pub(crate) async fn start() -> Self {
        let anvil = Anvil::start(None).unwrap_or_else(|error| panic!("{error}"));
        let accounts = funded_keys();
        let folder = tempfile::tempdir().unwrap();
        let provider = connect_with_key(anvil.url(), accounts[0].clone()).unwrap();
        let params = DeployParams::new(accounts[1].address());
        let file = folder.path().join("deployment.json");
        let deployment = deploy(&file, &provider, accounts[0].address(), &params).await.unwrap();
        let guardian = connect_with_key(anvil.url(), accounts[1].clone()).unwrap();
        let network = deployment.open_network(&guardian, &Hash32::from_bytes([0x6e; 32])).await.unwrap();
        Self { anvil, deployment, network }
    }

    /// Where a rollup's contract is, if it has one.
    pub(crate) fn contract_of(rollup: RollupId) -> Address {
        Address::repeat_byte(u8::try_from(rollup.get()).unwrap() | 0x80)
    }

    pub(crate) async fn register(&self, rollup: RollupId, settlement: Address) {
        let key = funded_keys()[2].clone();
        let owner = key.address();
        let provider = connect_with_key(self.anvil.url(), key).unwrap();
        let account = OwnerAccount { deployment: &self.deployment, provider: &provider, owner };
        let fee = account.fee().await.unwrap().to::<u128>();
        let payer = OperatorAccount { deployment: &self.deployment, provider: &provider, operator: owner };
        payer.mint(fee).send().await.unwrap();
        let settings = RollupSettings { settlement, verificationKeys: Vec::new(), metadata: String::new() };
        let spec = RollupSpec::new(rollup, GroupId::ZERO);
        account.register(spec, settings).await.unwrap().send().await.unwrap();
    }

    fn provider(&self) -> DynProvider {
        connect_to(self.anvil.url()).unwrap()
    }

    /// Lets a rollup's contract say how far it has settled.
    pub(crate) async fn settle(&self, rollup: RollupId, index: u64, head: RollupHead) {
        let head = B256::new(*head.as_bytes());
        dev::say_settled(&self.provider(), Self::contract_of(rollup), index, head).await.unwrap();
    }

    pub(crate) async fn snapshot(&self) -> U256 {
        dev::snapshot(&self.provider()).await.unwrap()
    }

    /// What a reorganisation does: blocks are gone, and others follow.
    pub(crate) async fn revert(&self, snapshot: U256) {
        dev::revert(&self.provider(), snapshot).await.unwrap();
    }

    /// What a node with this store sees. Its first endpoint does not answer.
    pub(crate) fn settlements(&self, store: &Store) -> Settlements {
        let settings = L1Settings {
            rpc_urls: vec!["http://127.0.0.1:1".to_owned(), self.anvil.url().to_owned()],
            deployment: self.deployment.clone(),
            reporter: None,
            confirmations: 0,
            poll_interval: Duration::from_millis(50),
        };
        let mut l1 = connect(&settings, &genesis(&[1]), Metrics::new("test").l1).unwrap();
        l1.network = self.network;
        Settlements::new(Arc::new(l1), store.clone())
    }
}
