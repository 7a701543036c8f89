// Prints the standard vectors of npm's @ethersproject/testcases as lines for ./check: kind, name and fields, separated by
// tabs. FAIRLEAD_NPM names the folder that holds node_modules (.run/npm). What is generated at random there (random-…) is
// left out: it repeats the same shapes thousands of times.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const folder = join(process.env.FAIRLEAD_NPM ?? join(root, ".run/npm"), "node_modules/@ethersproject/testcases/testcases");

function load(set) {
  const all = JSON.parse(gunzipSync(readFileSync(join(folder, `${set}.json.gz`))));
  return all.filter((x) => !/(^|-)random-/.test(x.name ?? ""));
}
function line(...fields) {
  const text = fields.map((f) => String(f));
  if (text.some((f) => /[\t\n]/.test(f))) throw new Error(`a field of ${text[1]} holds a tab or a line end`);
  process.stdout.write(text.join("\t") + "\n");
}

// A value of the sets → the JSON that Fairlead reads: whole numbers in decimal, bytes and addresses in lower-case hex.
function plain(type, value) {
  const array = /^(.*)\[\d*\]$/.exec(type);
  if (array) return value.map((v) => plain(array[1], v));
  if (value !== null && typeof value === "object") value = value.value;
  if (/^u?int/.test(type)) return BigInt(value).toString();
  if (type === "bool") return value === true || value === "true";
  return type === "string" ? value : value.toLowerCase();
}

// abi.encodePacked of the shapes that solidity-hashes uses: elements of arrays are padded to words.
function packed(type, value, padded = false) {
  const array = /^(.*)\[\d*\]$/.exec(type);
  if (array) return value.map((v) => packed(array[1], v, true)).join("");
  if (type === "string") return Buffer.from(value).toString("hex");
  if (/^bytes/.test(type)) return value.slice(2).padEnd(padded ? 64 : 0, "0");
  const size = type === "address" ? 40 : Number(/\d+/.exec(type)?.[0] ?? 256) / 4;
  return BigInt(value).toString(16).padStart(padded ? 64 : size, "0");
}

const tree = (x) => (Array.isArray(x) ? `[${x.map(tree).join(",")}]` : x);

for (const [i, x] of load("hashes").entries()) line("keccak", `hashes-${i}`, x.data, x.keccak256);
for (const x of load("solidity-hashes"))
  line("keccak", `solidity-${x.name}`, `0x${x.types.map((t, i) => packed(t, x.values[i])).join("")}`, x.keccak256);
for (const x of load("rlp-coder")) line("rlp", x.name, x.encoded, tree(x.decoded));
for (const x of load("accounts")) {
  line("address", x.name, x.address, x.checksumAddress);
  if (x.privateKey) line("key", x.name, x.privateKey, x.address);
}
for (const x of load("wallets")) line("key", `wallet-${x.name}`, x.privateKey, x.address);
for (const x of load("hdnode"))
  for (const [i, node] of x.hdnodes.entries()) line("key", `hdnode-${x.name}-${i}`, node.privateKey, node.address);
for (const x of load("bignumber"))
  if (typeof x.value === "string" && !/^-\d|^-0x/.test(x.value)) line("number", x.testcase, x.value, x.expectedValue ?? "none");

for (const x of load("contract-interface")) {
  const types = JSON.parse(x.types), values = JSON.parse(x.normalizedValues);
  line("abi", x.name, x.interface.trim(), `(${types.join(",")})`, JSON.stringify(types.map((t, i) => plain(t, values[i]))), x.result);
}
for (const x of load("contract-events")) {
  const values = x.types.map((t, i) => (x.hashed[i] ? x.normalizedValues[i] : plain(t, x.normalizedValues[i])));
  line("event", x.name, x.interface.trim(), x.topics.join(",") || "none", x.data, JSON.stringify(values));
}

function transaction(name, key, address, unsigned, signed, f) {
  const access = (f.accessList ?? []).map((a) => `${a.address}:${a.storageKeys.join("+")}`).join(",") || "none";
  const number = (v) => BigInt(v === undefined || v === "0x" ? 0 : v).toString();
  line("tx", name, key, address.toLowerCase(), unsigned, signed, f.type ?? 0, number(f.chainId), number(f.nonce),
    number(f.maxFeePerGas ?? f.gasPrice), number(f.maxPriorityFeePerGas), number(f.gasLimit), f.to || "none", number(f.value), f.data || "0x", access);
}
for (const x of load("transactions")) {
  transaction(x.name, x.privateKey, x.accountAddress, x.unsignedTransaction, x.signedTransaction, x);
  transaction(`${x.name}-chain5`, x.privateKey, x.accountAddress, x.unsignedTransactionChainId5, x.signedTransactionChainId5, { ...x, chainId: 5 });
}
for (const x of load("typed-transactions")) transaction(x.name, x.key, x.address, x.unsigned, x.signed, x.tx);
