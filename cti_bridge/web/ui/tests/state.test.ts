import { describe, expect, test } from "vitest";

import { ENDED_STAYS, NOTICE_STAYS, RECENT_KEPT } from "../src/cards";
import { cardState, shownCall } from "../src/model";
import { NOON, Story, call, ended, iso, talking } from "./story";
import type { Wire } from "./story";

const DROPPED = ["answered_elsewhere", "no_answer", "abandoned", "moved", "ended"] as const;

describe("a call comes and goes", () => {
  test("ringing shows the card and asks for it to be acknowledged", () => {
    const story = new Story().event("call.ringing", { call: call("a") });
    expect(story.shown).toEqual(["a ringing"]);
    expect(shownCall(story.model)?.customer?.name).toBe("Мария Соколова");
    expect(story.effects).toEqual([{ kind: "ack", seq: 1 }]);
  });

  test("answered stays as talking, ended stays a while, then makes room", () => {
    const story = new Story().event("call.ringing", { call: call("a") }).event("call.answered", { call: talking("a") });
    expect(story.shown).toEqual(["a talking"]);
    story.event("call.ended", { call: ended("a") });
    expect(story.shown).toEqual(["a ended"]);
    story.tick(NOON + ENDED_STAYS - 1);
    expect(story.shown).toEqual(["a ended"]);
    story.tick(NOON + ENDED_STAYS);
    expect(story.shown).toEqual([]);
    expect(story.model.recent.map((entry) => entry.outcome)).toEqual(["talked"]);
  });

  test("who dials out has the card while it rings there, and talks when somebody answers", () => {
    const dialled = { direction: "outbound", my_role: "talking", queue: null };
    const story = new Story().event("call.updated", { call: call("a", dialled) });
    expect(story.model.cards.map((card) => cardState(card.call))).toEqual(["dialling"]);
    story.event("call.answered", { call: talking("a", { ...dialled, state: "talking" }) });
    expect(story.shown).toEqual(["a talking"]);
    story.event("call.ended", { call: ended("a", dialled) });
    expect(story.model.recent.map((entry) => entry.outcome)).toEqual(["talked"]);
  });

  test("nobody answers who was called: the card ends, and that was no talk", () => {
    const dialled = { direction: "outbound", my_role: "talking", queue: null };
    const story = new Story().event("call.updated", { call: call("a", dialled) });
    story.event("call.ended", { call: ended("a", { ...dialled, answered_at: null }) });
    expect(story.shown).toEqual(["a ended"]);
    expect(story.model.recent).toEqual([]);
  });

  test.each(DROPPED)("withdrawn because %s: nothing about the caller stays in the page", (reason) => {
    const story = new Story()
      .event("call.ringing", { call: call("a") })
      .event("call.withdrawn", { call: call("a"), reason, by: { operator: "op2", name: "Сергей Ильин" } });
    expect(story.shown).toEqual([]);
    expect(story.model.notice).toMatchObject({ reason, by: "Сергей Ильин", queue: "sales" });
    const kept = JSON.stringify(story.model);
    expect(kept).not.toContain("Соколова");
    expect(kept).not.toContain("0150");
    story.tick(NOON + NOTICE_STAYS);
    expect(story.model.notice).toBeNull();
    expect(story.model.recent[0]).toMatchObject({ outcome: reason, call: null });
  });

  test("an end that comes before the caller himself is gone is an end all the same", () => {
    const story = new Story().event("call.ringing", { call: call("a") }).event("call.answered", { call: talking("a") });
    story.event("call.ended", { call: talking("a", { state: "offered", my_role: "none" }) });
    expect(story.shown).toEqual(["a ended"]);
    expect(story.model.notice).toBeNull();
    expect(shownCall(story.model)?.endedAt).not.toBeNull();
    expect(story.model.recent.map((entry) => entry.outcome)).toEqual(["talked"]);
  });

  test("a call that was handed on and comes back pops anew", () => {
    const story = new Story().event("call.ringing", { call: call("a") }).event("call.answered", { call: talking("a") });
    story.event("call.ended", { call: talking("a", { my_role: "none" }) });
    story.event("call.ringing", { call: call("a") });
    expect(story.shown).toEqual(["a ringing"]);
    story.event("call.answered", { call: talking("a") }).event("call.ended", { call: ended("a") });
    expect(story.shown).toEqual(["a ended"]);
    story.event("call.answered", { call: talking("a") });
    expect(story.shown).toEqual(["a talking"]);
  });

  test("an end that was never answered here takes the pop away like a withdrawal", () => {
    const story = new Story().event("call.ringing", { call: call("a") });
    story.event("call.ended", { call: call("a", { state: "ended" }) });
    expect(story.shown).toEqual([]);
    expect(story.model.notice?.reason).toBe("ended");
  });

  test("an update in which the call is no longer mine takes it away", () => {
    const story = new Story().event("call.ringing", { call: call("a") });
    story.event("call.updated", { call: call("a", { my_role: "none" }) });
    expect(story.shown).toEqual([]);
  });

  test("a call that is none of mine is never shown", () => {
    const story = new Story().event("call.updated", { call: call("x", { my_role: "none", state: "queued" }) });
    story.event("call.ended", { call: ended("y") });
    expect(story.shown).toEqual([]);
    expect(story.model.notice).toBeNull();
  });

  test("notes and history that come later change nothing but themselves", () => {
    const story = new Story().event("call.ringing", { call: call("a") });
    const late = call("a", { extras: "ready", notes: [{ at: iso(NOON), author: "Нина", text: "показать матовые" }] });
    story.event("call.updated", { call: late });
    expect(story.shown).toEqual(["a ringing"]);
    expect(shownCall(story.model)).toMatchObject({ extras: "ready", notes: [{ text: "показать матовые" }] });
  });

  test("a talk that was handed on is in today's list with its card", () => {
    const story = new Story().event("call.ringing", { call: call("a") }).event("call.answered", { call: talking("a") });
    story.event("call.withdrawn", { call: talking("a"), reason: "moved", by: null });
    expect(story.model.recent[0]).toMatchObject({ outcome: "talked", callId: "a" });
    expect(story.model.recent[0]?.call?.state).toBe("ended");
  });
});

