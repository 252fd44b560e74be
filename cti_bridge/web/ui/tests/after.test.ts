import { describe, expect, test } from "vitest";

import { isOnlyHere, keepingOf, missingOf, writingOf } from "../src/after";
import { lastRefused } from "../src/commands";
import { shownCall } from "../src/model";
import { missingNow } from "../src/staffing";
import { Desk, desk, state } from "./bridge";
import { NOON, call, ended, iso, talking } from "./story";

const WRAP = { until: iso(NOON + 60_000), why: "call", call: "a" };

/** A talk that has just ended; its wrap-up goes on. */
function wrapping(required: readonly string[] = []): Desk {
  const story = new Desk({ desk: desk({ required }) });
  story.event("call.ringing", { call: call("a") }).event("call.answered", { call: talking("a") });
  story.event("call.ended", { call: ended("a") });
  return story.event("operator.state", { state: state("wrap_up", { ...WRAP, missing: required }) });
}

function types(story: Desk, note: string): Desk {
  return story.input({ kind: "write", callId: "a", change: { note }, at: story.model.now });
}

describe("what is written down of a call", () => {
  test("is saved a moment after the last key, and only what has changed", () => {
    const story = types(wrapping(), "Про");
    expect(keepingOf(story.model, "a")).toBe("unsaved");
    types(story, "Просит");
    expect(story.unanswered).toBe(0);
    story.wait(1);
    expect(keepingOf(story.model, "a")).toBe("saving");
    story.answer();
    expect(story.done).toEqual([["after.save", { call: "a", note: "Просит" }]]);
    expect(keepingOf(story.model, "a")).toBe("saved");
  });

  test("goes on being written while it is saved, and ends with the last text", () => {
    const story = types(wrapping(), "Просит").wait(1);
    types(story, "Просит рассрочку").wait(2);
    expect(story.unanswered).toBe(1); // one at a time, or an older text might come last
    story.answer();
    expect(writingOf(story.model, "a").note).toBe("Просит рассрочку");
    story.wait(1).answer();
    expect(story.saved["a"]).toMatchObject({ note: "Просит рассрочку" });
    expect(keepingOf(story.model, "a")).toBe("saved");
  });

  test("survives a bridge that dies in the middle: it is saved when the line is back", () => {
    const story = types(wrapping(), "Просит рассрочку").wait(1).cut();
    types(story, "Просит рассрочку на два платежа").wait(40);
    story.open({ state: state("wrap_up", WRAP) });
    expect(shownCall(story.model)?.id).toBe("a");
    story.answer().wait(6).answer();
    expect(story.saved["a"]).toMatchObject({ note: "Просит рассрочку на два платежа" });
    expect(keepingOf(story.model, "a")).toBe("saved");
  });

  test("that the bridge does not take stays on the page, says so, and is tried again if that may help", () => {
    const story = wrapping();
    story.refusals["after.save"] = ["unavailable", "the journal cannot be written"];
    types(story, "Просит").wait(1).answer();
    expect(keepingOf(story.model, "a")).toBe("failed");
    expect(writingOf(story.model, "a").note).toBe("Просит");
    delete story.refusals["after.save"];
    story.wait(6).answer();
    expect(keepingOf(story.model, "a")).toBe("saved");
  });

  test("that the bridge will never take is not sent again and again", () => {
    const story = wrapping();
    story.refusals["after.save"] = ["not_found", "there is no such call"];
    types(story, "Просит").wait(1).answer().wait(60);
    expect(story.unanswered).toBe(0);
    types(story, "Просит ещё").wait(1);
    expect(story.unanswered).toBe(1);
  });

  test("on another page of the same operator fills the fields that are not being written here", () => {
    const story = types(wrapping(), "моё");
    const theirs = { call: "a", outcome: "done", note: "чужое", feedback: { score: 5, text: "" }, next_step: null, saved_at: iso(NOON + 1000), missing: [] };
    story.frame({ op: "event", at: iso(NOON + 1000), type: "after.saved", after: theirs });
    expect(writingOf(story.model, "a")).toMatchObject({ note: "моё", outcome: "done", feedback: { score: 5 } });
    story.wait(1).answer();
    expect(story.saved["a"]).toMatchObject({ note: "моё" });
    expect(story.saved["a"]).not.toHaveProperty("outcome");
  });

  test("is not overwritten by news of an earlier save", () => {
    const story = types(wrapping(), "Просит").wait(1).answer();
    const early = { call: "a", outcome: null, note: "Про", feedback: { score: null, text: "" }, next_step: null, saved_at: iso(NOON - 1000), missing: [] };
    story.frame({ op: "event", at: iso(NOON), type: "after.saved", after: early });
    expect(writingOf(story.model, "a").note).toBe("Просит");
  });

  test("of calls before is there again after the page was opened anew", () => {
    const after = [{ call: "a", outcome: "done", note: "Просит", feedback: { score: 4, text: "" }, next_step: null, saved_at: iso(NOON), missing: [] }];
    const story = new Desk({ state: state("wrap_up", WRAP), after });
    expect(writingOf(story.model, "a")).toMatchObject({ outcome: "done", note: "Просит", feedback: { score: 4 } });
    expect(story.unanswered).toBe(0);
  });
});

