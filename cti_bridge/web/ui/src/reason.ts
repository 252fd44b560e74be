/** Why this call is here, as a fact; `strings.ts` has the words for it. Pure. */

import type { Call, Deal } from "./protocol";

export type Reason =
  | { readonly kind: "deal"; readonly stage: string }
  | { readonly kind: "several"; readonly count: number; readonly stage: string }
  | {
      readonly kind:
        | "no_deal"
        | "not_in_crm"
        | "anonymous"
        | "internal"
        | "unparsed"
        | "crm_silent"
        | "crm_failed"
        | "degraded"
        | "fallback"
        | "plain";
    };

/** The open deal that decided: the one marked so, of the customer or, when there are several, of all candidates. */
export function decidingDeal(call: Call): Deal | null {
  const all = [...call.deals, ...call.candidates.flatMap((candidate) => candidate.deals)];
  return all.find((deal) => deal.main && deal.open) ?? null;
}

/** The number belongs to several people: the card must not pretend to know who it is. */
export function isAmbiguous(call: Call): boolean {
  return call.candidates.length > 1;
}

/** The strongest reason first: what failed, then what could not be asked, then what was found. */
export function reasonOf(call: Call): Reason {
  if (call.decision === "fallback") return { kind: "fallback" };
  if (call.decision === "degraded") return { kind: "degraded" };
  if (call.crmSource === "failed") return { kind: call.direction === "inbound" ? "crm_failed" : "crm_silent" };
  if (call.kind === "anonymous") return { kind: "anonymous" };
  if (call.kind === "internal") return { kind: "internal" };
  const deal = decidingDeal(call);
  const stage = deal ? deal.stageName || deal.stage : "";
  if (isAmbiguous(call)) return { kind: "several", count: call.candidates.length, stage };
  if (deal) return { kind: "deal", stage };
  if (call.customer) return { kind: "no_deal" };
  if (call.crmSource === "none") return { kind: "not_in_crm" };
  return { kind: call.kind === "unparsed" ? "unparsed" : "plain" };
}

/** Whose colour the band wears; a class nobody named a colour for gets the neutral one. */
export function tone(callClass: string): "new" | "sales" | "production" | "other" {
  return callClass === "new" || callClass === "sales" || callClass === "production" ? callClass : "other";
}
