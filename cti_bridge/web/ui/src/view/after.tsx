/**
 * What the operator writes down of the call: pinned to the foot of the middle, in one place from the talk to the end of
 * the wrap-up. It saves itself, and says what is still needed.
 */

import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";

import { keepingOf, missingOf, writingOf } from "../after";
import type { Writing } from "../after";
import { isUnderWay } from "../commands";
import { cardState, serverNow, shownCall } from "../model";
import type { Model } from "../model";
import { LONGEST_NOTE, LONGEST_WORDS } from "../protocol_desk";
import type { Field } from "../protocol_desk";
import { isAmbiguous } from "../reason";
import { wrapUpCallId } from "../staffing";
import { inAnHour, localInput, readLocalInput, tomorrowMorning } from "../times";
import { useDesk } from "./desk";
import { OWN, TURN_KEY } from "./mystate";
import { Refusal } from "./refusal";

/** The call that can be written about now: the one that is shown, once it is talked, or the one to be wrapped up. */
export function writtenCallId(model: Model): string | null {
  if (model.desk.states.length === 0) return null;
  const call = shownCall(model);
  if (call === null) return wrapUpCallId(model);
  return ["ringing", "dialling"].includes(cardState(call)) ? null : call.id;
}

export function AfterForm(): JSX.Element | null {
  const { model } = useDesk();
  const callId = writtenCallId(model);
  return callId === null ? null : <Form key={callId} callId={callId} />;
}

function Form({ callId }: { callId: string }): JSX.Element {
  const { model, t, actions } = useDesk();
  const [open, setOpen] = useState(false);
  const wraps = wrapUpCallId(model) === callId;
  const writing = writingOf(model, callId);
  const [unfolded, setUnfolded] = useState(writing.outcome !== null || writing.note !== "");
  const call = shownCall(model);
  // Whoever still has to choose who it is needs the room for that.
  const folded = !unfolded && !wraps && call !== null && call.state !== "ended" && isAmbiguous(call);
  const missing = wraps ? missingOf(model.desk, writing) : [];
  const keeping = keepingOf(model, callId);
  const write = (change: Partial<Writing>): void => actions.write(callId, change);
  return (
    <section class="after" aria-labelledby="after" tabIndex={-1} data-after={callId} data-wraps={wraps} data-keeping={keeping}>
      <header>
        <h2 id="after" class="quiet">
          {t.desk.after.title}
        </h2>
        {folded && (
          <button
            type="button"
            class="plain-button after-more"
            id="after-unfold"
            aria-expanded={false}
            onClick={() => {
              setUnfolded(true);
              document.querySelector<HTMLElement>(".after")?.focus();
            }}
          >
            {t.desk.after.unfold}
          </button>
        )}
        {!wraps && !folded && (
          <button
            type="button"
            class="plain-button after-more"
            id="after-more"
            aria-expanded={open}
            aria-controls="after-rest"
            onClick={() => setOpen(!open)}
          >
            {t.desk.after.more}
          </button>
        )}
        <p class="keeping" role="status" data-keeping={keeping}>
          {t.desk.after.keeping(keeping)}
        </p>
      </header>
      {!folded && <Outcomes writing={writing} write={write} missing={missing} keys={wraps} />}
      {!folded && <Note writing={writing} write={write} missing={missing} />}
      {(wraps || (open && !folded)) && (
        <div class="after-rest" id="after-rest">
          <FeedbackRow writing={writing} write={write} missing={missing} />
          <StepRow writing={writing} write={write} missing={missing} />
        </div>
      )}
      <Refusal of={["after.save"]} about={{ call: callId }} />
      {wraps && <Finish missing={missing} />}
    </section>
  );
}

interface Part {
  readonly writing: Writing;
  readonly missing: readonly Field[];
  write(change: Partial<Writing>): void;
}

function Legend({ field, missing, children }: { field: Field; missing: readonly Field[]; children: ComponentChildren }): JSX.Element {
  const { t } = useDesk();
  return (
    <>
      {children}
      {missing.includes(field) && <span class="needed"> {t.desk.after.needed}</span>}
    </>
  );
}

/** In the wrap-up, where nobody talks, a digit chooses. */
export const DIGITS = 9;

