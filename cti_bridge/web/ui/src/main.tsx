/**
 * The thin shell of the page: it owns the model, the clock, the socket and the document, and hands everything else on.
 */

import { render } from "preact";

import idleIcon from "./icons/idle.svg";
import ringingIcon from "./icons/ringing.svg";
import type { Model } from "./model";
import { opening, ringingCards } from "./model";
import { dress, keepPreferences, onChange, readPreferences } from "./kept";
import { Outside } from "./outside";
import type { Preferences } from "./preferences";
import { SUBPROTOCOL, ack } from "./protocol";
import { askSession, signIn, signOut } from "./session";
import { Line } from "./socket";
import type { Socket } from "./socket";
import { reduce } from "./state";
import type { Effect, Input } from "./state";
import { languageFor, stringsFor } from "./strings";
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
}

function draw(): void {
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
  if (!document.hidden) wake();
});
window.addEventListener("online", wake);
window.addEventListener("pageshow", wake);
window.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || model.phase !== "signed_in") return;
  if (event.key === "Escape") {
    if (panel === null) actions.close();
    else show(null);
  }
  if (event.key === "F2") {
    event.preventDefault();
    tell({ kind: "next_call", at: now() });
  }
  if (event.key === "?" && !isTyping(event.target)) show(panel === "keys" ? null : "keys");
});

/** Letters belong to whoever writes. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
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