describe("news that come late, twice or with a hole", () => {
  test("a known number changes nothing and is acknowledged again", () => {
    const story = new Story().event("call.ringing", { call: call("a") });
    story.event("call.withdrawn", { call: call("a"), reason: "no_answer" });
    const before = story.model;
    story.event("call.ringing", { call: call("a") }, 1);
    expect(story.model).toEqual(before);
    expect(story.effects).toEqual([{ kind: "ack", seq: 1 }]);
  });

  test("the last number once more does not bring back a pop whose time was over", () => {
    const story = new Story().event("call.ringing", { call: call("a") }).tick(NOON + 60_000);
    story.event("call.ringing", { call: call("a") }, 1);
    expect(story.shown).toEqual([]);
  });

  test("the same call told twice under new numbers looks the same", () => {
    const story = new Story().event("call.ringing", { call: call("a") });
    const { cards, focus, recent } = story.model;
    story.event("call.ringing", { call: call("a") });
    expect(story.model).toMatchObject({ cards, focus, recent });
  });

  test("a finished call stays finished", () => {
    const story = new Story().event("call.ringing", { call: call("a") }).event("call.answered", { call: talking("a") });
    story.event("call.ended", { call: ended("a") }).event("call.updated", { call: talking("a") });
    expect(story.shown).toEqual(["a ended"]);
    story.event("call.ended", { call: ended("a") });
    expect(story.model.recent).toHaveLength(1);
  });

  test("a hole in the numbers asks for a snapshot, once in a while", () => {
    const story = new Story().event("call.ringing", { call: call("a") }, 3);
    expect(story.shown).toEqual(["a ringing"]);
    expect(story.effects).toEqual([{ kind: "ack", seq: 3 }, { kind: "resync" }]);
    story.event("call.ringing", { call: call("b") }, 9);
    expect(story.effects).toEqual([{ kind: "ack", seq: 9 }]);
  });

  test("the time of the last update reaches the card kept in today's list", () => {
    const story = new Story().event("call.ringing", { call: call("a") }).event("call.answered", { call: talking("a") });
    story.event("call.ended", { call: ended("a") }).input({ kind: "close", at: NOON });
    story.event("call.updated", { call: ended("a", { ended_at: iso(NOON + 70_000) }) });
    expect(story.shown).toEqual([]);
    expect(story.model.recent[0]?.call?.endedAt).toBe(NOON + 70_000);
  });
});

