// The world of deploy/apps/ktty: what stands in its environment, and what can be done to its contract (top of world.mjs).
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mapping as mappingOf } from "../../deploy/apps/ktty/mapping.mjs";
import { artifact, deploy } from "../../deploy/run/companions.mjs";
import { need } from "../../deploy/run/npm.mjs";
import { keys } from "../../deploy/run/servers.mjs";

const { ethers } = need("ethers");

export const ktty = {
	artifact,
	defaults: { mapping: 5000, supply: 10000 },
	deploy: (url, o, mine) => deploy(url, { supply: o.supply, mine }),

	files(w, o, dir) {
		w.codes = typeof o.mapping === "number" ? mappingOf(o.mapping) : typeof o.mapping === "string" ? {} : o.mapping;
		w.mappingFile = join(dir, "tokenMapping.json");
		w.writeMapping = (m) => {
			if (typeof m !== "string") w.codes = m;
			writeFileSync(`${w.mappingFile}.new`, typeof m === "string" ? m : JSON.stringify(m));
			renameSync(`${w.mappingFile}.new`, w.mappingFile);
		};
		w.writeMapping(typeof o.mapping === "string" ? o.mapping : w.codes);
	},

	env: (w, http, ws) => ({
		CONTRACT_ADDRESS: w.address, DEPLOYMENT_BLOCK: w.block === undefined ? undefined : String(w.block), OWNER_PRIVATE_KEY: keys[0],
		RPC_URL: http, WS_URL: ws, TOKEN_MAPPING_FILE_PATH: w.mappingFile, SEND_WINDOW: "64",
	}),

	verbs(w, act) {
		w.code = (id) => w.contract.getTokenCode(id);
		w.writes = async (id) => Number(await w.contract.codeWrites(id));
		w.codesSet = async (ids) => (await Promise.all(ids.map((id) => w.code(id)))).every((c, i) => c === w.codes[ids[i]]);
		w.reveal = (ids, how) => act(ids.map((id) => ({ name: "revealToken", args: [id], gas: 120000 })), how);
		w.batchReveal = (ids, how) => act([{ name: "batchRevealTokens", args: [ids], gas: 100000 + ids.length * 32000 }], how);
		w.revealEach = (ids, how) => {
			const list = [];
			for (let i = 0; i < ids.length; i += 400) {
				const part = ids.slice(i, i + 400);
				list.push({ name: "revealEach", args: [part], gas: 100000 + part.length * 33000 });
			}
			return act(list, how);
		};
		w.bulks = () => bulks(w);
	},
};

async function bulks(w) {
	const list = [];
	const head = await w.head();
	for (let b = w.block; b <= head; b++) {
		const block = await w.chain.rpc("eth_getBlockByNumber", ethers.toQuantity(b), true);
		for (const tx of block?.transactions ?? []) {
			if (tx.from.toLowerCase() !== w.owner.toLowerCase() || tx.to?.toLowerCase() !== w.address.toLowerCase()) continue;
			const call = w.iface.parseTransaction({ data: tx.input });
			if (call?.name !== "setBulkTokenCodes") continue;
			const receipt = await w.chain.rpc("eth_getTransactionReceipt", tx.hash);
			list.push({ hash: tx.hash, block: b, nonce: Number(tx.nonce), ids: call.args[0].map(Number), codes: [...call.args[1]], ok: receipt?.status === "0x1", gasLimit: Number(tx.gas), maxFeePerGas: BigInt(tx.maxFeePerGas ?? tx.gasPrice) });
		}
	}
	return list;
}
