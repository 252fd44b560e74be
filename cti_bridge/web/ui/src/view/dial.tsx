/** Calling somebody: the field for a number while nobody calls, the button at a number, and the question before it is done. */

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { KEYS } from "../controls";
import { phone } from "../format";
import type { Dialling } from "../hand";
import type { Call } from "../protocol";
import { isAmbiguous } from "../reason";
import { numberIn } from "../targets";
import { dialledLine, whoCalls } from "../who";
import { useDesk } from "./desk";
import { Icon } from "./icon";

/** A number that can be called back from a card, with the line that the customer knows. */
export function diallingFor(call: Call, number: string, name: string): Dialling {
  // The line that he dialled: he is to see that number again.
  const line = call.direction === "inbound" ? (call.line?.did ?? "") : "";
  const known = { number, name, line, lineName: line === "" ? "" : dialledLine(call) };
  // Of several people nobody is meant before somebody has said who it is.
  return call.customer === null || isAmbiguous(call) ? known : { ...known, customer: call.customer.id };
}

/** While somebody is on the phone nobody else can be called. */
export function useBusy(): boolean {
  const { model } = useDesk();
  return model.cards.some(({ call }) => call.state !== "ended");
}

/** A small button beside a number. */
export function DialButton({ call, number, name }: { call: Call; number: string; name: string }): JSX.Element | null {
  const { model, t, actions } = useDesk();
  const busy = useBusy();
  if (!model.desk.dial || numberIn(number) === null) return null;
  return (
    <button
      type="button"
      class="small-button"
      data-dial={number}
      aria-disabled={busy}
      aria-label={t.hand.dial.to(phone(number))}
      title={busy ? t.hand.why("busy_here") : t.hand.dial.to(phone(number))}
      onClick={() => !busy && actions.hand({ kind: "dialling", dialling: diallingFor(call, number, name) })}
    >
      <Icon name="quiet" />
    </button>
  );
}

/** In the row of an ended or reviewed card. */
export function CallBack({ call }: { call: Call }): JSX.Element {
  const { model, t, actions } = useDesk();
  const busy = useBusy();
  const can = model.desk.dial && call.kind === "external" && numberIn(call.number) !== null;
  const who = whoCalls(call, t);
  return (
    <div class="controls">
      {can && (
        <button
          type="button"
          class="control"
          data-action="call_back"
          aria-disabled={busy}
          aria-keyshortcuts={KEYS.number}
          title={busy ? t.hand.why("busy_here") : undefined}
          onClick={() =>
            !busy && actions.hand({ kind: "dialling", dialling: diallingFor(call, call.number, who.known ? who.title : "") })
          }
        >
          <Icon name="dialling" />
          <span class="control-name">{t.hand.dial.again}</span>
          <kbd>{KEYS.number}</kbd>
        </button>
      )}
    </div>
  );
}

/** In the row of the idle middle. */
export function DialField(): JSX.Element {
  const { model, t, actions } = useDesk();
  const [typed, setTyped] = useState("");
  const [wrong, setWrong] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const asked = useRef(false);
  const asks = model.hand.dialling !== null;
  useEffect(() => {
    // Whoever says no goes on with the number that he has typed.
    if (asked.current && !asks) input.current?.focus();
    asked.current = asks;
  }, [asks]);
  if (model.hand.dialling !== null) return <Confirm dialling={model.hand.dialling} />;
  if (!model.desk.dial) return <div class="hand" />;
  const ask = (event: Event): void => {
    event.preventDefault();
    const number = numberIn(typed);
    setWrong(number === null);
    if (number === null) return input.current?.focus();
    actions.hand({ kind: "dialling", dialling: { number, name: "", line: "", lineName: "" } });
  };
  return (
    <div class="hand" data-field="hand">
      <form class="controls dial" onSubmit={ask} noValidate>
        <label class="unseen" for="dial-number">
          {t.hand.dial.label}
        </label>
        <input
          id="dial-number"
          class="box"
          type="tel"
          inputMode="tel"
          autoComplete="off"
          maxLength={40}
          placeholder={t.hand.dial.placeholder}
          ref={input}
          value={typed}
          aria-invalid={wrong}
          aria-describedby="dial-said"
          aria-keyshortcuts={KEYS.number}
          onInput={(event) => {
            setTyped(event.currentTarget.value);
            setWrong(false);
          }}
        />
        <button type="submit" class="control" data-action="dial">
          <Icon name="dialling" />
          <span class="control-name">{t.hand.dial.button}</span>
          <kbd>{KEYS.number}</kbd>
        </button>
      </form>
      <p class="said-line" role="status" id="dial-said" data-field="said">
        {wrong ? <span class="warned">{t.hand.dial.wrong}</span> : <DialSaid />}
      </p>
    </div>
  );
}

/** What became of the last call that was begun here. */
function DialSaid(): JSX.Element | null {
  const { model, t, actions } = useDesk();
  const last = model.commands.findLast(({ name }) => name === "call.dial" || name === "call.pickup");
  if (last === undefined) return null;
  if (last.phase === "sent") {
    return (
      <span data-said="under_way">
        <i class="spin" />
        {t.hand.busy(last.name, last.name === "call.dial" ? phone(String(last.args["number"] ?? "")) : "")}
      </span>
    );
  }
  return (
    <span class="warned" data-said="refused" data-code={last.code}>
      <bdi>{t.hand.refusal(last.code, last.message)}</bdi>{" "}
      <button type="button" class="plain-button" onClick={() => actions.dismiss(last.id)}>
        {t.hand.again}
      </button>
    </span>
  );
}

/** The question: Enter calls, Esc does not. It takes the focus because it was asked for, and stands where the row stands. */
export function Confirm({ dialling }: { dialling: Dialling }): JSX.Element {
  const { model, t, actions } = useDesk();
  const yes = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    yes.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const { number, name, line, lineName } = dialling;
  const shown = phone(number);
  const lost = model.line.phase !== "live";
  const call = (event: MouseEvent): void => {
    // The second click of a double click asked for nothing, and without a line nobody would be called before it is back.
    if (event.detail > 1 || lost) return;
    actions.command("call.dial", {
      number,
      ...(line === "" ? {} : { line }),
      ...(dialling.customer === undefined ? {} : { customer: dialling.customer }),
      ...(dialling.item === undefined ? {} : { item: dialling.item }),
    });
  };
  return (
    <div class="hand" data-field="hand">
      <div class="controls sure" role="group" aria-labelledby="sure">
        <p id="sure" data-field="sure">
          <bdi>{t.hand.dial.sure(name === "" ? shown : `${shown}, ${name}`)}</bdi>
        </p>
        <button
          type="button"
          class="control"
          data-prominent="true"
          data-action="dial_yes"
          aria-disabled={lost}
          ref={yes}
          // An Enter that is still held down from the number is no answer.
          onKeyDown={(event) => event.repeat && event.preventDefault()}
          onClick={call}
        >
          <Icon name="dialling" />
          <span class="control-name">{t.hand.dial.button}</span>
          <kbd>⏎</kbd>
        </button>
        <button type="button" class="control" data-action="dial_no" onClick={() => actions.hand({ kind: "dialling", dialling: null })}>
          <span class="control-name">{t.hand.dial.no}</span>
          <kbd>Esc</kbd>
        </button>
      </div>
      <p class="said-line" data-field="said">
        <bdi>
          {lost ? t.hand.why("no_line") : t.hand.dial.first}
          {line !== "" && `. ${t.hand.dial.shows(lineName === "" || lineName === phone(line) ? phone(line) : `${phone(line)} (${lineName})`)}`}
        </bdi>
      </p>
    </div>
  );
}
