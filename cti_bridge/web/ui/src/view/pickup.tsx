/** Taking the call that rings at a colleague; the caller is seen once he is here. */

import type { JSX } from "preact";

import { isUnderWay, lastRefused } from "../commands";
import { KEYS } from "../controls";
import type { Teammate } from "../protocol";
import { useDesk } from "./desk";

/** The button in a colleague's line; the first of several has the key. */
export function PickUp({ mate, first }: { mate: Teammate; first: boolean }): JSX.Element | null {
  const { model, t, actions } = useDesk();
  if (mate.state !== "ringing") return null;
  const busy = isUnderWay(model, "call.pickup");
  const mine = isUnderWay(model, "call.pickup", { operator: mate.id });
  return (
    <button
      type="button"
      class="pick-up"
      data-action="pickup"
      aria-busy={mine}
      aria-keyshortcuts={first ? KEYS.pickup : undefined}
      disabled={busy || model.line.phase !== "live"}
      onClick={() => actions.command("call.pickup", { operator: mate.id })}
    >
      {t.hand.pickup}
      <span class="unseen"> {t.hand.pickupOf(mate.name || mate.id)}</span>
      {first && <kbd>{KEYS.pickup}</kbd>}
    </button>
  );
}

/** Why it did not work: stands above the list and not in the line, which may be gone by then. */
export function PickUpSaid(): JSX.Element {
  const { model, t, actions } = useDesk();
  const refused = lastRefused(model, ["call.pickup"]);
  return (
    <div class="pick-said" role="status">
      {refused !== null && (
        <p class="warned" data-said="refused" data-code={refused.code}>
          <bdi>{t.hand.refusal(refused.code, refused.message)}</bdi>{" "}
          <button type="button" class="plain-button" onClick={() => actions.dismiss(refused.id)}>
            {t.hand.again}
          </button>
        </p>
      )}
    </div>
  );
}
