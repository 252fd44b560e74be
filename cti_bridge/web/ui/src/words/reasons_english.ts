/** Why a call is here, in English: the facts that decided, how it was decided, what the CRM said, who was to be called first. */

import type { CrmSource, DecidingFact, FirstOperator } from "../protocol";
import { AGED, SCHEDULE } from "./counted";
import type { reasons as russian } from "./reasons_russian";

const figures = new Intl.NumberFormat("en-GB");

const names: Readonly<Record<string, string>> = {
  "call.at": "time of the call",
  "call.caller": "caller’s number",
  "call.candidates": "customers with this number",
  "call.crm": "CRM",
  "call.did": "number dialled",
  "call.kind": "number",
  "call.language": "language of the channel",
  "call.missed_last_hour": "missed within the hour",
  "call.name": "name from the network",
  "call.trunk": "trunk",
  "customer.city": "customer’s city",
  "customer.email": "customer’s email",
  "customer.id": "customer in the CRM",
  "customer.last_operator": "last spoke with",
  "customer.name": "customer’s name",
  "customer.preferred_channel": "preferred channel",
  "customer.responsible": "responsible for the customer",
  "customer.segment": "segment",
  "customer.timezone": "customer’s time zone",
  "deal.amount": "amount of the deal",
  "deal.id": "deal in the CRM",
  "deal.responsible": "responsible for the deal",
  "deal.stage": "stage of the deal",
  "deal.title": "deal",
  deals: "open deals",
  "line.channel": "advertisement",
  "line.city": "city of the line",
  "line.direction": "goods of the line",
  "line.language": "language of the line",
  "line.name": "line",
  "line.zone": "time zone of the line",
};
const flags: Readonly<Record<string, readonly [string, string]>> = {
  "call.first_time": ["calls for the first time", "has called before"],
  "call.verified": ["number verified", "number not verified"],
  "customer.known": ["a known customer", "nobody the CRM knows"],
  "deal.known": ["has an open deal", "no open deals"],
  "line.known": ["a known line", "an unknown line"],
};
const crm: Readonly<Record<CrmSource, string>> = {
  fresh: "answered",
  cached: "a recent answer",
  stale: "no answer, an earlier one was used",
  none: "does not have this number",
  skipped: "was not asked",
  failed: "did not answer",
  "": "",
};
const values: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "call.crm": crm,
  "call.kind": { external: "external", internal: "internal", anonymous: "hidden", unparsed: "unreadable" },
};
const operators: Readonly<Record<FirstOperator["state"], string>> = {
  called: "called",
  not_free: "phone not free",
  nobody: "no such operator",
};

export const reasons: typeof russian = {
  more: "Why the call is here",
  decided: "Decided by",
  how: "How",
  class: "Class",
  crm: "CRM said",
  first: "First choice",
  where: "Where to",
  fact: ({ fact, value }) => {
    if (fact.startsWith(SCHEDULE)) return `schedule “${fact.slice(SCHEDULE.length)}”: ${value === "open" ? "open" : "closed"}`;
    const flag = flags[fact];
    if (flag !== undefined && typeof value === "boolean") return flag[value ? 0 : 1];
    return `${names[fact] ?? fact}: ${values[fact]?.[String(value)] ?? plain(value)}`;
  },
  decision: (decision, rule) => {
    switch (decision) {
      case "matched":
        return `the rule “${rule}” matched`;
      case "default":
        return "no rule matched, the general way";
      case "degraded":
        return rule === "" || rule === "degraded"
          ? "the CRM did not answer, the way kept for that"
          : `the CRM did not answer, the way that the rule “${rule}” keeps for that`;
      case "fallback":
        return "the decision came too late, the PBX chose";
    }
  },
  crmSaid: (source, age) => (age === "" || !AGED.has(source) ? crm[source] : `${crm[source]}, ${age}`),
  operator: ({ state }) => operators[state],
};

function plain(value: DecidingFact["value"]): string {
  if (value === null) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? figures.format(value) : value;
}
