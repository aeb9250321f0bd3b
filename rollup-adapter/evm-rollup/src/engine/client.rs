//! One execution client: its Engine API, and its ordinary JSON-RPC.

use super::payload::Payload;
use super::rpc::{Call, Endpoint, RpcError};
use super::secret::Secret;
use crate::derive::{Account, Attributes};
use alloy_primitives::{Address, B256, Bytes, U64};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What a client must be able to do.
const NEEDED: [&str; 2] = [NEW_PAYLOAD, FORKCHOICE];
const NEW_PAYLOAD: &str = "engine_newPayloadV4";
const FORKCHOICE: &str = "engine_forkchoiceUpdatedV3";
const BUILD: &str = "testing_buildBlockV1";

/// Why a client did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{client}, {doing}: {source}")]
pub struct ClientError {
    /// The client.
    pub client: String,
    /// What it was asked for.
    pub doing: &'static str,
    /// Why not.
    pub source: RpcError,
}

/// Which block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The one with this number.
    Number(u64),
    /// The newest.
    Latest,
    /// The newest that the sequencer's validators made final.
    Safe,
    /// The newest that is settled.
    Finalized,
}

impl At {
    fn param(self) -> Value {
        match self {
            Self::Number(number) => json!(U64::from(number)),
            Self::Latest => json!("latest"),
            Self::Safe => json!("safe"),
            Self::Finalized => json!("finalized"),
        }
    }
}

/// What a client says of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockFacts {
    number: U64,
    /// Its hash.
    pub hash: B256,
    /// The state after it.
    pub state_root: B256,
}

impl BlockFacts {
    /// Its number.
    pub fn number(&self) -> u64 {
        self.number.to()
    }
}

/// What a client says of a block that it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was executed, and is right.
    Valid,
    /// It cannot be executed yet.
    Waiting,
    /// It is wrong.
    Invalid(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    status: String,
    #[serde(default)]
    validation_error: Option<String>,
}

impl Status {
    fn verdict(self) -> Verdict {
        match self.status.as_str() {
            "VALID" => Verdict::Valid,
            "SYNCING" | "ACCEPTED" => Verdict::Waiting,
            other => Verdict::Invalid(self.validation_error.unwrap_or_else(|| other.to_owned())),
        }
    }
}

/// A client.
#[derive(Clone, Debug)]
pub struct Client {
    name: String,
    engine: Endpoint,
    http: Endpoint,
}

impl Client {
    /// Nothing is sent before the first call.
    ///
    /// # Errors
    /// A URL is none.
    pub fn new(name: &str, engine: &str, http: &str, secret: Secret) -> Result<Self, ClientError> {
        let at = |doing, url, secret| {
            Endpoint::new(url, secret).map_err(|source| ClientError {
                client: name.to_owned(),
                doing,
                source,
            })
        };
        let engine = at("at its Engine API", engine, Some(secret))?;
        Ok(Self { name: name.to_owned(), engine, http: at("at its JSON-RPC", http, None)? })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn error(&self, doing: &'static str) -> impl FnOnce(RpcError) -> ClientError + '_ {
        move |source| ClientError { client: self.name.clone(), doing, source }
    }

    fn read<T: DeserializeOwned>(&self, doing: &'static str, value: Value) -> Result<T, ClientError> {
        serde_json::from_value(value)
            .map_err(|error| self.error(doing)(RpcError::Nonsense(error.to_string())))
    }

    /// What it cannot do of what is needed.
    pub(crate) async fn lacks(&self) -> Result<Option<&'static str>, ClientError> {
        let doing = "asked what it can do";
        let found = self.engine.call(("engine_exchangeCapabilities", json!([NEEDED]))).await;
        let found: Vec<String> = self.read(doing, found.map_err(self.error(doing))?)?;
        Ok(NEEDED.into_iter().find(|needed| !found.iter().any(|found| found == needed)))
    }

    /// A block, if it has it.
    ///
    /// # Errors
    /// It does not answer, or with nonsense.
    pub async fn block(&self, at: At) -> Result<Option<BlockFacts>, ClientError> {
        let doing = "asked for a block";
        match self.http.call(("eth_getBlockByNumber", json!([at.param(), false]))).await {
            Ok(found) => self.read(doing, found),
            // Some say that they have no such block as an error.
            Err(RpcError::Refused { .. }) => Ok(None),
            Err(error) => Err(self.error(doing)(error)),
        }
    }

    /// Accounts after a block.
    pub(crate) async fn accounts(
        &self,
        addresses: &BTreeSet<Address>,
        block: B256,
    ) -> Result<BTreeMap<Address, Account>, ClientError> {
        const FACTS: [&str; 3] = ["eth_getTransactionCount", "eth_getBalance", "eth_getCode"];
        let doing = "asked for accounts";
        let at = json!({ "blockHash": block });
        let calls: Vec<Call> =
            addresses.iter().flat_map(|address| FACTS.map(|method| (method, json!([address, at])))).collect();
        let found = self.http.calls(&calls).await.map_err(self.error(doing))?;
        let account = |facts: &[Value]| {
            let [nonce, balance, code] = facts else { return Ok(Account::default()) };
            let nonce: U64 = self.read(doing, nonce.clone())?;
            let code: Bytes = self.read(doing, code.clone())?;
            Ok(Account {
                nonce: nonce.to(),
                balance: self.read(doing, balance.clone())?,
                has_code: !code.is_empty(),
            })
        };
        addresses
            .iter()
            .zip(found.chunks(FACTS.len()))
            .map(|(of, facts)| Ok((*of, account(facts)?)))
            .collect()
    }

    /// Builds a block of exactly these transactions. It changes nothing, and what it gives is not checked.
    pub(crate) async fn build(
        &self,
        attributes: &Attributes,
        transactions: &[Bytes],
    ) -> Result<Payload, ClientError> {
        let doing = "asked to build a block";
        let nothing: [u8; 0] = [];
        let wanted = json!({
            "timestamp": U64::from(attributes.timestamp),
            "prevRandao": attributes.prev_randao,
            "suggestedFeeRecipient": attributes.fee_recipient,
            "withdrawals": nothing,
            "parentBeaconBlockRoot": attributes.head,
        });
        let params = json!([attributes.parent_hash, wanted, transactions, attributes.head]);
        let built = self.http.call((BUILD, params)).await.map_err(self.error(doing))?;
        Payload::from_built(built, attributes.head)
            .map_err(|error| self.error(doing)(RpcError::Nonsense(error.to_string())))
    }

    /// Has it execute a block.
    pub(crate) async fn execute(&self, payload: &Payload) -> Result<Verdict, ClientError> {
        let doing = "given a block";
        let status = self.engine.call((NEW_PAYLOAD, payload.params())).await.map_err(self.error(doing))?;
        Ok(self.read::<Status>(doing, status)?.verdict())
    }

    /// Tells it which blocks are the newest, and the newest that is settled; zero is none.
    pub(crate) async fn follow(&self, head: B256, finalized: B256) -> Result<Verdict, ClientError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Followed {
            payload_status: Status,
        }
        let doing = "told of the newest block";
        let state = json!({ "headBlockHash": head, "safeBlockHash": head, "finalizedBlockHash": finalized });
        let followed = self.engine.call((FORKCHOICE, json!([state, Value::Null]))).await;
        let followed: Followed = self.read(doing, followed.map_err(self.error(doing))?)?;
        Ok(followed.payload_status.verdict())
    }
}
