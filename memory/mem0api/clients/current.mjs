// Drives every method of a mem0ai client of generation 3.
import assert from "node:assert/strict";
import { Receiver, assertAdded, assertThrows, until, call, done, key, load, recorded, url } from "./lib.mjs";

const version = process.argv[2];
const { MemoryClient } = load(`mem0ai-${version}`);
const ids = await call("/v1/ping/");
const [client, uncovered] = recorded(new MemoryClient({ apiKey: key, host: url }));
const receiver = new Receiver();
await receiver.start();
const user = `user ${version}/ö`;
const filters = { user_id: user };

await client.ping();
assert.deepEqual([client.organizationId, client.projectId], [ids.org_id, ids.project_id]);

// Webhooks.
const types = ["memory_add", "memory_update", "memory_delete", "memory_categorize"];
const webhook = await client.createWebhook({ name: "hook", url: receiver.url, eventTypes: types });
receiver.trust(webhook.secret);
assert.deepEqual([webhook.eventTypes.toSorted(), webhook.isActive], [types.toSorted(), true]);
const second = await client.createWebhook({ name: "second", url: `${receiver.url}/second`, eventTypes: ["memory_delete"] });
await client.updateWebhook({ webhookId: second.webhookId, name: "renamed", eventTypes: ["memory_update"] });
const renamed = (await client.getWebhooks({ projectId: ids.project_id })).find((w) => w.webhookId === second.webhookId);
assert.deepEqual([renamed.name, renamed.url, renamed.eventTypes], ["renamed", `${receiver.url}/second`, ["memory_update"]]);
await client.deleteWebhook({ webhookId: second.webhookId });
assert.deepEqual((await client.getWebhooks()).map((w) => w.name), ["hook"]);

// Adds: queued, processed, as they are.
const queued = await client.add([{ role: "user", content: "I live in Berlin" }], { userId: user });
assert.equal(queued.status, "PENDING");
assert.equal(queued.results[0].eventId, queued.eventId);
const event = await done(queued.eventId);
assert.deepEqual(event.results.map((r) => [r.event, r.data.memory]), [["ADD", "Lives in Berlin"]]);
const berlin = event.results[0].id;
const added = await receiver.details("ADD", berlin);
assert.deepEqual([added.data.memory, added.user_id, added.event_id], ["Lives in Berlin", user, event.id]);

assert.ok(Array.isArray((await receiver.details("CATEGORIZE", berlin)).categories));

const processed = await client.add([{ role: "user", content: "I like tea" }], { userId: user, asyncMode: false, metadata: { shelf_no: 1 } });
assert.equal(processed.status, "SUCCEEDED");
assertAdded(processed.results[0], "Likes tea");
const tea = processed.results[0].id;
const verbatim = await client.add([{ role: "user", content: "Order #1234 is a Nova 2000" }], { userId: user, infer: false });
assertAdded(verbatim.results[0], "Order #1234 is a Nova 2000");
assert.equal(verbatim.results[0].data.memory, "Order #1234 is a Nova 2000");
const order = verbatim.results[0].id;

// Lists and searches.
const page = await client.getAll({ filters, page: 1, pageSize: 2 });
assert.deepEqual([page.count, page.results.length, page.previous], [3, 2, null]);
assert.match(page.next, /page=2/);
assert.deepEqual((await client.getAll({ filters })).results.map((m) => m.id), [order, tea, berlin]);
const shelf = await client.getAll({ filters: { AND: [filters, { metadata: { shelf_no: 1 } }] }, showExpired: true });
assert.deepEqual(shelf.results.map((m) => [m.userId, m.metadata]), [[user, { shelf_no: 1 }]]);
const found = await client.search("order Nova", { filters, topK: 1, threshold: 0.3 });
assert.deepEqual(found.results.map((m) => m.id), [order]);
assert.ok(found.results[0].score > 0.3 && found.results[0].score <= 1);

// One memory.
assert.equal((await client.get(berlin)).memory, "Lives in Berlin");
const when = Date.UTC(2025, 9, 13, 16, 59) / 1000;
const changed = await client.update(berlin, { text: "Lives in Bern", metadata: { Moved_On: 1 }, timestamp: when, expirationDate: "2999-12-31" });
assert.deepEqual(
	[changed.memory, changed.metadata, changed.expirationDate, changed.createdAt.slice(0, 16), changed.structuredAttributes.weekOfYear],
	["Lives in Bern", { Moved_On: 1 }, "2999-12-31", "2025-10-13T16:59", 42],
);
assert.equal((await receiver.details("UPDATE", berlin)).data.memory, "Lives in Bern");
assert.deepEqual((await client.history(berlin)).map((h) => [h.event, h.oldMemory, h.newMemory]), [
	["ADD", null, "Lives in Berlin"],
	["UPDATE", "Lives in Berlin", "Lives in Bern"],
]);

