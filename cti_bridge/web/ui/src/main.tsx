/**
 * The thin shell of the page: it owns the model, the clock, the socket and the document, and hands everything else on.
 */

import { render } from "preact";

import idleIcon from "./icons/idle.svg";
import ringingIcon from "./icons/ringing.svg";
import { isOnlyHere } from "./after";
import { BUTTON_KEYS } from "./controls";
import { isUngiven } from "./drafts";
import type { Model } from "./model";
import { opening, ringingCards } from "./model";
import { dress, keepPreferences, onChange, readPreferences } from "./kept";
import { Outside } from "./outside";
import type { Preferences } from "./preferences";
import { SUBPROTOCOL, ack } from "./protocol";
import { command } from "./protocol_desk";
import { askSession, signIn, signOut } from "./session";
import { Line } from "./socket";
import type { Socket } from "./socket";
import { dueCommand, reduce } from "./state";
import type { Effect, Input } from "./state";
import { turnOf, wrapUpCallId } from "./staffing";
import { languageFor, stringsFor } from "./strings";
import { writtenCallId } from "./view/after";
import { App, focusCall } from "./view/app";
import { DeskContext } from "./view/desk";
import type { Actions, Panel } from "./view/desk";
import { windowTitle } from "./window";

const root = document.getElementById("root") as HTMLElement;
const favicon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');

/** Local milliseconds that only go forward, whatever is done to the machine's clock. The server's time is told by frames. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

let model: Model = opening(now());
let preferences: Preferences = readPreferences();
let panel: Panel | null = null;

function tell(input: Input): void {
  const heardAt = performance.now();
  const step = reduce(model, input);
  model = step.model;
  draw();
  for (const effect of step.effects) carryOut(effect, heardAt);
  const wanted = dueCommand(model);
  if (wanted !== null) tell({ kind: "command", id: newId(), wanted, at: now() });
}

/** An id that no other page has: not from the browser's crypto.randomUUID, which pages over plain http do not get. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

let drawing = false;
let outdated = false;

/** What is taken off the page loses the focus, and its handlers may speak while it is drawn: that is drawn afterwards, never within. */
function draw(): void {
  outdated = true;
  if (drawing) return;
  drawing = true;
  try {
    while (outdated) {
      outdated = false;
      drawOnce();
    }
  } finally {
    drawing = false;
  }
}

function drawOnce(): void {
  if (model.phase !== "signed_in") panel = null;
  const language = languageFor(preferences.language, model.operator?.language || null, navigator.languages);
  const t = stringsFor(language);
  const sound = outside.sound(preferences);
  const notices = outside.notices(preferences);
  document.documentElement.lang = t.code;
  const focused = document.activeElement;
  render(
    <DeskContext.Provider value={{ model, t, preferences, panel, sound, notices, actions }}>
      <App />
    </DeskContext.Provider>,
    root,
  );
  // What had the focus is gone, a closed card for one: whoever works with keys goes on at the call, not at the very top.
  if (focused && !focused.isConnected && document.activeElement === document.body) focusCall();
  const title = windowTitle(model, t);
  if (document.title !== title) document.title = title;
  const icon = model.line.phase === "live" && ringingCards(model).length > 0 ? ringingIcon : idleIcon;
  if (favicon && favicon.getAttribute("href") !== icon) favicon.setAttribute("href", icon);
  outside.attend(model, t, preferences);
}

function prefer(change: Partial<Preferences>): void {
  preferences = { ...preferences, ...change };
  keepPreferences(preferences);
  dress(preferences.theme);
  draw();
}

function show(wanted: Panel | null): void {
  panel = wanted;
  draw();
}

function carryOut(effect: Effect, heardAt: number): void {
  switch (effect.kind) {
    case "ack":
      return afterPaint(() => line.send(ack(effect.seq, performance.now() - heardAt)));
    case "resync":
      return line.resync();
    case "command":
      return line.send(command(effect.command.id, effect.command.name, effect.command.args));
  }
}

/** Run once the drawn page is on the screen. A hidden window is never painted: there, drawn has to do. */
function afterPaint(then: () => void): void {
  const soon = (): void => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      then();
    };
    channel.port2.postMessage(null);
  };
  if (document.hidden) soon();
  else requestAnimationFrame(soon);
}

