import { describe, expect, test } from "vitest";

import { cityMoved, draftOf, fieldView } from "../src/drafts";
import type { FieldName, FieldView } from "../src/drafts";
import { Desk, desk } from "./bridge";
import { call, customer, ended, talking } from "./story";
import type { Wire } from "./story";

const RIGHTS = { desk: desk({ crm: { update: true, create: true, note: true, deal: true } }) };

/** An operator who talks to Мария Соколова of Калуга. */
class Card extends Desk {
  constructor(more: Wire = {}) {
    super(RIGHTS);
    this.event("call.answered", { call: talking("a", more) });
  }

  type(field: FieldName, value: string): this {
    return this.input({ kind: "field_typed", callId: "a", field, value, at: this.model.now });
  }

  enter(field: FieldName): this {
    return this.input({ kind: "field_done", callId: "a", field, at: this.model.now });
  }

  news(more: Wire): this {
    return this.event("call.updated", { call: talking("a", more) });
  }

  field(name: FieldName): FieldView {
    const shown = this.model.cards[0]?.call;
    if (shown === undefined) throw new Error("no card");
    return fieldView(shown, draftOf(this.model, "a"), name);
  }

  get moved(): boolean {
    const shown = this.model.cards[0]?.call;
    return shown !== undefined && cityMoved(shown, draftOf(this.model, "a"));
  }

  reads(name: FieldName): string {
    const { value, mark } = this.field(name);
    return `${value} ${mark}`;
  }
}

function edit(state: string, changes: Wire, more: Wire = {}): Wire {
  return { id: "e-9", kind: "update", state, changes, theirs: {}, reason: "", ...more };
}

describe("a field of the customer", () => {
  test("is saved with what was seen, waits for the CRM and is then what the CRM has", () => {
    const story = new Card().type("city", "Обнинск");
    expect(story.reads("city")).toBe("Обнинск typing");
    expect(story.unanswered).toBe(0);
    story.enter("city");
    expect(story.reads("city")).toBe("Обнинск saving");
    story.answer();
    expect(story.done).toEqual([["card.save", { call: "a", customer: "c1", changes: { city: "Обнинск" }, seen: { city: "Калуга" } }]]);
    expect(story.reads("city")).toBe("Обнинск waiting");
    expect(story.model.drafts).toEqual([]);
    story.news({ customer: customer({ city: "Обнинск" }), edits: [edit("saved", { city: "Обнинск" })] });
    expect(story.reads("city")).toBe("Обнинск saved");
  });

  test("that is not changed is not saved, and a name is never emptied", () => {
    const story = new Card().type("city", " Калуга ").enter("city").type("name", "  ").enter("name");
    expect(story.unanswered).toBe(0);
    expect(story.reads("city")).toBe("Калуга none");
    expect(story.reads("name")).toBe("Мария Соколова none");
  });

  test("wins over news while he writes, and the bridge is told what he had seen", () => {
    const story = new Card().type("name", "Мария В");
    story.news({ customer: customer({ name: "Марья Соколова" }) });
    expect(story.reads("name")).toBe("Мария В typing");
    story.type("name", "Мария Ветрова").enter("name").answer();
    expect(story.done[0]?.[1]).toMatchObject({ changes: { name: "Мария Ветрова" }, seen: { name: "Мария Соколова" } });
  });

  test("outlives a broken line, a snapshot, another call and the end of its own", () => {
    const story = new Card().type("email", "m@example.com").cut();
    story.open(RIGHTS, [talking("a")]);
    expect(story.reads("email")).toBe("m@example.com typing");
    story.event("call.ringing", { call: call("b") });
    story.event("call.ended", { call: ended("a") });
    expect(draftOf(story.model, "a").fields.email?.value).toBe("m@example.com");
  });

  test("written without a line is given when there is one, and once", () => {
    const story = new Card().cut().type("city", "Тула").enter("city");
    story.wait(90);
    expect(story.unanswered).toBe(0);
    expect(story.reads("city")).toBe("Тула saving");
    story.open(RIGHTS, [talking("a")]).answer();
    expect(story.done).toHaveLength(1);
  });

  test("whose answer is lost with the line is tried again by itself when that is back", () => {
    const story = new Card().type("city", "Тула").enter("city").answer({ lost: true }).cut();
    story.wait(40);
    expect(story.reads("city")).toBe("Тула saving");
    story.open(RIGHTS, [talking("a")]).answer();
    expect(story.reads("city")).toBe("Тула waiting");
  });

  test("written again to the same words while it is on its way, and another after it, is given once", () => {
    const story = new Card().type("name", "Мария Ветрова").enter("name").type("city", "Тула").enter("city");
    story.type("name", "Мария Ветрова").enter("name");
    expect(story.unanswered).toBe(2);
    expect([story.reads("name"), story.reads("city")]).toEqual(["Мария Ветрова saving", "Тула saving"]);
    story.answer();
    expect(story.model.drafts).toEqual([]);
  });

  test("outlives the end of the session, for the same operator only", () => {
    const story = new Card().type("email", "m@example.com").type("city", "Тула").enter("city");
    story.cut().input({ kind: "no_session", at: story.model.now });
    expect([story.model.phase, story.model.cards, story.model.recent]).toEqual(["signed_out", [], []]);
    story.wait(30);
    story.open(RIGHTS, [talking("a")]).wait(2);
    expect(story.reads("email")).toBe("m@example.com typing");
    story.answer();
    expect(story.saw("card.save")).toEqual([{ call: "a", customer: "c1", changes: { city: "Тула" }, seen: { city: "Калуга" } }]);
    story.input({ kind: "no_session", at: story.model.now });
    story.input({ kind: "session", operator: { id: "op2", name: "", phones: [], language: "", role: "operator" }, serverTime: null, at: story.model.now });
    expect(story.model.drafts).toEqual([]);
  });

  test("is meant for whom he saw when he began, also when a colleague says that somebody else calls", () => {
    const story = new Card().type("city", "Обнинск");
    story.news({ customer: customer({ id: "c-other", name: "Мария Иная" }) }).type("city", "Обнинск-1").enter("city");
    story.answer();
    expect(story.saw("card.save")[0]).toMatchObject({ customer: "c1" });
    story.refusals["card.save"] = ["conflict", "somebody else has been chosen for this call meanwhile"];
    story.type("name", "Анна").enter("name").answer();
    delete story.refusals["card.save"];
    story.type("name", "Анна").enter("name").answer();
    expect(story.saw("card.save").at(-1)).toMatchObject({ customer: "c-other", seen: { name: "Мария Иная" } });
  });

  test("that the bridge refuses keeps what was written, says why, and can be taken back", () => {
    const story = new Card();
    story.refusals["card.save"] = ["not_possible", "this CRM does not let the bridge change a customer"];
    story.type("city", "Тула").enter("city").answer();
    expect(story.field("city")).toMatchObject({ value: "Тула", mark: "refused", code: "not_possible" });
    story.input({ kind: "field_dropped", callId: "a", field: "city", at: story.model.now });
    expect(story.reads("city")).toBe("Калуга none");
  });

  test("in a conflict shows both, and only for the fields that are disputed", () => {
    const story = new Card({ edits: [edit("conflict", { city: "Тула", email: "m@example.com" }, { theirs: { city: "Орёл" } })] });
    expect(story.field("city")).toMatchObject({ value: "Тула", theirs: "Орёл", mark: "conflict" });
    expect(story.reads("email")).toBe("m@example.com waiting");
  });

  test("of several edits the last one counts", () => {
    const story = new Card({ edits: [edit("refused", { city: "Тула" }), edit("saved", { city: "Калуга" }, { id: "e-10" })] });
    expect(story.reads("city")).toBe("Калуга saved");
  });

  test("written once more before the CRM has the first is compared with the first", () => {
    const story = new Card({ edits: [edit("waiting", { city: "Тула" })] }).type("city", "Орёл").enter("city").answer();
    expect(story.done[0]?.[1]).toMatchObject({ changes: { city: "Орёл" }, seen: { city: "Тула" } });
  });

  test("of nobody, or of several people, cannot be written", () => {
    const nobody = new Card({ customer: null }).type("city", "Тула");
    const several = new Card({ customer: null, candidates: [{ customer: customer(), deals: [] }, { customer: customer({ id: "c2" }), deals: [] }] }).type("city", "Тула");
    expect([nobody.model.drafts, several.model.drafts]).toEqual([[], []]);
  });

  test("leaves nothing behind for whoever signs in next", () => {
    const story = new Card().type("city", "Тула").input({ kind: "leaving", at: 1 });
    expect(story.model.drafts).toEqual([]);
  });
});

