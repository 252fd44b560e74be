/** Colleagues: in which state they are, whose phone rings and in which queue, who talks. Never with whom. */

import type { JSX } from "preact";

import { duration } from "../format";
import { serverNow } from "../model";
import type { Teammate } from "../protocol";
import type { MateState } from "../protocol_desk";
import { useDesk } from "./desk";
import { Icon } from "./icon";
import { useStateName } from "./mystate";
import { PickUp, PickUpSaid } from "./pickup";

/** More colleagues than this are only counted. */
const SHOWN = 100;

export function Team(): JSX.Element {
  const { model, t } = useDesk();
  const others = model.team.filter((mate) => mate.id !== model.operator?.id);
  // Whose phone rings is seen without scrolling: his call can be taken.
  const rings = (mate: Teammate): number => (mate.state === "ringing" ? 0 : 1);
  const inOrder = [...others].sort((a, b) => rings(a) - rings(b) || a.name.localeCompare(b.name, t.locale));
  const talking = others.filter((mate) => mate.state === "talking").length;
  const ringing = inOrder.find((mate) => mate.state === "ringing");
  return (
    <section class="team" aria-labelledby="team">
      <h2 class="quiet" id="team">
        {t.team.title} {others.length > 0 && <span>{t.team.busy(talking, others.length)}</span>}
      </h2>
      <PickUpSaid />
      {others.length === 0 ? (
        <p class="hollow said">{t.team.alone}</p>
      ) : (
        <ul class="mates" tabIndex={0} aria-label={t.team.title}>
          {inOrder.slice(0, SHOWN).map((mate) => (
            <Mate key={mate.id} mate={mate} first={mate === ringing} />
          ))}
          {others.length > SHOWN && <li class="more">{t.team.more(others.length - SHOWN)}</li>}
        </ul>
      )}
    </section>
  );
}

function Mate({ mate, first }: { mate: Teammate; first: boolean }): JSX.Element {
  const { t } = useDesk();
  const queue = mate.state === "ringing" ? mate.ringingQueue : null;
  const desk = mate.state === "idle" ? mate.desk : null;
  return (
    <li
      data-operator={mate.id}
      data-mate-state={mate.state}
      data-mate-desk={mate.desk?.state ?? ""}
      data-mate-kind={mate.desk?.kind ?? ""}
      data-colour={desk?.colour ?? ""}
    >
      <i class="dot" />
      <MateName mate={mate} />
      <span class="mate-state">
        {mate.state === "ringing" && <Icon name="ringing" />}
        {desk === null ? (
          <span class={queue === null ? "" : "unseen"}>{t.team.state(mate.state)} </span>
        ) : (
          <Standing desk={desk} />
        )}
        {queue !== null && <bdi>{t.queueName(queue)}</bdi>}
      </span>
      <PickUp mate={mate} first={first} />
    </li>
  );
}

/** A supervisor can set everybody's state: for him the name opens the list of them. */
function MateName({ mate }: { mate: Teammate }): JSX.Element {
  const { model, t, panel, actions } = useDesk();
  const name = mate.name || mate.id;
  if (mate.desk === null || model.operator?.role === "operator") return <bdi class="mate-name">{name}</bdi>;
  const list = `mate:${mate.id}` as const;
  return (
    <button
      type="button"
      class="mate-name mate-open"
      aria-label={t.desk.state.setMate(name)}
      aria-expanded={panel === list}
      onClick={() => actions.show(panel === list ? null : list)}
    >
      <bdi>{name}</bdi>
    </button>
  );
}

/** In which state somebody without a call is, and for how long; a phone that is not there matters more. */
function Standing({ desk }: { desk: MateState }): JSX.Element {
  const { model, t } = useDesk();
  const name = useStateName();
  if (desk.unreachable && desk.kind !== "signed_off") return <span class="unwell">{t.desk.team.unreachable}</span>;
  return (
    <>
      <bdi>{name(desk.state)}</bdi>
      {desk.since !== null && <span class="mate-time">{duration((serverNow(model) - desk.since) / 1000)}</span>}
    </>
  );
}
