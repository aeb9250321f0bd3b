// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IProofVerifier} from "../interfaces/IProofVerifier.sol";

/// @notice A verification key for circuits with one public input; points as the precompiles encode them.
struct VerificationKey {
    uint256[2] alpha;
    uint256[4] beta;
    uint256[4] gamma;
    uint256[4] delta;
    /// What stands for the statement: the first point, and the second times the input.
    uint256[2][2] inputs;
}

/// @title Groth16 over BN254
/// @notice Implements `IProofVerifier` with the precompiles of EIP-196 and EIP-197. The key stands in the code.
/// @dev A proof holds if e(A, B) = e(alpha, beta) e(V, gamma) e(C, delta), with V for the input. The precompile compares a
/// product with one, so the second points of the right side are kept negated. It refuses what is no point, or is not in the
/// subgroup.
contract Groth16Verifier is IProofVerifier {
    /// @dev Order of the field of coordinates.
    uint256 private constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    /// @dev Order of the groups.
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    uint256 private immutable ALPHA_X;
    uint256 private immutable ALPHA_Y;
    uint256 private immutable BETA_X1;
    uint256 private immutable BETA_X0;
    uint256 private immutable BETA_Y1;
    uint256 private immutable BETA_Y0;
    uint256 private immutable GAMMA_X1;
    uint256 private immutable GAMMA_X0;
    uint256 private immutable GAMMA_Y1;
    uint256 private immutable GAMMA_Y0;
    uint256 private immutable DELTA_X1;
    uint256 private immutable DELTA_X0;
    uint256 private immutable DELTA_Y1;
    uint256 private immutable DELTA_Y0;
    uint256 private immutable FIRST_X;
    uint256 private immutable FIRST_Y;
    uint256 private immutable SECOND_X;
    uint256 private immutable SECOND_Y;

    /// @param key As the set-up made it. That its points are points shows with the first proof.
    constructor(VerificationKey memory key) {
        (ALPHA_X, ALPHA_Y) = (key.alpha[0], key.alpha[1]);
        (BETA_X1, BETA_X0) = (key.beta[0], key.beta[1]);
        (BETA_Y1, BETA_Y0) = (Q - key.beta[2], Q - key.beta[3]);
        (GAMMA_X1, GAMMA_X0) = (key.gamma[0], key.gamma[1]);
        (GAMMA_Y1, GAMMA_Y0) = (Q - key.gamma[2], Q - key.gamma[3]);
        (DELTA_X1, DELTA_X0) = (key.delta[0], key.delta[1]);
        (DELTA_Y1, DELTA_Y0) = (Q - key.delta[2], Q - key.delta[3]);
        (FIRST_X, FIRST_Y) = (key.inputs[0][0], key.inputs[0][1]);
        (SECOND_X, SECOND_Y) = (key.inputs[1][0], key.inputs[1][1]);
    }

    /// @inheritdoc IProofVerifier
    function verify(uint256 input, uint256[8] calldata proof) external view returns (bool) {
        if (input >= R) return false;
        uint256[24] memory pairs;
        pairs[6] = ALPHA_X;
        pairs[7] = ALPHA_Y;
        pairs[8] = BETA_X1;
        pairs[9] = BETA_X0;
        pairs[10] = BETA_Y1;
        pairs[11] = BETA_Y0;
        (pairs[12], pairs[13]) = _statement(input);
        pairs[14] = GAMMA_X1;
        pairs[15] = GAMMA_X0;
        pairs[16] = GAMMA_Y1;
        pairs[17] = GAMMA_Y0;
        pairs[20] = DELTA_X1;
        pairs[21] = DELTA_X0;
        pairs[22] = DELTA_Y1;
        pairs[23] = DELTA_Y0;
        bool holds;
        assembly ("memory-safe") {
            calldatacopy(pairs, proof, 0xc0)
            calldatacopy(add(pairs, 0x240), add(proof, 0xc0), 0x40)
            mstore(0, 0)
            let ok := staticcall(gas(), 0x08, pairs, 0x300, 0, 0x20)
            holds := and(ok, eq(mload(0), 1))
        }
        return holds;
    }

    /// @dev The point that stands for the input.
    function _statement(uint256 input) private view returns (uint256, uint256) {
        uint256[4] memory sum = [SECOND_X, SECOND_Y, input, 0];
        (uint256 x, uint256 y) = (FIRST_X, FIRST_Y);
        assembly ("memory-safe") {
            pop(staticcall(gas(), 0x07, sum, 0x60, sum, 0x40))
            mstore(add(sum, 0x40), x)
            mstore(add(sum, 0x60), y)
            pop(staticcall(gas(), 0x06, sum, 0x80, sum, 0x40))
        }
        return (sum[0], sum[1]);
    }
}