describe("nothing that was typed is lost", () => {
  test("when the session ends: it is saved once the operator is back", () => {
    const story = types(wrapping(), "Просит рассрочку").cut();
    story.input({ kind: "no_session", at: story.model.now });
    expect([story.model.phase, story.model.cards, story.model.commands]).toEqual(["signed_out", [], []]);
    story.wait(20).open({ state: state("wrap_up", WRAP) }, [ended("a")]).answer();
    expect(story.saved["a"]).toMatchObject({ note: "Просит рассрочку" });
  });

  test("and nobody else who signs in there gets any of it", () => {
    const story = types(wrapping(), "Просит").cut();
    story.input({ kind: "no_session", at: story.model.now });
    const other = { id: "op2", name: "", phones: [], language: "", role: "operator" } as const;
    story.input({ kind: "session", operator: other, serverTime: null, at: story.model.now });
    expect(story.model.afters).toEqual([]);
  });

  test("nor does an ended card leave under who writes on it, be it two minutes or a new line", () => {
    const story = new Desk().event("call.ringing", { call: call("a") }).event("call.answered", { call: talking("a") });
    story.event("call.ended", { call: ended("a") });
    for (const note of ["Просит", "Просит рассрочку"]) {
      story.wait(100);
      types(story, note);
    }
    story.wait(1).answer().cut();
    story.open();
    expect(story.shown).toEqual(["a ended"]);
    story.wait(300);
    expect(story.shown).toEqual([]);
  });

  test("a wrap-up that ended while the line was gone leaves its card to who has not saved yet", () => {
    const story = types(wrapping().wait(300).cut(), "Просит");
    story.open({ state: state("ready", { why: "limit" }) });
    expect(story.shown).toEqual(["a ended"]);
    story.wait(1).answer();
    expect(story.saved["a"]).toMatchObject({ note: "Просит" });
  });

  test("the page is not left with words that are nowhere else", () => {
    const story = wrapping();
    expect(isOnlyHere(story.model)).toBe(false);
    types(story, "Просит");
    expect(isOnlyHere(story.model)).toBe(true);
    story.input({ kind: "hurry", at: story.model.now });
    expect(isOnlyHere(story.model)).toBe(true);
    story.answer();
    expect(isOnlyHere(story.model)).toBe(false);
  });

  test("a next step with words and no time holds the wrap-up, and says so", () => {
    const story = wrapping();
    const step = { at: null, text: "выслать договор", kind: "task" } as const;
    story.input({ kind: "write", callId: "a", change: { nextStep: step }, at: story.model.now });
    expect(missingNow(story.model)).toEqual(["next_step"]);
    expect(keepingOf(story.model, "a")).toBe("unsaved");
    story.input({ kind: "finish", at: story.model.now }).input({ kind: "set_state", state: "lunch", at: story.model.now });
    expect(story.unanswered).toBe(0);
    expect(lastRefused(story.model, ["wrapup.finish"])?.message).toBe("still missing after the call: next_step");
    story.input({ kind: "write", callId: "a", change: { nextStep: { ...step, at: NOON + 3_600_000 } }, at: story.model.now });
    story.input({ kind: "finish", at: story.model.now }).answer().answer();
    expect(story.done.map(([name]) => name)).toEqual(["after.save", "wrapup.finish"]);
  });
});

