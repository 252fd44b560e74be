/**
 * To whom the call goes: opens beside the card, where the story stands. One field searches colleagues and queues and takes a
 * number; arrows move, Enter chooses. Who is free is asked anew while it is open.
 */

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Chooser as Open } from "../hand";
import { extension, found, looksLikeNumber, moved, numberIn, toArgs } from "../targets";
import type { Target } from "../targets";
import { phone } from "../format";
import { useDesk } from "./desk";

export function OpenChooser(): JSX.Element | null {
  const { model } = useDesk();
  const { chooser } = model.hand;
  return chooser === null ? null : <Chooser key={`${chooser.callId} ${chooser.purpose}`} chooser={chooser} />;
}

function Chooser({ chooser }: { chooser: Open }): JSX.Element {
  const { model, t, actions } = useDesk();
  const [typed, setTyped] = useState("");
  const [marked, setMarked] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    field.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);

  const { list, failed } = model.hand.targets;
  // Before it is known who there is, an extension would be taken for a number outside.
  const known = list ?? { operators: [], queues: [], numbers: false };
  const targets = found(known, typed, chooser.purpose, t.locale, t.queueName);
  // The mark stays with whom it was put on while the list is told anew around him; when he has left, nobody is meant.
  const at = targets.findIndex((each) => keyOf(each) === marked);
  const chosen = targets[at];
  const first = marked === null && typed.trim() !== "" ? targets[0] : undefined;
  useLayoutEffect(() => {
    if (first) setMarked(keyOf(first));
  }, [first]);
  const choose = (target: Target | undefined): void => {
    if (target) actions.command(`call.${chooser.purpose}`, { call: chooser.callId, to: toArgs(target) });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const next = targets[moved(at, step, targets.length)];
      setMarked(next ? keyOf(next) : null);
    }
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      // Without a letter and without an arrow nobody has been meant.
      choose(chosen);
    }
  };
  return (
    <section class="sheet chooser" id="chooser" role="dialog" aria-labelledby="chooser-title" data-purpose={chooser.purpose}>
      <header>
        <h2 id="chooser-title">{t.hand.chooser.title(chooser.purpose)}</h2>
        <button type="button" class="close" onClick={() => actions.hand({ kind: "chooser", purpose: null })}>
          {t.hand.chooser.close}
          <kbd>Esc</kbd>
        </button>
      </header>
      <input
        class="box"
        id="chooser-field"
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="chooser-list"
        aria-activedescendant={chosen ? `to-${at}` : undefined}
        aria-label={t.hand.chooser.search}
        aria-describedby="chooser-said"
        placeholder={t.hand.chooser.search}
        autoComplete="off"
        spellcheck={false}
        maxLength={60}
        ref={field}
        value={typed}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          setMarked(null);
        }}
        onKeyDown={onKeyDown}
      />
      <p class="chooser-said" id="chooser-said" role="status">
        {words()}
      </p>
      <ul class="targets" id="chooser-list" role="listbox" aria-label={t.hand.chooser.list}>
        {targets.map((target, index) => (
          <TargetLine
            key={keyOf(target)}
            id={`to-${index}`}
            target={target}
            marked={index === at}
            choose={() => choose(target)}
          />
        ))}
      </ul>
    </section>
  );

  function words(): string {
    if (list === null) return failed ? t.hand.chooser.failed : t.hand.chooser.loading;
    if (looksLikeNumber(typed) && targets.every(({ kind }) => kind !== "operator")) {
      if (!known.numbers) return t.hand.chooser.noNumbers;
      if (numberIn(typed) === null) return t.hand.chooser.notNumber;
    }
    return targets.length === 0 ? t.hand.chooser.nobody : t.hand.chooser.keys;
  }
}

function keyOf(target: Target): string {
  return `${target.kind} ${target.id}`;
}

function TargetLine({ id, target, marked, choose }: { id: string; target: Target; marked: boolean; choose(): void }): JSX.Element {
  const line = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (marked) line.current?.scrollIntoView({ block: "nearest" });
  }, [marked]);
  return (
    <li
      class="target"
      id={id}
      role="option"
      aria-selected={marked}
      data-to={target.kind}
      data-to-id={target.id}
      data-free={target.kind === "operator" ? target.colleague.free : undefined}
      ref={line}
      // The field keeps the focus, so that keys and mouse can be mixed.
      onMouseDown={(event) => event.preventDefault()}
      onClick={choose}
    >
      <i class="dot" />
      <bdi class="target-name">{target.kind === "number" ? phone(target.name) : target.name}</bdi>
      <span class="target-more">
        <More target={target} />
      </span>
    </li>
  );
}

function More({ target }: { target: Target }): JSX.Element {
  const { t } = useDesk();
  switch (target.kind) {
    case "number":
      return <>{t.hand.chooser.number}</>;
    case "queue": {
      const { free, waiting } = target.queue;
      const says = t.hand.chooser.queueSays(free, waiting);
      return <>{says === "" ? t.hand.chooser.queue : `${t.hand.chooser.queue} · ${says}`}</>;
    }
    case "operator": {
      const phones = target.colleague.phones.map(extension).join(", ");
      return (
        <>
          {t.hand.chooser.state(target.colleague.state)}
          {phones !== "" && <span class="extension"> · {phones}</span>}
        </>
      );
    }
  }
}
