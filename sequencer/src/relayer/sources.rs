//! The nodes that a relayer asks. What they say is verified by who asks.

use eyre::WrapErr as _;
use fairlane_proto::convert::{self, CertifiedHeader};
use fairlane_proto::v1::chain_service_client::ChainServiceClient;
use fairlane_proto::v1::{GetCheckpointRequest, GetHeaderRequest};
use fairlane_types::{BlockHeader, CheckpointCertificate};
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

/// How long an answer may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// Some nodes of the network. Connections are made when they are needed.
#[derive(Clone, Debug)]
pub struct Sources(Vec<(String, ChainServiceClient<Channel>)>);

impl Sources {
    /// Nodes at these gRPC addresses.
    pub fn new(urls: &[String]) -> eyre::Result<Self> {
        let node = |url: &String| {
            let address = Endpoint::from_shared(url.clone())
                .wrap_err_with(|| format!("`{url}` is no address: write it as in http://127.0.0.1:26660"))?;
            let channel = address.connect_timeout(ANSWERED_WITHIN).timeout(ANSWERED_WITHIN).connect_lazy();
            Ok((url.clone(), ChainServiceClient::new(channel)))
        };
        Ok(Self(urls.iter().map(node).collect::<eyre::Result<_>>()?))
    }

    /// The newest certificate of each node that has one, the greatest height first.
    pub(super) async fn newest(&mut self) -> Vec<CheckpointCertificate> {
        let mut found = self.ask(GetCheckpointRequest::default()).await;
        found.sort_by_key(|certificate| std::cmp::Reverse(certificate.checkpoint.height));
        found
    }

    /// The certificates of a height, of each node that has one.
    pub(super) async fn at(&mut self, height: u64) -> Vec<CheckpointCertificate> {
        let mut found = self.ask(GetCheckpointRequest { height, ..Default::default() }).await;
        found.retain(|certificate| certificate.checkpoint.height.get() == height);
        found
    }

    /// What each node answers, each once.
    async fn ask(&mut self, request: GetCheckpointRequest) -> Vec<CheckpointCertificate> {
        let mut found: Vec<CheckpointCertificate> = Vec::new();
        for (url, client) in &mut self.0 {
            let answer = client.get_checkpoint(request).await;
            let certificate = match answer {
                Ok(answer) => convert::canonical("certificate", &answer.into_inner().certificate),
                Err(status) => {
                    tracing::debug!(node = %url, status = status.message(), "a node has no checkpoint");
                    continue;
                }
            };
            match certificate {
                Ok(certificate) if !found.contains(&certificate) => found.push(certificate),
                Ok(_) => {}
                Err(error) => tracing::warn!(node = %url, %error, "a node's answer is not well formed"),
            }
        }
        found
    }

    /// The header of a block, as the first node has it that knows it.
    pub(super) async fn header(&mut self, height: u64) -> Option<BlockHeader> {
        for (_, client) in &mut self.0 {
            let Ok(answer) = client.get_header(GetHeaderRequest { height }).await else { continue };
            let block = answer.into_inner().block.map(CertifiedHeader::try_from);
            if let Some(Ok(block)) = block {
                return Some(block.header);
            }
        }
        None
    }
}