describe("the time where the customer is", () => {
  test("is that of another city from the moment in which a new one is saved", () => {
    const story = new Card().type("city", "Обнинск");
    expect(story.moved).toBe(false);
    story.enter("city");
    expect(story.moved).toBe(true);
    story.answer();
    expect(story.moved).toBe(true);
    story.news({ customer: customer({ city: "Обнинск" }), edits: [edit("saved", { city: "Обнинск" })] });
    expect(story.moved).toBe(true);
  });

  test("is not doubted when another field is written, or where no city was known", () => {
    expect(new Card().type("email", "m@example.com").enter("email").moved).toBe(false);
    const nowhere = new Card();
    nowhere.news({ customer: customer({ city: "" }) });
    expect(nowhere.type("city", "Обнинск").enter("city").moved).toBe(false);
  });
});

describe("a new person", () => {
  const write = (story: Card, part: "name" | "city" | "deal", value: string): Card =>
    story.input({ kind: "person_typed", callId: "a", part, value, at: story.model.now });

  test("needs a name, and what is empty is not sent", () => {
    const story = write(new Card({ customer: null }), "city", "Тула");
    story.input({ kind: "person_done", callId: "a", at: story.model.now });
    expect(story.unanswered).toBe(0);
    write(write(story, "name", " Пётр Лугов "), "deal", "Кухня");
    story.input({ kind: "person_done", callId: "a", at: story.model.now }).answer();
    expect(story.done).toEqual([["card.create", { call: "a", name: "Пётр Лугов", city: "Тула", deal: { title: "Кухня" } }]]);
    expect(story.model.drafts).toEqual([]);
  });

  test("is not made twice when nobody knows whether he was made", () => {
    const story = write(new Card({ customer: null }), "name", "Пётр Лугов");
    story.input({ kind: "person_done", callId: "a", at: story.model.now }).cut();
    story.wait(40);
    story.open(RIGHTS, [talking("a", { customer: null })]);
    expect(story.unanswered).toBe(0);
    expect(draftOf(story.model, "a").person).toMatchObject({ phase: "refused", code: "no_answer", parts: { name: "Пётр Лугов" } });
  });
});
