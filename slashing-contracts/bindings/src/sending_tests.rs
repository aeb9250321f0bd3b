use super::*;
use crate::contracts::DevToken;
use crate::dev::{Anvil, funded_keys};
use crate::endpoint::connect_with_key;
use alloy_primitives::U256;
use alloy_provider::DynProvider;
use std::collections::BTreeMap;

/// A development node with a token, which makes blocks only when it is told to.
struct World {
    _anvil: Anvil,
    provider: DynProvider,
    account: Address,
    token: DevToken::DevTokenInstance<DynProvider>,
}

/// What waits in the pool.
#[derive(Debug, serde::Deserialize)]
struct Pool {
    pending: BTreeMap<Address, BTreeMap<u64, Waiting>>,
}

#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Waiting {
    hash: B256,
    max_fee_per_gas: U256,
}

impl World {
    async fn new() -> Self {
        let anvil = Anvil::start(None).unwrap_or_else(|error| panic!("{error}"));
        let key = funded_keys().remove(0);
        let provider = connect_with_key(anvil.url(), key.clone()).unwrap();
        let token = DevToken::deploy(provider.clone()).await.unwrap();
        let _: () = provider.raw_request("evm_setAutomine".into(), (false,)).await.unwrap();
        Self { _anvil: anvil, account: key.address(), token, provider }
    }

    /// Mints a token for the account, by itself a transaction as good as any.
    async fn mint(&self, bidding: Bidding) -> Result<TransactionReceipt, CallError> {
        let call = self.token.mint(self.account, U256::from(1)).from(self.account);
        send_bidding("minting", &self.provider, call.into_transaction_request(), bidding).await
    }

    async fn minted(&self) -> u64 {
        self.token.balanceOf(self.account).call().await.unwrap().to()
    }

    async fn next_nonce(&self) -> u64 {
        self.provider.get_transaction_count(self.account).await.unwrap()
    }

    /// Waits until a transaction waits that fulfils a condition.
    async fn waits(&self, condition: impl Fn(&Waiting) -> bool) -> Waiting {
        for _ in 0..600 {
            let pool: Pool = self.provider.raw_request("txpool_content".into(), ()).await.unwrap();
            let own = pool.pending.get(&self.account);
            assert!(own.is_none_or(|own| own.len() == 1), "two nonces: {own:?}");
            if let Some(waiting) =
                own.and_then(|own| own.values().next()).filter(|waiting| condition(waiting))
            {
                return *waiting;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("no such transaction comes into the pool")
    }

    async fn mine(&self) {
        let _: () = self.provider.raw_request("anvil_mine".into(), (1,)).await.unwrap();
    }
}

fn quick(raises: u32) -> Bidding {
    Bidding { raise_after: Duration::from_millis(300), raises, ..Bidding::default() }
}

const PATIENT: Bidding = Bidding { raise_after: Duration::from_secs(60), raises: 1, limit: u128::MAX };

#[tokio::test]
async fn fees_rise_until_the_transaction_is_mined() {
    let world = World::new().await;
    let nonce = world.next_nonce().await;
    let mined = async {
        let first = world.waits(|_| true).await;
        let dearer = first.max_fee_per_gas * U256::from(3) / U256::from(2);
        let raised = world.waits(|waiting| waiting.max_fee_per_gas >= dearer).await;
        assert_ne!(raised.hash, first.hash);
        world.mine().await;
    };
    let (sent, ()) = tokio::join!(world.mint(quick(40)), mined);
    assert!(sent.unwrap().status());
    assert_eq!((world.minted().await, world.next_nonce().await), (1, nonce + 1), "mined once");
}

#[tokio::test]
async fn who_starts_again_replaces_what_it_sent_before() {
    let world = World::new().await;
    let nonce = world.next_nonce().await;
    let before = tokio::select! {
        _ = world.mint(PATIENT) => panic!("nothing is mined"),
        waiting = world.waits(|_| true) => waiting,
    };
    let mined = async {
        world.waits(|waiting| waiting.hash != before.hash).await;
        world.mine().await;
    };
    let (sent, ()) = tokio::join!(world.mint(PATIENT), mined);
    assert_ne!(sent.unwrap().transaction_hash, before.hash);
    world.mine().await;
    assert_eq!((world.minted().await, world.next_nonce().await), (1, nonce + 1), "mined once");
}

#[tokio::test]
async fn what_is_never_mined_is_given_up_by_name() {
    let world = World::new().await;
    match world.mint(quick(2)).await.unwrap_err() {
        error @ CallError::Unconfirmed { transaction, .. } => {
            assert!(error.is_transient());
            assert_eq!(world.waits(|_| true).await.hash, transaction, "the last bid waits");
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn another_sender_with_the_same_key_is_noticed() {
    let world = World::new().await;
    let pushed_out = async {
        let first = world.waits(|_| true).await;
        let other = world.mint(PATIENT);
        let mined = async {
            world.waits(|waiting| waiting.hash != first.hash).await;
            world.mine().await;
        };
        tokio::join!(other, mined).0.unwrap();
    };
    let (sent, ()) = tokio::join!(world.mint(PATIENT), pushed_out);
    assert!(matches!(sent, Err(CallError::Displaced { .. })), "{sent:?}");
}

#[tokio::test]
async fn fees_do_not_rise_above_the_limit() {
    let world = World::new().await;
    let market = Fees::now("asking", &world.provider).await.unwrap().max;
    let limit = market + market / 8;
    let bidding = Bidding { limit, ..quick(3) };
    assert!(matches!(world.mint(bidding).await, Err(CallError::Unconfirmed { .. })));
    let waiting = world.waits(|_| true).await;
    assert!(waiting.max_fee_per_gas <= U256::from(limit), "{waiting:?}, and the limit is {limit}");
}

#[test]
fn fees_rise_by_a_quarter_and_not_below_the_market() {
    let fees = Fees { max: 100, tip: 1 };
    assert_eq!(fees.raised(Fees { max: 0, tip: 0 }), Fees { max: 125, tip: 2 });
    assert_eq!(fees.raised(Fees { max: 400, tip: 0 }), Fees { max: 400, tip: 2 });
    assert_eq!(Fees { max: 0, tip: 0 }.raised(Fees { max: 0, tip: 0 }), Fees { max: 1, tip: 1 });
}
