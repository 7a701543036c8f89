// The topics of /asyncapi.json, heard in place: one WebSocket a path, only while somebody listens.
import { follow, h, tree } from "./docs_schema.js";

const most = 50; // messages kept in sight
const time = () => new Date().toISOString().slice(11, 19);

function topicsOf(doc, channel) {
	return Object.values(channel.messages ?? {}).map((m) => follow(doc, m)).filter((m) => m.payload?.properties?.seq && m.payload.properties.data);
}

function live(channel, topics) {
	let line = null, heard = 0;
	const which = h("select", { "aria-label": "Topic" }, topics.length > 1 ? h("option", { value: "*" }, "all topics") : null, topics.map((m) => h("option", { value: m.name.replace(/\{.*/, "*") }, m.name)));
	const button = h("button", { class: "act go", type: "button" }, "Listen");
	const says = h("p", { class: "result-line", role: "status" });
	const log = h("div", { class: "heard", role: "log", "aria-label": `Messages of ${channel.address}`, tabindex: "0", hidden: true });
	const curl = h("code", { class: "curl" });
	const show = () => curl.replaceChildren(`curl -N '${location.origin}${channel.address}${which.value === "*" ? "" : `?topics=${encodeURIComponent(which.value)}`}'`);
	const end = (text) => {
		line = null;
		button.replaceChildren("Listen");
		says.replaceChildren(text);
	};
	const listen = () => {
		const own = line = new WebSocket(`${location.origin.replace(/^http/, "ws")}${channel.address}`);
		button.replaceChildren("Stop");
		says.replaceChildren("Asking …");
		line.onopen = () => own.send(JSON.stringify({ subscribe: which.value }));
		line.onclose = (e) => own === line && end(`The line ended at ${time()} UTC (${e.code}${e.reason ? `, ${e.reason}` : ""}). Listen again to go on.`);
		line.onmessage = (m) => own === line && tell(String(m.data));
	};
	const stop = () => {
		const own = line;
		end(`Stopped at ${time()} UTC.`);
		own.close();
	};
	function tell(text) {
		let said;
		try {
			said = JSON.parse(text);
		} catch {
			said = {};
		}
		if (said.subscribed) {
			says.replaceChildren(`Listening since ${time()} UTC; nothing yet.`);
			return;
		}
		heard++;
		says.replaceChildren(`${heard} heard; the last at ${time()} UTC.`);
		log.hidden = false;
		log.prepend(h("p", {}, h("span", { class: "at" }, time()), h("code", {}, text)));
		while (log.children.length > most) log.lastChild.remove();
	}
	button.addEventListener("click", () => (line ? stop() : listen()));
	which.addEventListener("change", () => {
		show();
		if (!line) return;
		stop();
		listen();
	});
	show();
	return h("div", { class: "asks" }, h("div", { class: "go-row" }, which, button, says), curl, log);
}

// A section, or null: nothing is told.
export function topicsSection(doc) {
	const channels = Object.values(doc?.channels ?? {}).map((c) => ({ c, topics: topicsOf(doc, c) })).filter((x) => x.topics.length);
	if (!channels.length) return null;
	const lines = channels.map(({ c, topics }) => h("div", { class: "channel" },
		h("h3", { class: "where" }, h("b", { class: "method" }, "WS"), h("code", {}, c.address), h("span", { class: "gloss" }, "a WebSocket, or server-sent events")),
		h("div", { class: "open" },
			live(c, topics),
			h("div", { class: "answers" }, topics.map((m) => h("div", { class: "answer" }, h("h4", {}, h("code", {}, m.name), " ", h("span", { class: "type" }, m.summary ?? "")), tree(doc, m.payload.properties.data)))))));
	return h("section", { id: "topics", "aria-labelledby": "h-topics" }, h("header", {}, h("h2", { id: "h-topics" }, "Topics"), h("p", { class: "gloss" }, "What is told as it happens. A retraction is a message too.")), h("div", { class: "matter" }, lines));
}
