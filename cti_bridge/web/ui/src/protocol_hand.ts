/** What bridge and page say to each other of a call in hand: what can be done with it, where it goes, what was written. */

export type EditKind = "update" | "create" | "note" | "deal";
export type EditState = "waiting" | "saved" | "conflict" | "refused";

/** What an operator can do with a call. */
export const ACTIONS = ["hangup", "hold", "resume", "consult", "consult_cancel", "complete", "transfer"] as const;
export type ActionName = (typeof ACTIONS)[number];

/** By action: null where it is possible now, else a code that says why not; what the bridge does not name is not offered. */
export type CallActions = Readonly<Partial<Record<ActionName, string | null>>>;

/** Somebody, a queue or a number that a call is handed to, by the words to show. */
export interface Handed {
  readonly kind: "operator" | "queue" | "number";
  readonly id: string;
  readonly name: string;
}

/** Who is asked while the caller waits. */
export interface Consultation {
  readonly to: Handed;
  readonly state: "ringing" | "talking";
}

/** Who could not be asked, and why. */
export interface Unasked {
  readonly to: Handed;
  readonly reason: string;
}

/** A call on its way to somebody else; failed: the caller is back. */
export interface Transfer {
  readonly to: Handed;
  /** Who hands it over, by name. */
  readonly by: string;
  readonly state: "ringing" | "failed";
  readonly reason: string;
}

/** One thing that was written for the CRM, and what became of it. */
export interface Edit {
  readonly id: string;
  readonly kind: EditKind;
  readonly state: EditState;
  readonly changes: Readonly<Record<string, string>>;
  /** In a conflict: what the CRM has now. */
  readonly theirs: Readonly<Record<string, string>>;
  readonly reason: string;
}

/** An edit that is not through yet, with whose it is: also of calls that are over. */
export interface OpenEdit extends Edit {
  readonly callId: string;
  readonly name: string;
  readonly display: string;
}
