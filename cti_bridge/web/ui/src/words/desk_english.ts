/** The operator's state, what is written down of a call and the work list, in English. */

import type { Keeping } from "../after";
import type { Field, StateKind, WorkColour, WorkKind } from "../protocol_desk";
import { counted } from "./counted";
import type { desk as russianDesk } from "./desk_russian";

const some = counted("en-GB");

const kinds: Readonly<Record<StateKind, string>> = {
  ready: "Taking calls",
  last: "Last in line",
  away: "Not taking calls",
  wrap_up: "After a call",
  signed_off: "Shift",
};
const kindHints: Readonly<Record<StateKind, string>> = {
  ready: "calls come to you",
  last: "calls when all are busy",
  away: "no calls come to you",
  wrap_up: "new calls will wait",
  signed_off: "no calls come to you",
};
const fields: Readonly<Record<Field, string>> = {
  outcome: "outcome",
  note: "note",
  feedback: "feedback",
  next_step: "next step",
};
const keepings: Readonly<Record<Keeping, string>> = {
  untouched: "saves by itself",
  saved: "saved",
  saving: "saving…",
  unsaved: "not saved yet",
  failed: "not saved, trying again",
};
const workKinds: Readonly<Record<WorkKind, string>> = { missed: "Missed", callback: "Call back", task: "To do" };
const workColours: Readonly<Record<WorkColour, string>> = { red: "urgent", amber: "today", green: "later" };

export const desk: typeof russianDesk = {
  kind: (kind) => kinds[kind],
  hint: (kind) => kindHints[kind],

  state: {
    label: "My state",
    title: "My state",
    ofMate: (name) => `State: ${name}`,
    setMate: (name) => `Change the state: ${name}`,
    none: "State unknown",
    noneHint: "the server has not said it yet",
    open: "all states",
    remark: (remark, name, queues) => {
      switch (remark.kind) {
        case "unreachable":
          return "your phone is not registered";
        case "asked":
          return `changing: ${name(remark.state)}…`;
        case "elsewhere_paused":
          return "you were paused at the PBX";
        case "elsewhere_ready":
          return "your pause was ended at the PBX";
        case "blind":
          return "as it was before the break";
        case "unconfirmed":
          return queues === "" ? "the PBX has not confirmed" : `the PBX has not confirmed: ${queues}`;
        case "overdue":
          return "the time for it is over";
        case "next":
          return `after the call: ${name(remark.state)}`;
        case "next_wrap_up":
          return `then: ${name(remark.state)}`;
        case "by":
          return `set for you: ${remark.who}`;
        case "pbx":
          return "changed at the PBX";
        case "page_gone":
          return "the page was closed";
        case "limit":
          return "the time for it was over";
      }
    },
    turn: (turn, name) => (turn.kind === "start" ? "Start work" : turn.kind === "finish" ? "Finish" : name),
    turnHint: (turn, name) =>
      ({ leave: `Leave: ${name}`, return: `Come back: ${name}`, start: "Start work", finish: "Finish the wrap-up" })[turn.kind],
    left: (time) => `${time} left`,
    over: (time) => `${time} over`,
    said: (name, remark) => `State: ${name}. ${remark}.`,
    chosen: "now",
    console: "the administrator",
    then: "after the call",
  },

  off: {
    title: "You are signed off",
    why: "No calls come to you from the queues",
    button: "Start work",
    hint: "The queues know at once; one key takes you out again.",
  },

  wrap: {
    band: "Wrap-up",
    unseen: "The card of this call is not here: it was not taken on this page",
    needs: (missing) =>
      missing.length === 0 ? "All filled in, you can finish" : `Still needed: ${missing.map((field) => fields[field]).join(", ")}`,
    optional: "Write down what matters, then finish",
    finish: "Finish the wrap-up",
    finishing: "Finishing…",
    then: (name) => `then “${name}”`,
  },

  after: {
    title: "About the call",
    keeping: (keeping) => keepings[keeping],
    outcome: "Outcome",
    note: "Note",
    notePlaceholder: "What was agreed, what was promised",
    feedback: "Feedback",
    score: (score) => `${score} of 5`,
    noScore: "no score",
    feedbackText: "In the customer’s words",
    step: "Next step",
    callback: "Call back",
    task: "To do",
    inAnHour: "In an hour",
    tomorrow: "Tomorrow morning",
    at: "When",
    stepText: "About what",
    noStep: "Remove",
    more: "Feedback and next step",
    unfold: "Outcome and note",
    needed: "needed",
    noTime: "no time yet",
  },

  work: {
    title: "To do",
    count: (count) => some(count, { one: "item", other: "items" }),
    empty: "Nothing waits: missed and promised calls will appear here.",
    unseen: "The list has not come yet.",
    more: "there is more: these come first",
    kind: (kind) => workKinds[kind],
    colour: (kind, colour, overdue) => (overdue ? "overdue" : kind === "missed" && colour !== "red" ? "" : workColours[colour]),
    times: (count) => some(count, { one: "call", other: "calls" }),
    since: (when) => when,
    due: (when) => `by ${when}`,
    someone: "Number withheld",
    takenByMe: "yours",
    taken: (name) => `${name} is on it`,
    take: "Take",
    release: "Give back",
    done: "Done",
    call: "Call",
    about: (what, whom) => `${what}: ${whom}`,
  },

  team: { unreachable: "phone not registered" },
};
