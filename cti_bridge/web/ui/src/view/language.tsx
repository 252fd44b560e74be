/** The small button with the name of the other language. */

import type { JSX } from "preact";

import { LANGUAGES, stringsFor } from "../strings";
import type { Language } from "../strings";
import { useDesk } from "./desk";

const CODES = Object.keys(LANGUAGES) as Language[];

export function LanguageButton(): JSX.Element {
  const { t, actions } = useDesk();
  const next = CODES[(CODES.findIndex((code) => code === t.code) + 1) % CODES.length] ?? "ru";
  const { code, ownName, shortName } = stringsFor(next);
  return (
    <button
      type="button"
      class="plain-button"
      data-language={code}
      lang={code}
      title={ownName}
      onClick={() => actions.prefer({ language: code })}
    >
      {shortName}
      <span class="unseen"> {ownName}</span>
    </button>
  );
}