function Outcomes({ writing, write, missing, keys }: Part & { keys: boolean }): JSX.Element | null {
  const { model, t, actions } = useDesk();
  if (model.desk.outcomes.length === 0) return null;
  return (
    <fieldset class="chips" data-missing={missing.includes("outcome")}>
      <legend>
        <Legend field="outcome" missing={missing}>
          {t.desk.after.outcome}
        </Legend>
      </legend>
      <div>
        {model.desk.outcomes.map((outcome, index) => (
          <label key={outcome.id} data-outcome-choice={outcome.id}>
            <input
              type="radio"
              name="outcome"
              value={outcome.id}
              checked={writing.outcome === outcome.id}
              onChange={() => {
                write({ outcome: outcome.id });
                actions.keep();
              }}
            />
            <span>
              <bdi>{outcome.names[t.code === "en" ? "en" : "ru"]}</bdi>
              {keys && index < DIGITS && <kbd>{index + 1}</kbd>}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function Note({ writing, write, missing }: Part): JSX.Element {
  const { t, actions } = useDesk();
  return (
    <label class="after-field" data-missing={missing.includes("note")}>
      <span class="after-label">
        <Legend field="note" missing={missing}>
          {t.desk.after.note}
        </Legend>
      </span>
      <textarea
        id="after-note"
        rows={2}
        maxLength={LONGEST_NOTE}
        placeholder={t.desk.after.notePlaceholder}
        value={writing.note}
        onInput={(event) => write({ note: event.currentTarget.value })}
        onBlur={actions.keep}
      />
    </label>
  );
}

const SCORES = [1, 2, 3, 4, 5] as const;

function FeedbackRow({ writing, write, missing }: Part): JSX.Element {
  const { t, actions } = useDesk();
  const { feedback } = writing;
  return (
    <fieldset class="chips" data-missing={missing.includes("feedback")}>
      <legend>
        <Legend field="feedback" missing={missing}>
          {t.desk.after.feedback}
        </Legend>
      </legend>
      <div>
        {SCORES.map((score) => (
          <label key={score} data-score={score}>
            <input
              type="radio"
              name="score"
              value={score}
              aria-label={t.desk.after.score(score)}
              checked={feedback.score === score}
              onClick={() => {
                // A second click takes it back.
                write({ feedback: { ...feedback, score: feedback.score === score ? null : score } });
                actions.keep();
              }}
            />
            <span class="figures">{score}</span>
          </label>
        ))}
        <input
          type="text"
          id="after-feedback"
          maxLength={LONGEST_WORDS}
          aria-label={t.desk.after.feedbackText}
          placeholder={t.desk.after.feedbackText}
          value={feedback.text}
          onInput={(event) => write({ feedback: { ...feedback, text: event.currentTarget.value } })}
          onBlur={actions.keep}
        />
      </div>
    </fieldset>
  );
}

function StepRow({ writing, write, missing }: Part): JSX.Element {
  const { model, t, actions } = useDesk();
  const step = writing.nextStep;
  const now = serverNow(model);
  const change = (more: Partial<NonNullable<Writing["nextStep"]>>): void =>
    write({ nextStep: { ...(step ?? { at: null, text: "", kind: "callback" }), ...more } });
  const soon = (at: number) => () => {
    change({ at });
    actions.keep();
  };
  return (
    <fieldset class="chips" data-missing={missing.includes("next_step")}>
      <legend>
        <Legend field="next_step" missing={missing}>
          {t.desk.after.step}
        </Legend>
        {step !== null && step.at === null && !missing.includes("next_step") && <span class="needed"> {t.desk.after.noTime}</span>}
      </legend>
      <div>
        <select
          id="after-step-kind"
          aria-label={t.desk.after.step}
          value={step?.kind ?? "callback"}
          onChange={(event) => change({ kind: event.currentTarget.value === "task" ? "task" : "callback" })}
        >
          <option value="callback">{t.desk.after.callback}</option>
          <option value="task">{t.desk.after.task}</option>
        </select>
        <button type="button" class="plain-button" id="after-in-an-hour" onClick={soon(inAnHour(now))}>
          {t.desk.after.inAnHour}
        </button>
        <button type="button" class="plain-button" id="after-tomorrow" onClick={soon(tomorrowMorning(now))}>
          {t.desk.after.tomorrow}
        </button>
        <input
          type="datetime-local"
          id="after-step-at"
          aria-label={t.desk.after.at}
          value={step?.at == null ? "" : localInput(step.at)}
          onChange={(event) => change({ at: readLocalInput(event.currentTarget.value) })}
        />
        <input
          type="text"
          id="after-step-text"
          maxLength={LONGEST_WORDS}
          aria-label={t.desk.after.stepText}
          placeholder={t.desk.after.stepText}
          value={step?.text ?? ""}
          onInput={(event) => change({ text: event.currentTarget.value })}
          onBlur={actions.keep}
        />
        {step !== null && (
          <button
            type="button"
            class="plain-button"
            id="after-no-step"
            onClick={() => {
              write({ nextStep: null });
              actions.keep();
            }}
          >
            {t.desk.after.noStep}
          </button>
        )}
      </div>
    </fieldset>
  );
}

function Finish({ missing }: { missing: readonly Field[] }): JSX.Element {
  const { model, t, actions } = useDesk();
  const busy = model.wanted !== null || isUnderWay(model, "wrapup.finish");
  const nothingAsked = missing.length === 0 && model.desk.required.length === 0;
  return (
    <>
      <Refusal of={["wrapup.finish", "state.set"]} about={OWN} />
      <footer class="after-foot">
        <p role="status" data-field="missing" data-missing={missing.length > 0}>
          {nothingAsked ? t.desk.wrap.optional : t.desk.wrap.needs(missing)}
        </p>
        <button type="button" class="primary" id="finish" aria-busy={busy} aria-keyshortcuts={TURN_KEY} onClick={actions.turn}>
          {busy ? t.desk.wrap.finishing : t.desk.wrap.finish}
          <kbd>{TURN_KEY}</kbd>
        </button>
      </footer>
    </>
  );
}
