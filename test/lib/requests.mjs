// A world for routes of steps: the KTTY application with tables and routes of the test's own.
//
//   w = await requestWorld(t, routes, options)   routes: YAML below routes:; the options of t.world, and
//       tables: SQL of more tables · top: YAML beside routes: (serve: and rules: stand in the application) · serve: YAML below serve:
//   w.post(path, json, options) as w.http with method POST;  await w.notes() what stands in table note, in order
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const tables = `
CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text NOT NULL);
CREATE TABLE single (k text PRIMARY KEY, n int NOT NULL);
`;

export async function requestWorld(t, routes, { tables: more = "", top = "", serve = "", yaml, ...options } = {}) {
	const w = await t.world({
		fleet: [], mining: "auto", ...options,
		yaml: (text) => {
			const all = text.replace("sql: sql/ktty.sql", "sql: [ sql/ktty.sql, sql/requests.sql ]").replace("\nserve:\n", `\n${routes}\n${top}\nserve:\n${serve}`);
			return yaml ? yaml(all) : all;
		},
	});
	writeFileSync(join(w.dir, "sql/requests.sql"), tables + more);
	w.post = (path, json, o = {}) => w.http(path, { method: "POST", ...(json === undefined ? {} : { json }), ...o });
	w.notes = async () => (await w.sql("SELECT what FROM note ORDER BY id")).map((r) => r.what);
	return w;
}

// One answer, in the way a test names it: "404 There is no such thing", "200 {…}".
export const said = (r) => [r.status, r.json?.detail ?? r.body];