describe("a snapshot", () => {
  test("replaces everything the page knew", () => {
    const story = new Story().event("call.ringing", { call: call("a") }).event("call.ringing", { call: call("b") });
    story.welcome([call("b"), call("c")], { stream: "s2", seq: 7 });
    expect(story.shown).toEqual(["b ringing", "c ringing"]);
    expect(story.model).toMatchObject({ stream: "s2", seq: 7, line: { phase: "live" } });
  });

  test("brings the card back after a reload", () => {
    expect(new Story().welcome([talking("a")]).shown).toEqual(["a talking"]);
  });

  test("does not resurrect what is over or not mine", () => {
    expect(new Story().welcome([ended("a"), call("b", { my_role: "none" })]).shown).toEqual([]);
  });

  const talks = (more: Wire = {}): Story =>
    new Story().event("call.ringing", { call: call("a") }).event("call.answered", { call: talking("a", more) });

  test("a talk that vanished from it has ended out of sight, and its card stays for a while as any that ended", () => {
    const story = talks();
    story.welcome([]);
    expect(story.shown).toEqual(["a ended"]);
    expect(story.model.recent[0]).toMatchObject({ callId: "a", outcome: "talked" });
    story.tick(NOON + ENDED_STAYS);
    expect(story.shown).toEqual([]);
  });

  test("a talk that vanished from it makes room for one that goes on", () => {
    const story = talks();
    story.welcome([talking("b")]);
    expect(story.shown).toEqual(["b talking"]);
  });

  test("a talk that vanished from it and goes on after all is there again", () => {
    const story = talks();
    story.welcome([]);
    story.event("call.updated", { call: talking("a") });
    expect(story.shown).toEqual(["a talking"]);
    story.event("call.ended", { call: ended("a") });
    story.event("call.updated", { call: talking("a") });
    expect(story.shown).toEqual(["a ended"]);
  });

  const goesOn: readonly [string, (story: Story) => Story][] = [
    ["in the news of the call", (s) => s.event("call.updated", { call: talking("a") })],
    ["in that it was answered", (s) => s.event("call.answered", { call: talking("a") })],
    ["in the next snapshot", (s) => s.welcome([talking("a")])],
    ["in the news after another snapshot without it", (s) => s.welcome([]).event("call.updated", { call: talking("a") })],
  ];
  test.each(goesOn)("of a talk that is there again today's list has no line before its end, told %s", (_, happens) => {
    const story = talks().welcome([]);
    story.input({ kind: "review", key: story.model.recent[0]?.key ?? 0, at: NOON });
    happens(story);
    expect(story.shown).toEqual(["a talking"]);
    expect(story.model).toMatchObject({ recent: [], review: null });
    story.event("call.ended", { call: ended("a") });
    expect(story.model.recent.map((entry) => entry.callId)).toEqual(["a"]);
  });

  test("who was only asked about a caller keeps nothing of him", () => {
    const story = talks({ my_role: "consulting" });
    story.welcome([]);
    expect(story.shown).toEqual([]);
  });

  test("resumed keeps the calls and the place in the stream", () => {
    const story = new Story().event("call.ringing", { call: call("a") });
    story.frame({ op: "welcome", stream: "s1", seq: 1, resumed: true, operator: { id: "op1" }, heartbeat_s: 20 });
    expect(story.shown).toEqual(["a ringing"]);
    expect(story.model.seq).toBe(1);
  });

  test("of somebody else leaves nothing of the one before", () => {
    const story = new Story().event("call.ringing", { call: call("a") }).event("call.answered", { call: talking("a") });
    story.event("call.ended", { call: ended("a") });
    story.welcome([], { operator: { id: "op2", name: "Сергей Ильин" } });
    expect(JSON.stringify(story.model)).not.toContain("Соколова");
  });
});

