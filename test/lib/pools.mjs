// Pools: a fleet whose signer is many keys, on the scripted node, whose contract counts effects; and the oracle over all of them.
//
//   const p = await poolOf(t, { keys: 4, signer: { window: 16, … }, batch: { max: 2 }, funds: { 0: wei }, chain: { pool: "reth" }, final: 2 })
//   p.w p.n (scripted node) p.addresses (lower case) p.lane(i)     await p.submitter(name)     await p.wave(40)     p.miner
//   await p.settled()  all that was waved is done and every slot closed      await p.judge()  the oracle
//   await p.held()  { pid: [place of key …] }: the lanes as PostgreSQL has them
import { need } from "../../deploy/run/npm.mjs";
import { ADDRESS, boxYaml } from "./box.mjs";
import { keys } from "./world.mjs";
import { post } from "./scripted.mjs";

const { ethers } = need("ethers");
export const BOX = ADDRESS;
const BLOCK_MS = 100;

// Keys of dev chains, then more of the same kind.
const keyOf = (i) => keys[i] ?? ethers.id(`pool ${i}`);

const flow = (o) => Object.entries(o).map(([k, v]) => `${k}: ${typeof v === "object" ? `{ ${flow(v)} }` : v}`).join(", ");
export const poolYaml = ({ keys: n, signer = {}, batch = {}, final = 2 }) => {
	const names = Array.from({ length: n }, (_, i) => `"\${KEY_${i}}"`).join(", ");
	return boxYaml({ name: "pools", final, retry: "200ms", signer: `keys: [${names}], ${flow({ gas: { max: '"1000 gwei"' }, ...signer })}`, batch: flow({ max: 2, wait: "20ms", send: '"Box.act(id[])"', signer: "owner", ...batch }) });
};

function minerOf(n) {
	const m = { on: true, held: false, pool: true, hold: () => (m.held = true), release: () => (m.held = false) };
	m.over = (async () => {
		while (m.on) {
			if (!m.held) await n.mine(1, m.pool ? {} : { pool: false });
			await new Promise((r) => setTimeout(r, BLOCK_MS));
		}
	})();
	m.over.catch(() => {});
	m.stop = async () => {
		m.on = false;
		await m.over;
	};
	return m;
}

export async function rpcs(n, calls) {
	if (calls.length === 0) return [];
	const { text } = await post(n.http, calls.map(([method, params], id) => ({ jsonrpc: "2.0", id, method, params })));
	return JSON.parse(text).sort((a, b) => a.id - b.id).map((a) => a.result);
}

export async function poolOf(t, o) {
	const env = Object.fromEntries(Array.from({ length: o.keys }, (_, i) => [`KEY_${i}`, keyOf(i)]));
	const w = await t.world({ app: "ktty", chain: "node", mapping: {}, yaml: poolYaml(o), env, node: { seed: 7, chain: o.chain } });
	const n = w.scripted;
	const addresses = Array.from({ length: o.keys }, (_, i) => new ethers.Wallet(keyOf(i)).address.toLowerCase());
	const p = { w, n, addresses, waved: 0, parts: [] };
	await n.do([
		...addresses.map((address, i) => ({ account: { address, nonce: i, ...(o.funds?.[i] !== undefined ? { balance: `0x${BigInt(o.funds[i]).toString(16)}` } : {}) } })),
		{ shape: { name: "put", address: BOX, event: "Put(uint256 indexed id)", args: { id: { seq: 1 } } } },
		{ contract: { address: BOX, function: "act(uint256[] ids)", count: "ids", gas_each: 25000 } },
		{ mine: 3 },
	]);
	p.miner = minerOf(n);
	t.ends.push(async () => {
		await p.miner.stop().catch(() => {});
		return { problems: [] };
	});
	p.lane = (i) => `send:31337:${addresses[i]}`;
	p.wave = async (count) => {
		await n.mine(1, { pool: false, logs: { shape: "put", count } });
		p.waved += count;
	};
	p.submitter = (name = `submitter${p.parts.length + 1}`, more = {}) => {
		p.parts.push(name);
		return w.start("submitter", { name, ...more });
	};
	p.held = async () => {
		const rows = await w.sql("SELECT name, split_part(holder, ':', 2)::int AS pid FROM fairlead.lane WHERE name LIKE 'send:%' AND until > clock_timestamp() AND holder IS NOT NULL ORDER BY name");
		const held = {};
		for (const r of rows) (held[r.pid] ??= []).push(addresses.indexOf(r.name.slice(-42)));
		return held;
	};
	p.spread = async (counts, what, ms) => {
		const want = [...counts].sort();
		await w.waitFor(async () => {
			const now = Object.values(await p.held()).map((l) => l.length).sort();
			return JSON.stringify(now) === JSON.stringify(want);
		}, what ?? `the lanes to be spread ${want.join(", ")}`, ms);
		return p.held();
	};
	p.settled = async (ms = 40000) => {
		let now = "";
		try {
			await w.waitFor(async () => {
				const items = await w.sql("SELECT state, count(*) AS n FROM fairlead.item GROUP BY 1 ORDER BY 1");
				const { n: open } = await w.one("SELECT count(*) AS n FROM fairlead.slot WHERE closed IS NULL");
				now = `${items.map((r) => `${r.n} ${r.state}`).join(", ")}, ${open} open slots`;
				return open === 0 && items.length === 1 && items[0].state === "done" && items[0].n === p.waved;
			}, "all to be final", ms);
		} catch (e) {
			throw new Error(`${e.message}; now ${now}`);
		}
	};
	p.judge = () => judge(p, o);
	return p;
}

// P1, P2, P3: each item once; each nonce one mined attempt, none left out; nothing left that is not a row.
async function judge(p, o) {
	const { w, n, addresses } = p, { assert } = w.t;
	const effects = await n.do({ effects: { address: BOX } });
	const twice = Object.entries(effects).filter(([, k]) => k !== 1);
	assert.deepEqual(twice, [], "each item has one effect");
	assert.equal(Object.keys(effects).length, p.waved, "every item has its effect");
	const attempts = await w.sql("SELECT nonce::int, '0x' || encode(signer, 'hex') AS signer, '0x' || encode(hash, 'hex') AS hash FROM fairlead.attempt ORDER BY signer, nonce, n");
	const known = new Set(attempts.map((a) => a.hash));
	const raws = await n.raws({});
	assert.deepEqual(raws.filter((r) => !known.has(r.hash)).map((r) => r.hash), [], "what left stands in PostgreSQL");
	const receipts = await rpcs(n, attempts.map((a) => ["eth_getTransactionReceipt", [a.hash]]));
	const mined = attempts.filter((a, i) => receipts[i]);
	const shares = [];
	for (const [i, address] of addresses.entries()) {
		const count = Number(await n.rpc("eth_getTransactionCount", [address, "latest"]));
		assert.deepEqual(mined.filter((a) => a.signer === address).map((a) => a.nonce), Array.from({ length: count - i }, (_, k) => i + k), `key ${i}: one mined attempt a nonce, no gap`);
		shares.push(count - i);
	}
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.dead")).n, 0);
	return { shares, attempts: attempts.length, lost: p.parts.map((name) => w.lines(name, "slots.reload").length).reduce((a, b) => a + b, 0) };
}
