// The two workers that Fairlead's submitter is measured against. Both sign with ethers, hand a transaction to the node, wait for its
// receipt, and write what became of it into PostgreSQL, up to 64 at once. node send_worker.mjs ethers: the jobs are rows that
// stand in PostgreSQL, and a line on stdin says when. node send_worker.mjs bullmq: the jobs are BullMQ's, in Redis.
// Says "listening" once.
import { createInterface } from "node:readline";
import { bench, need } from "../../deploy/run/npm.mjs";

const { ethers } = need("ethers");
const { Pool } = need("pg");
const { RPC_URL, CONTRACT_ADDRESS, OWNER_PRIVATE_KEY, WORKER_PG, WORKER_REDIS } = process.env;
const flight = 64;
const http = new ethers.JsonRpcProvider(RPC_URL, 31337, { staticNetwork: true, batchMaxCount: 100, pollingInterval: 20, cacheTimeout: -1 });
const wallet = new ethers.Wallet(OWNER_PRIVATE_KEY, http);
const iface = new ethers.Interface(["function put(uint256[] ids)"]);
const pool = new Pool({ ...JSON.parse(WORKER_PG), max: 8 });
pool.on("error", () => {});
let nonce = await http.getTransactionCount(wallet.address, "latest");

async function send(id, ids) {
	const data = iface.encodeFunctionData("put", [ids]);
	const raw = await wallet.signTransaction({ type: 2, chainId: 31337, to: CONTRACT_ADDRESS, data, nonce: nonce++, gasLimit: 100000, maxFeePerGas: 100n * 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n });
	const tx = await http.broadcastTransaction(raw);
	const receipt = await tx.wait();
	await pool.query({ name: "done", text: "UPDATE job SET tx = $2, block = $3, ok = $4 WHERE id = $1", values: [id, receipt.hash, receipt.blockNumber, receipt.status === 1] });
}

if (process.argv[2] === "ethers") {
	createInterface({ input: process.stdin }).on("line", async () => {
		const { rows } = await pool.query("SELECT id, ids FROM job WHERE block IS NULL ORDER BY id");
		const turn = async () => {
			for (let r; (r = rows.shift()); ) await send(r.id, r.ids);
		};
		await Promise.all(Array.from({ length: flight }, turn));
	});
	await pool.query("SELECT 1");
} else {
	const { Worker } = bench("bullmq");
	const connection = { path: WORKER_REDIS, maxRetriesPerRequest: null };
	const worker = new Worker("send", (job) => send(job.data.id, job.data.ids), { connection, concurrency: flight });
	worker.on("failed", (job, e) => console.error(e.shortMessage ?? e.message));
	await worker.waitUntilReady();
}
console.log("listening");
