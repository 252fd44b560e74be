import { describe, expect, test } from "vitest";

import { ANSWERED_WITHIN, LATE, REFUSAL_STAYS, isUnderWay, lastRefused } from "../src/commands";
import { Desk, state } from "./bridge";

describe("a command", () => {
  test("is sent, is under way, and is over when it was done", () => {
    const story = new Desk().give("work.take", { item: "step:1" });
    expect(isUnderWay(story.model, "work.take", { item: "step:1" })).toBe(true);
    expect(isUnderWay(story.model, "work.take", { item: "step:2" })).toBe(false);
    story.answer();
    expect(story.done).toEqual([["work.take", { item: "step:1" }]]);
    expect(story.model.commands).toEqual([]);
  });

  test("given twice in a row is given once", () => {
    const story = new Desk().give("work.take", { item: "step:1" }).give("work.take", { item: "step:1" });
    expect(story.unanswered).toBe(1);
    story.give("work.take", { item: "step:2" });
    expect(story.unanswered).toBe(2);
  });

  test("whose answer was lost with the line is sent again with its id, and done once", () => {
    const story = new Desk().give("work.take", { item: "step:1" }).answer({ lost: true });
    story.cut().open().answer();
    expect(story.done).toHaveLength(1);
    expect(story.model.commands).toEqual([]);
  });

  test("to the phones is said again on a new line only at once, and never to a bridge that forgot it", () => {
    const soon = new Desk().give("call.hangup", { call: "a" }).cut().open();
    expect(soon.unanswered).toBe(1);

    const late = new Desk().give("call.pickup", { operator: "op2" }).cut();
    late.wait(LATE / 1000).open();
    expect(late.unanswered).toBe(0);
    expect(lastRefused(late.model, ["call.pickup"])).toMatchObject({ phase: "unknown", code: "no_answer" });

    const slept = new Desk().give("call.dial", { number: "+74950000150" }).cut();
    const me = { id: "op1", name: "", phones: [], language: "", role: "operator" } as const;
    slept.input({ kind: "session", operator: me, serverTime: slept.model.now + 3_600_000, at: slept.model.now }).open();
    expect(slept.unanswered).toBe(0);

    const restarted = new Desk().give("call.dial", { number: "+74950000150" }).give("work.take", { item: "step:1" }).cut();
    restarted.frame({
      op: "welcome", stream: "s2", seq: 0, resumed: false, heartbeat_s: 20, operator: { id: "op1", name: "", phones: [], language: "" },
      snapshot: { calls: [], sources: [], stages: [], team: [], state: state("ready") },
    });
    expect(isUnderWay(restarted.model, "work.take")).toBe(true);
    expect(lastRefused(restarted.model, ["call.dial"])).toMatchObject({ phase: "unknown", code: "no_answer" });
  });

  test("given without a line waits for it", () => {
    const story = new Desk().cut().give("work.take", { item: "step:1" });
    expect(story.unanswered).toBe(0);
    story.open();
    expect(story.unanswered).toBe(1);
    story.answer();
    expect(story.done).toHaveLength(1);
  });

  test("that is refused says why for a while, and is forgotten when it is tried again", () => {
    const story = new Desk();
    story.refusals["work.take"] = ["already_taken", "op2 has it"];
    story.give("work.take", { item: "step:1" }).answer();
    expect(lastRefused(story.model, ["work.take"], { item: "step:1" })).toMatchObject({ phase: "refused", code: "already_taken", message: "op2 has it" });
    expect(lastRefused(story.model, ["work.take"], { item: "step:2" })).toBeNull();
    story.give("work.take", { item: "step:1" });
    expect(lastRefused(story.model, ["work.take"])).toBeNull();
    story.answer();
    story.wait(REFUSAL_STAYS / 1000);
    expect(story.model.commands).toEqual([]);
  });

  test("that nobody answers is given up, and nobody says that it was not done", () => {
    const story = new Desk().give("work.take", { item: "step:1" });
    story.wait(ANSWERED_WITHIN / 1000 - 1);
    expect(isUnderWay(story.model, "work.take")).toBe(true);
    story.wait(1);
    expect(lastRefused(story.model, ["work.take"])).toMatchObject({ phase: "unknown", code: "no_answer" });
  });

  test("of one operator is not sent for the next who signs in here", () => {
    const story = new Desk().cut().give("work.take", { item: "step:1" });
    story.input({ kind: "no_session", at: story.model.now });
    story.open();
    expect(story.unanswered).toBe(0);
  });

  test("that the bridge does not know is a refusal, and an answer that nobody waits for is nothing", () => {
    const story = new Desk().give("coffee.make", {}).answer();
    expect(lastRefused(story.model, ["coffee.make"])?.code).toBe("unknown_command");
    const before = story.model;
    story.frame({ op: "result", id: "never-given", ok: true, value: null });
    expect(story.model.commands).toEqual(before.commands);
  });
});
