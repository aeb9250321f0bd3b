//! What a deployment decides. Units and meanings are those of the contracts' constructors.

use alloy_primitives::{Address, address};
use serde::{Deserialize, Serialize};

/// Nobody has its key: what is sent there is burned.
const BURN: Address = address!("000000000000000000000000000000000000dEaD");
/// 10^18, what most tokens call one.
const TOKEN: u128 = 1_000_000_000_000_000_000;

/// The parameters of a deployment, for ever. Amounts are in the token's smallest unit, in files as decimal
/// strings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployParams {
    /// The token that is staked; `None` deploys one that anybody can mint, on a development chain only.
    pub token: Option<Address>,
    /// Opens the network, may pause, and may put one validator an epoch into jail.
    pub guardian: Address,
    /// Where penalties and fees go.
    pub sink: Address,
    /// Blocks in an epoch.
    pub epoch_length: u32,
    /// Epochs from leaving the set to the claim.
    pub unbonding_epochs: u32,
    /// Epochs from a key's leaving the set to the last evidence against it.
    pub evidence_epochs: u32,
    /// Epochs in jail.
    pub jail_epochs: u32,
    /// The most members of a set.
    pub seats: u32,
    /// The least stake of a member.
    #[serde(with = "decimal")]
    pub minimum_stake: u128,
    /// Stake for one unit of voting power.
    #[serde(with = "decimal")]
    pub power_unit: u128,
    /// The part of the stake that each offence costs, in ten thousandths.
    pub base_bps: u16,
    /// The part of that which the reporter gets, in ten thousandths.
    pub reward_bps: u16,
    /// How many epochs before and after count for the correlated penalty.
    pub correlation_epochs: u32,
    /// For how many blocks an earlier commitment to evidence can be shown.
    pub contest_blocks: u32,
    /// What registering a rollup costs.
    #[serde(with = "decimal")]
    pub rollup_fee: u128,
    /// How many checkpoints the light client keeps.
    pub checkpoint_history: u32,
}

impl DeployParams {
    /// What suits Ethereum with blocks of 12 seconds: epochs of a day, 21 days of evidence, 28 of unbonding.
    /// `script/Deploy.s.sol` has the same.
    pub fn new(guardian: Address) -> Self {
        Self {
            token: None,
            guardian,
            sink: BURN,
            epoch_length: 7200,
            unbonding_epochs: 28,
            evidence_epochs: 21,
            jail_epochs: 2,
            seats: 100,
            minimum_stake: 1000 * TOKEN,
            power_unit: 1_000_000_000,
            base_bps: 500,
            reward_bps: 500,
            correlation_epochs: 14,
            contest_blocks: 50,
            rollup_fee: 10 * TOKEN,
            checkpoint_history: 8192,
        }
    }
}

/// Amounts exceed what JSON readers take for a number.
mod decimal {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(amount: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(amount)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom(format!("{text:?} is no amount: write a decimal number")))
    }
}
