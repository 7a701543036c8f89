// The Companions contract. Account 1 may mint and reveal.
import { compile, place } from "./contract.mjs";
import { need } from "./npm.mjs";
import { keys } from "./servers.mjs";

export const artifact = () => compile("deploy/apps/ktty/Companions.sol");
export function deploy(url, { supply = 10000, minted = supply, mine } = {}) {
	const { ethers } = need("ethers");
	return place(url, artifact(), [supply, minted, new ethers.Wallet(keys[1]).address], mine);
}
