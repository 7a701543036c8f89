// The tuned script that Fairlead's backfill is measured beside: viem in one process, eth_getLogs of FLIGHT ranges at once, each
// decoded by viem and written by inserts of many rows (arrays and unnest: faster here than VALUES) while others are on their way.
// Its table is as small as a script's author would make it: no hash of its own, one unique index.
import { need } from "../../deploy/run/npm.mjs";

const { Pool } = need("pg");
const viem = need("viem");
const { RPC_URL, CONTRACT_ADDRESS, VIEM_PG, VIEM_FROM, VIEM_TO, VIEM_RANGE = "4", VIEM_FLIGHT = "8", VIEM_ROWS = "1000" } = process.env;
const [from, to, range, flight, most] = [VIEM_FROM, VIEM_TO, VIEM_RANGE, VIEM_FLIGHT, VIEM_ROWS].map(Number);
const pool = new Pool({ ...JSON.parse(VIEM_PG), max: 2 });
const client = viem.createPublicClient({ transport: viem.http(RPC_URL, { timeout: 60000 }) });
const [event] = viem.parseAbi(["event Transfer(address indexed from, address indexed to, uint256 value)"]);

await pool.query("CREATE TABLE transfer (block bigint, log int, tx text, sender text, receiver text, value numeric, PRIMARY KEY (block, log))");
const text = "INSERT INTO transfer SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::numeric[]) ON CONFLICT DO NOTHING";
async function write(logs) {
	const column = (f) => logs.map(f);
	await pool.query({ name: "in", text, values: [column((l) => String(l.blockNumber)), column((l) => l.logIndex), column((l) => l.transactionHash), column((l) => l.args.from), column((l) => l.args.to), column((l) => String(l.args.value))] });
}

let next = from;
const writes = [];
async function reader() {
	while (next <= to) {
		const fromBlock = next, toBlock = Math.min(to, next + range - 1);
		next = toBlock + 1;
		const logs = await client.getLogs({ address: CONTRACT_ADDRESS, event, strict: true, fromBlock: BigInt(fromBlock), toBlock: BigInt(toBlock) });
		for (let i = 0; i < logs.length; i += most) writes.push(write(logs.slice(i, i + most)));
	}
}
await Promise.all(Array.from({ length: flight }, reader));
await Promise.all(writes);
console.log(`done ${process.resourceUsage().maxRSS}`);
await pool.end();