describe("two calls at once", () => {
  const both = (): Story =>
    new Story()
      .event("call.ringing", { call: call("a") })
      .event("call.answered", { call: talking("a") })
      .event("call.ringing", { call: call("b") });

  test("the eyes stay on the one that is talked with", () => {
    const story = both();
    expect(story.shown).toEqual(["a talking", "b ringing"]);
    expect(story.model.focus).toBe("a");
  });

  const endings: readonly [string, (story: Story) => Story, string | null][] = [
    ["the second is answered: it comes into focus", (s) => s.event("call.answered", { call: talking("b") }), "b"],
    ["the first ends: the second comes into focus", (s) => s.event("call.ended", { call: ended("a") }), "b"],
    ["the second is withdrawn: nothing moves", (s) => s.event("call.withdrawn", { call: call("b"), reason: "moved" }), "a"],
    ["the operator looks at the second", (s) => s.input({ kind: "look", callId: "b", at: NOON }), "b"],
    ["the key goes round", (s) => s.input({ kind: "next_call", at: NOON }).input({ kind: "next_call", at: NOON }), "a"],
  ];
  test.each(endings)("%s", (_, happens, focus) => {
    expect(happens(both()).model.focus).toBe(focus);
  });

  test("a new call takes the place of one that has ended", () => {
    const story = new Story().event("call.ringing", { call: call("a") }).event("call.answered", { call: talking("a") });
    story.event("call.ended", { call: ended("a") }).event("call.ringing", { call: call("b") });
    expect(story.shown).toEqual(["b ringing"]);
    expect(story.model.focus).toBe("b");
  });
});

describe("time", () => {
  const expiring: readonly [string, Wire, number, readonly string[]][] = [
    ["not yet over", call("a"), NOON + 59_999, ["a ringing"]],
    ["over", call("a"), NOON + 60_000, []],
    ["without an end", call("a", { expires_at: null }), NOON + 3_600_000, ["a ringing"]],
    ["answered in time", talking("a", { expires_at: iso(NOON + 60_000) }), NOON + 3_600_000, ["a talking"]],
  ];
  test.each(expiring)("a pop whose time is %s", (_, what, at, shown) => {
    expect(new Story().event("call.ringing", { call: what }).tick(at).shown).toEqual(shown);
  });

  test("is the server's: a desk whose clock is an hour slow takes pops down in time", () => {
    const story = new Story().tick(NOON - 3_600_000);
    story.frame({ op: "event", seq: 1, at: iso(NOON), type: "call.ringing", call: call("a") }, NOON - 3_600_000);
    story.tick(NOON - 3_600_000 + 59_999);
    expect(story.shown).toEqual(["a ringing"]);
    expect(story.tick(NOON - 3_600_000 + 60_000).shown).toEqual([]);
    expect(story.model.notice?.reason).toBe("expired");
  });

  test("of an event that was long on its way does not set the clock back", () => {
    const story = new Story().event("team.updated", { team: [] });
    story.frame({ op: "event", seq: 2, at: iso(NOON - 30_000), type: "team.updated", team: [] });
    expect(story.model.ahead).toBe(0);
  });

  test("yesterday's calls leave today's list at midnight", () => {
    const story = new Story().event("call.ringing", { call: call("a") });
    story.event("call.withdrawn", { call: call("a"), reason: "no_answer" });
    expect(story.tick(NOON + 24 * 3_600_000).model.recent).toEqual([]);
  });

  test("a long day is counted whole", () => {
    const story = new Story();
    for (let turn = 0; turn < 150; turn += 1) {
      const id = `c${turn}`;
      story.event("call.answered", { call: talking(id) }).event("call.ended", { call: ended(id) });
    }
    expect(story.model.recent.filter((entry) => entry.outcome === "talked")).toHaveLength(150);
  });

  test("of a whole day leaves today's list bounded", () => {
    const story = new Story();
    for (let turn = 0; turn < RECENT_KEPT + 5; turn += 1) {
      story.event("call.ringing", { call: call("a") }).event("call.withdrawn", { call: call("a"), reason: "no_answer" });
    }
    expect(story.model.recent).toHaveLength(RECENT_KEPT);
    expect(new Set(story.model.recent.map((entry) => entry.key)).size).toBe(RECENT_KEPT);
  });
});