function openSocket(): Socket {
  const address = new URL("/ws", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const web = new WebSocket(address, SUBPROTOCOL);
  const socket: Socket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => {
      if (web.readyState === WebSocket.OPEN) web.send(text);
    },
    close: () => web.close(),
  };
  web.onopen = () => socket.onopen?.();
  web.onmessage = (event) => {
    if (typeof event.data === "string") socket.onmessage?.(event.data);
  };
  web.onclose = (event) => socket.onclose?.(event.code);
  return socket;
}

const line = new Line({
  openSocket,
  askSession,
  now,
  after: (milliseconds, then) => {
    const timer = setTimeout(then, milliseconds);
    return () => clearTimeout(timer);
  },
  random: Math.random,
  resume: () => (model.stream === null ? null : { stream: model.stream, seq: model.seq }),
  tell,
});

/** Whoever finishes a wrap-up with two presses in a row does not mean to leave with the second (milliseconds). */
const TWICE = 1_000;
let finishedAt = Number.NEGATIVE_INFINITY;

const actions: Actions = {
  signIn: (login, password) => {
    tell({ kind: "sign_in_sent", at: now() });
    void signIn(login, password).then((answer) => {
      if (answer.kind === "inside") return line.start();
      const { problem, retryAfterS } = answer;
      return tell({ kind: "sign_in_failed", problem, retryAfterS, at: now() });
    });
  },
  signOut: () => {
    tell({ kind: "hurry", at: now() });
    line.stop();
    tell({ kind: "leaving", at: now() });
    void signOut().then((heard) => {
      tell({ kind: "no_session", at: now() });
      if (!heard) tell({ kind: "sign_in_failed", problem: "still_inside", retryAfterS: 0, at: now() });
    });
  },
  look: (callId) => tell({ kind: "look", callId, at: now() }),
  review: (key) => tell({ kind: "review", key, at: now() }),
  close: () => tell({ kind: "close", at: now() }),
  pane: (pane) => tell({ kind: "pane", pane, at: now() }),
  prefer,
  show,
  switchNotices: (on) => {
    if (!on) return prefer({ notices: false });
    void outside.askForNotices().then((granted) => (granted ? prefer({ notices: true }) : draw()));
  },
  testSound: () => outside.testSound(),
  command: (name, args) => {
    const id = newId();
    tell({ kind: "command", id, wanted: { name, args }, at: now() });
    return id;
  },
  dismiss: (id) => tell({ kind: "dismiss", id, at: now() }),
  setState: (state) => tell({ kind: "set_state", state, at: now() }),
  turn: () => {
    const turn = turnOf(model);
    if (turn === null || (turn.kind === "leave" && now() - finishedAt < TWICE)) return;
    if (turn.kind === "finish") finishedAt = now();
    tell(turn.kind === "finish" ? { kind: "finish", at: now() } : { kind: "set_state", state: turn.to.id, at: now() });
  },
  write: (callId, change) => tell({ kind: "write", callId, change, at: now() }),
  keep: () => tell({ kind: "hurry", at: now() }),
  hand: (input) => tell({ ...input, at: now() }),
  askToDial: (dialling) => tell({ kind: "dialling", dialling, at: now() }),
};

const outside = new Outside(actions.look, () => draw());

/** A gap this long between two ticks means that the machine slept (milliseconds). */
const SLEPT = 10_000;
/** So far may the two clocks run apart between two ticks before ours is no longer believed (milliseconds). */
const APART = 3_000;

let ticked = { own: now(), wall: Date.now() };

function tick(): void {
  const before = ticked;
  ticked = { own: now(), wall: Date.now() };
  tell({ kind: "tick", at: ticked.own });
  const gap = ticked.own - before.own;
  const wallGap = ticked.wall - before.wall;
  if (Math.abs(wallGap - gap) > APART) line.again();
  else if (gap > SLEPT && !document.hidden) line.check();
}

