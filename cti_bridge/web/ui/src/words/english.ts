/** The page in English. */

import type { CardState, GoneReason, LinePhase, SignInProblem } from "../model";
import type { NoticeState, SoundState, Theme } from "../preferences";
import type { DecidingFact, SourceName, SourceState, TeammateState } from "../protocol";
import type { Reason } from "../reason";
import type { Strings } from "../strings";
import { counted, sentence } from "./counted";
import { desk } from "./desk_english";
import { hand } from "./hand_english";
import { reasons } from "./reasons_english";

const LOCALE = "en-GB";
const some = counted(LOCALE);

const queues: Readonly<Record<string, string>> = {
  "primary-consult": "First consultation",
  sales: "Sales",
  production: "Production",
};
const classes: Readonly<Record<string, string>> = { new: "New customer", sales: "Sales", production: "Production" };
/** The stages that the bridge ships have Russian names; a name that somebody chose stays as it was chosen. */
const stages: Readonly<Record<string, string>> = {
  "готовим предложение": "preparing the offer",
  "предложение отправлено": "offer sent",
  "ждёт оплату": "awaiting payment",
  оплачено: "paid",
  "в работе": "in production",
  доставка: "delivery",
  монтаж: "installation",
  "закрыта, выполнена": "closed, done",
  "закрыта, не состоялась": "closed, lost",
};
const channels: Readonly<Record<string, string>> = {
  phone: "a call",
  call: "a call",
  email: "email",
  messenger: "messenger",
  sms: "SMS",
  telegram: "Telegram",
  whatsapp: "WhatsApp",
};
const outcomes: Readonly<Record<string, string>> = {
  answered: "Call",
  abandoned: "Gave up waiting",
  missed: "Missed call",
  overflowed: "Left unanswered",
  failed: "Call failed",
};

const cardStates: Readonly<Record<CardState, string>> = {
  ringing: "Rings for you",
  dialling: "Calling",
  talking: "Talking",
  held: "On hold",
  consulting: "Consultation",
  ended: "Ended",
};
const signInProblems: Readonly<Record<SignInProblem, string>> = {
  wrong_login: "Wrong login or password.",
  too_many_attempts: "Too many attempts.",
  unreachable: "The server does not answer. Please try again.",
  still_inside: "The server did not answer, you are not signed out yet. Sign in and out once more.",
};
const linePhases: Readonly<Record<LinePhase, string>> = {
  connecting: "Connecting",
  live: "Connected",
  lost: "No connection to the server",
};
const sources: Readonly<Record<SourceName, string>> = { asterisk: "PBX", crm: "CRM", journal: "Event recording" };
const sourceStates: Readonly<Record<SourceState, string>> = { up: "works", down: "does not answer", at_risk: "at risk" };
const teammateStates: Readonly<Record<TeammateState, string>> = { idle: "no call", ringing: "phone rings", talking: "talking" };
const themes: Readonly<Record<Theme, string>> = { auto: "As the system", light: "Light", dark: "Dark" };
const soundStates: Readonly<Record<SoundState, string>> = {
  off: "Off.",
  on: "Rings while your phone rings. During a talk, one quiet tone.",
  waiting: "The browser allows sound after the first click or key on this page.",
  unsupported: "This browser cannot play sound.",
};
const noticeStates: Readonly<Record<NoticeState, string>> = {
  off: "Off. When you switch it on, the browser asks for permission.",
  on: "Appears above other windows and leaves when the phone falls silent.",
  denied:
    "The browser has blocked notifications from this page. Allow them in the site settings (the icon left of the address), then switch on again.",
  unsupported: "Browsers show notifications only for pages opened over https or on this very computer.",
};

function queueName(queue: string): string {
  return queues[queue] ?? queue;
}

function stageName(name: string): string {
  return stages[name] ?? name;
}

function fact(each: DecidingFact): string {
  return reasons.fact(each.fact === "deal.stage" ? { ...each, value: stageName(String(each.value)) } : each);
}

