/**
 * The one place that knows the bridge's JSON. Every field is coerced here, so that the rest of the page never meets a missing
 * list, a number where a text should be, or a time that cannot be read.
 */

import { readActions, readConsult, readEdit, readOpenEdit, readTransfer, readUnasked } from "./decode_hand";
import { readAfter, readDesk, readMateState, readResult, readState, readWork } from "./decode_desk";
import type { Json } from "./json";
import { list, number, oneOf, present, record, text, texts, time } from "./json";
import type {
  Call,
  CrmSource,
  Customer,
  Deal,
  DecidingFact,
  DialledLine,
  FirstOperator,
  Operator,
  PastCall,
  ServerEvent,
  ServerFrame,
  Source,
  Stage,
  Teammate,
  Welcome,
  Why,
} from "./protocol";

/** A reason has a few facts and a few people, or it is none. */
const MOST_REASONS = 5;
/** So many numbers of one person are shown. */
const MOST_NUMBERS = 20;

/** Read an operator as `/api/v1/session` and `welcome` send him. */
export function readOperator(value: unknown): Operator {
  const from = record(value);
  const phones = Array.isArray(from["phones"]) ? from["phones"].map(text) : [];
  const role = oneOf(from["role"], ["operator", "supervisor", "admin"], "operator");
  return { id: text(from["id"]), name: text(from["name"]), phones, language: text(from["language"]), role };
}

function readCustomer(from: Json): Customer {
  return {
    id: text(from["id"]),
    name: text(from["name"]),
    numbers: texts(from["numbers"], MOST_NUMBERS),
    email: text(from["email"]),
    city: text(from["city"]),
    timezone: text(from["timezone"]),
    segment: text(from["segment"]),
    preferredChannel: text(from["preferred_channel"]),
    responsible: text(record(from["responsible"])["name"]),
  };
}

function readDeal(from: Json): Deal {
  return {
    id: text(from["id"]),
    title: text(from["title"]),
    stage: text(from["stage"]),
    stageName: text(from["stage_name"]),
    amount: number(from["amount"]),
    currency: text(from["currency"]),
    changedAt: time(from["changed_at"]),
    responsible: text(from["responsible"]),
    open: from["open"] === true,
    main: from["main"] === true,
  };
}

function readPastCall(from: Json): PastCall {
  return {
    at: time(from["at"]),
    direction: text(from["direction"]),
    outcome: text(from["outcome"]),
    queue: text(from["queue"]),
    operator: text(from["operator"]),
    stageName: text(from["stage_name"]) || text(from["stage"]),
    waitS: number(from["wait_s"]),
    talkS: number(from["talk_s"]),
  };
}

function readLine(from: Json): DialledLine {
  return {
    did: text(from["did"]),
    name: text(from["name"]),
    channel: text(from["channel"]),
    city: text(from["city"]),
    direction: text(from["direction"]),
  };
}

function readFact(from: Json): DecidingFact {
  const value = from["value"];
  const plain = typeof value === "boolean" ? value : (number(value) ?? (typeof value === "string" ? text(value) : null));
  return { fact: text(from["fact"]), value: plain };
}

/** Nothing where a newer bridge says something of him that this page has no words for. */
function readFirst(from: Json): FirstOperator | null {
  const state = (["called", "not_free", "nobody"] as const).find((known) => known === from["state"]);
  return state === undefined ? null : { name: text(from["name"]), state };
}

function readWhy(from: Json): Why {
  const operators = list(from["operators"], readFirst).filter((one) => one !== null);
  return { reason: list(from["reason"], readFact).slice(0, MOST_REASONS), operators: operators.slice(0, MOST_REASONS) };
}

