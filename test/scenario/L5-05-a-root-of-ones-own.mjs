export const name = "an application's own GET / wins; the live page then is at /_fairlead";

export default async function (t) {
	const { assert } = t;
	const port = 20000 + (process.pid % 20000);
	const w = await t.world({ mining: "auto", fleet: "all", env: { PORT: String(port) }, yaml: (text) => text.replace(/^routes:\n/m, "routes:\n  GET /:\n    one: SELECT 42 AS answer\n") });
	await w.waitFor(async () => (await w.http("/")).json?.answer === 42, "the application's answer");
	const page = await fetch(`${w.door("reconciler")}/_fairlead`);
	assert.equal(page.status, 200);
	assert.match(await page.text(), /^<!doctype html>/);
	// its requests are figures of a route; the page's own are not
	await w.waitFor(async () => (await w.http("/_fairlead/figures")).json?.routes.some((r) => r.route === "GET /"), "its figures");
	assert.deepEqual((await w.http("/_fairlead/figures")).json.routes.filter((r) => r.route.includes("_fairlead")), []);
}
