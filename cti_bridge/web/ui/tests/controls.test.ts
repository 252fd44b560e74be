import { describe, expect, test } from "vitest";

import { controls, said } from "../src/controls";
import { FRESH_FOR } from "../src/hand";
import { Desk } from "./bridge";
import { call, ended, talking } from "./story";
import type { Wire } from "./story";

const ALL = { hangup: null, hold: null, resume: "not_held", consult: null, consult_cancel: "asks_nobody", complete: "asks_nobody", transfer: null };
const TIMUR = { kind: "operator", id: "op2", name: "Тимур" };

class Talk extends Desk {
  constructor(more: Wire = {}) {
    super();
    this.event("call.answered", { call: talking("a", { actions: ALL, ...more }) });
  }

  news(more: Wire): this {
    return this.event("call.updated", { call: talking("a", { actions: ALL, ...more }) });
  }

  get row(): readonly string[] {
    const shown = this.model.cards[0]?.call;
    return shown === undefined ? [] : controls(this.model, shown).map(({ name, why }) => (why === null ? name : `${name} (${why})`));
  }

  get words(): unknown {
    const shown = this.model.cards[0]?.call;
    return shown === undefined ? null : said(this.model, shown);
  }
}

describe("the question whether a number is to be called", () => {
  const asks = (story: Desk, item?: string): Desk =>
    story.input({ kind: "dialling", dialling: { number: "+74950000150", name: "", line: "", lineName: "", ...(item === undefined ? {} : { item }) }, at: story.model.now });

  test("is no question any more when somebody calls, and is not asked during a call", () => {
    const rung = asks(new Desk()).event("call.ringing", { call: call("b") });
    expect([rung.model.hand.dialling, asks(new Talk()).model.hand.dialling]).toEqual([null, null]);
    const after = asks(new Talk().event("call.ended", { call: ended("a") }));
    expect(after.model.hand.dialling).not.toBeNull();
  });

  test("is taken back when a colleague was faster to take what it is for", () => {
    const story = asks(new Desk().give("work.take", { item: "missed:1" }), "missed:1");
    story.refusals["work.take"] = ["already_taken", "a colleague has taken it"];
    story.answer();
    expect(story.model.hand.dialling).toBeNull();
    const mine = asks(new Desk().give("work.take", { item: "missed:1" }), "missed:1").answer();
    expect(mine.model.hand.dialling).not.toBeNull();
  });
});

