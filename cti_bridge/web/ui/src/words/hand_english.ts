/** What is done with a call and written on its card, in English. */

import type { ControlName } from "../controls";
import type { FieldName, Part } from "../drafts";
import type { EditKind, EditState } from "../protocol_hand";
import type { Purpose, TargetState } from "../targets";
import type { hand as russian } from "./hand_russian";

const controls: Readonly<Record<ControlName, string>> = {
  transfer: "Transfer",
  consult: "Consult",
  complete: "Hand over",
  consult_cancel: "To the caller",
  hold: "Hold",
  resume: "Resume",
  hangup: "Hang up",
  reject: "Reject",
};
const busy: Readonly<Record<string, string>> = {
  "call.hangup": "Hanging up",
  "call.hold": "Putting on hold",
  "call.resume": "Taking off hold",
  "call.consult": "Calling a colleague",
  "call.consult_cancel": "Going back to the caller",
  "call.complete": "Handing over",
  "call.transfer": "Transferring",
  "call.dial": "Calling",
  "call.pickup": "Picking the call up",
};
const why: Readonly<Record<string, string>> = {
  not_yours: "Your phone has no part in this call",
  ringing: "The phone still rings: answer it first",
  dialling: "Nobody has answered there yet",
  consulting: "You are only being asked: it is a colleague’s call",
  asking: "A colleague is being asked",
  asks_nobody: "Nobody is being asked",
  colleague_rings: "The colleague has not answered yet",
  held: "The caller is on hold: take him back first",
  not_connected: "The caller is not connected with you now",
  others_talk: "Somebody else is with you and the caller",
  held_by_phone: "Your phone holds the caller: take him back there",
  not_held: "The caller is not on hold",
  transferring: "The call is being transferred already",
  internal: "An internal call cannot be handed over from here",
  dialplan_old: "The PBX cannot do that yet: ask the administrator to update its dialplan",
  pbx_lacks: "The PBX lacks a module for that: tell the administrator",
  pbx_unasked: "The PBX has not said yet what it can do: a moment",
  pbx_down: "The PBX does not answer",
  no_line: "No connection to the server",
  under_way: "The last command is still under way",
  not_offered: "Not available for this call",
  busy_here: "Finish this call first",
};
const codes: Readonly<Record<string, string>> = {
  bad_args: "The server did not understand the request",
  not_allowed: "You may not do that",
  not_found: "It is no longer there",
  not_possible: "Not possible now",
  conflict: "Something has changed meanwhile",
  already_taken: "Too late: somebody else has done it",
  busy: "Too many commands at once, please try again",
  unavailable: "Not available now",
  no_answer: "No answer: look whether it was done",
  failed: "It did not work",
  unknown_command: "The server cannot do that yet",
};
const backs: Readonly<Record<string, string>> = {
  busy: "busy",
  no_answer: "no answer",
  unreachable: "phone not reachable",
  missing: "no such number",
  nobody: "nobody is in the queue",
  full: "the queue is full",
  failed: "it did not work",
};
const targetStates: Readonly<Record<TargetState, string>> = {
  idle: "free",
  ringing: "phone rings",
  talking: "talking",
  away: "away",
};
const fields: Readonly<Record<FieldName, string>> = {
  name: "Name",
  email: "Email",
  city: "City",
  segment: "Segment",
  preferred_channel: "Prefers",
};
const parts: Readonly<Record<Part, string>> = { name: "Name", email: "Email", city: "City", deal: "Deal: what is wanted" };
const kinds: Readonly<Record<EditKind, string>> = { update: "changes", create: "new customer", note: "note", deal: "deal" };
const editStates: Readonly<Record<EditState, string>> = {
  waiting: "awaits the CRM",
  saved: "saved",
  conflict: "changed in the CRM",
  refused: "the CRM refused it",
};
const purposes: Readonly<Record<Purpose, string>> = { transfer: "Transfer to", consult: "Whom to ask" };

export const hand: typeof russian = {
  row: "What to do with the call",
  control: (name) => controls[name],
  why: (code) => why[code] ?? codes[code] ?? "Not possible now",
  busy: (command, to) => `${busy[command] ?? "Working"}${to === "" ? "" : `: ${to}`}…`,
  refused: (code) => codes[code] ?? "It did not work",
  refusal: (code, message) => message.charAt(0).toUpperCase() + message.slice(1) || (codes[code] ?? "It did not work"),
  again: "All right",
  asks: (name, talking) => (talking ? `${name} is on the line` : `Calling ${name}`),
  waits: "The caller waits and hears music",
  transferring: (name) => `Transferring to ${name}, no answer yet`,
  handedOn: (name) => `Handed to ${name}. If nobody answers, the caller comes back to you`,
  handedToQueue: (queue) => `Handed to the queue “${queue}”`,
  cameBack: (name, reason) => `${name}: ${backs[reason] ?? "it did not work"}. The caller is back with you`,
  notAsked: (name, reason) => `${name}: ${backs[reason] ?? "it did not work"}. The caller waits and hears music`,
  handedToYou: (name) => `${name} hands this call to you`,
  held: (by) => (by === "desk" ? "The caller hears music" : "Your phone holds the caller: only the phone can take him back"),

  chooser: {
    title: (purpose) => purposes[purpose],
    search: "Name, extension or number",
    list: "Whom",
    loading: "Asking who is free",
    failed: "Could not learn who is free. Type a number, or try again",
    nobody: "Nobody found",
    notNumber: "This is no number: 3 to 15 digits",
    noNumbers: "Calls cannot be handed to numbers from here",
    state: (state) => targetStates[state],
    queue: "queue",
    queueSays: (free, waiting) =>
      [free === null ? "" : `${free} free`, waiting === null ? "" : `${waiting} waiting`].filter((each) => each !== "").join(", "),
    number: "call this number",
    keys: "choose with arrows and Enter",
    close: "Cancel",
  },

  dial: {
    label: "Call a number",
    button: "Call",
    placeholder: "Number",
    wrong: "A number has 3 to 15 digits",
    to: (number) => `Call ${number}`,
    again: "Call back",
    sure: (who) => `Call ${who}?`,
    shows: (line) => `The customer will see ${line}`,
    first: "Your own phone rings first",
    no: "No",
  },

  pickup: "Pick up",
  pickupOf: (name) => `the call that rings at ${name}`,

  card: {
    field: (field) => fields[field],
    edit: (field) => `Change: ${fields[field]}`,
    nothing: "none",
    saving: "saving",
    waiting: "awaits the CRM",
    waitingHint: "Kept here; the CRM gets it as soon as it answers",
    saved: "saved",
    refused: (field) => `${fields[field]}: not saved`,
    retry: "Try again",
    drop: "As it was",
    conflict: (field) => `${fields[field]}: changed in the CRM meanwhile`,
    mine: "Yours",
    theirs: "In the CRM",
    keep: "Keep",
    empty: "empty",
    numbers: "Numbers",
    choose: "That’s the one",
    choosing: "Choosing…",
  },

  unsaved: {
    title: "Not in the CRM yet",
    what: (kind) => kinds[kind],
    state: (state) => editStates[state],
  },

  person: {
    title: "New customer",
    hint: "A name is needed; the rest if they say it",
    part: (part) => parts[part],
    save: "Write down",
    anyway: "Write down one more",
    saving: "Writing…",
    waiting: "Kept here; it will be in the CRM as soon as that answers",
    refused: "Not written down",
    conflict: "Somebody in the CRM has this number already",
  },
};
