/** The middle: the row for what else goes on, the call in focus (or nobody), its deals. The places never move. */

import type { JSX } from "preact";

import { clock, duration, longDay } from "../format";
import type { Model, Notice } from "../model";
import { cardState, serverNow, shownCall } from "../model";
import type { Call } from "../protocol";
import { isAmbiguous, tone } from "../reason";
import { wrapUpCallId } from "../staffing";
import { callerInBrief, kindOfCall } from "../who";
import { CallCard } from "./callcard";
import { Candidates } from "./candidates";
import { Deals } from "./deals";
import { DialField } from "./dial";
import { useDesk } from "./desk";
import { Icon } from "./icon";
import { AfterForm } from "./after";
import { since } from "./timer";
import { SignedOff, WrapUpOnly } from "./wrapup";

export function Now(): JSX.Element {
  const { model, t } = useDesk();
  const call = shownCall(model);
  const wraps = wrapUpCallId(model) !== null;
  const off = model.state?.kind === "signed_off";
  const view = call ? (model.review === null ? "call" : "review") : model.notice ? "notice" : wraps ? "wrap_up" : off ? "off" : "idle";
  return (
    <main class="now" id="pane-now" data-view={view} tabIndex={0} aria-label={t.panes.now}>
      <Beside shown={call} />
      {call ? (
        <CallCard key={call.id} call={call} />
      ) : model.notice ? (
        <Gone notice={model.notice} />
      ) : wraps ? (
        <WrapUpOnly />
      ) : off ? (
        <SignedOff />
      ) : (
        <Idle />
      )}
      {call === null ? (
        <div class="ghost">{t.idle.deals}</div>
      ) : isAmbiguous(call) ? (
        <Candidates call={call} />
      ) : (
        <Deals call={call} />
      )}
      <AfterForm />
    </main>
  );
}

/**
 * The row above the card: other calls of this operator, else the day in figures; and what closes a card that may be closed.
 * Its height is always kept, so nothing below it moves.
 */
function Beside({ shown }: { shown: Call | null }): JSX.Element {
  const { model, t, actions } = useDesk();
  const others = model.cards.filter((card) => card.call !== shown && card.call.id !== shown?.id);
  const reviewed = shown !== null && model.review !== null;
  const words = besideWords(shown, model, t);
  const closable = reviewed || (shown !== null && cardState(shown) === "ended" && shown.id !== wrapUpCallId(model));
  return (
    <div class="beside">
      {others.length > 0 ? others.map(({ call }) => <OtherCall key={call.id} call={call} />) : <p title={words}>{words}</p>}
      {closable && (
        <button type="button" class="close" id="close-card" onClick={actions.close}>
          {reviewed ? t.call.closeReview : t.call.close}
          <kbd>Esc</kbd>
        </button>
      )}
    </div>
  );
}

function besideWords(shown: Call | null, model: Model, t: ReturnType<typeof useDesk>["t"]): string {
  if (shown === null || model.notice === null) return figures(model, t);
  const { queue, reason, by } = model.notice;
  return t.gone.beside(queue, t.gone.reason(reason, by));
}

function figures(model: Model, t: ReturnType<typeof useDesk>["t"]): string {
  if (model.recent.length === 0) return t.today.none;
  const talks = model.recent.filter((entry) => entry.outcome === "talked");
  const seconds = talks.reduce((sum, { call }) => sum + (call ? (since(call, serverNow(model)) ?? 0) : 0), 0);
  const parts = talks.length > 0 ? [t.today.talked(talks.length)] : [];
  if (seconds > 0) parts.push(t.today.total(duration(seconds)));
  const passed = model.recent.length - talks.length;
  if (passed > 0) parts.push(t.today.passed(passed));
  return t.today.sum(parts);
}

function OtherCall({ call }: { call: Call }): JSX.Element {
  const { model, t, actions } = useDesk();
  const state = cardState(call);
  const seconds = since(call, serverNow(model));
  return (
    <button
      type="button"
      class="other"
      data-other-call={call.id}
      data-state={state}
      data-tone={tone(call.callClass)}
      onClick={() => actions.look(call.id)}
    >
      <Icon name={state} />
      <span class="other-state">{t.cardState(state)}</span>
      <bdi class="other-name">{callerInBrief(call, t)}</bdi>
      <span class="other-class">{kindOfCall(call, t)}</span>
      {seconds !== null && <span class="other-time">{duration(seconds)}</span>}
      <kbd>F2</kbd>
    </button>
  );
}

function Idle(): JSX.Element {
  const { model, t } = useDesk();
  const now = serverNow(model);
  const lost = model.line.phase === "lost";
  const pbxDown = model.sources.some((source) => source.name === "asterisk" && source.state === "down");
  const blind = lost || pbxDown; // then "nobody calls" would be a guess
  const away = model.state?.kind === "away";
  const why = lost ? t.idle.blindWhy : pbxDown ? t.idle.pbxDown : away ? t.desk.off.why : t.idle.why;
  return (
    <article class="call" data-state="idle" data-tone="none">
      <header class="band">
        <Icon name={blind ? "blind" : "quiet"} />
        <div class="band-words">
          <p class="band-first">
            <strong>{blind ? t.idle.blindTitle : t.idle.title}</strong>
          </p>
          <p class="why">{why}</p>
        </div>
      </header>
      <div class="who">
        <div class="who-name">
          <h1 class="name figures">{clock(t.locale, now)}</h1>
          <p class="under">{longDay(t.locale, now)}</p>
        </div>
      </div>
      <DialField />
    </article>
  );
}

/** Stands a moment where a withdrawn pop stood. Nothing about the caller is said any more. */
function Gone({ notice }: { notice: Notice }): JSX.Element {
  const { t } = useDesk();
  return (
    <article class="call" data-state="withdrawn" data-tone="none" data-reason={notice.reason}>
      <header class="band">
        <Icon name="gone" />
        <div class="band-words">
          <p class="band-first">
            <strong>{t.gone.title}</strong>
          </p>
          <p class="why">
            <bdi>{t.gone.where(notice.queue)}</bdi>
          </p>
        </div>
      </header>
      <div class="who">
        <div class="who-name">
          <h1 class="name" data-field="gone">
            <bdi>{t.gone.reason(notice.reason, notice.by)}</bdi>
          </h1>
        </div>
      </div>
      <div class="hand" />
    </article>
  );
}