function because(reason: Reason): string {
  switch (reason.kind) {
    case "deal":
      return `The deal is at “${stageName(reason.stage)}”`;
    case "several": {
      const whose = `${some(reason.count, { one: "customer has", other: "customers have" })} this number`;
      return reason.stage === "" ? whose : `${whose}; the furthest deal is at “${stageName(reason.stage)}”`;
    }
    case "facts":
      return sentence(reason.facts.map(fact).join(", "));
    case "no_deal":
      return "A known customer without open deals";
    case "not_in_crm":
      return "This number is not in the CRM";
    case "anonymous":
      return "The number is hidden, the CRM was not asked";
    case "internal":
      return "An internal number, the CRM was not asked";
    case "unparsed":
      return "The number was not understood";
    case "crm_silent":
      return "The CRM did not answer";
    case "crm_failed":
      return "The CRM did not answer, a rule decided without it";
    case "degraded":
      return "The CRM did not answer, the call took the way kept for that";
    case "fallback":
      return "The decision came too late, the PBX took its default way";
    case "plain":
      return "By the general rules";
  }
}

function gone(reason: GoneReason, by: string | null): string {
  switch (reason) {
    case "answered_elsewhere":
      return by === null ? "Answered on another phone" : `${by} answers it`;
    case "no_answer":
      return "Not picked up, the call went on";
    case "abandoned":
      return "The caller hung up";
    case "moved":
      return "The call went on";
    case "ended":
      return "The call is over";
    case "expired":
      return "The card is out of date: the server no longer confirms it";
  }
}

const passed: Readonly<Record<GoneReason, string>> = {
  answered_elsewhere: "answered on another phone",
  no_answer: "not picked up",
  abandoned: "caller gave up",
  moved: "went on",
  ended: "over",
  expired: "out of date",
};

