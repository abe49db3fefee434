// Drives every command of mem0's command line that works with a configured key.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { until, done, key, load, url } from "./lib.mjs";

const script = load.resolve("@mem0/cli/package.json").replace("package.json", "dist/index.js");
const hurry = new URL("hurry.cjs", import.meta.url).pathname;
const commands = new Set();

/** Runs a command and returns what it prints; its exit code must be 0. */
async function mem0(...args) {
	commands.add(args[0] === "--json" ? args[1] : ["entity", "event", "config"].includes(args[0]) ? `${args[0]} ${args[1]}` : args[0]);
	const child = promisify(execFile)(process.execPath, ["--require", hurry, script, ...args], { env: { ...process.env, NO_COLOR: "1" } });
	child.child.stdin.end();
	return (await child).stdout;
}

/** Runs a command that prints JSON and returns its data. */
async function json(...args) {
	const said = JSON.parse((await mem0(...args, "-o", "json")).replace(/^[^[{]*/, ""));
	return said.data ?? said;
}

/** Runs a command that must fail, and returns what it says. */
async function refused(...args) {
	try {
		await mem0(...args);
	} catch (error) {
		assert.equal(error.code, 1);
		return error.stdout + error.stderr;
	}
	assert.fail(`mem0 ${args.join(" ")} did not fail`);
}

// Setting up.
process.env.MEM0_BASE_URL = url;
assert.match(await mem0("init", "--api-key", key, "--user-id", "alice"), /saved/);
await mem0("config", "set", "platform.base_url", url);
delete process.env.MEM0_BASE_URL;
assert.match(await mem0("config", "get", "defaults.user_id"), /alice/);
assert.equal((await json("config", "show")).platform.base_url, url);
assert.match(await mem0("status"), /Connected/);
assert.deepEqual((await json("status")), { connected: true, backend: "platform", base_url: url });
assert.match(await mem0("version"), /CLI v/);
assert.equal(JSON.parse(await mem0("help", "--json")).name, "mem0");

// Adds and their events.
assert.match(await mem0("add", "I live in Berlin"), /queued/);
const queued = (await json("add", "I like tea", "--metadata", '{"Shelf_No":1}', "--expires", "2999-12-31")).results[0];
assert.equal(queued.status, "PENDING");
const event = await done(queued.event_id);
const tea = event.results[0].id;
const stored = (await json("add", "Order #1234 is a Nova 2000", "--no-infer", "--immutable", "--timestamp", "1760374740")).results[0];
assert.equal(stored.event, "ADD");
assert.match(await mem0("add", "--messages", '[{"role":"user","content":"My dog is named Rex"}]', "--user-id", "bob"), /queued/);
const file = path.join(os.homedir(), "import.json");
fs.writeFileSync(file, JSON.stringify([{ memory: "I work as a nurse" }, { text: "I collect stamps" }]));
assert.match(await mem0("import", file, "--user-id", "carl"), /Imported 2/);

const events = (await json("event", "list"));
assert.equal(events.find((e) => e.id === queued.event_id).event_type, "ADD");
assert.match(await mem0("event", "list"), /ADD.*SUCCEEDED/);
assert.match(await mem0("event", "status", queued.event_id), /Likes tea/);
assert.equal((await json("event", "status", queued.event_id)).status, "SUCCEEDED");

// Lists and searches.
await until("Berlin is listed", async () => (await json("list")).some((m) => m.memory === "Lives in Berlin"));
assert.match(await mem0("list", "--after", "2025-01-01", "--page", "1", "--page-size", "5"), /Berlin/);
assert.deepEqual((await json("list", "--before", "2025-12-31")).map((m) => m.id), [stored.id]);
assert.equal((await json("search", "Who drinks tea?", "--latest-only", "--show-expired"))[0].id, tea);
assert.deepEqual((await json("search", "Nova order", "--top-k", "1", "--filter", '{"AND":[{"user_id":"alice"}]}')).map((m) => m.id), [stored.id]);
assert.match(await mem0("--json", "search", "Berlin"), /Lives in Berlin/);

// One memory.
assert.match(await mem0("get", tea), /Likes tea/);
assert.deepEqual((await json("get", tea)).metadata, { Shelf_No: 1 });
await mem0("update", tea, "Likes green tea", "--metadata", '{"Shelf_No":2}');
const changed = await json("get", tea);
assert.deepEqual([changed.memory, changed.metadata], ["Likes green tea", { Shelf_No: 2 }]);

// What is refused.
assert.match(await refused("get", "00000000-0000-7000-8000-000000000000"), /not found/i);
assert.match(await refused("get", "x"), /UUID/);
assert.match(await refused("update", stored.id, "Order #1234 arrived"), /immutable/);
assert.match(await refused("status", "--api-key", "mh_wrong"), /Invalid or expired API key/);

// Entities and deletions.
const names = async () => (await json("entity", "list", "users")).map((e) => e.name).sort();
await until("the users are listed", async () => (await names()).join() === "alice,bob,carl");
await mem0("delete", tea, "--delete-linked");
assert.match(await refused("get", tea), /not found/i);
await mem0("delete", "--all", "--user-id", "bob", "--force");
await until("bob's memories are gone", async () => (await json("list", "--user-id", "bob")).length === 0);
await mem0("entity", "delete", "--user-id", "carl", "--force");
await until("carl is gone", async () => !(await names()).includes("carl"));
await mem0("delete", "--all", "--project", "--force");
await until("nobody is left", async () => (await names()).length === 0);

// The rest needs the vendor's accounts: agent-rush, identify and whoami.
const help = await mem0("--help");
const listed = [...help.matchAll(/^│ {2}([a-z][a-z-]*) {2,}/gm)].map((m) => m[1]);
const groups = { entity: ["entity list", "entity delete"], event: ["event list", "event status"], config: ["config show", "config get", "config set"] };
const all = listed.flatMap((name) => groups[name] ?? [name]);
assert.ok(all.length >= 15, `only ${all} are in the help`);
assert.deepEqual(all.filter((name) => !commands.has(name)), [], "these commands were not run");
console.log(`@mem0/cli: ${commands.size} commands`);
