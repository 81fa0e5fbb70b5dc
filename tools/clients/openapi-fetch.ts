// Calls the API through openapi-fetch, with the types that openapi-typescript made.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";
import { bad, good, key, someId, strayKey, url } from "./trial";

type Sync = components["schemas"]["SyncRecord"];

const api = createClient<paths>({ baseUrl: url, headers: { "X-API-Key": key } });
const stray = createClient<paths>({ baseUrl: url, headers: { "X-API-Key": strayKey } });
const anybody = createClient<paths>({ baseUrl: url });

async function operation(): Promise<void> {
  assert.equal(good(await anybody.GET("/health")).status, "healthy");
  assert.equal(good(await anybody.GET("/ready")).database, "connected");
  assert.match(good(await anybody.GET("/metrics", { parseAs: "text" })), /^# HELP /m);
}

async function startSyncs(): Promise<void> {
  const inbound = good(await api.POST("/api/sync/inbound", { body: {} }));
  assert.ok("syncId" in inbound && inbound.stats.appointmentsFound > 0);
  good(await api.POST("/api/sync/cases"));
  const reconciliation = good(await api.POST("/api/sync/reconcile", { body: { lookbackDays: 3, dryRun: true } }));
  assert.ok("syncId" in reconciliation && reconciliation.stats.deletedIds.length === 0);
  assert.ok(Array.isArray(reconciliation.changes), "a dry run lists its changes");
  const full = good(await api.POST("/api/sync/full", { body: { daysAhead: null, record: true } }));
  assert.ok("inboundResult" in full);
  assert.ok("stats" in full.casesResult, "the phase ran");
}

async function follow(): Promise<string> {
  const answer = await api.POST("/api/sync/full", { params: { header: { Prefer: "respond-async" } } });
  const begun = good(answer, 202);
  assert.ok("id" in begun);
  assert.equal(answer.response.headers.get("Location"), `/api/syncs/${begun.id}`);
  const events = good(await api.GET("/api/syncs/{id}/events", { params: { path: { id: begun.id } }, parseAs: "text" }));
  assert.match(events, /^event: state\n/);
  assert.match(events, /event: done\n/);
  return begun.id;
}

async function readSyncs(id: string): Promise<void> {
  const page = good(await api.GET("/api/syncs", { params: { query: { type: "full", limit: 1 } } }));
  const [first] = page.items;
  assert.equal(first?.id, id);
  assert.equal(first.progress.phase === null || typeof first.progress.phase === "string", true);
  assert.ok(page.nextCursor);
  const next = good(await api.GET("/api/syncs", { params: { query: { type: "full", limit: 1, cursor: page.nextCursor } } }));
  assert.notEqual(next.items[0]?.id, id);

  const sync: Sync = good(await api.GET("/api/syncs/{id}", { params: { path: { id } } }));
  assert.equal(sync.status, "completed");
  assert.deepEqual(sync.phases?.map((phase) => phase.type), ["inbound", "cases", "reconciliation"]);
  assert.equal(sync.phases?.[0]?.stats.casesChecked, undefined, "inbound has no such count");
  assert.equal(typeof sync.stats.casesChecked, "number");
  assert.equal(good(await api.GET("/api/freshness")).items.length, 3);
  assert.ok(good(await api.GET("/api/events")).items.some((event) => event.type === "sync.completed"));
  assert.equal(good(await api.POST("/api/syncs/{id}/cancel", { params: { path: { id } } })).status, "completed");
  assert.deepEqual(good(await api.POST("/api/syncs/{id}/restore", { params: { path: { id } } })).restored, []);
}

async function readRecordings(): Promise<void> {
  const page = good(await api.GET("/api/recordings", { params: { query: { limit: 1 } } }));
  const [kept] = page.items;
  assert.ok(kept);
  const shown = good(await api.GET("/api/recordings/{id}", { params: { path: { id: kept.id } } }));
  assert.deepEqual(shown.recording, kept);
  assert.equal(shown.requests.length, kept.requests);
  assert.equal(shown.outcome.phases.length, 3);
  assert.equal(bad(await api.GET("/api/recordings/{id}", { params: { path: { id: someId } } }), 404).code, "not_found");
}

async function readCases(): Promise<void> {
  const page = good(await api.GET("/api/cases", { params: { query: { limit: 2, from: "2026-01-17" } } }));
  const [first] = page.items;
  assert.ok(first);
  const id = first.id;
  assert.deepEqual(good(await api.GET("/api/cases/{id}", { params: { path: { id } } })), first);
  const history = good(await api.GET("/api/cases/{id}/history", { params: { path: { id } } }));
  assert.equal(history.items[0]?.action, "created");
  const at = history.items[0]!.at;
  assert.equal(good(await api.GET("/api/cases/{id}/moment", { params: { path: { id }, query: { at } } })).case.id, id);
  assert.equal(good(await api.GET("/api/cases/{id}/comparison", { params: { path: { id }, query: { from: at } } })).from, at);
  assert.equal(good(await api.POST("/api/cases/{id}/restore", { params: { path: { id } }, body: {} })).id, id);
  assert.equal(bad(await api.GET("/api/cases/{id}", { params: { path: { id: someId } } }), 404).code, "not_found");
}

async function readPlans(): Promise<void> {
  const failed = bad(await stray.POST("/api/sync/inbound"), 422);
  assert.equal(failed.code, "pims_wrong_practice");
  assert.ok("stats" in failed, "a sync that failed answers its usual body");
  const page = good(await stray.GET("/api/plans", { params: { query: { status: "open" } } }));
  const [plan] = page.items;
  assert.ok(plan);
  assert.equal(plan.id, failed.planId);
  assert.equal(page.nextCursor, null);
  const path = { id: plan.id };
  assert.equal(good(await stray.GET("/api/plans/{id}", { params: { path } })).evidence.shared, 0);
  assert.equal(good(await stray.POST("/api/plans/{id}/reject", { params: { path } })).plan.status, "rejected");
  assert.equal(bad(await stray.POST("/api/plans/{id}/approve", { params: { path } }), 409).code, "already_decided");
  assert.equal(bad(await anybody.GET("/api/plans"), 401).code, "unauthorized");
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
