// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISequencerLightClient} from "../interfaces/ISequencerLightClient.sol";
import {Finality, IZkRollupSettlement} from "../interfaces/IZkRollupSettlement.sol";
import {BatchHead} from "./BatchHead.sol";

/// @title Shows that a head is final
library FinalHead {
    /// @notice Reverts if the head is not in the history that a checkpoint shows.
    /// @param index The index of the batch that leads to the head.
    function check(
        ISequencerLightClient lightClient,
        bytes32 network,
        uint64 rollup,
        uint64 index,
        bytes32 head,
        Finality calldata finality
    ) internal view {
        for (uint256 i = 0; i < finality.later.length; i++) {
            head = BatchHead.next(network, rollup, head, ++index, finality.later[i]);
        }
        if (finality.path.rollup != rollup) revert IZkRollupSettlement.WrongRollup(finality.path.rollup, rollup);
        if (finality.path.index != index || finality.path.head != head) {
            revert IZkRollupSettlement.WrongHead(finality.path.index, finality.path.head, index, head);
        }
        lightClient.prove(finality.number, finality.checkpoint, finality.path);
    }
}
