// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Checks proofs about one public input
/// @notice Which statements there are, and how they become an input, is for the contract that asks.
interface IProofVerifier {
    /// @notice Whether a proof shows that the statement with this input is true. Never reverts because of what the proof
    /// says, but may take all gas but a 64th where a point is none.
    /// @param input The public input, below the order of BN254's groups.
    /// @param proof Points A, B and C as the precompiles encode them: A.x, A.y, B.x.c1, B.x.c0, B.y.c1, B.y.c0, C.x, C.y.
    function verify(uint256 input, uint256[8] calldata proof) external view returns (bool);
}
