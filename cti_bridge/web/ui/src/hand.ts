/**
 * What the operator does with the call in hand, as far as the page has to remember it: what he writes on the card, to whom he
 * is about to give the call, which number he is about to call. Pure: a part of the reducer.
 */

import { isUnderWay } from "./commands";
import type { Command, Wanted } from "./commands";
import { readTargets } from "./decode_hand";
import { draftAnswered, draftGiven, dueDraft, fieldDone, fieldDropped, fieldTyped, personDone, personTyped } from "./drafts";
import type { FieldName, Part } from "./drafts";
import type { Model } from "./model";
import { shownCall } from "./model";
import type { Call } from "./protocol";
import type { Purpose, Targets } from "./targets";

export type HandInput =
  | { readonly kind: "field_typed"; readonly callId: string; readonly field: FieldName; readonly value: string; readonly at: number }
  | { readonly kind: "field_done"; readonly callId: string; readonly field: FieldName; readonly at: number }
  | { readonly kind: "field_dropped"; readonly callId: string; readonly field: FieldName; readonly at: number }
  | { readonly kind: "person_typed"; readonly callId: string; readonly part: Part; readonly value: string; readonly at: number }
  | { readonly kind: "person_done"; readonly callId: string; readonly at: number }
  | { readonly kind: "chooser"; readonly purpose: Purpose | null; readonly at: number }
  | { readonly kind: "dialling"; readonly dialling: Dialling | null; readonly at: number };

/** The list of those to whom a call can be given, open for one call. */
export interface Chooser {
  readonly callId: string;
  readonly purpose: Purpose;
}

/** Who is free, as the bridge said last. */
export interface TargetsKnown {
  /** Null until it has been said. */
  readonly list: Targets | null;
  /** Local milliseconds at which it was asked last with an answer. */
  readonly at: number;
  readonly failed: boolean;
}

/** A number that is about to be called, and waits for a yes. */
export interface Dialling {
  readonly number: string;
  /** Whose it is, as far as is known. */
  readonly name: string;
  /** The line that is to be shown to whoever is called; empty leaves it to the bridge. */
  readonly line: string;
  readonly lineName: string;
  /** The item of the work list that it is for, where it is. */
  readonly item?: string;
  /** The customer who is meant, where several have the number. */
  readonly customer?: string;
}

export interface Hand {
  readonly chooser: Chooser | null;
  readonly targets: TargetsKnown;
  readonly dialling: Dialling | null;
}

export const EMPTY_HAND: Hand = { chooser: null, targets: { list: null, at: 0, failed: false }, dialling: null };

/** While the list is open it is asked for anew this often (milliseconds). */
export const FRESH_FOR = 3_000;
/** A list older than this is not shown when the chooser opens (milliseconds). */
const TOO_OLD = 20_000;

export function reduceHand(model: Model, input: HandInput): Model {
  switch (input.kind) {
    case "field_typed": {
      const call = callNamed(model, input.callId);
      return call === null ? model : fieldTyped(model, call, input.field, input.value);
    }
    case "field_done": {
      const call = callNamed(model, input.callId);
      return call === null ? model : fieldDone(model, call, input.field);
    }
    case "field_dropped":
      return fieldDropped(model, input.callId, input.field);
    case "person_typed": {
      const call = callNamed(model, input.callId);
      return call === null ? model : personTyped(model, call, input.part, input.value);
    }
    case "person_done":
      return personDone(model, input.callId);
    case "chooser":
      return { ...model, hand: withChooser(model, input.purpose) };
    case "dialling":
      return { ...model, hand: { ...model.hand, dialling: input.dialling } };
  }
}

function withChooser(model: Model, purpose: Purpose | null): Hand {
  const call = shownCall(model);
  if (purpose === null || call === null) return { ...model.hand, chooser: null };
  const old = model.now - model.hand.targets.at > TOO_OLD;
  return { ...model.hand, chooser: { callId: call.id, purpose }, targets: old ? EMPTY_HAND.targets : model.hand.targets };
}

/** After every input: the chooser closes with its call, and whoever has a call is not asked whether to begin another. */
export function tidied(before: Model): Model {
  const onThePhone = before.hand.dialling !== null && before.cards.some(({ call }) => call.state !== "ended");
  const model = onThePhone ? { ...before, hand: { ...before.hand, dialling: null } } : before;
  const { chooser } = model.hand;
  if (chooser === null) return model;
  const call = shownCall(model);
  if (call?.id === chooser.callId && call.state !== "ended" && model.phase === "signed_in") return model;
  return { ...model, hand: { ...model.hand, chooser: null } };
}

/** What is to be commanded without anybody's click: what was written, and who is free while that is looked at. */
export function dueHand(model: Model): Wanted | null {
  const { chooser, targets } = model.hand;
  const stale = targets.at === 0 || model.now - targets.at >= FRESH_FOR;
  if (chooser !== null && stale && model.line.phase === "live" && !isUnderWay(model, "call.targets")) {
    return { name: "call.targets", args: {} };
  }
  return dueDraft(model);
}

/** A command was given: whatever led to it is closed. */
export function handGiven(model: Model, wanted: Wanted): Model {
  const hand: Hand = {
    ...model.hand,
    chooser: wanted.name === "call.transfer" || wanted.name === "call.consult" ? null : model.hand.chooser,
    dialling: wanted.name === "call.dial" ? null : model.hand.dialling,
  };
  return draftGiven({ ...model, hand }, wanted);
}

/** A command was answered. Whoever could not take an item does not call for it: a colleague does. */
export function handAnswered(before: Model, command: Command): Model {
  const { dialling } = before.hand;
  const lost = command.name === "work.take" && command.phase !== "done" && dialling?.item !== undefined && dialling.item === command.args["item"];
  const model = lost ? { ...before, hand: { ...before.hand, dialling: null } } : before;
  if (command.name !== "call.targets") return draftAnswered(model, command);
  const done = command.phase === "done";
  const list = done ? readTargets(command.value) : model.hand.targets.list;
  return { ...model, hand: { ...model.hand, targets: { list, at: model.now, failed: !done } } };
}

/** The call on the screen or in today's list. */
function callNamed(model: Model, id: string): Call | null {
  const shown = shownCall(model);
  if (shown?.id === id) return shown;
  return model.cards.find(({ call }) => call.id === id)?.call ?? model.recent.find(({ call }) => call?.id === id)?.call ?? null;
}
