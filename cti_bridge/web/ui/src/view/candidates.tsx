/** Several people have this number: all side by side, alike, none of them chosen for the operator. */

import type { JSX } from "preact";

import { clock } from "../format";
import { serverNow } from "../model";
import { isUnderWay, lastRefused } from "../commands";
import type { Call, Candidate, Customer } from "../protocol";
import { Sum } from "./deals";
import { useDesk } from "./desk";

export function Candidates({ call }: { call: Call }): JSX.Element {
  const { t } = useDesk();
  return (
    <section class="candidates" aria-labelledby="candidates">
      <h2 class="quiet" id="candidates">
        {t.call.severalTitle} <span>{t.call.several(call.candidates.length)}</span>
      </h2>
      <ul>
        {call.candidates.map((candidate) => (
          <CandidateCard key={candidate.customer.id} call={call} candidate={candidate} />
        ))}
      </ul>
    </section>
  );
}

function CandidateCard({ call, candidate }: { call: Call; candidate: Candidate }): JSX.Element {
  const { model, t } = useDesk();
  const { customer, deals } = candidate;
  const shown = deals.find((deal) => deal.main && deal.open) ?? deals.find((deal) => deal.open) ?? null;
  const unshown = deals.length - (shown ? 1 : 0);
  const local = customer.timezone ? clock(t.locale, serverNow(model), customer.timezone) : null;
  return (
    <li class="candidate" data-candidate-id={customer.id}>
      <h3 title={customer.name}>
        <bdi>{customer.name}</bdi>
        {customer.segment.toLowerCase() === "vip" && <span class="tag vip">{t.call.vip}</span>}
      </h3>
      <p class="place">
        {customer.city && <bdi>{customer.city}</bdi>}
        {local && `${customer.city ? ", " : ""}${t.call.there} ${local}`}
      </p>
      <Choose call={call} customer={customer} />
      {shown ? (
        <div class="candidate-deal" data-deal-id={shown.id}>
          <bdi class="line-title" title={shown.title}>
            {shown.title || t.deal.untitled}
          </bdi>
          <p>
            <b>
              <bdi>{t.stageName(shown.stageName) || shown.stage}</bdi>
            </b>
            <Sum deal={shown} />
          </p>
        </div>
      ) : (
        <p class="candidate-deal none">{t.deal.none}</p>
      )}
      <p class="candidate-foot">
        {customer.responsible && (
          <span>
            {t.call.responsible} <bdi>{customer.responsible}</bdi>
          </span>
        )}
        {unshown > 0 && <span>{t.deal.more(unshown)}</span>}
      </p>
    </li>
  );
}

/** Nothing is written about any of them before he has said who it is; while the phone rings he cannot know. */
function Choose({ call, customer }: { call: Call; customer: Customer }): JSX.Element {
  const { model, t, actions } = useDesk();
  const choosing = isUnderWay(model, "card.choose", { call: call.id });
  const mine = isUnderWay(model, "card.choose", { call: call.id, customer: customer.id });
  const refused = lastRefused(model, ["card.choose"], { call: call.id, customer: customer.id });
  const why = model.line.phase !== "live" ? "no_line" : call.role === "ringing" ? "ringing" : choosing ? "under_way" : null;
  return (
    <div class="choose">
      <button
        type="button"
        class="control"
        data-action="choose"
        aria-disabled={why !== null}
        aria-busy={mine}
        title={why === null ? undefined : t.hand.why(why)}
        onClick={() => why === null && actions.command("card.choose", { call: call.id, customer: customer.id })}
      >
        {mine ? t.hand.card.choosing : t.hand.card.choose}
        <span class="unseen">: {customer.name}</span>
      </button>
      {refused !== null && (
        <p class="warned" role="alert" data-said="refused">
          <bdi>{t.hand.refusal(refused.code, refused.message)}</bdi>
        </p>
      )}
    </div>
  );
}