/** The window is looked at again, or the network is back: first throw out what is over, then try the line. */
function wake(): void {
  tick();
  line.check();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) actions.keep();
  else wake();
});
// F5 lies between F4 and F6: what is typed and perhaps nowhere but here is sent at once, and does not go without a question.
window.addEventListener("beforeunload", (event) => {
  actions.keep();
  if (isOnlyHere(model) || isUngiven(model)) event.preventDefault();
});
window.addEventListener("online", wake);
window.addEventListener("pageshow", wake);
window.addEventListener("keydown", (event) => {
  const stray = isStray(event);
  // By its place: with Alt the layout of the country gives other letters.
  if (event.altKey && !event.ctrlKey && !event.metaKey && event.code === "KeyS" && model.phase === "signed_in") {
    event.preventDefault();
    return show(panel === "states" ? null : "states");
  }
  if (event.altKey || event.ctrlKey || event.metaKey || model.phase !== "signed_in") return;
  if (event.key === "Escape") {
    if (leaveField(event.target)) return;
    if (model.hand.dialling !== null) actions.hand({ kind: "dialling", dialling: null });
    else if (model.hand.chooser !== null) actions.hand({ kind: "chooser", purpose: null });
    else if (panel === null) actions.close();
    else show(null);
  }
  if (event.key === "F2") {
    event.preventDefault();
    tell({ kind: "next_call", at: now() });
  }
  if (event.key === "F10" && !event.shiftKey) {
    event.preventDefault();
    if (!event.repeat) actions.turn();
  }
  if (!stray && !isTyping(event.target) && !isScore(event.target) && panel === null && model.hand.chooser === null) chooseOutcome(event.key);
  pressButton(event);
  if (event.key === "?" && !stray && !isTyping(event.target)) show(panel === "keys" ? null : "keys");
});

/** Keys are pressed for the button that shows them: what is not on the screen cannot be hit, and what is greyed says why. */
function pressButton(event: KeyboardEvent): void {
  const key = `${event.shiftKey ? "Shift+" : ""}${event.key}`;
  if (!BUTTON_KEYS.includes(key)) return;
  event.preventDefault(); // some of them are the browser's own
  const place = document.querySelector<HTMLElement>(`[aria-keyshortcuts="${key}"]:enabled`);
  if (event.repeat || place === null) return;
  if (place instanceof HTMLInputElement) place.focus();
  else place.click();
}

/** Out of a field of the form, so that digits choose again. Elsewhere Esc closes what it always closes. */
function leaveField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement) || !isTyping(target) || target.closest(".after") === null) return false;
  document.querySelector<HTMLElement>(".after")?.focus();
  return true;
}

/** In the wrap-up a digit is an outcome. */
function chooseOutcome(key: string): void {
  const callId = wrapUpCallId(model);
  const outcome = /^[1-9]$/.test(key) ? model.desk.outcomes[Number(key) - 1] : undefined;
  if (callId === null || outcome === undefined || writtenCallId(model) !== callId) return;
  actions.write(callId, { outcome: outcome.id });
  actions.keep();
}

/** The field that was written in last, and when (milliseconds). */
let written: { readonly field: HTMLElement; readonly at: number } | null = null;
/** Who still writes into a field that has just gone with its call or its list has not seen it go for so long (milliseconds). */
const UNSEEN = 1_500;

/** Whether this key was meant for a field that is gone: no digit of a number becomes the outcome of the call that ended. */
function isStray({ target, key }: KeyboardEvent): boolean {
  const at = performance.now();
  if (target instanceof HTMLElement && isTyping(target)) {
    // Whoever ends a field by himself knows that it goes.
    written = key === "Enter" || key === "Escape" ? null : { field: target, at };
    return false;
  }
  if (written === null || written.field.isConnected || at - written.at >= UNSEEN) return false;
  written = { ...written, at };
  return true;
}

/** There a digit means the score. */
function isScore(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("[name=score]");
}

/** Letters belong to whoever writes. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input:not([type=radio]), textarea, select"));
}

/** The browser may just have begun to let us be heard. */
function touched(): void {
  if (preferences.sound) draw();
}

for (const gesture of ["pointerup", "keyup"]) window.addEventListener(gesture, touched);
onChange(() => {
  preferences = readPreferences();
  dress(preferences.theme);
  draw();
});

draw();
line.start();
setInterval(tick, 1000);