describe("the desk around the calls", () => {
  test("sources and team are replaced by their news", () => {
    const story = new Story().event("source.state", { source: { name: "crm", state: "down", since: iso(NOON) } });
    story.event("source.state", { source: { name: "crm", state: "up", since: iso(NOON) } });
    story.event("team.updated", { team: [{ operator: "op2", name: "Сергей", state: "ringing", ringing_queue: "sales" }] });
    expect(story.model.sources).toMatchObject([{ name: "crm", state: "up" }]);
    expect(story.model.team).toEqual([{ id: "op2", name: "Сергей", state: "ringing", ringingQueue: "sales", desk: null }]);
    expect(story.effects).toEqual([]);
  });

  test("the end of the session empties the page", () => {
    const story = new Story().event("call.ringing", { call: call("a") }).input({ kind: "no_session", at: NOON });
    expect(story.model.phase).toBe("signed_out");
    expect(JSON.stringify(story.model)).not.toContain("Соколова");
  });

  test("a ringing phone brings the call to the front, of a snapshot too; during a talk the pane stays", () => {
    const team = { kind: "pane", pane: "team", at: NOON } as const;
    const story = new Story().input(team).event("call.ringing", { call: call("a") });
    expect(story.model.pane).toBe("now");
    story.event("call.answered", { call: talking("a") }).input(team).event("call.ringing", { call: call("b") });
    expect(story.model.pane).toBe("team");
    expect(new Story().input(team).welcome([call("c")]).model.pane).toBe("now");
    expect(story.welcome([talking("a"), call("b")]).model.pane).toBe("team");
  });

  test("a click on a call that is over leads nowhere", () => {
    const story = new Story().event("call.answered", { call: talking("a") });
    expect(shownCall(story.input({ kind: "look", callId: "gone", at: NOON }).model)?.id).toBe("a");
  });

  test("signing out empties the page at once, and the door opens when the bridge has answered", () => {
    const story = new Story().event("call.ringing", { call: call("a") }).input({ kind: "leaving", at: NOON });
    expect(JSON.stringify(story.model)).not.toContain("Соколова");
    expect(story.model).toMatchObject({ phase: "signed_out", signIn: { busy: true } });
    expect(story.input({ kind: "no_session", at: NOON }).model.signIn.busy).toBe(false);
  });

  test("a broken line keeps the card and remembers since when", () => {
    const story = new Story().event("call.ringing", { call: call("a") });
    story.input({ kind: "line", phase: "lost", at: NOON + 1 }).input({ kind: "line", phase: "lost", at: NOON + 9 });
    expect(story.shown).toEqual(["a ringing"]);
    expect(story.model.line).toEqual({ phase: "lost", since: NOON + 1 });
  });

  test("too many attempts block the door until the bridge accepts one again", () => {
    const story = new Story().input({ kind: "no_session", at: NOON }).input({ kind: "sign_in_sent", at: NOON });
    story.input({ kind: "sign_in_failed", problem: "too_many_attempts", retryAfterS: 252, at: NOON });
    expect(story.model.signIn).toEqual({ busy: false, problem: "too_many_attempts", blockedUntil: NOON + 252_000 });
  });

  test("a talk of today can be looked at again, and a ringing phone ends the looking", () => {
    const story = new Story().event("call.ringing", { call: call("a") }).event("call.answered", { call: talking("a") });
    story.event("call.ended", { call: ended("a") }).input({ kind: "close", at: NOON });
    expect(shownCall(story.model)).toBeNull();
    story.input({ kind: "review", key: story.model.recent[0]?.key ?? 0, at: NOON });
    expect(shownCall(story.model)?.id).toBe("a");
    story.event("call.ringing", { call: call("b") });
    expect(shownCall(story.model)?.id).toBe("b");
  });
});
