import { describe, expect, test } from "vitest";

import { choices, remarks, stateClock, turnOf } from "../src/staffing";
import { inAnHour, localInput, readLocalInput, tomorrowMorning } from "../src/times";
import { Desk, state } from "./bridge";
import { NOON, iso } from "./story";

function at(id: string, more = {}): Desk {
  return new Desk().event("operator.state", { state: state(id, more) });
}

describe("the operator's own state", () => {
  test.each([
    ["ready", { kind: "leave", to: { id: "break" } }],
    ["break", { kind: "return", to: { id: "ready" } }],
    ["lunch", { kind: "return", to: { id: "ready" } }],
    ["paperwork", { kind: "return", to: { id: "ready" } }],
    ["signed_off", { kind: "start", to: { id: "ready" } }],
    ["wrap_up", { kind: "finish" }],
  ])("from %s the one key leads on", (id, turn) => {
    expect(turnOf(at(id).model)).toMatchObject(turn);
  });

  test("is unknown where the bridge does not say, and then no key does anything", () => {
    expect(turnOf(new Desk({ state: null }).model)).toBeNull();
    expect(remarks(new Desk({ state: null }).model)).toEqual([]);
  });

  test("can be any but a wrap-up, which begins by itself", () => {
    const ids = choices(at("ready").model).map(([kind, states]) => [kind, states.map(({ id }) => id)]);
    expect(ids).toEqual([["ready", ["ready"]], ["last", ["paperwork"]], ["away", ["break", "lunch"]], ["signed_off", ["signed_off"]]]);
  });

  test("that Asterisk has not confirmed says in which queues", () => {
    const queues = [{ queue: "sales", paused: false }, { queue: "production", paused: true }];
    expect(remarks(at("lunch", { confirmed: false, queues }).model)).toEqual([{ kind: "unconfirmed", queues: ["sales"] }]);
  });

  test("that is being asked for is said before anything less pressing", () => {
    const story = at("ready", { next: "lunch", by: "op7" });
    story.input({ kind: "set_state", state: "break", at: story.model.now });
    expect(remarks(story.model)).toEqual([{ kind: "asked", state: "break" }, { kind: "next", state: "lunch" }, { kind: "by", who: "op7" }]);
    story.answer();
    expect(story.done).toEqual([["state.set", { state: "break" }]]);
    expect(remarks(story.model)[0]).toEqual({ kind: "next", state: "lunch" });
  });

  test("tells a phone that is not there, a hand at the PBX, and a line that is lost", () => {
    expect(remarks(at("ready", { unreachable: true, elsewhere: "paused", confirmed: false }).model).map(({ kind }) => kind)).toEqual(["unreachable", "elsewhere_paused"]);
    expect(remarks(at("ready").cut().model).map(({ kind }) => kind)).toEqual(["blind"]);
  });

  test("has its time by the server's clock: how long, how much is left, by how much it is overdue", () => {
    expect(stateClock(at("ready").wait(5).model)).toEqual({ kind: "since", seconds: 5 });
    const story = at("wrap_up", { until: iso(NOON + 30_000) });
    expect(stateClock(story.wait(10).model)).toEqual({ kind: "left", seconds: 20 });
    expect(stateClock(story.wait(25).model)).toEqual({ kind: "over", seconds: 5 });
  });

  test("nonsense from the bridge is no state", () => {
    for (const nonsense of [{}, { state: "ready" }, { state: 7, kind: "ready" }, { state: "x", kind: "asleep" }, "ready", []]) {
      expect(new Desk({ state: nonsense }).model.state).toBeNull();
    }
    const odd = at("ready", { queues: "all", missing: ["hat", "note"], until: "soon", elsewhere: "mars" }).model.state;
    expect(odd).toMatchObject({ queues: [], missing: ["note"], until: null, elsewhere: null });
  });
});

describe("the work list", () => {
  test("is replaced by its news, and nonsense in it is left out", () => {
    const story = new Desk();
    story.frame({ op: "event", at: iso(NOON), type: "work.updated", work: { items: [{ id: "step:1", kind: "task", calls: -4 }, { kind: "missed" }, 7], more: true } });
    expect(story.model.work).toMatchObject({ items: [{ id: "step:1", calls: 1, takenBy: null }], more: true });
  });
});

describe("times that are meant", () => {
  const morning = new Date(2026, 10, 23, 8, 58, 20).getTime();

  test("an hour is rounded to five minutes, tomorrow morning is nine o'clock, over the end of a month too", () => {
    expect(localInput(inAnHour(morning))).toBe("2026-11-23T10:00");
    expect(localInput(tomorrowMorning(morning))).toBe("2026-11-24T09:00");
    expect(localInput(tomorrowMorning(new Date(2026, 11, 31, 23, 59).getTime()))).toBe("2027-01-01T09:00");
  });

  test("a field that is not filled in is no time", () => {
    expect(readLocalInput("")).toBeNull();
    expect(localInput(readLocalInput("2026-11-23T15:30") ?? 0)).toBe("2026-11-23T15:30");
  });
});
