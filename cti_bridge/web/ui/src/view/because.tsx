/** Why the call is here, in full: what decided, how, what the CRM said, who was to be called first. Opened from the band. */

import type { JSX } from "preact";

import { ago } from "../format";
import type { Call } from "../protocol";
import { factsOf } from "../reason";
import { useDesk } from "./desk";

/** Whether a decision of the bridge, or that it did not come, is there to be told. */
export function hasMore(call: Call): boolean {
  return call.rule !== "" || (call.decision === "fallback" && call.direction === "inbound");
}

/** Who should have been called first and was not. */
export function PassedOver({ call }: { call: Call }): JSX.Element | null {
  const { t } = useDesk();
  const passed = call.why.operators.filter(({ state }) => state !== "called");
  if (passed.length === 0) return null;
  return (
    <span data-field="passed-over">
      {passed.map((operator) => (
        <span key={operator.name}>
          {" · "}
          <bdi>{operator.name}</bdi>
          {": "}
          {t.reasons.operator(operator)}
        </span>
      ))}
    </span>
  );
}

export function Because({ call }: { call: Call }): JSX.Element {
  const { t } = useDesk();
  const crm = t.reasons.crmSaid(call.crmSource, call.crmAgeS === null ? "" : ago(t.locale, call.crmAgeS));
  const rows: readonly (readonly [string, string, readonly string[]])[] = [
    ["decided", t.reasons.decided, factsOf(call).map(t.reasons.fact)],
    ["how", t.reasons.how, [t.reasons.decision(call.decision, call.rule)]],
    ["where", t.reasons.where, [t.call.to(call.queue)]],
    ["class", t.reasons.class, call.callClass === "" ? [] : [t.className(call.callClass)]],
    ["crm", t.reasons.crm, crm === "" ? [] : [crm]],
    ["first", t.reasons.first, call.why.operators.map((operator) => `${operator.name}: ${t.reasons.operator(operator)}`)],
  ];
  return (
    <dl class="because" id="because" data-field="because">
      {rows
        .filter(([, , values]) => values.length > 0)
        .map(([name, label, values]) => (
          <div key={name}>
            <dt>{label}</dt>
            <dd data-because={name}>
              {values.map((value) => (
                <bdi key={value}>{value}</bdi>
              ))}
            </dd>
          </div>
        ))}
    </dl>
  );
}
