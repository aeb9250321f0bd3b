//! `fairlane rollup`: rollups at the registry on Ethereum.

use super::amount::Amount;
use super::ethereum::{Chain, Sending, Signer};
use super::genesis::RollupArgument;
use super::out;
use clap::{Args, Subcommand};
use eyre::bail;
use fairlane_l1::registration::OperatorAccount;
use fairlane_l1::rollups::{OwnerAccount, RollupSettings};
use fairlane_l1::settlement::{block_number, settled_point};
use fairlane_l1::wallet::KeySource;
use fairlane_l1::{Address, B256, L1State, U256};
use fairlane_types::RollupId;
use std::path::PathBuf;

/// Where the owner's key is.
const OWNER_KEY: KeySource =
    KeySource { whose: "rollup's owner", option: "--key-file", variable: "FAIRLANE_OWNER_KEY" };

#[derive(Debug, Subcommand)]
pub(super) enum Rollup {
    /// Registers a rollup, and pays the registry's fee. It is ordered for from the third epoch after on.
    Register(Register),
    /// Changes a rollup's settings. What is not given stays.
    Configure(Configure),
    /// Ends ordering for a rollup, for ever, from the third epoch after on.
    Close(Close),
    /// Shows what the registry has of a rollup.
    Show(Show),
}

/// Who sends.
#[derive(Debug, Args)]
struct Owner {
    #[command(flatten)]
    chain: Chain,
    /// A file with the owner's secret key (64 hexadecimal digits, or a keystore), of mode 0600. Without it, the environment
    /// variable FAIRLANE_OWNER_KEY.
    #[arg(long)]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    sending: Sending,
}

#[derive(Debug, Args)]
pub(super) struct Register {
    /// An id that nobody has, the ordering group where it is not 0, and how many bytes all payloads have, if they do.
    #[arg(value_name = "ID[:GROUP[:BYTES]]")]
    rollup: RollupArgument,
    /// The rollup's contract on Ethereum.
    #[arg(long, default_value_t = Address::ZERO, hide_default_value = true)]
    settlement: Address,
    /// SHA-256 of a verification key that proofs are made for, as `fairlane-prover keys` prints it. At most eight times.
    #[arg(long = "verification-key", value_name = "HASH")]
    verification_keys: Vec<B256>,
    /// A URI of what people want to know, at most 1024 bytes.
    #[arg(long, default_value = "")]
    metadata: String,
    #[command(flatten)]
    owner: Owner,
}

#[derive(Debug, Args)]
pub(super) struct Configure {
    /// The rollup's id.
    id: u64,
    /// The rollup's contract on Ethereum, which offers `IRollupSettlement`: nodes tell subscribers what it has settled.
    #[arg(long, required_unless_present_any = ["metadata", "verification_keys"])]
    settlement: Option<Address>,
    /// SHA-256 of a verification key that proofs are made for, as `fairlane-prover keys` prints it. At most eight times; they
    /// replace all that were named before.
    #[arg(long = "verification-key", value_name = "HASH")]
    verification_keys: Vec<B256>,
    /// A URI of what people want to know, at most 1024 bytes.
    #[arg(long)]
    metadata: Option<String>,
    #[command(flatten)]
    owner: Owner,
}

#[derive(Debug, Args)]
pub(super) struct Close {
    /// The rollup's id.
    id: u64,
    #[command(flatten)]
    owner: Owner,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The rollup's id.
    id: u64,
    #[command(flatten)]
    chain: Chain,
}

struct Session(Signer);

impl Owner {
    async fn open(&self) -> eyre::Result<Session> {
        Ok(Session(self.chain.open(OWNER_KEY, self.key_file.as_deref()).await?))
    }
}

impl Session {
    fn account(&self) -> OwnerAccount<'_> {
        let Signer { deployment, provider, address } = &self.0;
        OwnerAccount { deployment, provider, owner: *address }
    }

    /// Fails where the owner cannot pay the registry's fee.
    async fn check_fee(&self) -> eyre::Result<()> {
        let Signer { deployment, provider, address } = &self.0;
        let payer = OperatorAccount { deployment, provider, operator: *address };
        let (fee, balance) = (self.account().fee().await?, payer.balance().await?);
        if balance < fee {
            let decimals = payer.decimals().await?;
            let shown = |amount: U256| Amount::from_units(amount.saturating_to(), decimals);
            bail!("a registration costs {} tokens, and {} has {}", shown(fee), address, shown(balance));
        }
        Ok(())
    }
}

impl Rollup {
    pub(super) async fn run(self) -> eyre::Result<()> {
        match self {
            Self::Register(command) => command.run().await,
            Self::Configure(command) => command.run().await,
            Self::Close(Close { id, owner }) => {
                let session = owner.open().await?;
                let closing = session.account().close(RollupId::new(id));
                owner.sending.carry_out(&format!("closed rollup {id}"), closing).await
            }
            Self::Show(command) => command.run().await,
        }
    }
}

impl Register {
    async fn run(self) -> eyre::Result<()> {
        let session = self.owner.open().await?;
        session.check_fee().await?;
        let RollupArgument(rollup) = self.rollup;
        let Self { settlement, verification_keys, metadata, .. } = self;
        let settings = RollupSettings { settlement, verificationKeys: verification_keys, metadata };
        let registering = session.account().register(rollup, settings).await?;
        self.owner.sending.carry_out(&format!("registered rollup {}", rollup.id), registering).await
    }
}

impl Configure {
    async fn run(self) -> eyre::Result<()> {
        let Self { id, settlement, verification_keys, metadata, owner } = self;
        let session = owner.open().await?;
        let change = |settings: &mut RollupSettings| {
            if let Some(settlement) = settlement {
                settings.settlement = settlement;
            }
            if !verification_keys.is_empty() {
                settings.verificationKeys = verification_keys;
            }
            if let Some(metadata) = metadata {
                settings.metadata = metadata;
            }
        };
        let configuring = session.account().configure(RollupId::new(id), change).await?;
        owner.sending.carry_out(&format!("configured rollup {id}"), configuring).await
    }
}

impl Show {
    async fn run(self) -> eyre::Result<()> {
        let (deployment, provider) = self.chain.connect()?;
        let state = L1State::newest(&provider, &deployment.contracts);
        let Some(rollup) = state.rollup(RollupId::new(self.id)).await? else {
            bail!("nobody has registered rollup {}", self.id);
        };
        let epoch = state.epoch().await?;
        out!("owner    {}", rollup.owner)?;
        out!("group    {}", rollup.spec.rules.group)?;
        match rollup.spec.rules.leg_bytes {
            0 => out!("payloads of any length")?,
            bytes => out!("payloads of {bytes} bytes")?,
        }
        let closed =
            rollup.closed_from.map_or(String::new(), |epoch| format!(", closed from epoch {epoch} on"));
        out!("ordered  from epoch {} on{closed} (now: epoch {epoch})", rollup.from)?;
        let settings = state.settings_of(rollup.spec.id).await?.map(|(_, settings)| settings);
        for key in settings.iter().flat_map(|settings| &settings.verificationKeys) {
            out!("proofs   for the verification key {key}")?;
        }
        let contract =
            settings.map(|settings| settings.settlement).filter(|contract| *contract != Address::ZERO);
        let Some(contract) = contract else { return Ok(()) };
        match settled_point(&provider, contract, block_number(&provider).await?).await? {
            Some(point) => out!("settled  up to batch {} by {contract}", point.index)?,
            None => out!("settled  by {contract}, which does not say how far")?,
        }
        Ok(())
    }
}
