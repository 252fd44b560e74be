/** The row of what can be done with the call in hand: four places that never move, each with its key. Pure. */

import { isUnderWay, underWay } from "./commands";
import type { Command } from "./commands";
import type { Model } from "./model";
import { cardState } from "./model";
import type { Call } from "./protocol";
import type { ActionName, Handed } from "./protocol_hand";

/** The keys, as the page shows them and as browsers name them in `aria-keyshortcuts`. */
export const KEYS = { first: "F4", second: "F6", third: "F7", last: "Shift+F8", number: "F3", pickup: "F9" } as const;

/** Those that press the button which carries them. */
export const BUTTON_KEYS: readonly string[] = Object.values(KEYS);

export type Place = "first" | "second" | "third" | "last";

/** `reject` is hanging up before the answer. */
export type ControlName = ActionName | "reject";

export interface Control {
  readonly place: Place;
  readonly name: ControlName;
  /** Null where it is possible now, else the code why it is not. */
  readonly why: string | null;
  /** Given, and not answered yet. */
  readonly busy: boolean;
  /** What one most likely wants next. */
  readonly prominent: boolean;
}

const COMMANDS = ["call.hangup", "call.hold", "call.resume", "call.consult", "call.consult_cancel", "call.complete", "call.transfer"];

/** The controls of a call that is shown, in the order of their places; none where nothing can be done with it at all. */
export function controls(model: Model, call: Call): readonly Control[] {
  if (model.review !== null || call.state === "ended") return [];
  const consults = call.consult !== null;
  const held = call.state === "held";
  const places: readonly (readonly [Place, ControlName, ActionName])[] = [
    ["first", consults ? "complete" : "transfer", consults ? "complete" : "transfer"],
    ["second", consults ? "consult_cancel" : "consult", consults ? "consult_cancel" : "consult"],
    ["third", held && !consults ? "resume" : "hold", held && !consults ? "resume" : "hold"],
    ["last", cardState(call) === "ringing" ? "reject" : "hangup", "hangup"],
  ];
  return places.map(([place, name, action]) => {
    const busy = isUnderWay(model, `call.${action}`, { call: call.id });
    const why = whyNot(model, call, action);
    return { place, name, why, busy, prominent: why === null && (consults ? name === "complete" || name === "consult_cancel" : name === "resume") };
  });
}

/** Why this cannot be done now, by a code; the page's own are `no_line`, `under_way` and `not_offered`. */
export function whyNot(model: Model, call: Call, action: ActionName): string | null {
  if (model.line.phase !== "live") return "no_line";
  // Hanging up is never kept waiting by something else that hangs.
  const waits = underWay(model).some((one) => one.callId === call.id && COMMANDS.includes(one.name));
  if (isUnderWay(model, `call.${action}`, { call: call.id }) || (waits && action !== "hangup")) return "under_way";
  const code = call.actions[action];
  return code === undefined ? "not_offered" : code;
}

/** What is to be said below the row: one thing, the most pressing first. */
export type Said =
  | { readonly kind: "under_way"; readonly name: string; readonly to: string }
  | { readonly kind: "refused"; readonly command: Command }
  | { readonly kind: "came_back"; readonly to: Handed; readonly reason: string }
  | { readonly kind: "not_asked"; readonly to: string; readonly reason: string }
  | { readonly kind: "transferring"; readonly to: Handed }
  | { readonly kind: "handed_on"; readonly to: Handed }
  | { readonly kind: "handed_to_you"; readonly by: string }
  | { readonly kind: "held"; readonly by: "phone" | "desk" }
  | { readonly kind: "nothing" };

export function said(model: Model, call: Call): Said {
  const mine = model.commands.filter((one) => one.callId === call.id && COMMANDS.includes(one.name));
  const sent = mine.findLast((one) => one.phase === "sent");
  if (sent) return { kind: "under_way", name: sent.name, to: addressee(sent) };
  const refused = mine.findLast((one) => one.phase !== "sent");
  if (refused) return { kind: "refused", command: refused };
  if (call.transfer?.state === "ringing") {
    const toMe = call.transfer.to.kind === "operator" && call.transfer.to.id === model.operator?.id;
    // His part is over: whether somebody has answered there is not told here any more.
    if (call.state === "ended") return { kind: "handed_on", to: call.transfer.to };
    return toMe ? { kind: "handed_to_you", by: call.transfer.by } : { kind: "transferring", to: call.transfer.to };
  }
  if (call.transfer?.state === "failed" && call.state !== "ended") {
    return { kind: "came_back", to: call.transfer.to, reason: call.transfer.reason };
  }
  if (call.notAsked !== null && call.consult === null) return { kind: "not_asked", to: call.notAsked.to.name, reason: call.notAsked.reason };
  if (call.state === "held" && call.heldBy !== null && call.consult === null) return { kind: "held", by: call.heldBy };
  return { kind: "nothing" };
}

function addressee(command: Command): string {
  const to = command.args["to"];
  if (typeof to !== "object" || to === null) return "";
  return String(Object.values(to)[0] ?? "");
}
