// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;

// What the transactions of the sending bench do: each number is put once. twice counts those that were put again.
contract Sink {
	mapping(uint256 => uint256) public hits;
	uint256 public total;
	uint256 public twice;

	event Put(uint256 indexed id);

	function done(uint256 id) external view returns (bool) {
		return hits[id] > 0;
	}

	function put(uint256[] calldata ids) external {
		for (uint256 i = 0; i < ids.length; i++) {
			if (++hits[ids[i]] > 1) twice++;
		}
		total += ids.length;
	}
}
