// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Says, in an event, that a value existed by the time of the block. It keeps nothing, has no owner and takes no money:
/// anybody may have it say anything at any time, and the earliest event of a value is what counts. An event costs about
/// half of what it would to keep the value, and is proven by the receipt in its block.
contract AnchorRegistry {
    /// @param ref         What existed: 32 bytes, most often a hash.
    /// @param anchoredBy  Who called.
    /// @param timestamp   The block's clock, in seconds since 1970.
    event Anchored(bytes32 indexed ref, address indexed anchoredBy, uint256 timestamp);

    function anchor(bytes32 ref) external {
        emit Anchored(ref, msg.sender, block.timestamp);
    }
}
