// Prints the standard vectors of npm's @ethersproject/testcases as lines for ./check: kind, name and fields, separated by
// tabs. FAIRLEAD_NPM names the folder that holds node_modules (.run/npm). What is generated at random there (random-…) is
// left out: it repeats the same shapes thousands of times.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";
import { gunzipSync } from "node:zlib";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const folder = join(process.env.FAIRLEAD_NPM ?? join(root, ".run/npm"), "node_modules/@ethersproject/testcases/testcases");

const everything = (set) => JSON.parse(gunzipSync(readFileSync(join(folder, `${set}.json.gz`))));
const load = (set) => everything(set).filter((x) => !/(^|-)random-/.test(x.name ?? ""));
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

// EIP-712, the random ones too: their shapes are what is hard. A domain here always has a chain and never a salt; where the
// set has another, ethers says what the digest is then.
const { TypedDataEncoder, Wallet, verifyMessage } = createRequire(join(folder, "../../.."))("ethers");
const signer = new Wallet(`0x${"46".repeat(32)}`);
function signed(types, type, value) {
  const array = /^(.*)\[\d*\]$/.exec(type);
  if (array) return value.map((v) => signed(types, array[1], v));
  if (types[type]) return Object.fromEntries(types[type].map((m) => [m.name, signed(types, m.type, value[m.name])]));
  return plain(type, value);
}
for (const x of everything("eip712")) {
  const { salt, ...domain } = x.domain;
  const same = salt === undefined && domain.chainId !== undefined && BigInt(domain.chainId) < 1n << 63n;
  if (!same) domain.chainId = 31337;
  const encoder = TypedDataEncoder.from(x.types);
  const members = x.types[x.primaryType].map((m) => {
    const v = signed(x.types, m.type, x.data[m.name]);
    return `${m.name}=${Buffer.from(typeof v === "object" ? JSON.stringify(v) : String(v)).toString("hex")}`;
  });
  const text = (v) => (v === undefined ? "none" : `0x${Buffer.from(v).toString("hex")}`);
  line("typed", x.name, encoder.encodeType(x.primaryType), members.join(","), text(domain.name), text(domain.version), BigInt(domain.chainId),
    domain.verifyingContract?.toLowerCase() ?? "none", same ? x.digest : TypedDataEncoder.hash(domain, x.types, x.data));
}
for (const [i, text] of ["", "a", "Hello World", "ünïcode ☃", "0x1234", "x".repeat(100), "line\nand\ttab", "19 Ethereum Signed Message"].entries()) {
  const signature = await signer.signMessage(text);
  if (verifyMessage(text, signature) !== signer.address) throw new Error("ethers disagrees with itself");
  line("said", `message-${i}`, `0x${Buffer.from(text).toString("hex")}`, signature, signer.address.toLowerCase());
}
