/** Reads what the bridge says of the desk: states, what is written of calls, work. Every field is coerced here. */

import type { Json } from "./json";
import { list, number, oneOf, present, record, someOf, text, time, written } from "./json";
import type {
  After,
  DeskSettings,
  Field,
  Language,
  MateState,
  NextStep,
  OperatorState,
  Outcome,
  Result,
  StateColour,
  StateDefinition,
  StateKind,
  Work,
  WorkItem,
} from "./protocol_desk";
import { LONGEST_NOTE } from "./protocol_desk";

const KINDS: readonly StateKind[] = ["ready", "away", "last", "wrap_up", "signed_off"];
const COLOURS: readonly StateColour[] = ["green", "amber", "red", "blue", "violet", "grey"];
const FIELDS: readonly Field[] = ["outcome", "note", "feedback", "next_step"];

function readNames(value: unknown, id: string): Record<Language, string> {
  const from = record(value);
  return { ru: text(from["ru"]) || text(from["en"]) || id, en: text(from["en"]) || text(from["ru"]) || id };
}

function readDefinition(from: Json): StateDefinition | null {
  const id = text(from["id"]);
  const kind = KINDS.find((known) => known === from["kind"]);
  if (id === "" || kind === undefined) return null;
  return { id, names: readNames(from["name"], id), kind, colour: oneOf(from["colour"], COLOURS, "grey") };
}

function readOutcome(from: Json): Outcome | null {
  const id = text(from["id"]);
  return id === "" ? null : { id, names: readNames(from["name"], id), needs: someOf(from["needs"], FIELDS) };
}

/** Read `snapshot.desk`; a bridge without one has no states to choose from. */
export function readDesk(value: unknown): DeskSettings {
  const from = record(value);
  const crm = record(from["crm"]);
  const can = (what: string): boolean => crm[what] === true;
  return {
    states: list(from["states"], readDefinition).filter(present),
    outcomes: list(from["outcomes"], readOutcome).filter(present),
    required: someOf(from["required"], FIELDS),
    createDeal: from["create_deal"] === true,
    crm: { update: can("update"), create: can("create"), note: can("note"), deal: can("deal") },
    dial: from["dial"] === true,
  };
}

/** Read the operator's own state; null where the bridge does not say. */
export function readState(value: unknown): OperatorState | null {
  const from = record(value);
  const state = text(from["state"]);
  const kind = KINDS.find((known) => known === from["kind"]);
  if (state === "" || kind === undefined) return null;
  const elsewhere = from["elsewhere"];
  return {
    state,
    kind,
    since: time(from["since"]),
    until: time(from["until"]),
    overdue: from["overdue"] === true,
    confirmed: from["confirmed"] === true,
    next: text(from["next"]) || null,
    by: text(from["by"]) || null,
    why: text(from["why"]),
    call: text(from["call"]) || null,
    missing: someOf(from["missing"], FIELDS),
    unreachable: from["unreachable"] === true,
    elsewhere: elsewhere === "paused" || elsewhere === "ready" ? elsewhere : null,
    queues: list(from["queues"], (place) => ({ queue: text(place["queue"]), paused: place["paused"] === true })),
  };
}

/** Read `desk_state` of a colleague. */
export function readMateState(value: unknown): MateState | null {
  const from = record(value);
  const state = text(from["state"]);
  const kind = KINDS.find((known) => known === from["kind"]);
  if (state === "" || kind === undefined) return null;
  return {
    state,
    kind,
    colour: oneOf(from["colour"], COLOURS, "grey"),
    since: time(from["since"]),
    unreachable: from["unreachable"] === true,
  };
}

function readNextStep(value: unknown): NextStep | null {
  if (typeof value !== "object" || value === null) return null;
  const from = record(value);
  return { at: time(from["at"]), text: text(from["text"]), kind: oneOf(from["kind"], ["callback", "task"], "callback") };
}

/** Read what was written down of a call. */
export function readAfter(value: unknown): After | null {
  if (typeof value !== "object" || value === null) return null;
  const from = record(value);
  const feedback = record(from["feedback"]);
  const score = number(feedback["score"]);
  return {
    call: text(from["call"]),
    outcome: text(from["outcome"]) || null,
    note: written(from["note"], LONGEST_NOTE),
    feedback: { score: score !== null && score >= 1 && score <= 5 ? Math.round(score) : null, text: text(feedback["text"]) },
    nextStep: readNextStep(from["next_step"]),
    savedAt: time(from["saved_at"]),
    missing: someOf(from["missing"], FIELDS),
  };
}

function readTaker(value: unknown): WorkItem["takenBy"] {
  const from = record(value);
  const operator = text(from["operator"]);
  return operator === "" ? null : { operator, name: text(from["name"]) || operator };
}

function readItem(from: Json): WorkItem | null {
  const id = text(from["id"]);
  if (id === "") return null;
  return {
    id,
    kind: oneOf(from["kind"], ["missed", "callback", "task"], "task"),
    number: text(from["number"]),
    display: text(from["display"]),
    name: text(from["name"]),
    text: text(from["text"]),
    dueAt: time(from["due_at"]),
    since: time(from["since"]),
    colour: oneOf(from["colour"], ["red", "amber", "green"], "amber"),
    takenBy: readTaker(from["taken_by"]),
    calls: Math.max(1, number(from["calls"]) ?? 1),
    queue: text(from["queue"]) || null,
  };
}

/** Read the work list. */
export function readWork(value: unknown): Work | null {
  if (typeof value !== "object" || value === null) return null;
  const from = record(value);
  return { items: list(from["items"], readItem).filter(present), more: from["more"] === true };
}

/** Read the answer to a command. */
export function readResult(from: Json): Result {
  const error = record(from["error"]);
  return {
    op: "result",
    id: text(from["id"]),
    ok: from["ok"] === true,
    value: from["value"] ?? null,
    code: text(error["code"]) || "failed",
    message: text(error["message"]),
  };
}
