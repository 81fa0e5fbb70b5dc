// Calls the API through the client that @hey-api/openapi-ts made.
import assert from "node:assert/strict";
import {
  approvePlan, cancelSync, followSync, listCases, listEvents, listPlans, listRecordings, listSyncs, rejectPlan, restoreCase, restoreSync, showCase, showCaseHistory, showCaseMoment, compareCase,
  showFreshness, showHealth, showMetrics, showPlan, showReadiness, showRecording, showSync, syncCases, syncFull, syncInbound, syncReconcile,
} from "./hey";
import type { SyncRecord } from "./hey";
import { createClient } from "./hey/client";
import { bad, good, key, someId, strayKey, url } from "./trial";

const client = createClient({ baseUrl: url, auth: key });
const stray = createClient({ baseUrl: url, auth: strayKey });
const anybody = createClient({ baseUrl: url });

async function operation(): Promise<void> {
  assert.equal(good(await showHealth({ client: anybody })).status, "healthy");
  assert.equal(good(await showReadiness({ client: anybody })).database, "connected");
  assert.match(good(await showMetrics({ client: anybody })), /^# HELP /m);
}

async function startSyncs(): Promise<void> {
  const inbound = good(await syncInbound({ client, body: {} }));
  assert.ok("syncId" in inbound && inbound.stats.appointmentsFound > 0);
  good(await syncCases({ client }));
  const reconciliation = good(await syncReconcile({ client, body: { lookbackDays: 3, dryRun: true } }));
  assert.ok("syncId" in reconciliation && reconciliation.stats.deletedIds.length === 0);
  assert.ok(Array.isArray(reconciliation.changes), "a dry run lists its changes");
  const full = good(await syncFull({ client, body: { daysAhead: null, record: true } }));
  assert.ok("inboundResult" in full);
  assert.ok("stats" in full.casesResult, "the phase ran");
}

async function follow(): Promise<string> {
  const answer = await syncFull({ client, headers: { Prefer: "respond-async" } });
  const begun = good(answer, 202);
  assert.ok("id" in begun);
  assert.equal(answer.response?.headers.get("Location"), `/api/syncs/${begun.id}`);
  const events = await followSync({ client, path: { id: begun.id }, sseMaxRetryAttempts: 1 });
  let last: SyncRecord | undefined;
  for await (const event of events.stream) {
    assert.ok(typeof event !== "string", "the data of an event is JSON");
    if ("id" in event) last = event;
  }
  assert.equal(last?.status, "completed");
  return begun.id;
}

async function readSyncs(id: string): Promise<void> {
  const page = good(await listSyncs({ client, query: { type: "full", limit: 1 } }));
  const [first] = page.items;
  assert.equal(first?.id, id);
  assert.equal(first.progress.phase === null || typeof first.progress.phase === "string", true);
  assert.ok(page.nextCursor);
  const next = good(await listSyncs({ client, query: { type: "full", limit: 1, cursor: page.nextCursor } }));
  assert.notEqual(next.items[0]?.id, id);

  const sync: SyncRecord = good(await showSync({ client, path: { id } }));
  assert.deepEqual(sync.phases?.map((phase) => phase.type), ["inbound", "cases", "reconciliation"]);
  assert.equal(sync.phases?.[0]?.stats.casesChecked, undefined, "inbound has no such count");
  assert.equal(typeof sync.stats.casesChecked, "number");
  assert.equal(good(await showFreshness({ client })).items.length, 3);
  assert.ok(good(await listEvents({ client })).items.some((event) => event.type === "sync.completed"));
  assert.equal(good(await cancelSync({ client, path: { id } })).status, "completed");
  assert.deepEqual(good(await restoreSync({ client, path: { id } })).restored, []);
}

async function readRecordings(): Promise<void> {
  const page = good(await listRecordings({ client, query: { limit: 1 } }));
  const [kept] = page.items;
  assert.ok(kept);
  const shown = good(await showRecording({ client, path: { id: kept.id } }));
  assert.deepEqual(shown.recording, kept);
  assert.equal(shown.requests.length, kept.requests);
  assert.equal(shown.outcome.phases.length, 3);
  assert.equal(bad(await showRecording({ client, path: { id: someId } }), 404).code, "not_found");
}

async function readCases(): Promise<void> {
  const page = good(await listCases({ client, query: { limit: 2, from: "2026-01-17" } }));
  const [first] = page.items;
  assert.ok(first);
  const path = { id: first.id };
  assert.deepEqual(good(await showCase({ client, path })), first);
  const history = good(await showCaseHistory({ client, path })).items;
  assert.equal(history[0]?.action, "created");
  const at = history[0]!.at;
  assert.equal(good(await showCaseMoment({ client, path, query: { at } })).case.id, path.id);
  assert.equal(good(await compareCase({ client, path, query: { from: at } })).from, at);
  assert.equal(good(await restoreCase({ client, path, body: {} })).id, first.id);
  assert.equal(bad(await showCase({ client, path: { id: someId } }), 404).code, "not_found");
}

async function readPlans(): Promise<void> {
  const failed = bad(await syncInbound({ client: stray }), 422);
  assert.equal(failed.code, "pims_wrong_practice");
  assert.ok("stats" in failed, "a sync that failed answers its usual body");
  const page = good(await listPlans({ client: stray, query: { status: "open" } }));
  const [plan] = page.items;
  assert.ok(plan);
  assert.equal(plan.id, failed.planId);
  assert.equal(page.nextCursor, null);
  const path = { id: plan.id };
  assert.equal(good(await showPlan({ client: stray, path })).evidence.shared, 0);
  assert.equal(good(await rejectPlan({ client: stray, path })).plan.status, "rejected");
  assert.equal(bad(await approvePlan({ client: stray, path }), 409).code, "already_decided");
  assert.equal(bad(await listPlans({ client: anybody }), 401).code, "unauthorized");
}

async function main(): Promise<void> {
  await operation();
  await startSyncs();
  await readSyncs(await follow());
  await readRecordings();
  await readCases();
  await readPlans();
}

void main();
