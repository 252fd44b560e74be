/** The strip on top: the truth about the connections, and who sits here. */

import type { JSX } from "preact";

import { duration } from "../format";
import { serverNow } from "../model";
import type { Source, SourceName } from "../protocol";
import { useDesk } from "./desk";
import { Icon } from "./icon";
import { LanguageButton } from "./language";
import { MyState } from "./mystate";
import { OpenPanel, PanelButtons } from "./panel";

/** A shorter break than this is not worth words (milliseconds). */
const WORTH_WORDS = 1_500;

export function Header(): JSX.Element {
  const { model, t, actions } = useDesk();
  const lostFor = model.now - model.line.since;
  const lost = model.line.phase === "lost" && lostFor >= WORTH_WORDS;
  const extension = model.operator?.phones.map((each) => each.slice(each.indexOf("/") + 1)).join(", ") ?? "";
  return (
    <header class="top" data-lost={lost}>
      <span class="mark">
        <Icon name="quiet" />
      </span>
      <span class="product">{t.product}</span>
      <MyState />
      <p class="link" role="status" data-field="connection">
        {lost ? (
          <>
            <strong>{t.line.phase("lost")}</strong>
            <span class="hint">{t.line.lostHint}</span>
          </>
        ) : null}
      </p>
      {lost && <span class="lost-time">{duration(lostFor / 1000)}</span>}
      <ul class="sources" aria-label={t.line.label}>
        <li data-source="bridge" data-source-state={model.line.phase === "live" ? "up" : "down"}>
          <i class="dot" />
          {t.line.phase(model.line.phase)}
        </li>
        {model.sources.map((source) => (
          <SourceLine key={source.name} source={source} blind={model.line.phase !== "live"} />
        ))}
      </ul>
      <span class="me">
        <bdi data-field="operator">{model.operator?.name}</bdi>
        {extension && <span class="extension">{extension}</span>}
      </span>
      <span class="tools">
        <PanelButtons />
        <LanguageButton />
        <button type="button" class="plain-button" id="sign-out" onClick={actions.signOut}>
          {t.signIn.leave}
        </button>
      </span>
      <OpenPanel />
    </header>
  );
}

function SourceLine({ source, blind }: { source: Source; blind: boolean }): JSX.Element {
  const { model, t } = useDesk();
  const unwell = source.state !== "up";
  const forS = source.since === null ? null : (serverNow(model) - source.since) / 1000;
  const name: SourceName = source.name;
  return (
    <li data-source={name} data-source-state={blind ? "unknown" : source.state}>
      <i class="dot" />
      {t.line.source(name)}
      <span class={unwell && !blind ? "unwell" : "unseen"}>
        {" "}
        {t.line.sourceState(source.state)}
        {unwell && forS !== null && ` ${duration(forS)}`}
      </span>
    </li>
  );
}
