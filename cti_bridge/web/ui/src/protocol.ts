/**
 * What bridge and page say to each other (`cti-bridge.v1`), in the page's own shapes, and the frames that the page sends.
 *
 * Times are milliseconds since 1970 (UTC); null is what the bridge did not say or what could not be read.
 */

import type { After, DeskSettings, MateState, OperatorState, Result, Work } from "./protocol_desk";
import type { CallActions, Consultation, Edit, OpenEdit, Transfer, Unasked } from "./protocol_hand";

export const SUBPROTOCOL = "cti-bridge.v1";

export type Role = "ringing" | "talking" | "consulting" | "none";
export type Direction = "inbound" | "outbound" | "internal";
export type CallState = "offered" | "queued" | "ringing" | "talking" | "held" | "ended";
export type CallerKind = "external" | "internal" | "anonymous" | "unparsed";
export type CrmSource = "fresh" | "cached" | "stale" | "none" | "skipped" | "failed" | "";
export type Decision = "matched" | "default" | "degraded" | "fallback";
export type Extras = "pending" | "ready" | "failed";
export type WithdrawReason = "answered_elsewhere" | "no_answer" | "abandoned" | "moved" | "ended";
export type HeldBy = "phone" | "desk";
export type SourceName = "asterisk" | "crm" | "journal";
export type SourceState = "up" | "down" | "at_risk";
export type OperatorRole = "operator" | "supervisor" | "admin";
export type TeammateState = "idle" | "ringing" | "talking";

export interface Operator {
  readonly id: string;
  readonly name: string;
  readonly phones: readonly string[];
  readonly language: string;
  readonly role: OperatorRole;
}

export interface Customer {
  readonly id: string;
  readonly name: string;
  readonly numbers: readonly string[];
  readonly email: string;
  readonly city: string;
  readonly timezone: string;
  readonly segment: string;
  readonly preferredChannel: string;
  readonly responsible: string;
}

export interface Deal {
  readonly id: string;
  readonly title: string;
  readonly stage: string;
  readonly stageName: string;
  readonly amount: number | null;
  readonly currency: string;
  readonly changedAt: number | null;
  readonly responsible: string;
  readonly open: boolean;
  readonly main: boolean;
}

export interface Candidate {
  readonly customer: Customer;
  readonly deals: readonly Deal[];
}

export type FactValue = string | number | boolean | null;

/** One fact that the decision hung on, by its name in the rules; `schedule.NAME` is `open` or `closed`. */
export interface DecidingFact {
  readonly fact: string;
  readonly value: FactValue;
}

/** Somebody whom the rule wanted to ring first: his phone was called, could not be, or there is no such operator. */
export interface FirstOperator {
  readonly name: string;
  readonly state: "called" | "not_free" | "nobody";
}

/** Why the bridge sent the call where it went; both empty where it did not, or no longer knows. */
export interface Why {
  readonly reason: readonly DecidingFact[];
  readonly operators: readonly FirstOperator[];
}

/** What the dialled number stands for: the advertisement that gave it out, the city, the kind of goods. */
export interface DialledLine {
  readonly did: string;
  readonly name: string;
  readonly channel: string;
  readonly city: string;
  readonly direction: string;
}

export interface Note {
  readonly at: number | null;
  readonly author: string;
  readonly text: string;
}

export interface PastCall {
  readonly at: number | null;
  readonly direction: string;
  readonly outcome: string;
  readonly queue: string;
  readonly operator: string;
  /** The stage of his deal as it was then; empty where nobody remembers. */
  readonly stageName: string;
  readonly waitS: number | null;
  readonly talkS: number | null;
}

export interface Call {
  readonly id: string;
  readonly direction: Direction;
  readonly state: CallState;
  readonly role: Role;
  readonly queue: string | null;
  readonly callClass: string;
  readonly rule: string;
  readonly decision: Decision;
  readonly why: Why;
  readonly crmSource: CrmSource;
  readonly crmAgeS: number | null;
  readonly number: string;
  readonly display: string;
  readonly kind: CallerKind;
  readonly networkName: string;
  readonly verified: boolean;
  readonly did: string;
  readonly line: DialledLine | null;
  readonly customer: Customer | null;
  readonly candidates: readonly Candidate[];
  readonly deals: readonly Deal[];
  readonly notes: readonly Note[];
  readonly history: readonly PastCall[];
  readonly extras: Extras;
  readonly rangAt: number | null;
  readonly answeredAt: number | null;
  readonly endedAt: number | null;
  readonly expiresAt: number | null;
  readonly actions: CallActions;
  readonly heldBy: HeldBy | null;
  readonly consult: Consultation | null;
  /** A colleague was to be asked and could not be; the caller still waits. */
  readonly notAsked: Unasked | null;
  readonly transfer: Transfer | null;
  /** Oldest first. */
  readonly edits: readonly Edit[];
  /** An operator has said which of several people it is. */
  readonly chosen: boolean;
  /** What was written down of it; null where nothing was. */
  readonly after: After | null;
}

export interface Source {
  readonly name: SourceName;
  readonly state: SourceState;
  readonly since: number | null;
}

export interface Stage {
  readonly id: string;
  readonly name: string;
  readonly order: number;
  readonly final: boolean;
}

export interface Teammate {
  readonly id: string;
  readonly name: string;
  readonly ringingQueue: string | null;
  readonly state: TeammateState;
  /** Null where the bridge does not keep states. */
  readonly desk: MateState | null;
}

export interface Welcome {
  readonly op: "welcome";
  readonly stream: string;
  /** The number of the latest event; of a resumed line also of the last one that is replayed. */
  readonly seq: number;
  /** The stream goes on: what was missed follows. Otherwise the snapshot replaces all. */
  readonly resumed: boolean;
  readonly operator: Operator;
  readonly calls: readonly Call[];
  readonly sources: readonly Source[];
  readonly stages: readonly Stage[];
  readonly team: readonly Teammate[];
  readonly edits: readonly OpenEdit[];
  readonly state: OperatorState | null;
  readonly desk: DeskSettings;
  readonly work: Work | null;
  /** What was written down of his latest calls. */
  readonly afters: readonly After[];
  readonly heartbeatS: number;
}

export interface ServerEvent {
  readonly op: "event";
  /** Null of an event that is not numbered: the team list, of which only the newest counts. */
  readonly seq: number | null;
  readonly at: number | null;
  readonly type: string;
  readonly call: Call | null;
  readonly source: Source | null;
  readonly team: readonly Teammate[] | null;
  readonly edits: readonly OpenEdit[] | null;
  readonly state: OperatorState | null;
  readonly work: Work | null;
  readonly after: After | null;
  readonly reason: WithdrawReason | null;
  readonly by: string | null;
}

export interface Bye {
  readonly op: "bye";
  readonly code: number;
}

export interface Pong {
  readonly op: "pong";
}

export type ServerFrame = Welcome | ServerEvent | Bye | Pong | Result;

/** The first frame of a connection; `resume` asks for what was missed since. */
export function hello(resume: { stream: string; seq: number } | null): string {
  return JSON.stringify(resume === null ? { op: "hello" } : { op: "hello", resume });
}

/** Says that the event is on the screen; `paintMs` is the time from frame to paint. */
export function ack(seq: number, paintMs: number): string {
  return JSON.stringify({ op: "ack", seq, paint_ms: Math.round(paintMs * 10) / 10 });
}

/** Asks the bridge for a sign of life. */
export function ping(): string {
  return JSON.stringify({ op: "ping" });
}
