/** The operator's own state on the page: what his keys do in it, and the call that he still has to write down. Pure. */

import { draftOf, isUnsaved, missingOf, writingOf } from "./after";
import { underWay } from "./commands";
import type { Wanted } from "./commands";
import { serverNow } from "./model";
import type { Model } from "./model";
import type { Call } from "./protocol";
import type { Field, OperatorState, StateDefinition, StateKind } from "./protocol_desk";

/** What the one key for the state does now. */
export type Turn =
  | { readonly kind: "leave"; readonly to: StateDefinition }
  | { readonly kind: "return"; readonly to: StateDefinition }
  | { readonly kind: "start"; readonly to: StateDefinition }
  | { readonly kind: "finish" };

/** The definition of a state by its id. */
export function stateNamed(model: Model, id: string | null): StateDefinition | null {
  return model.desk.states.find((state) => state.id === id) ?? null;
}

/** Out of distribution, back into it, to work, or done with the wrap-up; null where there is no such state. */
export function turnOf(model: Model): Turn | null {
  const state = model.state;
  if (state === null) return null;
  if (state.kind === "wrap_up") return { kind: "finish" };
  const to = firstOf(model, state.kind === "ready" ? "away" : "ready");
  if (to === null) return null;
  const kinds = { ready: "leave", away: "return", last: "return", signed_off: "start" } as const;
  return { kind: kinds[state.kind], to };
}

function firstOf(model: Model, kind: StateKind): StateDefinition | null {
  return model.desk.states.find((state) => state.kind === kind) ?? null;
}

/** The states that an operator can choose, by kind and in the order of the settings. A wrap-up begins by itself. */
export function choices(model: Model): readonly (readonly [StateKind, readonly StateDefinition[]])[] {
  const kinds: readonly StateKind[] = ["ready", "last", "away", "signed_off"];
  return kinds
    .map((kind) => [kind, model.desk.states.filter((state) => state.kind === kind)] as const)
    .filter(([, states]) => states.length > 0);
}

/** The call whose wrap-up goes on; null when there is none. */
export function wrapUpCallId(model: Model): string | null {
  return model.state?.kind === "wrap_up" ? model.state.call : null;
}

/** The same with all that the page knows of it; null also where the page has never seen the call. */
export function wrapUpCall(model: Model): Call | null {
  const id = wrapUpCallId(model);
  if (id === null) return null;
  const card = model.cards.find(({ call }) => call.id === id)?.call;
  return card ?? model.recent.find((entry) => entry.callId === id && entry.call !== null)?.call ?? null;
}

/** The end of a wrap-up waits until what was written is with the bridge: it checks what is missing. */
export function wish(model: Model, wanted: Wanted): Model {
  return { ...model, wanted };
}

/** The wish that can be given now; null when there is none, or while the text is still on its way. */
export function dueWish(model: Model): Wanted | null {
  const id = wrapUpCallId(model);
  return model.wanted !== null && (id === null || !isUnsaved(model, id)) ? model.wanted : null;
}

/** Something to be said of his own state beside its name. */
export type Remark =
  | { readonly kind: "blind" | "unreachable" | "elsewhere_paused" | "elsewhere_ready" | "overdue" | "pbx" | "page_gone" | "limit" }
  | { readonly kind: "asked" | "next" | "next_wrap_up"; readonly state: string }
  | { readonly kind: "unconfirmed"; readonly queues: readonly string[] }
  | { readonly kind: "by"; readonly who: string };

/** All that is to be said of the state, the most pressing first. */
export function remarks(model: Model): readonly Remark[] {
  const state = model.state;
  if (state === null) return [];
  const found: Remark[] = [];
  if (model.line.phase === "lost") found.push({ kind: "blind" });
  if (state.unreachable) found.push({ kind: "unreachable" });
  const asked = underWay(model).findLast((one) => one.name === "state.set" && one.args["operator"] === undefined);
  if (asked !== undefined) found.push({ kind: "asked", state: String(asked.args["state"]) });
  if (state.elsewhere !== null) found.push({ kind: state.elsewhere === "paused" ? "elsewhere_paused" : "elsewhere_ready" });
  else if (!state.confirmed) found.push({ kind: "unconfirmed", queues: unconfirmed(state) });
  if (state.overdue) found.push({ kind: "overdue" });
  if (state.next !== null) found.push({ kind: state.kind === "wrap_up" ? "next_wrap_up" : "next", state: state.next });
  if (state.by !== null) found.push({ kind: "by", who: nameOf(model, state.by) });
  if (state.why === "pbx" || state.why === "page_gone" || state.why === "limit") found.push({ kind: state.why });
  return found;
}

/** The queues whose picture is not yet that of the state. */
function unconfirmed({ kind, queues }: OperatorState): readonly string[] {
  const pauses = kind !== "ready" && kind !== "last";
  return queues.filter((place) => place.paused !== pauses).map((place) => place.queue);
}

function nameOf(model: Model, operator: string): string {
  return model.team.find((mate) => mate.id === operator)?.name || operator;
}

/** How long it lasts, or how much of a wrap-up is left, in seconds; below zero it is overdue. */
export function stateClock(model: Model): { readonly kind: "since" | "left" | "over"; readonly seconds: number } | null {
  const state = model.state;
  if (state === null) return null;
  const now = serverNow(model);
  if (state.kind === "wrap_up" && state.until !== null) {
    const left = (state.until - now) / 1000;
    return left >= 0 ? { kind: "left", seconds: Math.ceil(left) } : { kind: "over", seconds: -left };
  }
  return state.since === null ? null : { kind: "since", seconds: (now - state.since) / 1000 };
}

/** What is still to be filled in: what the bridge says, and what the page sees of a text that is not there yet. */
export function missingNow(model: Model): readonly Field[] {
  const id = wrapUpCallId(model);
  if (id === null || model.state === null) return [];
  return isUnsaved(model, id) || draftOf(model, id) !== null ? missingOf(model.desk, writingOf(model, id)) : model.state.missing;
}
