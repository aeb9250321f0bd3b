//! Greetings: the first message on each stream of segments.
//!
//! A greeting names the network and the protocol version, and where the node is a validator it proves so: the
//! validator signs network and peer id. The transport authenticates the peer id, so a proof cannot be replayed by
//! another peer.

use bytes::Bytes;
use fairlane_proto::convert::{array, to_field};
use fairlane_proto::{ConvertError, v1};
use fairlane_types::crypto::PublicKey;
use fairlane_types::{DecodeError, Domain, NetworkId, Signature, SigningKey, ValidatorId};
use libp2p::PeerId;

/// The longest greeting or reply.
pub(super) const MAX_BYTES: usize = 1024;

/// Why a greeting is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum GreetingError {
    /// It comes from another network.
    #[error("you belong to network {theirs}, this node to {ours}")]
    WrongNetwork {
        /// The sender's.
        theirs: NetworkId,
        /// This node's.
        ours: NetworkId,
    },
    /// The sender speaks another version of the protocol between nodes.
    #[error("you speak protocol version {theirs}, this node speaks {ours}: run the same release")]
    WrongVersion {
        /// The sender's.
        theirs: u32,
        /// This node's.
        ours: u32,
    },
    /// The proof of being a validator does not verify.
    #[error("your proof of being validator {0} is not valid for your peer id")]
    Proof(ValidatorId),
    /// The sender's claimed validator id is no usable key.
    #[error("your validator id is not a usable key: {0}")]
    Key(#[from] DecodeError),
    /// A field is not well formed.
    #[error("your greeting is malformed: {0}")]
    Malformed(#[from] ConvertError),
}

fn proof_message(network: &NetworkId, peer: &PeerId) -> [u8; 47] {
    let mut fields = network.as_bytes().to_vec();
    fields.extend_from_slice(&peer.to_bytes());
    Domain::IDENTITY.sign_bytes(&fields)
}

/// This node's greeting.
pub(super) fn hello(network: NetworkId, peer: &PeerId, key: Option<&SigningKey>) -> v1::Hello {
    let (validator, signature) = match key {
        Some(key) => (to_field(&key.validator()), to_field(&key.sign(&proof_message(&network, peer)))),
        None => (Bytes::new(), Bytes::new()),
    };
    v1::Hello { network: to_field(&network), validator, signature, protocol: super::PROTOCOL_VERSION }
}

/// Checks the greeting of `peer`: which validator it is, if any.
pub(super) fn check(
    hello: &v1::Hello,
    ours: NetworkId,
    peer: &PeerId,
) -> Result<Option<ValidatorId>, GreetingError> {
    let theirs = NetworkId::from_bytes(array("network", &hello.network)?);
    if theirs != ours {
        return Err(GreetingError::WrongNetwork { theirs, ours });
    }
    if hello.protocol != super::PROTOCOL_VERSION {
        return Err(GreetingError::WrongVersion { theirs: hello.protocol, ours: super::PROTOCOL_VERSION });
    }
    if hello.validator.is_empty() {
        return Ok(None);
    }
    let validator = ValidatorId::from_bytes(array("validator", &hello.validator)?);
    let signature = Signature::from_bytes(array("signature", &hello.signature)?);
    let key = PublicKey::decode(&validator)?;
    if !key.verify(&proof_message(&ours, peer), &signature) {
        return Err(GreetingError::Proof(validator));
    }
    Ok(Some(validator))
}
