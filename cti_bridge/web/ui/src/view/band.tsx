/** The band of a call: what kind of call it is, why it is here or whom one asks meanwhile, and for how long. */

import type { JSX } from "preact";

import { duration } from "../format";
import { cardState, serverNow } from "../model";
import type { Call } from "../protocol";
import { reasonOf } from "../reason";
import { wrapUpCallId } from "../staffing";
import { kindOfCall } from "../who";
import { hasMore, PassedOver } from "./because";
import { useDesk } from "./desk";
import { Icon } from "./icon";
import { since } from "./timer";
import { WrapUpClock, WrapUpWords } from "./wrapup";

/** Whom the operator asks, or hands the call to, while the caller waits. */
function Asked({ call }: { call: Call }): JSX.Element | null {
  const { t } = useDesk();
  if (call.consult === null) return null;
  const { to, state } = call.consult;
  return (
    <p class="why asked" data-field="consult" data-consult={state}>
      <b>
        <bdi>{t.hand.asks(to.name, state === "talking")}</bdi>
      </b>
      {` · ${t.hand.waits}`}
    </p>
  );
}

function WhyHere({ call }: { call: Call }): JSX.Element {
  const { t } = useDesk();
  const straightOut = call.direction === "outbound" && call.queue === null;
  return (
    <p class="why" data-field="why">
      <bdi>{t.call.why(reasonOf(call))}</bdi>
      {!straightOut && (
        <>
          {" → "}
          <bdi data-field="queue">{t.call.to(call.queue)}</bdi>
        </>
      )}
      {call.rule !== "" && call.decision === "matched" && (
        <>
          {" "}
          <span class="rule" data-field="rule">
            · {t.call.rule(call.rule)}
          </span>
        </>
      )}
      <PassedOver call={call} />
    </p>
  );
}

export function Band({ call, open, toggle }: { call: Call; open: boolean; toggle(): void }): JSX.Element {
  const { model, t } = useDesk();
  const state = cardState(call);
  const seconds = since(call, serverNow(model));
  const reviewed = model.review !== null;
  const wraps = wrapUpCallId(model) === call.id && !reviewed;
  return (
    <header class="band">
      <Icon name={state} />
      <div class="band-words">
        <p class="band-first">
          <strong data-field="class">
            <bdi>{kindOfCall(call, t)}</bdi>
          </strong>
          <span class="state" data-field="state">
            {reviewed ? t.call.reviewed : wraps ? t.desk.wrap.band : t.cardState(state)}
          </span>
        </p>
        {wraps ? <WrapUpWords /> : call.consult === null ? <WhyHere call={call} /> : <Asked call={call} />}
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
      {wraps ? (
        <WrapUpClock />
      ) : (
        seconds !== null && (
          <span class="timer" role="timer" aria-live="off" data-field="timer">
            {duration(seconds)}
          </span>
        )
      )}
    </header>
  );
}
