// acts: what may be done by hand. Locked until the admin token is given, which stays in this module's memory.
// An act first says its effect, where it stands; then it is done, and says what came of it.
import { attr, el, mark } from "./words.js";

let token = null, allowed = false;
const $ = (id) => document.getElementById(id);
const labels = { retry: "Retry", drop: "Drop", flush: "Flush", replay: "Replay", freeze: "Freeze", thaw: "Thaw" };
const onBatches = { cancel: "Cancel batch", resend: "Resend batch" }; // which a life's story offers: theirs is the batch's number, not the life's name

async function ask(url, options = {}) {
	const r = await fetch(url, { ...options, cache: "no-store", headers: { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) } });
	let body = {};
	try {
		body = await r.json();
	} catch {
		// an answer without words: its status says it
	}
	return { status: r.status, body };
}

function showLock() {
	const open = token !== null;
	attr($("lock"), { "aria-label": open ? "Acts are unlocked. Lock them" : "Unlock acts", title: open ? "Lock acts" : "Unlock acts" });
	$("lock-mark").setAttribute("href", open ? "#m-unlock" : "#m-lock");
	$("lock").classList.toggle("on", open);
	document.body.classList.toggle("unlocked", open); // which hides the locks of the acts
	for (const b of document.querySelectorAll(".act[data-name]")) label(b);
}

const label = (b) => b.setAttribute("aria-label", b.dataset.name + (token === null ? ", asks for the admin token" : ""));

// Resolves to whether acts are unlocked now.
function unlock() {
	const d = $("unlock");
	$("unlock-bad").textContent = "";
	$("token").value = "";
	if (!allowed) {
		$("unlock-bad").textContent = "The file names no auth called admin, or its token is empty: nobody may act here.";
	}
	d.showModal();
	return new Promise((done) => d.addEventListener("close", () => done(token !== null), { once: true }));
}

export function allow(yes) {
	allowed = yes;
}

export function setUp() {
	$("lock").addEventListener("click", () => {
		if (token === null) return void unlock();
		token = null;
		showLock();
	});
	$("unlock-leave").addEventListener("click", () => $("unlock").close());
	$("unlock-form").addEventListener("submit", async (e) => {
		e.preventDefault();
		token = $("token").value;
		let said = { status: 0, body: {} };
		try {
			said = await ask("/_fairlead/act");
		} catch {
			// said below
		}
		if (said.status === 200 && said.body.admin) {
			$("unlock").close();
		} else {
			token = null;
			$("unlock-bad").textContent = said.status === 0 ? "The server did not answer; ask again." : !allowed ? "The file names no admin token: nobody may act here." : "That is not the admin token.";
			$("token").select();
		}
		showLock();
	});
	showLock();
}

// acts: {act, of}…; a button for each; below them the effect and its confirmation, in place.
export function actions(acts, name) {
	const box = el("div", "acts"), place = el("div", "effect");
	place.setAttribute("aria-live", "polite");
	box.append(el("div", "row"), place);
	return offer(box, acts, name);
}

// Others are offered now, where some were: what was said below them stays, but not a choice that is no more.
export function offer(box, acts, name) {
	const row = box.querySelector(".row"), place = box.querySelector(".effect"), text = JSON.stringify(acts);
	if (box.dataset.acts === text) return box;
	const had = box.contains(document.activeElement);
	box.dataset.acts = text;
	if (place.querySelector(".choices")) place.replaceChildren();
	row.replaceChildren(...acts.map(({ act, of }) => {
		const says = onBatches[act] ? `${onBatches[act]} ${of}` : labels[act] ?? act;
		const b = attr(el("button", "act", mark("lock", "lock"), says), { type: "button", "data-name": onBatches[act] ? says : `${says} ${name}` });
		label(b);
		b.addEventListener("click", () => begin(place, b, act, of));
		return b;
	}));
	if (had) row.firstElementChild?.focus();
	return box;
}

async function begin(place, button, act, of) {
	if (token === null && !(await unlock())) return void button.focus();
	const said = await tell(`/_fairlead/act?act=${act}&of=${encodeURIComponent(of)}`);
	if (said.bad || !said.body.may) {
		const why = said.body?.why ? `Can't be done: ${said.body.why}.` : said.body?.effect;
		place.replaceChildren(el("p", "", said.bad ?? why ?? "It is not so any more."));
		return;
	}
	const go = attr(el("button", "act go", said.body.label || labels[act]), { type: "button" });
	const leave = attr(el("button", "plain", "Leave it"), { type: "button" });
	place.replaceChildren(el("p", "", said.body.effect), el("p", "choices", go, leave));
	go.focus();
	leave.addEventListener("click", () => {
		place.replaceChildren();
		button.focus();
	});
	go.addEventListener("click", async () => {
		go.disabled = leave.disabled = true;
		const done = await tell("/_fairlead/act", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ act, of }) });
		place.replaceChildren(el("p", done.bad ? "" : "done", done.bad ?? done.body.text));
		(button.isConnected ? button : place.parentNode.querySelector(".act"))?.focus();
	});
}

async function tell(url, options) {
	try {
		const { status, body } = await ask(url, options);
		if (status === 200) return { body };
		if (status === 401) {
			token = null;
			showLock();
			return { bad: "The admin token holds no more. Unlock and try again." };
		}
		return { bad: body.detail ? `${body.detail}.`.replace(/\.\.$/, ".") : `The server answered ${status}. Nothing was done.` };
	} catch {
		return { bad: options?.method === "POST" ? "The server did not answer. Its story says whether it was done." : "The server did not answer. Nothing was done." };
	}
}
