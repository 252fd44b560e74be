/** The row of what can be done with the call: it stands at the foot of the card, and neither it nor its buttons ever move. */

import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";

import { KEYS, controls, said } from "../controls";
import type { Control, ControlName } from "../controls";
import type { Call } from "../protocol";
import type { Handed } from "../protocol_hand";
import { CallBack, Confirm } from "./dial";
import { useDesk } from "./desk";
import { Icon } from "./icon";
import type { IconName } from "./icon";

/** A card that has just come under the mouse is not hung up by a click that was meant for what stood there before (milliseconds). */
const SETTLES = 800;
/** Why something was not possible is said for so long (milliseconds). */
const DENIED_FOR = 6_000;

const ICONS: Readonly<Record<ControlName, IconName>> = {
  transfer: "transfer",
  consult: "consulting",
  complete: "complete",
  consult_cancel: "gone",
  hold: "held",
  resume: "resume",
  hangup: "hangup",
  reject: "hangup",
};

export function Controls({ call }: { call: Call }): JSX.Element {
  const { model, t, actions } = useDesk();
  const [denied, setDenied] = useState<{ name: ControlName; at: number } | null>(null);
  const since = useRef(model.now);
  const row = controls(model, call);
  const press = (control: Control): void => {
    if (control.why !== null) return setDenied({ name: control.name, at: model.now });
    setDenied(null);
    switch (control.name) {
      case "transfer":
      case "consult":
        return actions.hand({ kind: "chooser", purpose: control.name });
      case "hangup":
      case "reject":
        if (performance.timeOrigin + performance.now() - since.current < SETTLES) return;
        return void actions.command("call.hangup", { call: call.id });
      default:
        return void actions.command(`call.${control.name}`, { call: call.id });
    }
  };
  if (model.hand.dialling !== null) return <Confirm dialling={model.hand.dialling} />;
  const refused = denied !== null && model.now - denied.at < DENIED_FOR ? row.find(({ name }) => name === denied.name) : undefined;
  return (
    <div class="hand" data-field="hand">
      {row.length === 0 ? (
        <CallBack call={call} />
      ) : (
        <div class="controls" role="group" aria-label={t.hand.row}>
          {row.map((control) => (
            <ControlButton key={control.place} control={control} press={() => press(control)} />
          ))}
        </div>
      )}
      <p class="said-line" role="status" data-field="said">
        {refused?.why ? <span class="warned">{t.hand.why(refused.why)}</span> : <SaidWords call={call} />}
      </p>
    </div>
  );
}

/** Greyed and not disabled: whoever comes by with keys or a reader hears why it is so. */
function ControlButton({ control, press }: { control: Control; press(): void }): JSX.Element {
  const { t } = useDesk();
  const { place, name, why, busy, prominent } = control;
  return (
    <button
      type="button"
      class="control"
      data-place={place}
      data-action={name}
      data-prominent={prominent}
      data-busy={busy}
      aria-disabled={why !== null}
      aria-busy={busy}
      aria-keyshortcuts={KEYS[place]}
      title={why === null ? undefined : t.hand.why(why)}
      onClick={(event) => {
        // The second click of a double click was not meant for anything.
        if (event.detail <= 1) press();
      }}
    >
      <Icon name={ICONS[name]} />
      <span class="control-name">{t.hand.control(name)}</span>
      <kbd>{KEYS[place].replace("Shift+", "⇧")}</kbd>
    </button>
  );
}

function SaidWords({ call }: { call: Call }): JSX.Element | null {
  const { model, t, actions } = useDesk();
  const what = said(model, call);
  const handed = (to: Handed): string => (to.kind === "queue" ? t.queueName(to.id) : to.name);
  const named = (id: string): string => model.hand.targets.list?.operators.find((each) => each.id === id)?.name ?? t.queueName(id);
  switch (what.kind) {
    case "nothing":
      return null;
    case "under_way":
      return (
        <span data-said="under_way">
          <i class="spin" />
          <bdi>{t.hand.busy(what.name, what.to === "" ? "" : named(what.to))}</bdi>
        </span>
      );
    case "refused":
      return (
        <span class="warned" data-said="refused" data-code={what.command.code}>
          <bdi>{t.hand.refusal(what.command.code, what.command.message)}</bdi>{" "}
          <button type="button" class="plain-button" onClick={() => actions.dismiss(what.command.id)}>
            {t.hand.again}
          </button>
        </span>
      );
    case "came_back":
      return (
        <span class="warned" data-said="came_back" data-reason={what.reason}>
          <bdi>{t.hand.cameBack(handed(what.to), what.reason)}</bdi>
        </span>
      );
    case "not_asked":
      return (
        <span class="warned" data-said="not_asked" data-reason={what.reason}>
          <bdi>{t.hand.notAsked(what.to, what.reason)}</bdi>
        </span>
      );
    case "handed_to_you":
      return (
        <span data-said="handed_to_you">
          <bdi>{t.hand.handedToYou(what.by)}</bdi>
        </span>
      );
    case "transferring":
      return (
        <span data-said="transferring">
          <i class="spin" />
          <bdi>{t.hand.transferring(handed(what.to))}</bdi>
        </span>
      );
    case "handed_on":
      return (
        <span data-said="handed_on">
          <bdi>{(what.to.kind === "queue" ? t.hand.handedToQueue : t.hand.handedOn)(handed(what.to))}</bdi>
        </span>
      );
    case "held":
      return <span data-said="held">{t.hand.held(what.by)}</span>;
  }
}
