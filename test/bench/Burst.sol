// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

// Emits as many transfers as it is asked for, one after the other, between a fixed set of holders.
contract Burst {
	event Transfer(address indexed from, address indexed to, uint256 value);

	function holder(uint256 i) public pure returns (address) {
		return address(uint160(uint256(keccak256(abi.encode(i)))));
	}

	// Transfers first .. first + n - 1: number i is worth i and goes to holder i % holders.
	function burst(uint256 first, uint256 n, uint256 holders) external {
		for (uint256 i = first; i < first + n; i++) emit Transfer(holder(i * 7 % 1009), holder(i % holders), i);
	}
}
