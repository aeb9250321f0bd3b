//! The contracts' types, from the ABI and bytecode that `../artifacts` keeps; `slashing-contracts/check.sh`
//! compares those with a fresh build.
//!
//! Each contract is a module with its calls, events, errors and creation code. Names and meanings are those
//! of the Solidity interfaces in `slashing-contracts/src/interfaces`, where they are documented.
#![allow(
    missing_docs,
    clippy::too_many_arguments,
    reason = "generated from ABI files, which carry no documentation"
)]

use alloy_sol_types::sol;

sol!(
    #[sol(rpc, extra_derives(Debug, PartialEq, Eq))]
    StakeManager,
    "../artifacts/StakeManager.json"
);
sol!(
    #[sol(rpc, extra_derives(Debug, PartialEq, Eq))]
    SlashingManager,
    "../artifacts/SlashingManager.json"
);
sol!(
    #[sol(rpc, extra_derives(Debug, PartialEq, Eq))]
    EvidenceVerifier,
    "../artifacts/EvidenceVerifier.json"
);
sol!(
    #[sol(rpc, extra_derives(Debug, PartialEq, Eq))]
    KeyVerifier,
    "../artifacts/KeyVerifier.json"
);
sol!(
    #[sol(rpc, extra_derives(Debug, PartialEq, Eq))]
    RollupRegistry,
    "../artifacts/RollupRegistry.json"
);
sol!(
    #[sol(rpc, extra_derives(Debug, PartialEq, Eq))]
    SequencerLightClient,
    "../artifacts/SequencerLightClient.json"
);
sol!(
    #[sol(rpc, extra_derives(Debug, PartialEq, Eq))]
    ZkRollupSettlement,
    "../artifacts/ZkRollupSettlement.json"
);
sol!(
    #[sol(rpc, extra_derives(Debug, PartialEq, Eq))]
    BundleEscrow,
    "../artifacts/BundleEscrow.json"
);
sol!(
    #[sol(rpc, extra_derives(Debug, PartialEq, Eq))]
    Groth16Verifier,
    "../artifacts/Groth16Verifier.json"
);
sol!(
    #[sol(rpc, extra_derives(Debug, PartialEq, Eq))]
    DevToken,
    "../artifacts/DevToken.json"
);
sol!(
    #[sol(rpc, extra_derives(Debug, PartialEq, Eq))]
    Ed25519Verifier,
    "../artifacts/Ed25519Verifier.json"
);
sol! {
    /// What any rollup's contract says of itself.
    #[sol(rpc)]
    interface IRollupSettlement {
        function latest() external view returns (uint64 index, bytes32 head, bytes32 root);
    }

    /// What is used of the token that is staked.
    #[sol(rpc)]
    interface Erc20 {
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function decimals() external view returns (uint8);
        function approve(address spender, uint256 amount) external returns (bool);
    }
}
