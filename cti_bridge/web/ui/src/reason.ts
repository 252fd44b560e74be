/** Why this call is here, as a fact; `strings.ts` has the words for it. Pure. */

import type { Call, Deal, DecidingFact } from "./protocol";

export type Reason =
  | { readonly kind: "deal"; readonly stage: string }
  | { readonly kind: "several"; readonly count: number; readonly stage: string }
  | { readonly kind: "facts"; readonly facts: readonly DecidingFact[] }
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
  return call.candidates.length > 1 && !call.chosen;
}

/** Facts that the reasons below have better words for: they know the deal and how many customers there are. */
const SAID_BY_THE_CARD = new Set(["deal.stage", "deal.known", "deals", "customer.known", "call.kind", "call.crm", "call.candidates"]);

/** What the bridge says that decided, a stage by the name that people know; the class has a place of its own. */
export function factsOf(call: Call): readonly DecidingFact[] {
  const deals = [...call.deals, ...call.candidates.flatMap((candidate) => candidate.deals)];
  return call.why.reason
    .filter(({ fact }) => fact !== "class")
    .map(({ fact, value }) => (fact === "deal.stage" ? { fact, value: deals.find((deal) => deal.stage === value)?.stageName || value } : { fact, value }));
}

/** The strongest reason first: what failed, then what could not be asked, then what was found. */
export function reasonOf(call: Call): Reason {
  if (call.decision === "fallback") return { kind: "fallback" };
  if (call.decision === "degraded") return { kind: "degraded" };
  if (call.crmSource === "failed") return { kind: call.direction === "inbound" ? "crm_failed" : "crm_silent" };
  const facts = factsOf(call);
  if (facts.some(({ fact }) => !SAID_BY_THE_CARD.has(fact))) return { kind: "facts", facts };
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