// Batches.
const batch = await client.batchUpdate([{ memoryId: tea, text: "Likes green tea" }, { memoryId: order, text: "Order #1234 arrived" }]);
assert.match(batch.message, /updated 2 memories/);
assert.match((await client.batchDelete([order])).message, /deleted 1 memor/);
assert.equal((await receiver.details("DELETE", order)).data.memory, "Order #1234 arrived");

// Feedback and export.
const rated = await client.feedback({ memoryId: tea, feedback: "NEGATIVE", feedbackReason: "no" });
assert.deepEqual([rated.feedback, rated.feedbackReason], ["NEGATIVE", "no"]);
const schema = { type: "object", properties: { hot_drinks: { type: "array", items: { type: "string" } } } };
const started = await client.createMemoryExport({ schema, filters, exportInstructions: "in English" });
const fetched = await until("the export is ready", () => client.getMemoryExport({ memoryExportId: started.id }).catch(() => null));
assert.equal(typeof fetched, "object");
assert.deepEqual(await client.getMemoryExport({ filters }), fetched);

// The project.
const categories = [{ Hot_Drinks: "tea and such" }];
assert.match((await client.updateProject({ customInstructions: "Be brief", customCategories: categories })).message, /updated/);
const project = await client.getProject({ fields: ["customInstructions", "customCategories"] });
assert.deepEqual([project.customInstructions, project.customCategories], ["Be brief", categories]);
await client.updateProject({ customInstructions: null, customCategories: null });

// Profiles are a service that this server does not have, and says so.
assert.equal((await client.getProfile({ entityId: user })).status, "not_enabled");
for (const refused of [
	() => client.generateProfile({ entityId: user }),
	() => client.sampleProfiles({ limit: 1 }),
	() => client.getProfileJob("00000000-0000-7000-8000-000000000000"),
	() => client.getProfileSettings(),
	() => client.updateProfileSettings({ enabled: true }),
]) {
	await assertThrows(refused(), /./, 404, "MemoryNotFoundError");
}

// What is refused.
await assertThrows(client.get("00000000-0000-7000-8000-000000000000"), /Memory not found/, 404, "MemoryNotFoundError");
await assertThrows(client.get("a/b"), /UUID/, 400, "ValidationError");
await assertThrows(client.add([{ role: "user", content: "x" }], {}), /user_id/, 400, "ValidationError");
console.error = () => {}; // it says that its ping was refused
const intruder = new MemoryClient({ apiKey: "mh_wrong", host: url });
await assertThrows(intruder.getAll({ filters }), /Invalid API key/, 401, "AuthenticationError");

// Deletions, from one memory to everybody's.
assert.match((await client.delete(berlin, { deleteLinked: true })).message, /deleted/);
assert.equal((await receiver.details("DELETE", berlin)).data.memory, "Lives in Bern");
assert.match((await client.deleteAll({ userId: user })).message, /[Dd]elet/);
await receiver.details("DELETE", tea);
assert.equal((await client.getAll({ filters })).count, 0);

const friends = ["ann", "bob/ö *", "carl", "dora"];
for (const name of friends) {
	await client.add([{ role: "user", content: `I am ${name}` }], { userId: name, infer: false });
}
const users = await client.users({ page: 1, pageSize: 100 });
const known = (name) => users.results.find((e) => e.type === "user" && e.name === name);
assert.deepEqual(friends.filter((name) => !known(name)), []);
const gone = (name) => until(`${name} is gone`, async () => (await client.getAll({ filters: { user_id: name } })).count === 0);
await client.deleteUser({ entity_id: known("ann").id, entity_type: "user" });
await client.deleteUsers({ userId: "bob/ö *" });
await Promise.all([gone("ann"), gone("bob/ö *")]);
await client.deleteUsers();
await Promise.all(friends.map(gone));

await client.deleteWebhook(webhook.webhookId);
assert.deepEqual(await client.getWebhooks(), []);

assert.deepEqual(uncovered(), [], "these methods were not called");
receiver.stop();
console.log(`mem0ai ${version}: every method, ${receiver.count} callbacks verified`);
