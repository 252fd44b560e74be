/** What the browser's tab and a screen reader say about the page. Pure. */

import type { Model } from "./model";
import { cardState, ringingCards, shownCall } from "./model";
import { reasonOf } from "./reason";
import type { Strings } from "./strings";
import { callerInBrief, kindOfCall } from "./who";

/** The window's title: a broken line comes first, because then nobody knows who rings; then who rings, then who talks. */
export function windowTitle(model: Model, t: Strings): string {
  if (model.phase === "signed_in" && model.line.phase === "lost") return t.windowTitle.lost;
  const ringing = ringingCards(model)[0];
  if (ringing) return t.windowTitle.ringing(callerInBrief(ringing.call, t));
  const call = shownCall(model);
  const state = call ? cardState(call) : "ended";
  if (call && state === "dialling") return t.windowTitle.dialling(callerInBrief(call, t));
  if (call && state !== "ended") return t.windowTitle.talking(callerInBrief(call, t));
  return t.product;
}

export interface Spoken {
  /** Interrupts what is being read: somebody rings. */
  readonly now: string;
  /** Waits until the reader is free: a second call during a talk, or what became of the last one. */
  readonly soon: string;
}

/** The words for screen readers. */
export function spoken(model: Model, t: Strings): Spoken {
  const words = ringingCards(model)
    .map(({ call }) => t.call.announce(callerInBrief(call, t), kindOfCall(call, t), t.call.why(reasonOf(call))))
    .join(" ");
  const busy = model.cards.some((card) => cardState(card.call) === "talking");
  if (words !== "") return busy ? { now: "", soon: words } : { now: words, soon: "" };
  return { now: "", soon: model.notice === null ? "" : t.gone.reason(model.notice.reason, model.notice.by) };
}
