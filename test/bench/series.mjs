// Makes the synthetic series of blocks that `fairlead-submitter --price-replay` and price.mjs read, from a seed:
//
//   node test/bench/series.mjs [SEED] > test/bench/series.csv        the committed one is of seed 1
//
// Twelve hours of blocks, 12 s each, now and then one left out. The base fee follows EIP-1559 from how full blocks are; how full follows a
// demand that has a price: whoever pays less than that stays away. Its four moods: calm (small waves), spike (the demand's price jumps
// 3 to 12 times in a few blocks) and decay (it falls back over half an hour), sawtooth (rises for some minutes, falls at once, again).
// Tips are those of a crowd: low while there is room, higher when blocks are full. Only whole numbers of wei leave this file.

// mulberry32: 32 bits of state, the same numbers everywhere
export function random(seed) {
	let a = seed >>> 0;
	return () => {
		a = (a + 0x6d2b79f5) >>> 0;
		let t = Math.imul(a ^ (a >>> 15), a | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

export function series(seed, hours = 12) {
	const r = random(seed);
	const bell = () => (r() + r() + r() + r() - 2) / 0.577; // about a standard deviation of 1
	const rows = [];
	const usual = 12e9 + 10e9 * r(); // wei: the price at which blocks are half full
	let base = BigInt(Math.round(usual)), time = 1700000000, mood = "calm", left = 150, age = 0, height = 1, wave = 0;
	while (time < 1700000000 + hours * 3600) {
		if (left-- <= 0) {
			const was = mood;
			mood = was === "spike" ? "decay" : was === "calm" ? (r() < 0.55 ? "spike" : "sawtooth") : "calm";
			left = Math.round(mood === "spike" ? 8 + 22 * r() : mood === "decay" ? 60 + 120 * r() : mood === "sawtooth" ? 150 + 150 * r() : 120 + 240 * r());
			if (mood === "spike") height = 3 + 9 * r();
			age = 0;
		}
		age++;
		wave = 0.97 * wave + 0.03 * bell();
		const length = mood === "decay" ? left + age : 1;
		const factor = mood === "calm" ? 1 : mood === "spike" ? Math.min(height, 1 + (height - 1) * age / 5) : mood === "decay" ? 1 + (height - 1) * Math.exp(-4 * age / length) : 0.7 + 1.6 * ((age % 40) / 40);
		const price = usual * factor * Math.exp(wave);
		// Demand falls as the base fee passes its price; blocks are never quite alike.
		const want = 0.5 * Math.pow(price / Number(base), 1.6) + 0.09 * bell();
		const used = Math.min(1, Math.max(r() < 0.004 ? 0 : 0.02, want));
		const full = used >= 0.97;
		const crowd = full ? 1 + Math.min(6, Math.max(0, want - 1)) * 1.5 : 1;
		const p10 = (full ? 0.12e9 : 0.01e9) * crowd * (0.6 + 0.8 * r());
		const p25 = p10 + (full ? 0.4e9 : 0.06e9) * crowd * (0.6 + 0.8 * r());
		const p50 = p25 + 0.6e9 * crowd * (0.6 + 0.8 * r());
		const p75 = p50 + 0.9e9 * crowd * (0.6 + 0.8 * r());
		const p90 = p75 + 1.6e9 * crowd * (0.6 + 0.8 * r());
		const ppm = BigInt(Math.round(used * 1e6));
		rows.push([time, base, ...[p10, p25, p50, p75, p90].map((x) => BigInt(Math.round(x))), `${Number(ppm) / 1e6}`]);
		// EIP-1559, in whole numbers: base + base × (used − half) / half / 8
		const move = (base * (ppm > 500000n ? ppm - 500000n : 500000n - ppm)) / 500000n / 8n;
		base = ppm > 500000n ? base + (move || 1n) : base - move;
		time += r() < 0.01 ? 24 : 12;
	}
	return `timestamp,base_fee,p10,p25,p50,p75,p90,used\n${rows.map((row) => row.join(",")).join("\n")}\n`;
}

if (process.argv[1] === new URL(import.meta.url).pathname) process.stdout.write(series(Number(process.argv[2] ?? 1), Number(process.argv[3] ?? 12)));
