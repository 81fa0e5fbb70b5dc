// Verifies messages with the official library of Standard Webhooks for JavaScript. Each line
// of standard input is a message: secret, headers, body. Each line of output is the verdict.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("good");
  } catch (error) {
    console.log("bad: " + error.message);
  }
}
