/**
 * What bridge and page say to each other of the desk: the operator's state, what is written of a call, the work list.
 *
 * Times are milliseconds since 1970 (UTC); null is what the bridge did not say or what could not be read.
 */

export type StateKind = "ready" | "away" | "last" | "wrap_up" | "signed_off";
export type StateColour = "green" | "amber" | "red" | "blue" | "violet" | "grey";
export type Language = "ru" | "en";
/** Fields that may be required of a call's wrap-up. */
export type Field = "outcome" | "note" | "feedback" | "next_step";

/** A state that operators can be in, as the settings name it. */
export interface StateDefinition {
  readonly id: string;
  readonly names: Readonly<Record<Language, string>>;
  readonly kind: StateKind;
  readonly colour: StateColour;
}

/** What can have come of a call; `needs` are fields that have to be filled in with it. */
export interface Outcome {
  readonly id: string;
  readonly names: Readonly<Record<Language, string>>;
  readonly needs: readonly Field[];
}

/** What the CRM lets itself be told. */
export interface CrmRights {
  readonly update: boolean;
  readonly create: boolean;
  readonly note: boolean;
  readonly deal: boolean;
}

/** How operators work here, as the settings say. */
export interface DeskSettings {
  readonly states: readonly StateDefinition[];
  readonly outcomes: readonly Outcome[];
  readonly required: readonly Field[];
  readonly createDeal: boolean;
  readonly crm: CrmRights;
  /** Whether operators can call outside from the page. */
  readonly dial: boolean;
}

/** One of the operator's queues, as Asterisk has told of him there. */
export interface QueuePlace {
  readonly queue: string;
  readonly paused: boolean;
}

/** The state of the operator himself. */
export interface OperatorState {
  readonly state: string;
  readonly kind: StateKind;
  readonly since: number | null;
  /** The limit of a wrap-up. */
  readonly until: number | null;
  readonly overdue: boolean;
  /** Whether Asterisk has said so in all his queues. */
  readonly confirmed: boolean;
  /** The state that follows after the call. */
  readonly next: string | null;
  /** Who set it, when not himself. */
  readonly by: string | null;
  readonly why: string;
  /** The call of a wrap-up. */
  readonly call: string | null;
  readonly missing: readonly Field[];
  /** His phone is not there for Asterisk. */
  readonly unreachable: boolean;
  /** What Asterisk says otherwise, by somebody else's hand. */
  readonly elsewhere: "paused" | "ready" | null;
  readonly queues: readonly QueuePlace[];
}

/** The state of a colleague. */
export interface MateState {
  readonly state: string;
  readonly kind: StateKind;
  readonly colour: StateColour;
  readonly since: number | null;
  readonly unreachable: boolean;
}

export interface Feedback {
  /** From 1 to 5. */
  readonly score: number | null;
  readonly text: string;
}

export interface NextStep {
  readonly at: number | null;
  readonly text: string;
  readonly kind: "callback" | "task";
}

/** So many letters of a note the bridge takes, and of any other text. */
export const LONGEST_NOTE = 4_000;
export const LONGEST_WORDS = 500;

/** What was written down of a call. */
export interface After {
  readonly call: string;
  readonly outcome: string | null;
  readonly note: string;
  readonly feedback: Feedback;
  readonly nextStep: NextStep | null;
  readonly savedAt: number | null;
  readonly missing: readonly Field[];
}

export type WorkKind = "missed" | "callback" | "task";
/** How urgent: overdue or promised, due today, later. */
export type WorkColour = "red" | "amber" | "green";

/** Something to be done. */
export interface WorkItem {
  readonly id: string;
  readonly kind: WorkKind;
  readonly number: string;
  readonly display: string;
  readonly name: string;
  readonly text: string;
  readonly dueAt: number | null;
  readonly since: number | null;
  readonly colour: WorkColour;
  readonly takenBy: { readonly operator: string; readonly name: string } | null;
  readonly calls: number;
  readonly queue: string | null;
}

export interface Work {
  readonly items: readonly WorkItem[];
  /** There are more than are listed. */
  readonly more: boolean;
}

/** The answer to a command. */
export interface Result {
  readonly op: "result";
  readonly id: string;
  readonly ok: boolean;
  /** What it answers with; not read yet: whoever gave the command knows its form. */
  readonly value: unknown;
  /** Of a refusal: for programs, and in plain English for people. */
  readonly code: string;
  readonly message: string;
}

/** What is sent to have something done, once per id. */
export function command(id: string, name: string, args: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ op: "command", id, name, args });
}
