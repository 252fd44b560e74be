/** The call in focus: the band says where it belongs and why, below it stands who it is. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { ago, clock, duration, phone } from "../format";
import { cardState, serverNow } from "../model";
import type { Call } from "../protocol";
import { isAmbiguous, reasonOf, tone } from "../reason";
import { dialledLine, kindOfCall, whoCalls } from "../who";
import { Because, hasMore, PassedOver } from "./because";
import { useDesk } from "./desk";
import { Icon } from "./icon";
import { since } from "./timer";

/** A longer name is set smaller, so that nothing of it is lost. */
const LONG_NAME = 26;

export function CallCard({ call }: { call: Call }): JSX.Element {
  const { t } = useDesk();
  const [open, setOpen] = useState(false);
  const who = whoCalls(call, t);
  return (
    <article
      class="call"
      data-call-id={call.id}
      data-state={cardState(call)}
      data-role={call.role}
      data-class={call.callClass}
      data-tone={tone(call.callClass)}
      data-decision={call.decision}
      data-crm={call.crmSource}
      data-customer={isAmbiguous(call) ? "ambiguous" : call.customer ? "known" : "unknown"}
      aria-labelledby="caller"
    >
      <Band call={call} open={open} toggle={() => setOpen(!open)} />
      {open && hasMore(call) && <Because call={call} />}
      <div class="who">
        <div class="who-name">
          <h1 class={who.title.length > LONG_NAME ? "name long" : "name"} id="caller" data-field="name" title={who.title}>
            <bdi>{who.title}</bdi>
          </h1>
          <p class={who.known ? "under number" : "under"} data-field={who.known ? "number" : "hint"}>
            <bdi>{who.under}</bdi>
          </p>
        </div>
        <Side call={call} />
        <Doubt call={call} />
        <Facts call={call} />
      </div>
    </article>
  );
}

function Band({ call, open, toggle }: { call: Call; open: boolean; toggle(): void }): JSX.Element {
  const { model, t } = useDesk();
  const state = cardState(call);
  const seconds = since(call, serverNow(model));
  const reviewed = model.review !== null;
  const straightOut = call.direction === "outbound" && call.queue === null;
  return (
    <header class="band">
      <Icon name={state} />
      <div class="band-words">
        <p class="band-first">
          <strong data-field="class">
            <bdi>{kindOfCall(call, t)}</bdi>
          </strong>
          <span class="state" data-field="state">
            {reviewed ? t.call.reviewed : t.cardState(state)}
          </span>
        </p>
        <p class="why" data-field="why">
          <bdi>{t.call.why(reasonOf(call))}</bdi>
          {!straightOut && (
            <>
              {" → "}
              <bdi data-field="queue">{t.call.to(call.queue)}</bdi>
            </>
          )}
          {call.rule !== "" && call.decision === "matched" && (
            <span class="rule" data-field="rule">
              {" · "}
              {t.call.rule(call.rule)}
            </span>
          )}
          <PassedOver call={call} />
        </p>
      </div>
      {hasMore(call) && (
        <button
          type="button"
          class="more-why"
          id="more-why"
          aria-expanded={open}
          aria-controls="because"
          aria-label={t.reasons.more}
          title={t.reasons.more}
          onClick={toggle}
        >
          <Icon name="more" />
        </button>
      )}
      {seconds !== null && (
        <span class="timer" role="timer" aria-live="off" data-field="timer">
          {duration(seconds)}
        </span>
      )}
    </header>
  );
}

/** Beside the name: what kind of customer, whether the number can be trusted, what time it is where he is. */
function Side({ call }: { call: Call }): JSX.Element {
  const { model, t } = useDesk();
  const customer = isAmbiguous(call) ? null : call.customer;
  const segment = customer?.segment ?? "";
  const local = customer?.timezone ? clock(t.locale, serverNow(model), customer.timezone) : null;
  return (
    <div class="who-side">
      <p class="tags">
        {segment !== "" &&
          (segment.toLowerCase() === "vip" ? (
            <span class="tag vip" data-field="segment">
              {t.call.vip}
            </span>
          ) : (
            <bdi class="tag" data-field="segment">
              {segment}
            </bdi>
          ))}
        {call.kind === "external" && call.direction !== "outbound" && (
          <span class={call.verified ? "tag sure" : "tag unsure"} data-field="verified" data-verified={call.verified}>
            {call.verified ? t.call.verified : t.call.unverified}
          </span>
        )}
      </p>
      {(customer?.city || local) && (
        <p class="place">
          {customer?.city && <bdi data-field="city">{customer.city}</bdi>}
          {local && (
            <span class="there">
              {t.call.there} <b data-field="customer-time">{local}</b>
            </span>
          )}
        </p>
      )}
    </div>
  );
}

function Facts({ call }: { call: Call }): JSX.Element {
  const { t } = useDesk();
  const customer = isAmbiguous(call) ? null : call.customer;
  const facts: readonly (readonly [string, string, string, string?])[] = [
    [call.line ? "line" : "did", t.call.line, dialledLine(call), call.line ? `${call.line.name} ${phone(call.did)}` : ""],
    ["responsible", t.call.responsible, customer?.responsible ?? ""],
    ["preferred", t.call.prefers, customer ? t.channel(customer.preferredChannel) : ""],
    ["network-name", t.call.networkName, call.networkName === customer?.name ? "" : call.networkName],
    ["email", "", customer?.email ?? ""],
  ];
  return (
    <dl class="facts">
      {facts
        .filter(([, , value]) => value.trim() !== "")
        .map(([field, label, value, more]) => (
          <div key={field}>
            <dt class={label === "" ? "unseen" : ""}>{label || t.call.email}</dt>
            <dd>
              <bdi data-field={field} title={more || value}>
                {value}
              </bdi>
            </dd>
          </div>
        ))}
    </dl>
  );
}

/** What speaks against believing the card, in words. */
function Doubt({ call }: { call: Call }): JSX.Element | null {
  const { t } = useDesk();
  const stale = call.crmSource === "stale";
  const vip = !isAmbiguous(call) && call.customer?.segment.toLowerCase() === "vip";
  const spoofable = vip && call.kind === "external" && call.direction !== "outbound" && !call.verified;
  if (!stale && !spoofable) return null;
  const age = call.crmAgeS === null ? t.call.staleUnknownAge : t.call.stale(ago(t.locale, call.crmAgeS));
  return (
    <p class="doubt" role="note" data-field="doubt">
      {stale && <span data-doubt="stale">{age} </span>}
      {spoofable && <span data-doubt="unverified">{t.call.vipUnverified}</span>}
    </p>
  );
}