function readCall(value: unknown): Call | null {
  const from = record(value);
  const id = text(from["id"]);
  if (id === "") return null;
  const caller = record(from["caller"]);
  const crm = record(from["crm"]);
  return {
    id,
    direction: oneOf(from["direction"], ["inbound", "outbound", "internal"], "inbound"),
    state: oneOf(from["state"], ["offered", "queued", "ringing", "talking", "held", "ended"], "offered"),
    role: oneOf(from["my_role"], ["ringing", "talking", "consulting", "none"], "none"),
    queue: text(from["queue"]) || null,
    callClass: text(from["class"]),
    rule: text(from["rule"]),
    decision: oneOf(from["decision"], ["matched", "default", "degraded", "fallback"], "default"),
    why: readWhy(record(from["why"])),
    crmSource: oneOf(crm["source"], ["fresh", "cached", "stale", "none", "skipped", "failed"], "" as CrmSource),
    crmAgeS: number(crm["age_s"]),
    number: text(caller["number"]),
    display: text(caller["display"]),
    kind: oneOf(caller["kind"], ["external", "internal", "anonymous", "unparsed"], "unparsed"),
    networkName: text(caller["name"]),
    verified: caller["verified"] === true,
    did: text(from["did"]),
    line: from["line"] ? readLine(record(from["line"])) : null,
    customer: from["customer"] ? readCustomer(record(from["customer"])) : null,
    candidates: list(from["candidates"], (entry) => ({
      customer: readCustomer(record(entry["customer"])),
      deals: list(entry["deals"], readDeal),
    })),
    deals: list(from["deals"], readDeal),
    notes: list(from["notes"], (note) => ({
      at: time(note["at"]),
      author: text(note["author"]),
      text: text(note["text"]),
    })),
    history: list(from["history"], readPastCall),
    extras: oneOf(from["extras"], ["pending", "ready", "failed"], "ready"),
    rangAt: time(from["rang_at"]),
    answeredAt: time(from["answered_at"]),
    endedAt: time(from["ended_at"]),
    expiresAt: time(from["expires_at"]),
    after: readAfter(from["after"]),
    actions: readActions(from["actions"]),
    heldBy: (["phone", "desk"] as const).find((each) => each === from["held_by"]) ?? null,
    consult: readConsult(from["consult"]),
    notAsked: readUnasked(from["consult_failed"]),
    transfer: readTransfer(from["transfer"]),
    edits: list(from["edits"], readEdit).filter(present),
    chosen: from["chosen"] === true,
  };
}

function readSource(from: Json): Source | null {
  const name = from["name"];
  if (name !== "asterisk" && name !== "crm" && name !== "journal") return null;
  return { name, state: oneOf(from["state"], ["up", "down", "at_risk"], "down"), since: time(from["since"]) };
}

function readTeammate(from: Json): Teammate {
  return {
    id: text(from["operator"]),
    name: text(from["name"]),
    ringingQueue: text(from["ringing_queue"]) || null,
    state: oneOf(from["state"], ["idle", "ringing", "talking"], "idle"),
    desk: readMateState(from["desk_state"]),
  };
}

function readStage(from: Json): Stage {
  return {
    id: text(from["id"]),
    name: text(from["name"]),
    order: number(from["order"]) ?? 0,
    final: from["final"] === true,
  };
}

function readWelcome(from: Json): Welcome {
  const snapshot = record(from["snapshot"]);
  return {
    op: "welcome",
    stream: text(from["stream"]),
    seq: number(from["seq"]) ?? 0,
    resumed: from["resumed"] === true,
    operator: readOperator(from["operator"]),
    calls: list(snapshot["calls"], readCall).filter(present),
    sources: list(snapshot["sources"], readSource).filter(present),
    stages: list(snapshot["stages"], readStage),
    team: list(snapshot["team"], readTeammate),
    edits: list(snapshot["edits"], readOpenEdit).filter(present),
    state: readState(snapshot["state"]),
    desk: readDesk(snapshot["desk"]),
    work: readWork(snapshot["work"]),
    afters: list(snapshot["after"], readAfter).filter(present),
    heartbeatS: Math.min(Math.max(number(from["heartbeat_s"]) ?? 20, 1), 120),
  };
}

function readEvent(from: Json): ServerEvent {
  const reasons = ["answered_elsewhere", "no_answer", "abandoned", "moved", "ended"] as const;
  const by = text(record(from["by"])["name"]);
  return {
    op: "event",
    seq: number(from["seq"]),
    at: time(from["at"]),
    type: text(from["type"]),
    call: readCall(from["call"]),
    source: readSource(record(from["source"])),
    edits: Array.isArray(from["edits"]) ? list(from["edits"], readOpenEdit).filter(present) : null,
    team: Array.isArray(from["team"]) ? list(from["team"], readTeammate) : null,
    state: readState(from["state"]),
    work: readWork(from["work"]),
    after: readAfter(from["after"]),
    reason: reasons.find((reason) => reason === from["reason"]) ?? null,
    by: by === "" ? null : by,
  };
}

/** Decode one text frame; null for whatever this page does not know (a newer bridge may say more). */
export function decode(frame: string): ServerFrame | null {
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    return null;
  }
  const from = record(value);
  switch (from["op"]) {
    case "welcome":
      return readWelcome(from);
    case "event":
      return readEvent(from);
    case "bye":
      return { op: "bye", code: number(from["code"]) ?? 1012 };
    case "pong":
      return { op: "pong" };
    case "result":
      return readResult(from);
    default:
      return null;
  }
}
