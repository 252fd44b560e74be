/** Colleagues: whose phone rings and in which queue, who talks. Never with whom. */

import type { JSX } from "preact";

import type { Teammate } from "../protocol";
import { useDesk } from "./desk";
import { Icon } from "./icon";

/** More colleagues than this are only counted. */
const SHOWN = 100;

export function Team(): JSX.Element {
  const { model, t } = useDesk();
  const others = model.team.filter((mate) => mate.id !== model.operator?.id);
  const inOrder = [...others].sort((a, b) => a.name.localeCompare(b.name, t.locale));
  const talking = others.filter((mate) => mate.state === "talking").length;
  return (
    <section class="team" aria-labelledby="team">
      <h2 class="quiet" id="team">
        {t.team.title} {others.length > 0 && <span>{t.team.busy(talking, others.length)}</span>}
      </h2>
      {others.length === 0 ? (
        <p class="hollow said">{t.team.alone}</p>
      ) : (
        <ul class="mates" tabIndex={0} aria-label={t.team.title}>
          {inOrder.slice(0, SHOWN).map((mate) => (
            <Mate key={mate.id} mate={mate} />
          ))}
          {others.length > SHOWN && <li class="more">{t.team.more(others.length - SHOWN)}</li>}
        </ul>
      )}
    </section>
  );
}

function Mate({ mate }: { mate: Teammate }): JSX.Element {
  const { t } = useDesk();
  const queue = mate.state === "ringing" ? mate.ringingQueue : null;
  return (
    <li data-operator={mate.id} data-mate-state={mate.state}>
      <i class="dot" />
      <bdi class="mate-name">{mate.name || mate.id}</bdi>
      <span class="mate-state">
        {mate.state === "ringing" && <Icon name="ringing" />}
        <span class={queue === null ? "" : "unseen"}>{t.team.state(mate.state)} </span>
        {queue !== null && <bdi>{t.queueName(queue)}</bdi>}
      </span>
    </li>
  );
}
