/** What is to be done: missed calls to return, calls that were promised, own next steps. One person takes each. */

import type { JSX } from "preact";

import { isUnderWay } from "../commands";
import { phone, when } from "../format";
import { serverNow } from "../model";
import type { Model } from "../model";
import type { WorkItem } from "../protocol_desk";
import { useDesk } from "./desk";
import { useBusy } from "./dial";
import { Icon } from "./icon";
import type { IconName } from "./icon";
import { Refusal } from "./refusal";

const KIND_ICONS: Readonly<Record<WorkItem["kind"], IconName>> = { missed: "missed", callback: "call", task: "task" };

export function WorkList(): JSX.Element | null {
  const { model, t } = useDesk();
  if (model.desk.states.length === 0) return null;
  const items = model.work?.items ?? [];
  return (
    <section class="work" aria-labelledby="work">
      <h2 class="quiet" id="work">
        {t.desk.work.title} {items.length > 0 && <span>{t.desk.work.count(items.length)}</span>}
      </h2>
      {items.length === 0 ? (
        <p class="hollow said">{model.work === null ? t.desk.work.unseen : t.desk.work.empty}</p>
      ) : (
        <ul class="items" tabIndex={0} aria-label={t.desk.work.title}>
          {items.map((item) => (
            <Item key={item.id} item={item} />
          ))}
          {model.work?.more && <li class="more">{t.desk.work.more}</li>}
        </ul>
      )}
    </section>
  );
}

const COMMANDS = ["work.take", "work.release", "work.done"];

function Item({ item }: { item: WorkItem }): JSX.Element {
  const { model, t } = useDesk();
  const now = serverNow(model);
  const mine = item.takenBy !== null && item.takenBy.operator === model.operator?.id;
  const overdue = item.dueAt !== null && item.dueAt < now;
  const whom = item.name || item.display || phone(item.number) || (item.kind === "task" ? "" : t.desk.work.someone);
  const colour = t.desk.work.colour(item.kind, item.colour, overdue);
  const facts = [
    item.dueAt === null ? (item.since === null ? "" : when(t.locale, item.since, now)) : t.desk.work.due(dueWords(item.dueAt, now, t.locale)),
    item.calls > 1 ? t.desk.work.times(item.calls) : "",
    item.queue === null ? "" : t.queueName(item.queue),
  ].filter((fact) => fact !== "");
  return (
    <li
      class="item"
      data-item={item.id}
      data-item-kind={item.kind}
      data-item-colour={item.colour}
      data-taken={item.takenBy === null ? "no" : mine ? "mine" : "other"}
    >
      <p class="item-line">
        <Icon name={KIND_ICONS[item.kind]} />
        <span class="item-kind">{t.desk.work.kind(item.kind)}</span>
        {colour !== "" && (
          <span class="item-colour">
            <Icon name={item.colour === "red" || overdue ? "alert" : "clock"} />
            {colour}
          </span>
        )}
      </p>
      {whom !== "" && (
        <p class="item-whom">
          <bdi>{whom}</bdi>
        </p>
      )}
      {item.name !== "" && (item.display !== "" || item.number !== "") && (
        <p class="item-number">
          <bdi>{item.display || phone(item.number)}</bdi>
        </p>
      )}
      {item.text !== "" && (
        <p class="item-words">
          <bdi>{item.text}</bdi>
        </p>
      )}
      <p class="item-facts">
        <bdi>{facts.join(" · ")}</bdi>
      </p>
      {item.takenBy !== null && !mine ? (
        <p class="item-taken">
          <bdi>{t.desk.work.taken(item.takenBy.name)}</bdi>
        </p>
      ) : (
        <ItemButtons item={item} mine={mine} whom={whom} />
      )}
      <Refusal of={COMMANDS} about={{ item: item.id }} />
    </li>
  );
}

function ItemButtons({ item, mine, whom }: { item: WorkItem; mine: boolean; whom: string }): JSX.Element {
  const { model, t, actions } = useDesk();
  const busy = isBusy(model, item.id);
  const onThePhone = useBusy();
  const press = (name: string, args: Readonly<Record<string, unknown>> = {}) => () => actions.command(name, { item: item.id, ...args });
  // Whoever calls has taken it: nobody else calls the same person at the same time.
  const dial = (): void => {
    if (!mine) actions.command("work.take", { item: item.id });
    actions.askToDial({ number: item.number, name: item.name, line: "", lineName: "", item: item.id });
  };
  const button = (what: string, words: string, onClick: () => void, why: string | null = null): JSX.Element => (
    <button
      type="button"
      class="plain-button"
      data-work={what}
      aria-label={t.desk.work.about(words, whom || item.text)}
      disabled={busy || why !== null}
      title={why === null ? undefined : t.hand.why(why)}
      onClick={onClick}
    >
      {words}
    </button>
  );
  return (
    <div class="item-buttons">
      {model.desk.dial && item.number !== "" && button("call", t.desk.work.call, dial, onThePhone ? "busy_here" : null)}
      {mine
        ? [button("done", t.desk.work.done, press("work.done")), button("release", t.desk.work.release, press("work.release"))]
        : button("take", t.desk.work.take, press("work.take"))}
    </div>
  );
}

function isBusy(model: Model, item: string): boolean {
  return COMMANDS.some((name) => isUnderWay(model, name, { item }));
}

function dueWords(at: number, now: number, locale: string): string {
  if (new Date(at).toDateString() === new Date(now).toDateString() || at < now) return when(locale, at, now);
  const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  return day.format(at);
}
