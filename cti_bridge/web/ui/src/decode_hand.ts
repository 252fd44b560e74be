/** Reads what is done with a call at this moment: what is possible, whom it is handed to, what was written for the CRM. */

import { list, number, oneOf, record, text, texts } from "./json";
import { ACTIONS } from "./protocol_hand";
import type { CallActions, Consultation, Edit, Handed, OpenEdit, Transfer, Unasked } from "./protocol_hand";
import type { Targets } from "./targets";

/** So many fields has nobody. */
const MOST_FIELDS = 20;

/** By action, null or why not. */
export function readActions(value: unknown): CallActions {
  const from = record(value);
  const known = ACTIONS.filter((name) => name in from);
  return Object.fromEntries(known.map((name) => [name, from[name] === null ? null : text(from[name]) || "not_possible"]));
}

const KINDS = ["operator", "queue", "number"] as const;

/** Somebody, a queue or a number, as the bridge names those to whom a call goes. */
export function readHanded(value: unknown): Handed {
  const from = record(value);
  const id = text(from["id"]);
  return { kind: oneOf(from["kind"], KINDS, "number"), id, name: text(from["name"]) || id };
}

/** Null where nobody is asked. */
export function readConsult(value: unknown): Consultation | null {
  const from = record(value);
  if (from["to"] === undefined) return null;
  return { to: readHanded(from["to"]), state: oneOf(from["state"], ["ringing", "talking"], "ringing") };
}

/** Null where nobody was to be asked in vain. */
export function readUnasked(value: unknown): Unasked | null {
  const from = record(value);
  return from["to"] === undefined ? null : { to: readHanded(from["to"]), reason: text(from["reason"]) };
}

/** Null where the call goes nowhere. */
export function readTransfer(value: unknown): Transfer | null {
  const from = record(value);
  if (from["to"] === undefined) return null;
  return {
    to: readHanded(from["to"]),
    by: text(record(from["by"])["name"]),
    state: oneOf(from["state"], ["ringing", "failed"], "ringing"),
    reason: text(from["reason"]),
  };
}

function readTexts(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record(value)).slice(0, MOST_FIELDS).map(([name, each]) => [name, text(each)]));
}

/** What became of something written for the CRM; null where it has no id. */
export function readEdit(value: unknown): Edit | null {
  const from = record(value);
  const id = text(from["id"]);
  if (id === "") return null;
  return {
    id,
    kind: oneOf(from["kind"], ["update", "create", "note", "deal"], "update"),
    state: oneOf(from["state"], ["waiting", "saved", "conflict", "refused"], "waiting"),
    changes: readTexts(from["changes"]),
    theirs: readTexts(from["theirs"]),
    reason: text(from["reason"]),
  };
}

/** Read the answer to `call.targets`. */
export function readTargets(value: unknown): Targets {
  const from = record(value);
  return {
    operators: list(from["operators"], (each) => ({
      id: text(each["operator"]),
      name: text(each["name"]) || text(each["operator"]),
      phones: texts(each["phones"], MOST_FIELDS),
      state: oneOf(each["state"], ["idle", "ringing", "talking", "away"], "away"),
      free: each["free"] === true,
    })).filter(({ id }) => id !== ""),
    queues: list(from["queues"], (each) => ({
      id: text(each["queue"]),
      free: number(each["free"]),
      waiting: number(each["waiting"]),
    })).filter(({ id }) => id !== ""),
    numbers: from["numbers"] === true,
  };
}

/** Read one of the operator's own edits that are not through yet. */
export function readOpenEdit(value: unknown): OpenEdit | null {
  const edit = readEdit(value);
  const from = record(value);
  if (edit === null) return null;
  return { ...edit, callId: text(from["call"]), name: text(from["name"]), display: text(from["display"]) || text(from["number"]) };
}

/** Read the `edit` of an answer to what was written. */
export function readAnsweredEdit(value: unknown): Edit | null {
  return readEdit(record(value)["edit"]);
}
