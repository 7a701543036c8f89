// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// The Companions contract as the fleet meets it: the events, functions and errors of the deployed one, without its
/// market. For development and tests it has more: a counter of code writes per token (an effect that happened twice
/// shows), a pause switch, and ways to make trouble (burn, preset, unmapped events).
contract Companions {
	event TokenRevealed(uint256 indexed tokenId);
	event TokensRevealed(uint256[] tokenIds);
	event TokenCodesUpdated(uint256[] tokenIds, string[] codes);
	event MetadataUpdated(uint256 tokenId);
	event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

	error MaxSupplyReached();
	error InvalidTokenId();
	error BatchSizeZero();
	error OnlyOwnerOrMintingContract();
	error ExceedsMaxSupply();
	error ArrayLengthMismatch();
	error TokenCodeNotSet();
	error OwnableUnauthorizedAccount(address account);
	error ContractPaused();

	address public owner;
	address public mintingContract;
	uint256 public immutable maxSupply;
	uint256 public totalSupply;
	bool public paused;

	/// How often a token's code was written by setBulkTokenCodes.
	mapping(uint256 => uint256) public codeWrites;
	mapping(uint256 => string) private code;
	mapping(uint256 => bool) private revealed;
	mapping(uint256 => bool) private burned;

	modifier onlyOwner() {
		if (msg.sender != owner) revert OwnableUnauthorizedAccount(msg.sender);
		_;
	}
	modifier onlyMinting() {
		if (msg.sender != owner && msg.sender != mintingContract) revert OnlyOwnerOrMintingContract();
		_;
	}

	/// Tokens 1..minted_ exist from the start; up to maxSupply_ can be minted.
	constructor(uint256 maxSupply_, uint256 minted_, address mintingContract_) {
		if (minted_ > maxSupply_) revert ExceedsMaxSupply();
		owner = msg.sender;
		mintingContract = mintingContract_;
		maxSupply = maxSupply_;
		totalSupply = minted_;
		emit OwnershipTransferred(address(0), msg.sender);
	}

	function exists(uint256 tokenId) public view returns (bool) {
		return tokenId != 0 && tokenId <= totalSupply && !burned[tokenId];
	}

	function isTokenRevealed(uint256 tokenId) external view returns (bool) {
		return revealed[tokenId];
	}

	/// The empty string while no code is set.
	function getTokenCode(uint256 tokenId) external view returns (string memory) {
		if (!exists(tokenId)) revert InvalidTokenId();
		return code[tokenId];
	}

	function tokenURI(uint256 tokenId) external view returns (string memory) {
		if (!exists(tokenId)) revert InvalidTokenId();
		if (bytes(code[tokenId]).length == 0) revert TokenCodeNotSet();
		return string.concat("ipfs://", code[tokenId]);
	}

	function mint(uint256 count) external onlyMinting {
		if (totalSupply == maxSupply) revert MaxSupplyReached();
		if (totalSupply + count > maxSupply) revert ExceedsMaxSupply();
		totalSupply += count;
	}

	function revealToken(uint256 tokenId) external onlyMinting {
		reveal(tokenId);
		emit TokenRevealed(tokenId);
	}

	/// As the deployed contract does: TokensRevealed only, never TokenRevealed.
	function batchRevealTokens(uint256[] calldata tokenIds) external onlyMinting {
		if (tokenIds.length == 0) revert BatchSizeZero();
		for (uint256 i = 0; i < tokenIds.length; i++) reveal(tokenIds[i]);
		emit TokensRevealed(tokenIds);
	}

	function setBulkTokenCodes(uint256[] calldata tokenIds, string[] calldata codes) external onlyOwner {
		if (paused) revert ContractPaused();
		if (tokenIds.length != codes.length) revert ArrayLengthMismatch();
		if (tokenIds.length == 0) revert BatchSizeZero();
		for (uint256 i = 0; i < tokenIds.length; i++) {
			if (!exists(tokenIds[i])) revert InvalidTokenId();
			code[tokenIds[i]] = codes[i];
			codeWrites[tokenIds[i]]++;
		}
		emit TokenCodesUpdated(tokenIds, codes);
	}

	function transferOwnership(address newOwner) external onlyOwner {
		emit OwnershipTransferred(owner, newOwner);
		owner = newOwner;
	}

	// For tests and benches; the minting contract is an ordinary account there, so the owner's nonces stay the fleet's.

	/// One TokenRevealed a token, as that many revealToken transactions would leave in one block.
	function revealEach(uint256[] calldata tokenIds) external onlyMinting {
		for (uint256 i = 0; i < tokenIds.length; i++) {
			reveal(tokenIds[i]);
			emit TokenRevealed(tokenIds[i]);
		}
	}

	/// TokenRevealed of a token that need not exist.
	function announce(uint256 tokenId) external onlyMinting {
		emit TokenRevealed(tokenId);
	}

	function burn(uint256 tokenId) external onlyMinting {
		if (!exists(tokenId)) revert InvalidTokenId();
		burned[tokenId] = true;
	}

	function unburn(uint256 tokenId) external onlyMinting {
		burned[tokenId] = false;
	}

	/// A code that somebody else has set: not counted in codeWrites and not announced.
	function preset(uint256 tokenId, string calldata value) external onlyMinting {
		if (!exists(tokenId)) revert InvalidTokenId();
		code[tokenId] = value;
	}

	function setPaused(bool value) external onlyMinting {
		paused = value;
	}

	/// Ownership moved without the owner's key.
	function seize(address newOwner) external onlyMinting {
		emit OwnershipTransferred(owner, newOwner);
		owner = newOwner;
	}

	function reveal(uint256 tokenId) private {
		if (!exists(tokenId)) revert InvalidTokenId();
		revealed[tokenId] = true;
		emit MetadataUpdated(tokenId);
	}
}
