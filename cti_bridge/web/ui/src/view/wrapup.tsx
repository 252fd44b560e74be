/** The band of a call that is being wrapped up, and the middle where the page has no card of it, or nobody is at work. */

import type { JSX } from "preact";

import { clock, duration, longDay } from "../format";
import { serverNow } from "../model";
import { missingNow, stateClock } from "../staffing";
import { useDesk } from "./desk";
import { DialField } from "./dial";
import { Icon } from "./icon";
import { TurnButton } from "./mystate";

/** In the band: what is still needed, in place of why the call came. */
export function WrapUpWords(): JSX.Element {
  const { model, t } = useDesk();
  return (
    <p class="why" data-field="why">
      {model.desk.required.length === 0 && missingNow(model).length === 0 ? t.desk.wrap.optional : t.desk.wrap.needs(missingNow(model))}
    </p>
  );
}

/** In the band: how much of it is left, or by how much it is overdue. */
export function WrapUpClock(): JSX.Element | null {
  const { model, t } = useDesk();
  const time = stateClock(model);
  if (time === null) return null;
  const said = duration(time.seconds);
  return (
    <span class="timer wrap-clock" role="timer" aria-live="off" data-field="timer" data-clock={time.kind}>
      {time.kind === "over" ? `+${said}` : said}
      {time.kind !== "since" && <small>{time.kind === "left" ? t.desk.state.left("").trim() : t.desk.state.over("").trim()}</small>}
    </span>
  );
}

/** The wrap-up of a call whose card this page has never had. */
export function WrapUpOnly(): JSX.Element {
  const { t } = useDesk();
  return (
    <article class="call" data-state="wrap_up" data-tone="other" data-wraps={true}>
      <header class="band">
        <Icon name="note" />
        <div class="band-words">
          <p class="band-first">
            <strong>{t.desk.wrap.band}</strong>
          </p>
          <WrapUpWords />
        </div>
        <WrapUpClock />
      </header>
      <div class="who">
        <div class="who-name">
          <p class="under">{t.desk.wrap.unseen}</p>
        </div>
      </div>
      <DialField />
    </article>
  );
}

/** Nobody is at work here: quiet, and one button. */
export function SignedOff(): JSX.Element {
  const { model, t } = useDesk();
  const now = serverNow(model);
  return (
    <article class="call" data-state="signed-off" data-tone="none">
      <header class="band">
        <Icon name="quiet" />
        <div class="band-words">
          <p class="band-first">
            <strong>{t.desk.off.title}</strong>
          </p>
          <p class="why">{t.desk.off.why}</p>
        </div>
      </header>
      <div class="who off">
        <div class="who-name">
          <h1 class="name figures">{clock(t.locale, now)}</h1>
          <p class="under">{longDay(t.locale, now)}</p>
        </div>
        <div class="off-start">
          <TurnButton big />
          <p>{t.desk.off.hint}</p>
        </div>
      </div>
      <DialField />
    </article>
  );
}