describe("the row of controls", () => {
  const rows: readonly (readonly [string, Wire, readonly string[]])[] = [
    ["of a talk", {}, ["transfer", "consult", "hold", "hangup"]],
    [
      "of a held call",
      { state: "held", actions: { ...ALL, hold: "held", resume: null, transfer: "held" } },
      ["transfer (held)", "consult", "resume", "hangup"],
    ],
    [
      "of a consultation that rings",
      { state: "held", consult: { to: TIMUR, state: "ringing" }, actions: { ...ALL, hold: "asking", complete: "colleague_rings", consult_cancel: null } },
      ["complete (colleague_rings)", "consult_cancel", "hold (asking)", "hangup"],
    ],
    ["of a bridge that says nothing of it", { actions: undefined }, ["transfer (not_offered)", "consult (not_offered)", "hold (not_offered)", "hangup (not_offered)"]],
    ["of a bridge that says something strange", { actions: { hangup: 7, hold: "" } }, ["transfer (not_offered)", "consult (not_offered)", "hold (not_possible)", "hangup (not_possible)"]],
  ];
  test.each(rows)("%s", (_, more, expected) => {
    expect(new Talk(more).row).toEqual(expected);
  });

  test("keeps its four places in every state of a living call, and has none when the call is over", () => {
    const story = new Desk().event("call.ringing", { call: call("a", { actions: { hangup: null } }) });
    const first = story.model.cards[0]?.call;
    expect(first && controls(story.model, first).map(({ place }) => place)).toEqual(["first", "second", "third", "last"]);
    expect(first && controls(story.model, first)[3]?.name).toBe("reject");
    story.event("call.answered", { call: talking("a") }).event("call.ended", { call: ended("a") });
    const last = story.model.cards[0]?.call;
    expect(last && controls(story.model, last)).toEqual([]);
  });

  test("waits for a command that is under way; only hanging up does not", () => {
    const story = new Talk().give("call.hold", { call: "a" });
    expect(story.row).toEqual(["transfer (under_way)", "consult (under_way)", "hold (under_way)", "hangup"]);
    expect(story.words).toMatchObject({ kind: "under_way", name: "call.hold" });
    story.answer();
    expect(story.row).toEqual(["transfer", "consult", "hold", "hangup"]);
    expect(story.words).toEqual({ kind: "nothing" });
  });

  test("does nothing without a line", () => {
    const story = new Talk().cut();
    expect(story.row.every((each) => each.endsWith("(no_line)"))).toBe(true);
  });

  test("says why something was refused", () => {
    const story = new Talk();
    story.refusals["call.hold"] = ["not_possible", "the phone has the caller on hold"];
    story.give("call.hold", { call: "a" }).answer();
    expect(story.words).toMatchObject({ kind: "refused", command: { code: "not_possible", message: "the phone has the caller on hold" } });
  });

  test("says where the call is going, and that the caller is back", () => {
    const story = new Talk({ transfer: { to: TIMUR, by: { name: "Ольга" }, state: "ringing", reason: "" } });
    expect(story.words).toEqual({ kind: "transferring", to: TIMUR });
    story.news({ transfer: { to: TIMUR, by: { name: "Ольга" }, state: "failed", reason: "busy" } });
    expect(story.words).toEqual({ kind: "came_back", to: TIMUR, reason: "busy" });
    story.news({ transfer: { to: { kind: "operator", id: "op1", name: "Ольга Ветрова" }, by: { name: "Тимур" }, state: "ringing", reason: "" } });
    expect(story.words).toEqual({ kind: "handed_to_you", by: "Тимур" });
    story.news({ state: "held", held_by: "desk", consult_failed: { to: TIMUR, reason: "no_answer" } });
    expect(story.words).toEqual({ kind: "not_asked", to: "Тимур", reason: "no_answer" });
    story.news({ state: "held", held_by: "phone" });
    expect(story.words).toEqual({ kind: "held", by: "phone" });
  });
});

test("who has handed a call on is not told of it as if it still went on", () => {
  const transfer = { to: TIMUR, by: { name: "Ольга" }, state: "ringing", reason: "" };
  const story = new Desk().event("call.answered", { call: talking("a") }).event("call.ended", { call: ended("a", { transfer }) });
  const over = story.model.cards[0]?.call;
  expect(over && said(story.model, over)).toEqual({ kind: "handed_on", to: TIMUR });
});

describe("the list of those to whom a call can go", () => {
  const open = (story: Talk): Talk => story.input({ kind: "chooser", purpose: "transfer", at: story.model.now });

  test("is asked for when it opens, kept fresh while it is open, and not after", () => {
    const story = new Talk();
    story.targets = { operators: [{ operator: "op2", name: "Тимур", phones: ["PJSIP/102"], state: "idle", free: true }], queues: [], numbers: true };
    open(story).answer();
    expect(story.model.hand.targets.list?.operators[0]?.name).toBe("Тимур");
    story.wait(FRESH_FOR / 1000);
    expect(story.unanswered).toBe(1);
    story.answer().input({ kind: "chooser", purpose: null, at: story.model.now }).wait(30);
    expect(story.unanswered).toBe(0);
    expect(story.done.filter(([name]) => name === "call.targets")).toHaveLength(2);
  });

  test("says that it could not be had, and is asked for again", () => {
    const story = new Talk();
    story.refusals["call.targets"] = ["unavailable", "the PBX cannot be asked"];
    open(story).answer();
    expect(story.model.hand.targets).toMatchObject({ list: null, failed: true });
    delete story.refusals["call.targets"];
    story.wait(FRESH_FOR / 1000).answer();
    expect(story.model.hand.targets).toMatchObject({ failed: false });
  });

  test("closes with the choice, with its call, and when another call is looked at", () => {
    const chosen = open(new Talk()).give("call.transfer", { call: "a", to: { operator: "op2" } });
    const over = open(new Talk()).event("call.ended", { call: ended("a") });
    const other = open(new Talk()).event("call.ringing", { call: call("b") }).input({ kind: "look", callId: "b", at: 1 });
    for (const story of [chosen, over, other]) expect(story.model.hand.chooser).toBeNull();
  });
});