export const english: Strings = {
  locale: LOCALE,
  code: "en",
  ownName: "English",
  shortName: "EN",
  product: "Operator desk",
  days: (count) => some(count, { one: "day", other: "days" }),
  queueName,
  stageName,
  className: (name) => (name === "" ? "No class" : (classes[name] ?? name)),
  channel: (name) => channels[name.toLowerCase()] ?? name,
  cardState: (state) => cardStates[state],

  signIn: {
    login: "Login",
    password: "Password",
    enter: "Sign in",
    busy: "Checking…",
    lead: "The caller’s card, before you pick up.",
    problem: (problem) => signInProblems[problem],
    again: (left) => `Next attempt in ${left}.`,
    leave: "Sign out",
  },

  line: {
    label: "Connections",
    phase: (phase) => linePhases[phase],
    lostHint: "Reconnecting by itself",
    source: (name) => sources[name],
    sourceState: (state) => sourceStates[state],
  },

  idle: {
    title: "Nobody is calling",
    why: "The card appears here together with the call",
    blindTitle: "Calls cannot be seen now",
    blindWhy: "Your phone works without this page: just pick up",
    pbxDown: "The PBX does not answer the server. Your phone works: just pick up",
    deals: "The caller’s deals will be here",
    story: "Notes and earlier calls will be here",
  },

  gone: {
    title: "This call is no longer yours",
    reason: gone,
    where: (queue) => (queue === null ? "The call came straight to you" : `Queue “${queueName(queue)}”`),
    beside: (queue, words) => `${queue === null ? "Another call" : queueName(queue)}. ${words}`,
  },

  call: {
    why: because,
    to: (queue) => (queue === null ? "straight to you" : `queue “${queueName(queue)}”`),
    outgoing: "Outgoing call",
    ofTheHouse: "Internal call",
    rule: (rule) => `rule ${rule}`,
    anonymous: "Hidden number",
    noNumber: "No number",
    internal: (number) => `Internal ${number}`,
    unknown: "A new number. Ask for the name",
    unknownFailed: "The CRM did not answer: nobody knows whose number this is. Ask for the name",
    unknownFallback: "No card: the decision came too late. Ask for the name",
    unknownAnonymous: "Nobody knows who calls. Ask for name and number",
    several: (count) => some(count, { one: "customer", other: "customers" }),
    severalHint: "Several customers have this number. Ask who is speaking",
    severalTitle: "Which of them?",
    networkName: "Name from the network",
    verified: "number verified",
    unverified: "number not verified",
    vip: "VIP",
    vipUnverified: "VIP, but the number is not verified: make sure who is speaking.",
    stale: (age) => `CRM data from ${age}: it did not answer in time just now.`,
    staleUnknownAge: "The CRM data are not fresh: it did not answer in time just now.",
    there: "customer’s time",
    thereBefore: "in the former city",
    thereBeforeHint: "The customer’s time zone is as it was: it is changed in the CRM itself",
    line: "Line",
    email: "Email",
    responsible: "Responsible",
    prefers: "Prefers",
    close: "Close",
    closeReview: "Back",
    reviewed: "From today",
    calling: (name) => `${name} is calling`,
    announce: (name, callClass, why) => `${name} is calling. ${callClass}. ${why}.`,
  },

  desk,
  hand,

  reasons: { ...reasons, fact },

  deal: {
    title: "Deals",
    none: "No open deals",
    noneNew: "No deals yet",
    unseen: "Deals cannot be seen: the CRM did not answer",
    unasked: "Deals cannot be seen: nobody knows who calls",
    place: (at, of) => `Stage ${at} of ${of}`,
    since: (days) => (days === 0 ? "since today" : english.days(days)),
    next: (stage) => `next: ${stageName(stage)}`,
    last: "the last stage",
    open: "open",
    closed: "closed",
    untitled: "Untitled",
    more: (count) => `and ${some(count, { one: "more deal", other: "more deals" })}`,
  },

  story: {
    title: "History",
    kinds: "calls · notes · stages",
    stage: (from, to) => (from === "" ? `Stage: ${to}` : `Stage: ${from} → ${to}`),
    pending: "Loading the history",
    failed: "The history could not be loaded. You can talk without it.",
    empty: "Never called before, no notes.",
    unknown: "The history appears once it is known who is calling.",
    note: "Note",
    outcome: (direction, outcome) =>
      direction === "outbound"
        ? outcome === "answered" ? "Outgoing call" : "Outgoing call, no answer"
        : (outcomes[outcome] ?? "Call"),
  },

  team: {
    title: "Team",
    alone: "Nobody else yet.",
    state: (state) => teammateStates[state],
    busy: (talking, all) => `${talking} of ${all} talking`,
    more: (count) => `and ${count} more`,
  },

  today: {
    title: "Today",
    seen: "my calls",
    empty: "Your calls of the day gather here.",
    talked: (count) => some(count, { one: "call", other: "calls" }),
    total: (time) => `${time} talking`,
    passed: (count) => `${count} passed by`,
    sum: (parts) => `Today: ${parts.join(" · ")}`,
    none: "No calls yet today",
    more: (count) => `and ${count} more`,
    open: "Show the card:",
    gone: (reason, by) => (reason === "answered_elsewhere" && by !== null ? `${by} answered` : passed[reason]),
  },

  settings: {
    open: "Settings",
    title: "Settings",
    close: "Close",
    where: "For this page in this browser.",
    signals: "When your phone rings",
    sound: "Sound",
    soundState: (state) => soundStates[state],
    soundWaits: "Sound awaits a click",
    test: "Test the sound",
    notice: "Desktop notification",
    noticeState: (state) => noticeStates[state],
    content: "What it says",
    named: "Who is calling and why",
    plain: "Only “Incoming call”",
    look: "Look",
    theme: (theme) => themes[theme],
  },

  notice: { plain: "Incoming call", plainBody: "The card is on the operator desk" },

  keys: {
    open: "Keys",
    title: "Keys",
    rows: [
      ["F2", "The next call, when there are several"],
      ["F3", "Call a number; call back"],
      ["F4", "Transfer; while consulting, hand over"],
      ["F6", "Consult; while consulting, back to the caller"],
      ["F7", "Hold and resume"],
      ["⇧F8", "Hang up; reject a call"],
      ["F9", "Pick up a colleague’s call"],
      ["F10", "Leave for a break and come back; finish the wrap-up"],
      ["Alt+S", "All states"],
      ["1 … 9", "Outcome of the call, during the wrap-up"],
      ["Esc", "Leave a field; close a panel, then the card of an ended call"],
      ["?", "This help"],
      ["Tab", "In order: call, history, team"],
    ],
    hint: "When the phone rings, the cursor stays where it was: nothing you type is lost.",
  },

  skip: "To the call",

  panes: { label: "Sections", now: "Call", story: "History", team: "To do" },

  windowTitle: {
    ringing: (name) => `☎ ${name} is calling`,
    dialling: (name) => `${name} — calling`,
    talking: (name) => `${name} — talking`,
    lost: "No connection — Operator desk",
  },
};
