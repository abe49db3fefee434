// What the drivers of all clients need: the packages, a receiver of webhooks that
// verifies them, a record of what was called, and waiting.
import assert from "node:assert/strict";
import http from "node:http";
import { createRequire } from "node:module";

export const url = process.env.MEMHOOK_URL;
export const key = process.env.MEMHOOK_KEY;

/** Loads a package from the folder where npm installed them. */
export const load = createRequire(`${process.env.MEMHOOK_PACKAGES}/package.json`);

const verifiers = {
	standardwebhooks: load("standardwebhooks").Webhook,
	svix: load("svix").Webhook,
};

const patience = 30_000;

/** Waits until look returns something. */
export async function until(what, look) {
	const end = Date.now() + patience;
	for (;;) {
		const found = await look();
		if (found) return found;
		assert.ok(Date.now() < end, `after ${patience} ms it does not hold that ${what}`);
		await new Promise((go) => setTimeout(go, 10));
	}
}

/** Makes a request that no method of the clients makes. */
export async function call(path) {
	const answer = await fetch(url + path, { headers: { Authorization: `Token ${key}` } });
	assert.equal(answer.status, 200, `GET ${path}`);
	return answer.json();
}

/** Waits until the event is done and returns it. */
export async function done(eventID) {
	const event = await until(`event ${eventID} is done`, async () => {
		const e = await call(`/v1/event/${eventID}/`);
		return ["SUCCEEDED", "FAILED"].includes(e.status) && e;
	});
	assert.equal(event.status, "SUCCEEDED", event.error);
	return event;
}

/** A receiver of webhooks. Every request must verify with both libraries. */
export class Receiver {
	#bodies = [];
	#bad = [];
	#server;

	async start() {
		this.#server = http.createServer((request, response) => {
			const chunks = [];
			request.on("data", (c) => chunks.push(c));
			request.on("end", () => {
				this.#take(request.headers, Buffer.concat(chunks).toString());
				response.writeHead(200).end();
			});
		});
		await new Promise((go) => this.#server.listen(0, "127.0.0.1", go));
		this.url = `http://127.0.0.1:${this.#server.address().port}/hook`;
	}

	/** Sets the secret; requests that came before are verified now. */
	trust(secret) {
		assert.match(secret, /^whsec_/, "the answer to creating a webhook has no secret");
		this.secret = secret;
	}

	#take(headers, text) {
		for (const [name, Webhook] of Object.entries(verifiers)) {
			try {
				new Webhook(this.secret).verify(text, headers);
			} catch (error) {
				this.#bad.push(`${name}: ${error.message}`);
			}
			try {
				new Webhook(this.secret).verify(`${text} `, headers);
				this.#bad.push(`${name} accepted a body that was changed`);
			} catch {
				// as it must
			}
		}
		assert.equal(headers["content-type"], "application/json");
		this.#bodies.push(JSON.parse(text));
	}

	/** Waits for the callback about a memory and returns its event_details. */
	async details(event, memoryID) {
		const body = await until(`a callback ${event} came for ${memoryID}`, () =>
			this.#bodies.find(({ event_details: d }) => d.event === event && (d.id ?? d.memory_id) === memoryID),
		);
		assert.deepEqual(this.#bad, []);
		return body.event_details;
	}

	get count() {
		return this.#bodies.length;
	}

	stop() {
		this.#server.close();
		this.#server.closeAllConnections();
	}
}

/**
 * Wraps a client so that what is called on it is known. Methods that begin with
 * an underscore are the client's own; wrapMethod belongs to its telemetry.
 */
export function recorded(client) {
	const called = new Set();
	const proxy = new Proxy(client, {
		get(target, name) {
			const value = target[name];
			if (typeof value !== "function") return value;
			return (...args) => {
				called.add(name);
				return value.apply(target, args);
			};
		},
	});
	const uncovered = () =>
		Object.getOwnPropertyNames(Object.getPrototypeOf(client)).filter(
			(name) => !name.startsWith("_") && !["constructor", "wrapMethod"].includes(name) && !called.has(name),
		);
	return [proxy, uncovered];
}

const attributes = [
	"day", "day_of_week", "day_of_year", "hour", "is_weekend", "minute", "month", "quarter", "week_of_year", "year",
];

/** Checks an item of a processed add. */
export function assertAdded(item, text) {
	assert.match(item.id, /^[0-9a-f-]{36}$/);
	assert.equal(item.event, "ADD");
	assert.equal(item.memory, text);
	const names = Object.keys(item.structured_attributes ?? item.structuredAttributes);
	assert.deepEqual(names.map((n) => n.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)).sort(), attributes);
}

/** Checks what a client throws. The class is left out for clients without classes. */
export async function assertThrows(promise, text, status, name) {
	await assert.rejects(promise, (error) => {
		assert.match(error.message, text);
		if (name) {
			assert.equal(error.name, name);
			assert.equal(error.errorCode, `HTTP_${status}`);
		}
		return true;
	});
}
