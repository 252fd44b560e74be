/** What should call for attention outside the page: a tone, and a notification for each ringing call. Pure. */

import { plain } from "./format";
import type { Model } from "./model";
import { cardState, ringingCards } from "./model";
import { reasonOf } from "./reason";
import type { Strings } from "./strings";
import { callerInBrief, kindOfCall } from "./who";

/** `ring` while the phone rings, `knock` once when somebody else rings during a talk. */
export type Tone = "ring" | "knock" | "none";

export interface Notice {
  readonly callId: string;
  readonly title: string;
  readonly body: string;
}

/** A notification takes a line of this many letters. */
const LONGEST_LINE = 120;

function ringing(model: Model): Model["cards"] {
  // Without the line nobody knows whether it still rings: better silent than false.
  if (model.phase !== "signed_in" || model.line.phase !== "live") return [];
  return ringingCards(model);
}

export function toneFor(model: Model): Tone {
  if (ringing(model).length === 0) return "none";
  const busy = model.cards.some((card) => ["dialling", "talking", "held", "consulting"].includes(cardState(card.call)));
  return busy ? "knock" : "ring";
}

/** The notifications that should stand now; with `named` they say what the card says, without it nothing of the caller. */
export function noticesFor(model: Model, t: Strings, named: boolean): readonly Notice[] {
  return ringing(model).map(({ call }) => ({
    callId: call.id,
    title: named ? t.call.calling(callerInBrief(call, t)) : t.notice.plain,
    body: named
      ? plain(`${kindOfCall(call, t)}. ${t.call.why(reasonOf(call))}`, LONGEST_LINE)
      : t.notice.plainBody,
  }));
}
