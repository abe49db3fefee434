// Drives every method of a mem0ai client of the generations 1 and 2.
import assert from "node:assert/strict";
import { Receiver, assertAdded, assertThrows, until, call, done, key, load, recorded, url } from "./lib.mjs";

const version = process.argv[2];
const { MemoryClient } = load(`mem0ai-${version}`);
const [major, minor] = version.split(".").map(Number);
const first = major === 1; // no ping, no feedback, no exports; update takes a text
const classes = major === 2 && minor >= 4; // structured errors, event_types

console.error = () => {}; // generation 1 says that this is no browser, the others that a ping was refused
const ids = await call("/v1/ping/");
const [client, uncovered] = recorded(
	new MemoryClient({ apiKey: key, host: url, ...(first && { organizationId: ids.org_id, projectId: ids.project_id }) }),
);
const receiver = new Receiver();
await receiver.start();
const user = `user-${version}`;
const scope = { user_id: user };

if (!first) {
	await client.ping();
	assert.equal(client.organizationId, ids.org_id);
	assert.equal(client.projectId, ids.project_id);
}

// Webhooks. A client of generation 1 without a configured project sends "null" for it.
const stranger = new MemoryClient({ apiKey: key, host: url });
const types = ["memory_add", "memory_update", "memory_delete", "memory_categorize"];
const webhook = await (first ? stranger : client).createWebhook({ name: "hook", url: receiver.url, eventTypes: types });
receiver.trust(webhook.secret);
assert.deepEqual(webhook.event_types.toSorted(), types.toSorted());
assert.equal(webhook.is_active, true);
const second = await client.createWebhook({ name: "second", url: `${receiver.url}/second`, eventTypes: ["memory_delete"] });
assert.deepEqual((await client.getWebhooks()).map((w) => w.name).sort(), ["hook", "second"]);
await client.updateWebhook({ webhookId: second.webhook_id, name: "renamed", url: `${receiver.url}/renamed`, eventTypes: ["memory_update"] });
const renamed = (await client.getWebhooks({ projectId: ids.project_id })).find((w) => w.webhook_id === second.webhook_id);
assert.deepEqual([renamed.name, renamed.url, renamed.event_types], ["renamed", `${receiver.url}/renamed`, ["memory_update"]]);
await client.deleteWebhook({ webhookId: second.webhook_id });
assert.deepEqual((await client.getWebhooks()).map((w) => w.name), ["hook"]);

// Adds: queued, processed, as they are.
const queued = await client.add([{ role: "user", content: "I live in Berlin" }], { ...scope });
assert.deepEqual(Object.keys(queued.results[0]).sort(), ["event_id", "message", "status"]);
assert.equal(queued.results[0].status, "PENDING");
const event = await done(queued.results[0].event_id);
assert.deepEqual(event.results.map((r) => [r.event, r.data.memory]), [["ADD", "Lives in Berlin"]]);
const berlin = event.results[0].id;
const added = await receiver.details("ADD", berlin);
assert.deepEqual([added.data.memory, added.user_id, added.event_id], ["Lives in Berlin", user, event.id]);

assert.ok(Array.isArray((await receiver.details("CATEGORIZE", berlin)).categories));

const processed = await client.add([{ role: "user", content: "I like tea" }], { ...scope, async_mode: false, metadata: { Shelf_No: 1 } });
assertAdded(processed.results[0], "Likes tea");
const tea = processed.results[0].id;
const verbatim = await client.add([{ role: "user", content: "Order #1234 is a Nova 2000" }], { ...scope, infer: false, async_mode: false });
assertAdded(verbatim.results[0], "Order #1234 is a Nova 2000");
const order = verbatim.results[0].id;

// Lists and searches, in both dialects.
const page = await client.getAll({ ...scope, page: 1, page_size: 2 });
assert.deepEqual([page.count, page.results.length, page.previous], [3, 2, null]);
assert.match(page.next, /page=2/);
assert.deepEqual((await client.getAll({ ...scope })).map((m) => m.id), [order, tea, berlin]);
const filters = { AND: [{ user_id: user }, { metadata: { Shelf_No: 1 } }] };
assert.deepEqual((await client.getAll({ filters, api_version: "v2" })).map((m) => m.metadata), [{ Shelf_No: 1 }]);
assert.equal((await client.getAll({ filters, api_version: "v2", page: 1, page_size: 1 })).count, 1);
assert.equal((await client.search("Where does she live? Berlin?", { ...scope }))[0].id, berlin);
const hits = await client.search("order Nova", { filters: { user_id: user }, api_version: "v2", top_k: 1 });
assert.deepEqual(hits.map((m) => m.id), [order]);
assert.ok(hits[0].score > 0.3 && hits[0].score <= 1);

