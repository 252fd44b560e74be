/**
 * The operator's own state, always in sight on top: its name and the time in it, one button that leads out of it and back,
 * one more for all states. What Asterisk has not confirmed looks different, and says so.
 */

import type { JSX } from "preact";

import { isUnderWay } from "../commands";
import { duration } from "../format";
import { choices, remarks, stateClock, stateNamed, turnOf } from "../staffing";
import type { Remark } from "../staffing";
import type { Teammate } from "../protocol";
import type { StateDefinition } from "../protocol_desk";
import { useDesk } from "./desk";
import { Icon } from "./icon";
import { Refusal } from "./refusal";

/** Of the commands about states, those about his own. */
export const OWN = { operator: undefined };

/** The keys, as shown and as browsers name them. */
export const TURN_KEY = "F10";
export const STATES_KEY = "Alt+S";

export function MyState(): JSX.Element | null {
  const { model, t, panel, actions } = useDesk();
  const { state } = model;
  if (model.desk.states.length === 0) return null;
  const name = useStateName();
  const known = remarks(model);
  const words = useRemark();
  const remark = known[0];
  // Which queues it is, the tooltip and the list of states say.
  const brief = remark?.kind === "unconfirmed" ? { ...remark, queues: [] } : remark;
  const second = brief !== undefined ? words(brief) : state ? t.desk.hint(state.kind) : t.desk.state.noneHint;
  const definition = state && stateNamed(model, state.state);
  const settled = state !== null && state.confirmed && model.line.phase === "live";
  return (
    <div
      class="mystate"
      data-field="my-state"
      data-state={state?.state ?? ""}
      data-kind={state?.kind ?? ""}
      data-colour={definition?.colour ?? "grey"}
      data-confirmed={settled}
      data-remark={remark?.kind ?? ""}
      role="group"
      aria-label={t.desk.state.label}
    >
      <button
        type="button"
        class="mystate-now"
        id="open-states"
        aria-expanded={panel === "states"}
        aria-keyshortcuts={STATES_KEY}
        title={`${[...known.map(words), t.desk.state.open].join(" · ")} (${STATES_KEY})`}
        onClick={() => actions.show(panel === "states" ? null : "states")}
      >
        <i class="dot" />
        <bdi class="mystate-name">{state ? name(state.state) : t.desk.state.none}</bdi>
        <Clock />
        <Icon name="more" />
        <span class="mystate-more">
          <bdi>{second}</bdi>
        </span>
      </button>
      <TurnButton />
      <p class="unseen" role="status">
        {state && t.desk.state.said(name(state.state), second)}
      </p>
    </div>
  );
}

function Clock(): JSX.Element | null {
  const { model, t } = useDesk();
  const time = stateClock(model);
  if (time === null) return null;
  const said = duration(time.seconds);
  return (
    <span class="mystate-time" role="timer" aria-live="off" data-clock={time.kind}>
      {time.kind === "over" ? `+${said}` : said}
      {time.kind !== "since" && <span class="unseen"> {time.kind === "left" ? t.desk.state.left(said) : t.desk.state.over(said)}</span>}
    </span>
  );
}

/** Leaves ready and comes back to it, each with one click or one key. */
export function TurnButton({ big = false }: { big?: boolean }): JSX.Element | null {
  const { model, t, actions } = useDesk();
  const name = useStateName();
  const turn = turnOf(model);
  if (turn === null) return null;
  const to = turn.kind === "finish" ? "" : name(turn.to.id);
  const busy = isUnderWay(model, "state.set", OWN) || isUnderWay(model, "wrapup.finish") || model.wanted !== null;
  return (
    <button
      type="button"
      class={big ? "primary mystate-start" : "mystate-turn"}
      id={big ? "start-work" : "turn-state"}
      data-turn={turn.kind}
      title={t.desk.state.turnHint(turn, to)}
      aria-keyshortcuts={TURN_KEY}
      aria-busy={busy}
      onClick={(event) => {
        // The second click of a double click would take back what the first has done.
        if (event.detail <= 1) actions.turn();
      }}
    >
      <bdi>{t.desk.state.turn(turn, to)}</bdi>
      <kbd>{TURN_KEY}</kbd>
    </button>
  );
}

/** All states by what they mean for the queues; opens below the state itself. */
export function StatePicker(): JSX.Element {
  const { model, actions } = useDesk();
  const words = useRemark();
  const known = remarks(model);
  return (
    <>
      {known.length > 0 && (
        <ul class="state-remarks" data-field="state-remarks">
          {known.map((remark) => (
            <li key={remark.kind} data-remark={remark.kind}>
              <bdi>{words(remark)}</bdi>
            </li>
          ))}
        </ul>
      )}
      <Refusal of={["state.set", "wrapup.finish"]} about={OWN} />
      <Choices
        current={model.state?.state ?? null}
        next={model.state?.next ?? null}
        choose={(state) => {
          actions.setState(state);
          actions.show(null);
        }}
      />
    </>
  );
}

/** The same list for a colleague, whose state a supervisor sets. It stays open and shows what came of it. */
export function MatePicker({ mate }: { mate: Teammate }): JSX.Element {
  const { actions } = useDesk();
  return (
    <>
      <Refusal of={["state.set"]} about={{ operator: mate.id }} />
      <Choices
        current={mate.desk?.state ?? null}
        next={null}
        choose={(state) => void actions.command("state.set", { state, operator: mate.id })}
      />
    </>
  );
}

interface Chosen {
  readonly current: string | null;
  readonly next: string | null;
  choose(state: string): void;
}

function Choices(chosen: Chosen): JSX.Element {
  const { model, t } = useDesk();
  return (
    <>
      {choices(model).map(([kind, states]) => (
        <section class="state-kind" key={kind} aria-labelledby={`kind-${kind}`}>
          <h3 id={`kind-${kind}`}>{t.desk.kind(kind)}</h3>
          <div>
            {states.map((state) => (
              <Choice key={state.id} state={state} chosen={chosen} />
            ))}
          </div>
        </section>
      ))}
    </>
  );
}

function Choice({ state, chosen }: { state: StateDefinition; chosen: Chosen }): JSX.Element {
  const { t } = useDesk();
  const name = useStateName();
  const current = chosen.current === state.id;
  const next = chosen.next === state.id;
  return (
    <button
      type="button"
      class="state-choice"
      data-choose-state={state.id}
      data-colour={state.colour}
      aria-pressed={current}
      onClick={() => chosen.choose(state.id)}
    >
      <i class="dot" />
      <bdi>{name(state.id)}</bdi>
      {(current || next) && <span class="state-mark">{current ? t.desk.state.chosen : t.desk.state.then}</span>}
    </button>
  );
}

/** The name of a state in the language of the page. */
export function useStateName(): (id: string) => string {
  const { model, t } = useDesk();
  return (id) => stateNamed(model, id)?.names[t.code === "en" ? "en" : "ru"] ?? id;
}

function useRemark(): (remark: Remark) => string {
  const { t } = useDesk();
  const name = useStateName();
  return (remark) =>
    remark.kind === "by" && remark.who.startsWith("@") ? t.desk.state.remark({ kind: "by", who: t.desk.state.console }, name, "") :
    t.desk.state.remark(remark, name, remark.kind === "unconfirmed" ? remark.queues.map(t.queueName).join(", ") : "");
}
