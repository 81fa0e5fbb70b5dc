// What the two trials in TypeScript have in common.
import assert from "node:assert/strict";

function setting(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}

export const url = setting("PIMS_SYNC_URL");

// The key of a clinic whose syncs succeed, and of one whose PIMS shows another practice.
export const key = setting("PIMS_SYNC_KEY");
export const strayKey = setting("PIMS_SYNC_STRAY_KEY");

export const someId = "0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01"; // nobody's

// good is the body of an answer that must be a good one of this status.
export function good<T>(answer: { data?: T; error?: unknown; response?: Response }, status = 200): T {
  assert.ok(answer.response, "there is no answer");
  assert.equal(answer.response.status, status, JSON.stringify(answer.error));
  assert.ok(answer.data !== undefined, "a good answer has a body");
  return answer.data;
}

// bad is the body of an answer that must be an error of this status.
export function bad<T>(answer: { error?: T; response?: Response }, status: number): T {
  assert.equal(answer.response?.status, status);
  assert.ok(answer.error !== undefined, "an error has a body");
  return answer.error;
}
