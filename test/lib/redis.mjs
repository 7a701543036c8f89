// A Redis client of forty lines: command("XLEN", key) over a unix socket; replies as numbers, strings, null, arrays.
import { connect } from "node:net";

function parse(b, at) {
	const end = b.indexOf("\r\n", at);
	if (end < 0) return null;
	const head = b.toString("utf8", at + 1, end);
	const next = end + 2;
	switch (String.fromCharCode(b[at])) {
		case "+":
			return [head, next];
		case "-":
			return [new Error(head), next];
		case ":":
			return [Number(head), next];
		case "$": {
			const n = Number(head);
			if (n < 0) return [null, next];
			return b.length < next + n + 2 ? null : [b.toString("utf8", next, next + n), next + n + 2];
		}
		default: {
			const items = [];
			let p = next;
			for (let i = 0; i < Number(head); i++) {
				const r = parse(b, p);
				if (!r) return null;
				items.push(r[0]);
				p = r[1];
			}
			return [Number(head) < 0 ? null : items, p];
		}
	}
}

export function command(path, ...args) {
	return new Promise((done, fail) => {
		const socket = connect(path);
		let have = Buffer.alloc(0);
		socket.once("error", fail);
		socket.once("close", () => fail(new Error("Redis closed the connection")));
		socket.on("data", (d) => {
			have = Buffer.concat([have, d]);
			const r = parse(have, 0);
			if (!r) return;
			socket.removeAllListeners("close");
			socket.destroy();
			if (r[0] instanceof Error) fail(r[0]);
			else done(r[0]);
		});
		const words = args.map((a) => Buffer.from(String(a)));
		socket.write(Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...words.flatMap((w) => [Buffer.from(`$${w.length}\r\n`), w, Buffer.from("\r\n")])]));
	});
}
