/** The page as a whole: the sign-in, or the desk with its three columns (past right, now in the middle, the others left). */

import type { JSX } from "preact";

import type { Pane } from "../model";
import { ringingCards } from "../model";
import { spoken } from "../window";
import { OpenChooser } from "./chooser";
import { Header } from "./header";
import { Icon } from "./icon";
import { Now } from "./now";
import { SignIn } from "./signin";
import { Story } from "./story";
import { Team } from "./team";
import { Today } from "./today";
import { WorkList } from "./work";
import { Unsaved } from "./unsaved";
import { useDesk } from "./desk";

export function App(): JSX.Element {
  const { model, t } = useDesk();
  if (model.phase !== "signed_in") return <SignIn />;
  const { now, soon } = spoken(model, t);
  return (
    <div class="desk" id="desk" data-connection={model.line.phase} data-pane={model.pane}>
      <a class="skip" href="#pane-now" onClick={toTheCall}>
        {t.skip}
      </a>
      <Header />
      <Now />
      <Story />
      <section class="side" id="pane-team" aria-label={t.panes.team}>
        <WorkList />
        <Unsaved />
        <Team />
        <Today />
      </section>
      <OpenChooser />
      <Panes />
      <div id="announcer" class="unseen" role="alert">
        {now}
      </div>
      <div id="announcer-polite" class="unseen" role="status">
        {soon}
      </div>
    </div>
  );
}

/** Not by the address: going back must not change what is on the screen. */
function toTheCall(event: Event): void {
  event.preventDefault();
  focusCall();
}

export function focusCall(): void {
  document.getElementById("pane-now")?.focus();
}

const PANES: readonly Pane[] = ["now", "story", "team"];

/** Drawn only where the window is too narrow for all columns. */
function Panes(): JSX.Element {
  const { model, t, actions } = useDesk();
  const rings = model.pane !== "now" && ringingCards(model).length > 0;
  return (
    <nav class="panes" aria-label={t.panes.label}>
      {PANES.map((pane) => (
        <button
          key={pane}
          type="button"
          data-pane-button={pane}
          aria-pressed={model.pane === pane}
          data-rings={rings && pane === "now"}
          onClick={() => actions.pane(pane)}
        >
          {rings && pane === "now" && <Icon name="ringing" />}
          {t.panes[pane]}
          {pane === "team" && model.work !== null && model.work.items.length > 0 && (
            <span class="pane-count">{model.work.items.length}</span>
          )}
        </button>
      ))}
    </nav>
  );
}
