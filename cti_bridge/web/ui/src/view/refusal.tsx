/** Says why something was not done, and can be told that it was read. */

import type { JSX } from "preact";

import { lastRefused } from "../commands";
import { useDesk } from "./desk";

interface About {
  /** Names of commands; the last of them that was refused is told of. */
  readonly of: readonly string[];
  /** Only of commands with these arguments. */
  readonly about?: Readonly<Record<string, unknown>>;
}

export function Refusal({ of, about = {} }: About): JSX.Element | null {
  const { model, t, actions } = useDesk();
  const command = lastRefused(model, of, about);
  if (command === null) return null;
  return (
    <p class="refusal" role="alert" data-refused={command.name} data-code={command.code}>
      <span>
        <bdi>{t.hand.refusal(command.code, command.message)}</bdi>
      </span>
      <button type="button" class="plain-button" onClick={() => actions.dismiss(command.id)}>
        {t.hand.again}
      </button>
    </p>
  );
}
