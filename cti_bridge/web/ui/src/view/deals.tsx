/** The deal as a path with the present stage named; the other deals a line each. */

import type { JSX } from "preact";

import { amount, calendarDays, when } from "../format";
import { serverNow } from "../model";
import type { Call, Deal, Stage } from "../protocol";
import { tone } from "../reason";
import { useDesk } from "./desk";
import { Newcomer, canBeWritten } from "./newcomer";

/** More other deals than this are only counted. */
const LINES = 6;

export function Deals({ call }: { call: Call }): JSX.Element {
  const { model, t } = useDesk();
  const main = call.deals.find((deal) => deal.main && deal.open) ?? null;
  const others = call.deals.filter((deal) => deal !== main).sort((a, b) => Number(b.open) - Number(a.open));
  return (
    <section class="deals" aria-label={t.deal.title} data-tone={tone(call.callClass)}>
      {main ? (
        <MainDeal deal={main} customerOf={call.customer?.responsible ?? ""} />
      ) : canBeWritten(model, call) ? (
        <Newcomer call={call} />
      ) : (
        <div class="ghost said">{emptyWords(call, t)}</div>
      )}
      {others.length > 0 && (
        <ul class="others">
          {others.slice(0, LINES).map((deal) => (
            <OtherDeal key={deal.id} deal={deal} />
          ))}
        </ul>
      )}
      {others.length > LINES && <p class="more">{t.deal.more(others.length - LINES)}</p>}
    </section>
  );
}

function emptyWords(call: Call, t: ReturnType<typeof useDesk>["t"]): string {
  if (call.customer) return t.deal.none;
  if (call.crmSource === "skipped") return t.deal.unasked;
  return call.crmSource === "none" ? t.deal.noneNew : t.deal.unseen;
}

function MainDeal({ deal, customerOf }: { deal: Deal; customerOf: string }): JSX.Element {
  const { t } = useDesk();
  return (
    <article class="deal main" data-deal-id={deal.id} data-main="true">
      <header>
        <h2 title={deal.title}>
          <bdi>{deal.title || t.deal.untitled}</bdi>
        </h2>
        <Sum deal={deal} />
      </header>
      <Path deal={deal} />
      {deal.responsible !== "" && deal.responsible !== customerOf && (
        <p class="deal-who">
          {t.call.responsible} <bdi>{deal.responsible}</bdi>
        </p>
      )}
    </article>
  );
}

export function Sum({ deal }: { deal: Deal }): JSX.Element | null {
  const { t } = useDesk();
  if (deal.amount === null) return null;
  return (
    <span class="sum" data-field="amount">
      {amount(t.locale, deal.amount, deal.currency)}
    </span>
  );
}

/** The stages on the way; a stage that the list does not know is named without a path. */
function Path({ deal }: { deal: Deal }): JSX.Element {
  const { model, t } = useDesk();
  const way = [...model.stages].filter((stage) => !stage.final).sort((a, b) => a.order - b.order);
  const at = way.findIndex((stage) => stage.id === deal.stage);
  const days = deal.changedAt === null ? null : t.deal.since(calendarDays(deal.changedAt, serverNow(model)));
  const name = t.stageName(deal.stageName || way[at]?.name || deal.stage);
  const present = (
    <p class="present" data-field="stage">
      <b>
        <bdi>{name}</bdi>
      </b>
      {days !== null && <span> · {days}</span>}
    </p>
  );
  if (at < 0) return <div class="path">{present}</div>;
  const left = at < way.length / 2;
  const next = way[at + 1];
  return (
    <div class="path" style={{ "--stages": String(way.length) }}>
      <div class="stages" role="img" aria-label={`${t.deal.place(at + 1, way.length)}: ${name}`}>
        {way.map((stage, index) => (
          <StageMark key={stage.id} stage={stage} place={Math.sign(index - at)} />
        ))}
      </div>
      <div class="stage-words">
        <div style={{ gridColumn: left ? `${at + 1} / -1` : `1 / ${at + 2}`, textAlign: left ? "left" : "right" }}>
          {present}
          <p class="next">{next ? t.deal.next(next.name) : t.deal.last}</p>
        </div>
      </div>
    </div>
  );
}

function StageMark({ stage, place }: { stage: Stage; place: number }): JSX.Element {
  const { t } = useDesk();
  const where = place < 0 ? "past" : place > 0 ? "ahead" : "present";
  return <i data-stage={stage.id} data-place={where} title={t.stageName(stage.name)} />;
}

function OtherDeal({ deal }: { deal: Deal }): JSX.Element {
  const { model, t } = useDesk();
  return (
    <li class="deal line" data-deal-id={deal.id} data-main="false" data-open={deal.open}>
      <bdi class="line-title" title={deal.title}>
        {deal.title || t.deal.untitled}
      </bdi>
      <span class="line-stage">
        <bdi>{t.stageName(deal.stageName) || deal.stage || (deal.open ? t.deal.open : t.deal.closed)}</bdi>
        {deal.changedAt !== null && ` · ${when(t.locale, deal.changedAt, serverNow(model))}`}
      </span>
      <Sum deal={deal} />
    </li>
  );
}
