/** Everything the page knows, as one frozen value; the views are functions of it and the reducer makes the next one. */

import { wrapUpCall } from "./staffing";
import type { AfterDraft } from "./after";
import type { Command, Wanted } from "./commands";
import type { Draft } from "./drafts";
import { EMPTY_HAND } from "./hand";
import type { Hand } from "./hand";
import type { Call, Operator, ServerEvent, Source, Stage, Teammate, WithdrawReason } from "./protocol";
import type { OpenEdit } from "./protocol_hand";
import type { DeskSettings, OperatorState, Work } from "./protocol_desk";

/** Where the operator stands with the bridge: not asked yet, asked to sign in, or inside. */
export type Phase = "asking" | "signed_out" | "signed_in";

/** The websocket: on its way for the first time, alive, or gone and being brought back. */
export type LinePhase = "connecting" | "live" | "lost";

/** The three panes that take turns where the window is too narrow for all. */
export type Pane = "now" | "story" | "team";

/** `still_inside`: the bridge did not hear the sign-out, this browser holds the session on. */
export type SignInProblem = "wrong_login" | "too_many_attempts" | "unreachable" | "still_inside";

export interface SignIn {
  readonly busy: boolean;
  readonly problem: SignInProblem | null;
  /** Local milliseconds until which the bridge accepts no further attempt. */
  readonly blockedUntil: number;
}

export interface Line {
  readonly phase: LinePhase;
  /** Local milliseconds since when it is so. */
  readonly since: number;
}

/** A call on the screen. */
export interface Card {
  readonly call: Call;
  /** Local milliseconds at which an ended card leaves by itself; null while the call lives. */
  readonly leavesAt: number | null;
  /** Nobody has told that it ended: it was gone when the page could see again. News that it goes on is right then. */
  readonly unseen?: true;
}

/** Why a pop went away; `expired` is the page's own doing. */
export type GoneReason = WithdrawReason | "expired";

/** Stands where a withdrawn pop stood, for a moment. It names colleagues and queues, never the caller. */
export interface Notice {
  readonly reason: GoneReason;
  readonly by: string | null;
  readonly queue: string | null;
  /** Local milliseconds at which it leaves. */
  readonly leavesAt: number;
}

/** A line of today's list: calls this page saw. Only a call that was talked keeps its card. */
export interface Recent {
  readonly key: number;
  readonly callId: string;
  readonly outcome: "talked" | GoneReason;
  readonly queue: string | null;
  readonly by: string | null;
  /** Server milliseconds. */
  readonly at: number;
  readonly call: Call | null;
}

/** What a new line brings of the time without one; it is kept back until `until` is there, and then applied in one go. */
export interface Missed {
  readonly until: number;
  readonly events: readonly ServerEvent[];
}

export interface Model {
  readonly phase: Phase;
  readonly operator: Operator | null;
  readonly signIn: SignIn;
  readonly line: Line;
  /** Local milliseconds of the last input. */
  readonly now: number;
  /** Milliseconds by which the server's clock is ahead of ours; null until it is known. */
  readonly ahead: number | null;
  readonly stream: string | null;
  readonly seq: number;
  readonly missed: Missed | null;
  readonly resyncedAt: number;
  readonly cards: readonly Card[];
  readonly focus: string | null;
  readonly notice: Notice | null;
  readonly recent: readonly Recent[];
  readonly review: number | null;
  readonly sources: readonly Source[];
  readonly stages: readonly Stage[];
  readonly team: readonly Teammate[];
  readonly pane: Pane;
  /** His own state; null where the bridge does not say. */
  readonly state: OperatorState | null;
  readonly desk: DeskSettings;
  /** Null where the bridge keeps no list. */
  readonly work: Work | null;
  readonly commands: readonly Command[];
  /** What is being written down of calls. */
  readonly afters: readonly AfterDraft[];
  /** A command that waits until what was written is saved. */
  readonly wanted: Wanted | null;
  /** What is being written about customers. */
  readonly drafts: readonly Draft[];
  readonly hand: Hand;
  /** What he has written and the CRM does not have yet, oldest first. */
  readonly openEdits: readonly OpenEdit[];
}

const NO_DESK: DeskSettings = {
  states: [],
  outcomes: [],
  required: [],
  createDeal: false,
  crm: { update: false, create: false, note: false, deal: false },
  dial: false,
};

/** The page as it opens, before anything was asked. */
export function opening(now: number): Model {
  return {
    phase: "asking",
    operator: null,
    signIn: { busy: false, problem: null, blockedUntil: 0 },
    line: { phase: "connecting", since: now },
    now,
    ahead: null,
    stream: null,
    seq: 0,
    missed: null,
    resyncedAt: 0,
    cards: [],
    focus: null,
    notice: null,
    recent: [],
    review: null,
    sources: [],
    stages: [],
    team: [],
    pane: "now",
    state: null,
    desk: NO_DESK,
    work: null,
    commands: [],
    afters: [],
    wanted: null,
    drafts: [],
    hand: EMPTY_HAND,
    openEdits: [],
  };
}

/** The server's time in milliseconds: all times on cards are measured by its clock, not by the desk's. */
export function serverNow(model: Model): number {
  return model.now + (model.ahead ?? 0);
}

/** The call that fills the middle: the reviewed one of today's list, else the card in focus, else what is to be wrapped up. */
export function shownCall(model: Model): Call | null {
  if (model.review !== null) {
    const reviewed = model.recent.find((entry) => entry.key === model.review)?.call;
    if (reviewed) return reviewed;
  }
  return model.cards.find((card) => card.call.id === model.focus)?.call ?? wrapUpCall(model);
}

/** The cards whose phone rings, as far as the page knows; without a line that may be over. */
export function ringingCards(model: Model): readonly Card[] {
  return model.cards.filter((card) => cardState(card.call) === "ringing");
}

/** What the card is for this operator, in one word: it picks band, words and page title. */
export type CardState = "ringing" | "dialling" | "talking" | "held" | "consulting" | "ended";

export function cardState(call: Call): CardState {
  if (call.state === "ended") return "ended";
  if (call.role === "consulting" || call.consult !== null) return "consulting";
  if (call.role === "talking" && call.direction === "outbound" && call.answeredAt === null) return "dialling";
  if (call.role === "talking") return call.state === "held" ? "held" : "talking";
  return "ringing";
}
