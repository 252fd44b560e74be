import { describe, expect, test } from "vitest";

import { decode } from "../src/decode";
import { ack, hello } from "../src/protocol";

const garbage: readonly string[] = ["", "{", "null", "[]", "7", '"text"', "{}", '{"op":"unheard-of"}', '{"op":["event"]}'];

describe("frames", () => {
  test.each(garbage)("what is no frame of ours is nothing: %s", (text) => {
    expect(decode(text)).toBeNull();
  });

  test.each(["call", "source", "team", "reason", "by", "at", "seq", "type"])("a wrong %s does not break the page", (key) => {
    for (const value of [null, 7, "text", [], {}, [null], [[]], { id: 5 }]) {
      expect(decode(JSON.stringify({ op: "event", seq: 1, type: "call.ringing", [key]: value }))).toMatchObject({ op: "event" });
    }
  });

  test("a call of which only the id came is whole for the page", () => {
    expect(decode(JSON.stringify({ op: "event", seq: 1, type: "call.ringing", call: { id: "a" } }))).toMatchObject({
      call: { id: "a", role: "none", number: "", customer: null, deals: [], notes: [], history: [], candidates: [], queue: null },
    });
  });

  test("endless names and lists are cut", () => {
    const frame = { op: "event", seq: 1, type: "x", call: { id: "a", customer: { name: "Ы".repeat(10_000) }, deals: Array(9_000).fill({}) } };
    const read = decode(JSON.stringify(frame));
    expect(read?.op === "event" && read.call?.customer?.name.length).toBe(2_000);
    expect(read?.op === "event" && read.call?.deals.length).toBe(500);
  });

  test("an impossible heartbeat does not make the page ping without end", () => {
    expect(decode('{"op":"welcome","heartbeat_s":0}')).toMatchObject({ heartbeatS: 1 });
    expect(decode('{"op":"welcome","heartbeat_s":1e9}')).toMatchObject({ heartbeatS: 120 });
  });

  test("what we say", () => {
    expect(JSON.parse(hello(null))).toEqual({ op: "hello" });
    expect(JSON.parse(hello({ stream: "s1", seq: 4 }))).toEqual({ op: "hello", resume: { stream: "s1", seq: 4 } });
    expect(JSON.parse(ack(3, 12.345))).toEqual({ op: "ack", seq: 3, paint_ms: 12.3 });
  });
});
