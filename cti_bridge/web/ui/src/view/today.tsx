/** Today's own calls, as far as this page saw them. A call that was talked can be looked at once more. */

import type { JSX } from "preact";

import { clock, duration } from "../format";
import type { Recent } from "../model";
import { serverNow } from "../model";
import { tone } from "../reason";
import { callerInBrief } from "../who";
import { useDesk } from "./desk";
import { since } from "./timer";

/** Older calls of the day than these are only counted. */
const SHOWN = 60;

export function Today(): JSX.Element {
  const { model, t } = useDesk();
  return (
    <section class="today" aria-labelledby="today">
      <h2 class="quiet" id="today">
        {t.today.title} <span>{t.today.seen}</span>
      </h2>
      {model.recent.length === 0 ? (
        <p class="hollow said">{t.today.empty}</p>
      ) : (
        <ul class="recents">
          {model.recent.slice(0, SHOWN).map((entry) => (
            <li key={entry.key} data-recent={entry.callId} data-outcome={entry.outcome}>
              {entry.call ? <Talked entry={entry} /> : <Passed entry={entry} />}
            </li>
          ))}
          {model.recent.length > SHOWN && <li class="more">{t.today.more(model.recent.length - SHOWN)}</li>}
        </ul>
      )}
    </section>
  );
}

function Talked({ entry }: { entry: Recent }): JSX.Element | null {
  const { model, t, actions } = useDesk();
  const call = entry.call;
  if (call === null) return null;
  const name = callerInBrief(call, t);
  const seconds = since(call, serverNow(model));
  return (
    <button
      type="button"
      class="recent"
      data-tone={tone(call.callClass)}
      aria-pressed={model.review === entry.key}
      onClick={() => actions.review(entry.key)}
    >
      <span class="unseen">{t.today.open} </span>
      <span class="recent-time">{clock(t.locale, entry.at)}</span>
      <bdi class="recent-name">{name}</bdi>
      {seconds !== null && <span class="recent-length">{duration(seconds)}</span>}
    </button>
  );
}

function Passed({ entry }: { entry: Recent }): JSX.Element | null {
  const { t } = useDesk();
  if (entry.outcome === "talked") return null;
  return (
    <p class="recent passed">
      <span class="recent-time">{clock(t.locale, entry.at)}</span>
      <span class="recent-name">
        <bdi>{t.today.gone(entry.outcome, entry.by)}</bdi>
        {entry.queue !== null && <bdi class="recent-queue">{t.queueName(entry.queue)}</bdi>}
      </span>
    </p>
  );
}
