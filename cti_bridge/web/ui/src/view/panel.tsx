/**
 * What opens beside the call: the settings of this page, the keys. It covers neither the call nor what one types, it takes the
 * focus because it was asked for, and gives it back.
 */

import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

import { THEMES } from "../preferences";
import { useDesk } from "./desk";
import type { Panel } from "./desk";
import { Icon } from "./icon";
import { MatePicker, StatePicker } from "./mystate";

export function OpenPanel(): JSX.Element | null {
  const { model, t, panel } = useDesk();
  const mate = panel?.startsWith("mate:") ? model.team.find(({ id }) => `mate:${id}` === panel) : undefined;
  if (mate !== undefined) {
    return (
      <Sheet key={panel} name="states" title={t.desk.state.ofMate(mate.name || mate.id)}>
        <MatePicker mate={mate} />
      </Sheet>
    );
  }
  switch (panel) {
    case null:
      return null;
    case "states":
      return (
        <Sheet key={panel} name={panel} title={t.desk.state.title}>
          <StatePicker />
        </Sheet>
      );
    case "settings":
      return (
        <Sheet key={panel} name={panel} title={t.settings.title}>
          <Settings />
        </Sheet>
      );
    case "keys":
      return (
        <Sheet key={panel} name={panel} title={t.keys.title}>
          <Keys />
        </Sheet>
      );
    default:
      return null; // of somebody who is no colleague any more
  }
}

function Sheet({ name, title, children }: { name: Panel; title: string; children: ComponentChildren }): JSX.Element {
  const { t, actions } = useDesk();
  const sheet = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    sheet.current?.focus();
    return () => {
      if (before instanceof HTMLElement && sheet.current?.contains(document.activeElement)) before.focus();
    };
  }, []);
  return (
    <section class="sheet" id="panel" role="dialog" aria-labelledby="panel-title" data-panel={name} tabIndex={-1} ref={sheet}>
      <header>
        <h2 id="panel-title">
          <bdi>{title}</bdi>
        </h2>
        <button type="button" class="close" id="close-panel" onClick={() => actions.show(null)}>
          {t.settings.close}
          <kbd>Esc</kbd>
        </button>
      </header>
      {children}
    </section>
  );
}

function Settings(): JSX.Element {
  const { t, preferences, sound, notices, actions } = useDesk();
  return (
    <>
      <h3>{t.settings.signals}</h3>
      <Switch
        id="sound"
        label={t.settings.sound}
        on={preferences.sound && sound !== "unsupported"}
        able={sound !== "unsupported"}
        hint={t.settings.soundState(sound)}
        flip={(on) => actions.prefer({ sound: on })}
      />
      <button type="button" class="plain-button" id="test-sound" disabled={sound === "unsupported"} onClick={actions.testSound}>
        {t.settings.test}
      </button>
      <Switch
        id="notices"
        label={t.settings.notice}
        on={notices === "on"}
        able={notices !== "unsupported"}
        hint={t.settings.noticeState(notices)}
        flip={actions.switchNotices}
      />
      <Choice
        name="named"
        legend={t.settings.content}
        options={[
          ["true", t.settings.named],
          ["false", t.settings.plain],
        ]}
        chosen={String(preferences.named)}
        choose={(value) => actions.prefer({ named: value === "true" })}
      />
      <Choice
        name="theme"
        legend={t.settings.look}
        options={THEMES.map((theme) => [theme, t.settings.theme(theme)] as const)}
        chosen={preferences.theme}
        choose={(value) => actions.prefer({ theme: THEMES.find((theme) => theme === value) ?? "auto" })}
      />
      <p class="sheet-foot">
        {t.settings.where}
        <button type="button" class="plain-button" data-open="keys" onClick={() => actions.show("keys")}>
          {t.keys.open} <kbd>?</kbd>
        </button>
      </p>
    </>
  );
}

interface SwitchWords {
  readonly id: string;
  readonly label: string;
  readonly hint: string;
  readonly on: boolean;
  readonly able: boolean;
  flip(on: boolean): void;
}

function Switch({ id, label, hint, on, able, flip }: SwitchWords): JSX.Element {
  return (
    <div class="setting">
      <button
        type="button"
        role="switch"
        class="switch"
        id={`switch-${id}`}
        aria-checked={on}
        aria-describedby={`about-${id}`}
        disabled={!able}
        onClick={() => flip(!on)}
      >
        {label}
        <i />
      </button>
      <p id={`about-${id}`} role="status">
        {hint}
      </p>
    </div>
  );
}

interface Choices {
  readonly name: string;
  readonly legend: string;
  readonly options: readonly (readonly [value: string, words: string])[];
  readonly chosen: string;
  choose(value: string): void;
}

function Choice({ name, legend, options, chosen, choose }: Choices): JSX.Element {
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      <div>
        {options.map(([value, words]) => (
          <label key={value}>
            <input type="radio" name={name} value={value} checked={value === chosen} onChange={() => choose(value)} />
            <span>{words}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function Keys(): JSX.Element {
  const { t } = useDesk();
  return (
    <>
      <dl class="keys">
        {t.keys.rows.map(([key, words]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <p class="sheet-foot">{t.keys.hint}</p>
    </>
  );
}

/** In the strip on top: opens and closes the panels, and says when the sound still waits for a click. */
export function PanelButtons(): JSX.Element {
  const { t, panel, sound, actions } = useDesk();
  const toggle = (name: Panel) => () => actions.show(panel === name ? null : name);
  return (
    <>
      {sound === "waiting" && (
        <button type="button" class="plain-button waits" id="wake-sound">
          <Icon name="silent" />
          {t.settings.soundWaits}
        </button>
      )}
      <button
        type="button"
        class="plain-button icon-button help"
        id="open-keys"
        aria-label={t.keys.open}
        title={`${t.keys.open} (?)`}
        aria-expanded={panel === "keys"}
        onClick={toggle("keys")}
      >
        <Icon name="keys" />
      </button>
      <button
        type="button"
        class="plain-button icon-button"
        id="open-settings"
        aria-label={t.settings.open}
        title={t.settings.open}
        aria-expanded={panel === "settings"}
        onClick={toggle("settings")}
      >
        <Icon name="settings" />
      </button>
    </>
  );
}
