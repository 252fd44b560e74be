import { describe, expect, test } from "vitest";

import { readTargets } from "../src/decode_hand";
import { stream } from "../src/story";
import { found, looksLikeNumber, moved, numberIn } from "../src/targets";
import type { Purpose, Targets } from "../src/targets";
import { NOON, Story, call, deal, iso } from "./story";
import type { Wire } from "./story";

describe("what is typed as a number", () => {
  const numbers: readonly (readonly [string, string | null])[] = [
    ["8 (495) 000-01-49", "84950000149"],
    ["+7 495 000 01 49", "+74950000149"],
    ["101", "101"],
    ["12", null],
    ["1234567890123456", null],
    ["+7+495", null],
    ["101,102", null],
    ["Елена", null],
    ["101@evil", null],
    ["", null],
    ["٣٣٣", null],
  ];
  test.each(numbers)("%s", (typed, number) => {
    expect(numberIn(typed)).toBe(number);
  });

  test("is recognised before it is finished", () => {
    expect(["8 (4", "+", "8a", ""].map(looksLikeNumber)).toEqual([true, false, false, false]);
  });
});

const TARGETS: Targets = readTargets({
  operators: [
    { operator: "op4", name: "Артём Юдин", phones: ["PJSIP/104"], state: "talking", free: false },
    { operator: "op2", name: "Тимур Ахметов", phones: ["PJSIP/102"], state: "idle", free: true },
    { operator: "op6", name: "Денис Рябинин", phones: ["PJSIP/106"], state: "away", free: false },
    { operator: "op1", name: "Елена Крылова", phones: ["PJSIP/101"], state: "idle", free: true },
  ],
  queues: [{ queue: "sales", free: 1, waiting: null }, { queue: "production", free: null, waiting: 2 }],
  numbers: true,
});

function names(typed: string, purpose: Purpose = "transfer", targets = TARGETS): string[] {
  return found(targets, typed, purpose, "ru-RU", (queue) => ({ sales: "Продажи" })[queue] ?? queue).map(({ name }) => name);
}

describe("the search", () => {
  test("puts the free first, then the busy, then the queues", () => {
    expect(names("")).toEqual(["Елена Крылова", "Тимур Ахметов", "Артём Юдин", "Денис Рябинин", "Продажи", "production"]);
  });

  test("finds by name, extension and queue, whatever the case", () => {
    expect(names("ЮД")).toEqual(["Артём Юдин"]);
    expect(names("106")).toEqual(["Денис Рябинин", "106"]);
    expect(names("0106")).toEqual(["0106"]);
    expect(names("10").slice(0, 2)).toEqual(["Елена Крылова", "Тимур Ахметов"]);
    expect(names("прод")).toEqual(["Продажи"]);
    expect(names("zzz")).toEqual([]);
  });

  test("offers a number only where numbers may be called, and no queue to be asked", () => {
    expect(names("8 495 000 01 49")).toEqual(["84950000149"]);
    expect(names("84950000149", "transfer", { ...TARGETS, numbers: false })).toEqual([]);
    expect(names("прод", "consult")).toEqual([]);
  });

  test("drops what has no id and coerces the rest", () => {
    const strange = readTargets({ operators: [{ name: "x" }, { operator: "op9", state: "??", free: "yes" }], queues: 7 });
    expect(strange).toEqual({ operators: [{ id: "op9", name: "op9", phones: [], state: "away", free: false }], queues: [], numbers: false });
  });

  test("takes an extension for the colleague who has it, and not for a number outside", () => {
    expect(names("101")[0]).toBe("Елена Крылова");
  });

  test("marks the next line round the ends of the list", () => {
    expect([moved(0, -1, 3), moved(2, 1, 3), moved(0, 1, 0)]).toEqual([2, 0, 0]);
    expect([moved(-1, 1, 3), moved(-1, -1, 3), moved(-1, -1, 0)]).toEqual([0, 2, 0]);
  });
});

const DAY = 86_400_000;

function told(more: Wire): string[] {
  const shown = new Story().event("call.ringing", { call: call("a", more) }).model.cards[0]?.call;
  if (shown === undefined) throw new Error("no card");
  return stream(shown).map((item) => {
    if (item.kind === "stage") return `${item.change.from} > ${item.change.to}`;
    return item.kind === "note" ? item.note.text : item.past.outcome;
  });
}

describe("the story", () => {
  const past = (days: number, stage: string, outcome = "answered"): Wire => ({
    at: iso(NOON - days * DAY), direction: "inbound", outcome, queue: "sales", operator: null, wait_s: 1, talk_s: 2, stage: "", stage_name: stage,
  });

  test("is one stream, newest first, with the stages that the deal went through", () => {
    const main = deal({ stage_name: "ждёт оплату", changed_at: iso(NOON - 3 * DAY) });
    const notes = [{ at: iso(NOON - 2 * DAY), author: "Ольга", text: "заметка" }];
    const history = [past(1, "ждёт оплату"), past(5, "предложение", "abandoned"), past(9, "замер")];
    expect(told({ deals: [main], notes, history })).toEqual([
      "answered", "заметка", "предложение > ждёт оплату", "abandoned", "замер > предложение", "answered",
    ]);
  });

  test("tells a stage without the one before where nobody remembers it, and none twice", () => {
    const main = deal({ stage_name: "ждёт оплату", changed_at: iso(NOON - 3 * DAY) });
    expect(told({ deals: [main], history: [past(1, "ждёт оплату")] })).toEqual(["answered", " > ждёт оплату"]);
    expect(told({ deals: [deal({ changed_at: null })], history: [past(1, ""), past(2, "")] })).toEqual(["answered", "answered"]);
  });
});
