// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Data kept as the code of a contract
/// @notice A word of code costs a tenth of a word of storage to read. The code begins with a stop, so calling it does
/// nothing.
library DataContract {
    /// @notice The most bytes that fit: the limit for code (EIP-170) without the stop.
    uint256 internal constant MAX_BYTES = 24_575;

    /// Creating the contract failed: too much data, or too little gas.
    error NotStored(uint256 length);

    /// @notice Writes data to a new contract.
    function write(bytes memory data) internal returns (address pointer) {
        // PUSH2 size, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN: returns what follows these ten bytes.
        bytes memory creation = abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a5f395ff3", hex"00", data);
        if (data.length <= MAX_BYTES) {
            assembly ("memory-safe") {
                pointer := create(0, add(creation, 0x20), mload(creation))
            }
        }
        if (pointer == address(0)) revert NotStored(data.length);
    }

    /// @notice Reads what `write` wrote.
    function read(address pointer) internal view returns (bytes memory data) {
        assembly ("memory-safe") {
            let length := sub(extcodesize(pointer), 1)
            data := mload(0x40)
            mstore(data, length)
            extcodecopy(pointer, add(data, 0x20), 1, length)
            mstore(0x40, add(data, and(add(length, 0x3f), not(0x1f))))
        }
    }
}
