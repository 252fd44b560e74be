/** Several people have this number: all side by side, alike, none of them chosen for the operator. */

import type { JSX } from "preact";

import { clock } from "../format";
import { serverNow } from "../model";
import type { Call, Candidate } from "../protocol";
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
          <CandidateCard key={candidate.customer.id} candidate={candidate} />
        ))}
      </ul>
    </section>
  );
}

function CandidateCard({ candidate }: { candidate: Candidate }): JSX.Element {
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
