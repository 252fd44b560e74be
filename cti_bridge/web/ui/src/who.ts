/** How the caller is named on the card: a person when we know one, else the number, else words. Pure. */

import { phone, plain } from "./format";
import type { Call } from "./protocol";
import { isAmbiguous } from "./reason";
import type { Strings } from "./strings";

export interface Who {
  /** The largest words on the page. */
  readonly title: string;
  /** Stands under them: the number of a known person, else what to do about an unknown one. */
  readonly under: string;
  /** True where `title` names a person and `under` is a number. */
  readonly known: boolean;
}

export function whoCalls(call: Call, t: Strings): Who {
  const number = call.display || phone(call.number);
  if (call.customer && !isAmbiguous(call)) {
    const under = call.kind === "anonymous" ? t.call.anonymous : number || t.call.noNumber;
    return { title: call.customer.name || number, under, known: true };
  }
  if (call.kind === "anonymous") return { title: t.call.anonymous, under: t.call.unknownAnonymous, known: false };
  if (call.kind === "internal") return { title: t.call.internal(number), under: call.networkName, known: false };
  return { title: number || t.call.noNumber, under: unknownWords(call, t), known: false };
}

function unknownWords(call: Call, t: Strings): string {
  if (isAmbiguous(call)) return t.call.severalHint;
  if (call.decision === "fallback") return t.call.unknownFallback;
  if (call.crmSource === "failed") return t.call.unknownFailed;
  return t.call.unknown;
}

/** What kind of call it is, in a word or two: its class, or, where nothing was decided, which way it goes. */
export function kindOfCall(call: Call, t: Strings): string {
  if (call.callClass === "" && call.direction === "outbound") return t.call.outgoing;
  if (call.callClass === "" && call.direction === "internal") return t.call.ofTheHouse;
  return t.className(call.callClass);
}

/** The caller in one line for the window's title and for today's list. */
export function callerInBrief(call: Call, t: Strings): string {
  return plain(whoCalls(call, t).title, 40) || t.call.noNumber;
}

/** Where the call comes from, in short: the advertisement, the city, the kind of goods; else the number that was dialled. */
export function dialledLine(call: Call): string {
  const { line } = call;
  if (line === null) return phone(call.did);
  const parts = [line.channel || line.name, line.city, line.direction].filter((part) => part.trim() !== "");
  return [...new Set(parts)].join(" · ") || line.name || phone(call.did);
}
