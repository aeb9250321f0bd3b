//! `fairlane evidence`: what a node knows of offences, whether a piece of evidence holds, and handing it to Ethereum.

use super::ethereum::Chain;
use super::out;
use super::status::{connect, refused};
use crate::evidence::{OffenceId, Proof};
use crate::json::offence;
use crate::l1::REPORTER_KEY;
use clap::{Args, Subcommand};
use eyre::{WrapErr as _, bail, eyre};
use fairlane_l1::checkpoint::submit_conflict;
use fairlane_l1::evidence::{Submission, submit};
use fairlane_proto::convert;
use fairlane_proto::v1::evidence_record::Fate;
use fairlane_proto::v1::evidence_service_client::EvidenceServiceClient;
use fairlane_proto::v1::{EvidenceRecord, GetEvidenceRequest, ListEvidenceRequest};
use fairlane_rollup_adapter::genesis_file;
use fairlane_types::{Encode as _, NetworkId};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum EvidenceCommand {
    /// Lists the offences that a node knows of.
    List(List),
    /// Shows one offence with its proof.
    Show(Show),
    /// Checks a proof, without a node.
    Verify(Verify),
    /// Submits a proof to the contracts on Ethereum.
    Submit(Submit),
}

#[derive(Debug, Args)]
pub(super) struct Asked {
    /// A node's gRPC address.
    #[arg(long, env = "FAIRLANE_ENDPOINT", default_value = "http://127.0.0.1:26660")]
    endpoint: String,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    asked: Asked,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The offence's id, as `list` prints it.
    id: String,
    #[command(flatten)]
    asked: Asked,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// A file with the proof in hexadecimal digits, or as `show --json` prints it.
    file: PathBuf,
    /// The genesis file of the network that the proof must be of.
    #[arg(long)]
    genesis: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Submit {
    /// A file as for `verify`, or the id of an offence that the node at --endpoint knows of.
    evidence: String,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    chain: Chain,
    /// A file with the secret key (or a keystore) of the account that sends and gets the reward, of mode 0600. Without it, the
    /// environment variable FAIRLANE_REPORTER_KEY.
    #[arg(long)]
    key_file: Option<PathBuf>,
}

impl EvidenceCommand {
    pub(super) async fn run(self) -> eyre::Result<()> {
        match self {
            Self::List(command) => command.run().await,
            Self::Show(command) => command.run().await,
            Self::Verify(command) => command.run(),
            Self::Submit(command) => command.run().await,
        }
    }
}

impl List {
    async fn run(self) -> eyre::Result<()> {
        let mut client = EvidenceServiceClient::new(connect(&self.asked.endpoint).await?);
        let mut records: Vec<EvidenceRecord> = Vec::new();
        loop {
            let after = records.last().map(|record| record.id.clone()).unwrap_or_default();
            let page = client.list_evidence(ListEvidenceRequest { after }).await;
            let page = page.map_err(refused)?.into_inner();
            let is_last = !page.more || page.records.is_empty();
            records.extend(page.records);
            if is_last {
                break;
            }
        }
        let records = records.iter().map(Known::read).collect::<eyre::Result<Vec<_>>>()?;
        if self.json {
            out!("{:#}", Value::from(records.iter().map(Known::to_json).collect::<Vec<_>>()))?;
            return Ok(());
        }
        for known in &records {
            let (what, offender) = (offence(&known.evidence), known.evidence.offender());
            out!("{}  {what}  by {offender}  {}", known.id, known.fate())?;
        }
        Ok(())
    }
}

impl Show {
    async fn run(self) -> eyre::Result<()> {
        let known = get(&self.asked.endpoint, &self.id).await?;
        let known = Known::read(&known)?;
        if self.json {
            out!("{:#}", known.to_json())?;
            return Ok(());
        }
        out!("id        {}", known.id)?;
        out!("offence   {}", offence(&known.evidence))?;
        out!("offender  {}", known.evidence.offender())?;
        if known.record.height != 0 {
            out!("block     {}", known.record.height)?;
        }
        out!("fate      {}", known.fate())?;
        out!("evidence  {}", hex::encode(known.evidence.to_bytes()))?;
        Ok(())
    }
}

impl Verify {
    fn run(self) -> eyre::Result<()> {
        let network = genesis_file::read(&self.genesis)?.network();
        let evidence = read_file(&self.file, network)?;
        check(&evidence, &network)?;
        let (id, offender) = (evidence.id(), evidence.offender());
        if self.json {
            let text = json!({
                "valid": true,
                "id": id.to_string(),
                "offence": offence(&evidence),
                "offender": offender.to_string(),
                "network": network.to_string(),
            });
            out!("{text:#}")?;
        } else {
            out!("valid: {} by {offender} (offence {id})", offence(&evidence))?;
        }
        Ok(())
    }
}

impl Submit {
    async fn run(self) -> eyre::Result<()> {
        let key = REPORTER_KEY.read(self.key_file.as_deref())?;
        let sender = key.address();
        let (deployment, provider) = self.chain.connect_with_key(key)?;
        let network = deployment.network(&provider).await?;
        let network = network.ok_or_else(|| eyre!("the contracts' network is not open yet"))?;
        let path = Path::new(&self.evidence);
        let evidence = if path.exists() {
            read_file(path, network)?
        } else {
            let record = get(&self.asked.endpoint, &self.evidence).await?;
            read_proof(network, record.evidence)?
        };
        // Checked before gas is paid for it.
        check(&evidence, &network)?;
        let contracts = &deployment.contracts;
        let submitted = match &evidence {
            Proof::Consensus(evidence) => submit(&provider, contracts, evidence, sender, sender).await?,
            Proof::Checkpoints(conflict) => {
                submit_conflict(&provider, contracts, conflict, sender, sender).await?
            }
        };
        match submitted {
            Submission::Punished(receipt) => {
                out!("punished    {}", evidence.offender())?;
                out!("transaction {}", receipt.transaction_hash)?;
                out!("gas         {}", receipt.gas_used)?;
            }
            Submission::AlreadyPunished => out!("somebody proved this offence before")?,
        }
        Ok(())
    }
}

fn check(evidence: &Proof, network: &NetworkId) -> eyre::Result<()> {
    evidence.verify(network).wrap_err("the evidence does not hold")
}

async fn get(endpoint: &str, id: &str) -> eyre::Result<EvidenceRecord> {
    let id = OffenceId::from_hex(id)
        .map_err(|_| eyre!("`{id}` is neither a file nor the id of an offence (64 hexadecimal digits)"))?;
    let mut client = EvidenceServiceClient::new(connect(endpoint).await?);
    let answer = client.get_evidence(GetEvidenceRequest { id: convert::to_field(&id) }).await;
    answer.map_err(refused)?.into_inner().record.ok_or_else(|| eyre!("the node's answer has no record"))
}

/// Reads a proof: hexadecimal digits, or JSON with such a field `evidence`.
fn read_file(path: &Path, network: NetworkId) -> eyre::Result<Proof> {
    let text = std::fs::read_to_string(path).wrap_err_with(|| format!("reading {}", path.display()))?;
    let digits = match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(fields)) => match fields.get("evidence").and_then(Value::as_str) {
            Some(digits) => digits.to_owned(),
            None => bail!("{} is JSON without a text `evidence`", path.display()),
        },
        _ => text.trim().to_owned(),
    };
    let bytes = hex::decode(digits)
        .wrap_err_with(|| format!("{} does not hold hexadecimal digits", path.display()))?;
    read_proof(network, bytes).wrap_err_with(|| format!("{} holds no evidence", path.display()))
}

