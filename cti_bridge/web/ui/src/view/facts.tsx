/** What is known of the caller beside his name: kind, place and time, numbers, where the call comes from; and what is doubtful. */

import type { JSX } from "preact";

import { cityMoved, draftOf, editable } from "../drafts";
import { ago, clock, phone } from "../format";
import { serverNow } from "../model";
import type { Call } from "../protocol";
import { isAmbiguous } from "../reason";
import { dialledLine } from "../who";
import { useDesk } from "./desk";
import { DialButton } from "./dial";
import { Disputes } from "./disputes";
import { Field } from "./field";

/** Beside the name: what kind of customer, whether the number can be trusted, what time it is where he is. */
export function Side({ call }: { call: Call }): JSX.Element {
  const { model, t } = useDesk();
  const customer = isAmbiguous(call) ? null : call.customer;
  // The CRM keeps the time zone beside the city: it stays that of the old one until somebody changes it there.
  const moved = cityMoved(call, draftOf(model, call.id));
  const local = customer?.timezone ? clock(t.locale, serverNow(model), customer.timezone) : null;
  return (
    <div class="who-side">
      <p class="tags">
        {customer !== null && (
          <Field call={call} field="segment">
            {({ value }) => <Segment segment={value} />}
          </Field>
        )}
        {call.kind === "external" && call.direction !== "outbound" && (
          <span class={call.verified ? "tag sure" : "tag unsure"} data-field="verified" data-verified={call.verified}>
            {call.verified ? t.call.verified : t.call.unverified}
          </span>
        )}
      </p>
      {customer !== null && (
        <p class="place">
          <Field call={call} field="city">
            {({ value }) =>
              value === "" ? <span class="nothing">{t.hand.card.field("city")}: {t.hand.card.nothing}</span> : <bdi data-field="city">{value}</bdi>
            }
          </Field>
          {local && (
            <span class="there" data-moved={moved} title={moved ? t.call.thereBeforeHint : undefined}>
              {moved ? t.call.thereBefore : t.call.there} <b data-field="customer-time">{local}</b>
            </span>
          )}
        </p>
      )}
    </div>
  );
}

function Segment({ segment }: { segment: string }): JSX.Element {
  const { t } = useDesk();
  if (segment === "") return <span class="nothing">{t.hand.card.field("segment")}: {t.hand.card.nothing}</span>;
  const vip = segment.toLowerCase() === "vip";
  return (
    <bdi class={vip ? "tag vip" : "tag"} data-field="segment">
      {vip ? t.call.vip : segment}
    </bdi>
  );
}

/** Further numbers of the customer; the one that he calls from stands under his name. */
function Numbers({ call }: { call: Call }): JSX.Element | null {
  const { t } = useDesk();
  const customer = editable(call);
  const others = customer?.numbers.filter((each) => each !== call.number) ?? [];
  if (customer === null || others.length === 0) return null;
  return (
    <div class="numbers">
      <dt>{t.hand.card.numbers}</dt>
      <dd data-field="numbers">
        {others.map((each) => (
          <span key={each} class="one-number">
            <bdi>{phone(each)}</bdi>
            <DialButton call={call} number={each} name={customer.name} />
          </span>
        ))}
      </dd>
    </div>
  );
}

export function Facts({ call }: { call: Call }): JSX.Element {
  const { t } = useDesk();
  const customer = isAmbiguous(call) ? null : call.customer;
  const facts: readonly (readonly [string, string, string, string?])[] = [
    [call.line ? "line" : "did", t.call.line, dialledLine(call), call.line ? `${call.line.name} ${phone(call.did)}` : ""],
    ["responsible", t.call.responsible, customer?.responsible ?? ""],
    ["network-name", t.call.networkName, call.networkName === customer?.name ? "" : call.networkName],
  ];
  return (
    <dl class="facts">
      {facts
        .filter(([, , value]) => value.trim() !== "")
        .map(([field, label, value, more]) => (
          <div key={field}>
            <dt>{label}</dt>
            <dd>
              <bdi data-field={field} title={more || value}>
                {value}
              </bdi>
            </dd>
          </div>
        ))}
      {customer !== null && (
        <>
          <div>
            <dt>{t.call.prefers}</dt>
            <dd>
              <Field call={call} field="preferred_channel">
                {({ value }) => <bdi data-field="preferred">{value === "" ? t.hand.card.nothing : t.channel(value)}</bdi>}
              </Field>
            </dd>
          </div>
          <div>
            <dt>{t.call.email}</dt>
            <dd>
              <Field call={call} field="email">
                {({ value }) => (
                  <bdi data-field="email" title={value}>
                    {value === "" ? t.hand.card.nothing : value}
                  </bdi>
                )}
              </Field>
            </dd>
          </div>
          <Numbers call={call} />
        </>
      )}
    </dl>
  );
}

/** What speaks against believing the card, in words. */
export function Doubt({ call }: { call: Call }): JSX.Element | null {
  const { t } = useDesk();
  const stale = call.crmSource === "stale";
  const vip = !isAmbiguous(call) && call.customer?.segment.toLowerCase() === "vip";
  const spoofable = vip && call.kind === "external" && call.direction !== "outbound" && !call.verified;
  const age = call.crmAgeS === null ? t.call.staleUnknownAge : t.call.stale(ago(t.locale, call.crmAgeS));
  return (
    <div class="doubts">
      {(stale || spoofable) && (
        <p class="doubt" role="note" data-field="doubt">
          {stale && <span data-doubt="stale">{age} </span>}
          {spoofable && <span data-doubt="unverified">{t.call.vipUnverified}</span>}
        </p>
      )}
      <Disputes call={call} />
    </div>
  );
}
