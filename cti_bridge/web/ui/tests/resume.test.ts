import { describe, expect, test } from "vitest";

import { toneFor } from "../src/attention";
import type { Model } from "../src/model";
import { NOON, Story, call, ended, iso, talking } from "./story";
import type { Wire } from "./story";

const OPERATOR = { id: "op1", name: "Ольга Ветрова", phones: ["PJSIP/101"], language: "ru" };

/** One desk's events, numbered from 1. */
const EVENTS: readonly Wire[] = [
  { type: "call.ringing", call: call("a") },
  { type: "call.updated", call: call("a", { extras: "ready" }) },
  { type: "call.answered", call: talking("a") },
  { type: "source.state", source: { name: "crm", state: "down", since: iso(NOON) } },
  { type: "call.ringing", call: call("b") },
  { type: "call.withdrawn", call: call("b"), reason: "no_answer" },
  { type: "call.updated", call: talking("a", { rule: "moved" }) },
  { type: "call.ended", call: ended("a") },
  { type: "call.ringing", call: call("b") },
  { type: "source.state", source: { name: "crm", state: "up", since: iso(NOON) } },
  { type: "call.answered", call: talking("b") },
  { type: "call.ringing", call: call("c") },
  { type: "call.withdrawn", call: call("c"), reason: "abandoned" },
  { type: "call.ended", call: ended("b") },
  { type: "call.ringing", call: call("d") },
];

function tell(story: Story, first: number, last: number): Story {
  for (let seq = first; seq <= last; seq += 1) story.event(String(EVENTS[seq - 1]?.["type"]), EVENTS[seq - 1] ?? {}, seq);
  return story;
}

function lost(story: Story): Story {
  return story.input({ kind: "line", phase: "lost", at: story.model.now });
}

function resumed(story: Story, seq: number, sources: readonly Wire[] = []): Story {
  return story.frame({
    op: "welcome",
    stream: "s1",
    seq,
    resumed: true,
    operator: OPERATOR,
    snapshot: { calls: [], sources, stages: [], team: [] },
    heartbeat_s: 20,
  });
}

/** What the page knows, without what belongs to the moment: the words about the latest withdrawal. */
function known(model: Model): unknown {
  const recent = model.recent.map(({ callId, outcome }) => ({ callId, outcome }));
  return { ...model, recent, notice: null, sources: model.sources.map((source) => source.state) };
}

describe("a line that comes back with what was missed", () => {
  const whole = tell(new Story(), 1, EVENTS.length);

  test.each(EVENTS.map((_, at) => at))("cut after event %i it ends up where an uncut one does", (cut) => {
    for (let happened = cut; happened <= EVENTS.length; happened += 1) {
      const story = resumed(lost(tell(new Story(), 1, cut)), happened, happened >= 4 ? [{ name: "crm", state: "up" }] : []);
      tell(story, cut + 1, EVENTS.length);
      expect(known(story.model)).toEqual(known(whole.model));
    }
  });

  test("shows nothing of a call that came and went, and is silent", () => {
    const story = lost(tell(new Story(), 1, 3));
    const before = story.shown;
    resumed(story, 6);
    for (const seq of [4, 5]) {
      tell(story, seq, seq);
      expect(story.shown).toEqual(before);
      expect(story.model.line.phase).toBe("lost");
      expect(toneFor(story.model)).toBe("none");
      expect(story.effects).toEqual([]);
    }
    tell(story, 6, 6);
    expect(story.model.line.phase).toBe("live");
    expect(story.shown).toEqual(before);
    expect(toneFor(story.model)).toBe("none");
    expect(story.model.notice).toBeNull();
    expect(story.model.recent.map((entry) => entry.outcome)).toEqual(["no_answer"]);
  });

  test("a pop that was withdrawn meanwhile leaves without having rung again", () => {
    const story = lost(new Story().event("call.ringing", { call: call("a") }));
    resumed(story, 2);
    expect(toneFor(story.model)).toBe("none");
    story.event("call.withdrawn", { call: call("a"), reason: "answered_elsewhere" }, 2);
    expect(story.shown).toEqual([]);
    expect(story.model.notice).toMatchObject({ reason: "answered_elsewhere" });
  });

  test("confirms only what is on the screen, with the latest number", () => {
    const story = resumed(lost(new Story()), EVENTS.length);
    tell(story, 1, EVENTS.length);
    expect(story.shown).toEqual(["d ringing"]);
    expect(story.effects).toEqual([{ kind: "ack", seq: 15 }]);
  });

  test("what the operator was reading stays open while nobody new rings", () => {
    const story = tell(new Story(), 1, 8);
    const key = story.model.recent[0]?.key ?? 0;
    story.input({ kind: "review", key, at: NOON }).input({ kind: "pane", pane: "team", at: NOON });
    resumed(lost(story), 10);
    story.event("call.ringing", { call: call("x") }, 9).event("call.withdrawn", { call: call("x"), reason: "abandoned" }, 10);
    expect(story.model.review).toBe(key);
    expect(story.model.pane).toBe("team");
  });

  test("cut again in the middle, it asks from where it was and keeps nothing twice", () => {
    const story = resumed(lost(new Story()), 9);
    tell(story, 1, 5);
    expect(story.model.seq).toBe(0);
    tell(resumed(lost(story), 9), 1, 9);
    expect(story.model.seq).toBe(9);
    expect(story.shown).toEqual(["b ringing"]);
  });

  test("a snapshot replaces what a broken replay had brought", () => {
    const story = resumed(lost(new Story()), 9);
    tell(story, 1, 5);
    story.welcome([talking("z")], { seq: 40 });
    expect(story.shown).toEqual(["z talking"]);
    expect(story.model).toMatchObject({ seq: 40, missed: null, line: { phase: "live" } });
  });
});

test("the team list has no number and moves none", () => {
  const story = new Story().event("call.ringing", { call: call("a") });
  const team = [{ operator: "op2", name: "Сергей Ильин", ringing_queue: null, state: "talking" }];
  story.frame({ op: "event", at: iso(NOON), type: "team.updated", team });
  expect(story.model.seq).toBe(1);
  expect(story.model.team.map((mate) => mate.state)).toEqual(["talking"]);
  story.frame({ op: "event", at: iso(NOON), type: "call.ringing", call: call("b") });
  expect(story.shown).toEqual(["a ringing"]);
});