// One memory.
const remembered = await client.get(berlin);
assert.deepEqual([remembered.memory, remembered.user_id, remembered.metadata], ["Lives in Berlin", user, null]);
const settings = minor < 38 || first ? undefined : { metadata: { Moved: true } };
await (first ? client.update(berlin, "Lives in Bern") : client.update(berlin, { text: "Lives in Bern", ...settings }));
assert.deepEqual((await client.get(berlin)).metadata, settings?.metadata ?? null);
const updated = await receiver.details("UPDATE", berlin);
assert.equal(updated.data.memory, "Lives in Bern");
const history = await client.history(berlin);
assert.deepEqual(history.map((h) => [h.event, h.old_memory, h.new_memory]), [
	["ADD", null, "Lives in Berlin"],
	["UPDATE", "Lives in Berlin", "Lives in Bern"],
]);

// Batches.
const batch = await client.batchUpdate([{ memoryId: tea, text: "Likes green tea" }, { memoryId: order, text: "Order #1234 arrived" }]);
assert.match(batch.message, /updated 2 memories/);
assert.equal((await receiver.details("UPDATE", order)).data.memory, "Order #1234 arrived");
assert.match((await client.batchDelete([order])).message, /deleted 1 memor/);
assert.equal((await receiver.details("DELETE", order)).data.memory, "Order #1234 arrived");

if (!first) {
	const rated = await client.feedback({ memory_id: tea, feedback: "POSITIVE", feedback_reason: "true" });
	assert.deepEqual([rated.feedback, rated.feedback_reason], ["POSITIVE", "true"]);
	const schema = { type: "object", properties: { drinks: { type: "array", items: { type: "string" } } } };
	const started = await client.createMemoryExport({ schema, filters: { user_id: user } });
	const fetched = await until("the export is ready", () => client.getMemoryExport({ memory_export_id: started.id }).catch(() => null));
	assert.equal(typeof fetched, "object");
	assert.deepEqual(await client.getMemoryExport({ filters: { user_id: user } }), fetched);
}

// The project.
const instructions = `Instructions of ${version}`;
const categories = [{ Hot_Drinks: "tea and such" }];
assert.match((await client.updateProject({ custom_instructions: instructions, custom_categories: categories })).message, /updated/);
const project = await client.getProject({ fields: ["custom_instructions", "custom_categories"] });
assert.deepEqual([project.custom_instructions, project.custom_categories], [instructions, categories]);
await client.updateProject({ custom_instructions: null, custom_categories: null });

// What is refused.
const missing = "00000000-0000-7000-8000-000000000000";
await assertThrows(client.get(missing), /Memory not found/, 404, classes && "MemoryNotFoundError");
await assertThrows(client.get("x"), /UUID/, 400, classes && "ValidationError");
await assertThrows(client.add([{ role: "user", content: "x" }], {}), /user_id/, 400, classes && "ValidationError");
const intruder = new MemoryClient({ apiKey: "mh_wrong", host: url, ...(first && { organizationId: "o", projectId: "p" }) });
await assertThrows(intruder.getWebhooks(), /Invalid API key/, 401, classes && "AuthenticationError");

// Deletions, from one memory to everybody's.
assert.match((await client.delete(berlin)).message, /deleted/);
assert.equal((await receiver.details("DELETE", berlin)).data.memory, "Lives in Bern");
assert.match((await client.deleteAll({ ...scope })).message, /[Dd]elet/);
await receiver.details("DELETE", tea);
assert.deepEqual(await client.getAll({ ...scope }), []);

const friends = ["ann", "bob ö *", "carl", "dora"];
for (const name of friends) {
	await client.add([{ role: "user", content: `I am ${name}` }], { user_id: name, infer: false, async_mode: false });
}
const users = await client.users();
const known = (name) => users.results.find((e) => e.type === "user" && e.name === name);
assert.deepEqual(friends.filter((name) => !known(name)), []);
await (first ? client.deleteUser(known("ann").id) : client.deleteUser({ entity_id: known("ann").id, entity_type: "user" }));
const gone = (name) => until(`${name} is gone`, async () => (await client.getAll({ user_id: name })).length === 0);
await gone("ann");
if (!first) {
	await client.deleteUsers({ user_id: "carl" });
	await gone("carl");
}
await client.deleteUsers();
await Promise.all(friends.map(gone));

await client.deleteWebhook({ webhookId: webhook.webhook_id });
assert.deepEqual(await client.getWebhooks(), []);

assert.deepEqual(uncovered(), [], "these methods were not called");
receiver.stop();
console.log(`mem0ai ${version}: every method, ${receiver.count} callbacks verified`);