fn read_proof(network: NetworkId, bytes: impl Into<bytes::Bytes>) -> eyre::Result<Proof> {
    Ok(Proof::from_bytes(network, bytes)?)
}

/// Not every proof names its network. Where one is only shown, it does not matter which one is taken for it.
const ANY_NETWORK: NetworkId = NetworkId::from_bytes([0; 32]);

/// A record of which the proof is readable. Whether it holds, `verify` tells.
struct Known<'a> {
    id: OffenceId,
    record: &'a EvidenceRecord,
    evidence: Proof,
}

impl<'a> Known<'a> {
    fn read(record: &'a EvidenceRecord) -> eyre::Result<Self> {
        let evidence = read_proof(ANY_NETWORK, record.evidence.clone())?;
        Ok(Self { id: evidence.id(), record, evidence })
    }

    fn fate(&self) -> String {
        let by_it = self.record.receipt.as_ref().map(|receipt| {
            let transaction = hex::encode(&receipt.transaction);
            format!(" (by this node: 0x{transaction}, {} gas)", receipt.gas_used)
        });
        let by_it = by_it.unwrap_or_default();
        match self.record.fate() {
            Fate::Punished => format!("punished{by_it}"),
            Fate::Refused => format!("refused: {}", self.record.refusal),
            Fate::Open if self.record.receipt.is_some() => format!("submitted{by_it}"),
            Fate::Open => "open".to_owned(),
        }
    }

    fn to_json(&self) -> Value {
        crate::json::evidence(self.record, &self.evidence)
    }
}
