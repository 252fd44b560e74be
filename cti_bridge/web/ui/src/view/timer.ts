/** The one figure in the band: how long it rings (here or there), how long one talks, how long one talked. Pure. */

import { cardState } from "../model";
import type { Call } from "../protocol";

/** Seconds to show beside the state; null when the bridge has not said since when. */
export function since(call: Call, now: number): number | null {
  const state = cardState(call);
  const from = state === "ringing" || state === "dialling" ? call.rangAt : call.answeredAt;
  if (from === null) return null;
  const to = state === "ended" ? (call.endedAt ?? now) : now;
  return Math.max(0, (to - from) / 1000);
}
