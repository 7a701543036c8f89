// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// Locks and the signatures that their owners took back, as the fleet meets them: the events and views of the deployed
/// contract. For development and tests it has more: revocations by the hundred, one that is announced and not kept, one
/// that is kept and not announced.
contract AccessControl {
	event LockRegistered(uint256 indexed lockId, address indexed owner, string publicKey);
	event LockOwnershipTransferred(uint256 indexed lockId, address indexed previousOwner, address indexed newOwner);
	event SignatureRevoked(uint256 indexed lockId, bytes32 indexed signatureHash, address indexed owner);

	error LockExists();
	error LockUnknown();
	error NotLockOwner();
	error AlreadyRevoked();
	error TooManyRevocations();

	struct Lock {
		address owner;
		address signer;
		uint256 revoked;
		string publicKey;
	}

	uint256 public constant MAX_REVOCATIONS = 1000;
	mapping(uint256 => Lock) private locks;
	mapping(uint256 => mapping(bytes32 => bool)) public revokedSignatures;

	modifier onlyLockOwner(uint256 lockId) {
		if (locks[lockId].owner == address(0)) revert LockUnknown();
		if (locks[lockId].owner != msg.sender) revert NotLockOwner();
		_;
	}

	function registerLock(uint256 lockId, address signer, string calldata publicKey) external {
		if (locks[lockId].owner != address(0)) revert LockExists();
		locks[lockId] = Lock(msg.sender, signer, 0, publicKey);
		emit LockRegistered(lockId, msg.sender, publicKey);
	}

	function transferLockOwnership(uint256 lockId, address newOwner) external onlyLockOwner(lockId) {
		locks[lockId].owner = newOwner;
		emit LockOwnershipTransferred(lockId, msg.sender, newOwner);
	}

	/// The hash is that of the signature's text: "0xab…" is hashed as it is written.
	function revokeSignature(uint256 lockId, string calldata signature) external onlyLockOwner(lockId) {
		revoke(lockId, keccak256(bytes(signature)));
	}

	function revokeSignatureHash(uint256 lockId, bytes32 signatureHash) external onlyLockOwner(lockId) {
		revoke(lockId, signatureHash);
	}

	function isSignatureRevoked(uint256 lockId, string calldata signature) external view returns (bool) {
		return revokedSignatures[lockId][keccak256(bytes(signature))];
	}

	function getRevokedSignatureCount(uint256 lockId) external view returns (uint256) {
		return locks[lockId].revoked;
	}

	function getLockInfo(uint256 lockId) external view returns (address owner, address signerAddress, uint256 revokedCount, bool exists) {
		Lock storage lock = locks[lockId];
		return (lock.owner, lock.signer, lock.revoked, lock.owner != address(0));
	}

	// For tests and benches.

	/// As that many revocations would leave them in one block.
	function revokeMany(uint256 lockId, bytes32[] calldata signatureHashes) external onlyLockOwner(lockId) {
		for (uint256 i = 0; i < signatureHashes.length; i++) revoke(lockId, signatureHashes[i]);
	}

	/// SignatureRevoked of anything, also of what was revoked before; the contract keeps nothing of it.
	function announce(uint256 lockId, bytes32 signatureHash) external {
		emit SignatureRevoked(lockId, signatureHash, msg.sender);
	}

	/// A revocation that the contract forgets without a word.
	function forget(uint256 lockId, bytes32 signatureHash) external onlyLockOwner(lockId) {
		revokedSignatures[lockId][signatureHash] = false;
		locks[lockId].revoked--;
	}

	function revoke(uint256 lockId, bytes32 signatureHash) private {
		if (revokedSignatures[lockId][signatureHash]) revert AlreadyRevoked();
		if (locks[lockId].revoked == MAX_REVOCATIONS) revert TooManyRevocations();
		revokedSignatures[lockId][signatureHash] = true;
		locks[lockId].revoked++;
		emit SignatureRevoked(lockId, signatureHash, msg.sender);
	}
}
