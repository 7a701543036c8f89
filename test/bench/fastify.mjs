// What a team would write: one route with fastify and a pool of pg, its statement prepared by name (serve.mjs measures beside it).
import { need } from "../../deploy/run/npm.mjs";

const { Pool } = need("pg");
const pool = new Pool({ max: 20 });
const server = need("fastify")({ logger: false });
const answer = { type: "object", properties: { lockId: { type: "string" }, signature: { type: "string" }, isRevoked: { type: "boolean" }, timestamp: { type: "string" } } };

server.get("/api/v1/monitor/lock/:lockId/signature/:signature/revoked", { schema: { response: { 200: answer } } }, async (q) => {
	const { rows } = await pool.query({ name: "revoked", text: process.env.SELECT, values: [q.params.lockId, q.params.signature] });
	return rows[0];
});
console.log(`listening on ${await server.listen({ host: "127.0.0.1", port: 0 })}`);