describe("the end of a wrap-up", () => {
  test("waits until the last words are saved", () => {
    const story = types(wrapping(), "Просит");
    story.input({ kind: "finish", at: story.model.now });
    expect(story.unanswered).toBe(1);
    story.answer().answer();
    expect(story.done.map(([name]) => name)).toEqual(["after.save", "wrapup.finish"]);
  });

  test("is never the end of the next one, when the line was gone in between", () => {
    const story = wrapping();
    story.input({ kind: "finish", at: story.model.now }).answer({ lost: true }).cut();
    story.open({ state: state("wrap_up", { ...WRAP, call: "b" }) }, [ended("b")]);
    expect([story.unanswered, story.model.wanted]).toEqual([0, null]);
    const typed = types(wrapping().cut(), "Просит");
    typed.input({ kind: "finish", at: typed.model.now });
    typed.open({ state: state("wrap_up", { ...WRAP, call: "b" }) }, [ended("b")]).answer().answer();
    expect(typed.done.map(([name]) => name)).toEqual(["after.save"]);
  });

  test("another state does as well, and is not asked for when the text could not be saved", () => {
    const story = wrapping();
    story.refusals["after.save"] = ["unavailable", ""];
    types(story, "Просит").input({ kind: "set_state", state: "lunch", at: story.model.now });
    story.answer().wait(2);
    expect(story.done).toEqual([]);
    expect(story.model.wanted).toBeNull();
    expect(lastRefused(story.model, ["after.save"])).not.toBeNull();
  });

  test("is held by required fields, and by those that an outcome needs", () => {
    const story = wrapping(["outcome", "note"]);
    expect(missingNow(story.model)).toEqual(["outcome", "note"]);
    types(story, "Просит");
    story.input({ kind: "write", callId: "a", change: { outcome: "call_back" }, at: story.model.now });
    expect(missingNow(story.model)).toEqual(["next_step"]);
    const writing = writingOf(story.model, "a");
    const step = { at: NOON + 3_600_000, text: "", kind: "callback" } as const;
    expect(missingOf(story.model.desk, { ...writing, nextStep: step })).toEqual([]);
    expect(missingOf(story.model.desk, { ...writing, note: "  " })).toEqual(["note", "next_step"]);
  });

  test("takes its card away; until then it stays, whatever else happens", () => {
    const story = wrapping().wait(300);
    expect(story.shown).toEqual(["a ended"]);
    story.input({ kind: "close", at: story.model.now });
    expect(story.shown).toEqual(["a ended"]);
    story.event("call.ringing", { call: call("b", { expires_at: null }) });
    expect(story.shown).toEqual(["a ended", "b ringing"]);
    expect(shownCall(story.model)?.id).toBe("a");
    story.event("operator.state", { state: state("ready") });
    expect(story.shown).toEqual(["b ringing"]);
    expect(shownCall(story.model)?.id).toBe("b");
  });

  test("a snapshot brings its card back, or leaves the one that is there", () => {
    const story = wrapping();
    story.open({ state: state("wrap_up", WRAP) });
    expect(story.shown).toEqual(["a ended"]);
    const fresh = new Desk().open({ state: state("wrap_up", WRAP) }, [ended("a")]);
    expect(fresh.shown).toEqual(["a ended"]);
    expect(shownCall(fresh.model)?.id).toBe("a");
  });

  test("that came by itself leaves the form open for who is still writing", () => {
    const story = types(wrapping(), "Просит").wait(1).answer();
    story.event("operator.state", { state: state("ready", { why: "limit" }) });
    expect(story.shown).toEqual(["a ended"]);
    types(story, "Просит рассрочку").wait(1).answer();
    expect(story.saved["a"]).toMatchObject({ note: "Просит рассрочку" });
    story.input({ kind: "close", at: story.model.now });
    expect(story.shown).toEqual([]);
  });

  test("of a call from before this page was opened gets its card when the bridge has found it", () => {
    const story = new Desk().open({ state: state("wrap_up", WRAP) });
    expect(shownCall(story.model)).toBeNull();
    story.event("call.updated", { call: ended("a", { my_role: "none" }) });
    expect(shownCall(story.model)?.id).toBe("a");
    story.event("call.updated", { call: ended("stranger", { my_role: "none" }) });
    expect(story.shown).toEqual(["a ended"]);
  });
});
