/**
 * What the operator writes about a person, from the first letter until the bridge has it. Pure.
 *
 * A draft wins over whatever arrives meanwhile, and stays until it is stored or taken back: nothing typed is lost by news of
 * the call, by a broken line, or by looking at another call.
 */

import { sameArgs } from "./commands";
import type { Command, Wanted } from "./commands";
import { readAnsweredEdit } from "./decode_hand";
import { record } from "./json";
import type { Model } from "./model";
import type { Call, Customer } from "./protocol";
import type { Edit } from "./protocol_hand";
import { isAmbiguous } from "./reason";

/** Fields of a customer that can be written from here, by the names that the bridge has for them. */
export const FIELDS = ["name", "email", "city", "segment", "preferred_channel"] as const;
export type FieldName = (typeof FIELDS)[number];

/** What is asked of somebody whom nobody knows yet; `deal` is the title of what he wants. */
export const PARTS = ["name", "email", "city", "deal"] as const;
export type Part = (typeof PARTS)[number];

/** Longer than this is nobody's name, and the bridge takes no more. */
export const LONGEST = 200;

/** `typing`: he still writes; `due`: to be given to the bridge as soon as there is a line; `sent`: given; `refused`: came back. */
export type DraftPhase = "typing" | "due" | "sent" | "refused";

interface Sending {
  readonly phase: DraftPhase;
  /** The command that carries it; null while none does. */
  readonly command: string | null;
  /** Why it came back. */
  readonly code: string;
  readonly message: string;
}

export interface FieldDraft extends Sending {
  readonly value: string;
  /** What stood there when he began to write: the bridge sees by it whether somebody else has changed it since. */
  readonly seen: string;
  /** Whose field it was: a colleague in the call may say meanwhile that somebody else calls. */
  readonly customer: string;
}

export interface PersonDraft extends Sending {
  readonly parts: Readonly<Partial<Record<Part, string>>>;
}

/** What is written about the person of one call. */
export interface Draft {
  readonly callId: string;
  readonly fields: Readonly<Partial<Record<FieldName, FieldDraft>>>;
  readonly person: PersonDraft | null;
}

const UNSENT = { phase: "typing", command: null, code: "", message: "" } as const;
const NOTHING: Omit<Draft, "callId"> = { fields: {}, person: null };

/** The customer whose fields can be written: somebody, and only one. */
export function editable(call: Call): Customer | null {
  return isAmbiguous(call) ? null : call.customer;
}

/** What the CRM has in this field. */
export function stored(customer: Customer, field: FieldName): string {
  return field === "preferred_channel" ? customer.preferredChannel : customer[field];
}

export function draftOf(model: Model, callId: string): Draft {
  return model.drafts.find((one) => one.callId === callId) ?? { callId, ...NOTHING };
}

/** How a field stands, and what is to be shown in it. */
export interface FieldView {
  readonly value: string;
  readonly mark: "none" | "typing" | "saving" | "waiting" | "saved" | "conflict" | "refused";
  /** In a conflict: what the CRM has. */
  readonly theirs: string;
  readonly edit: Edit | null;
  /** Of a refusal: its code, or, when it came from the CRM, its words. */
  readonly code: string;
  readonly message: string;
}

/** The field as the operator is to see it: his own words first, then what is on its way, then what the CRM has. */
export function fieldView(call: Call, draft: Draft, field: FieldName): FieldView {
  const customer = editable(call);
  const theirs = customer === null ? "" : stored(customer, field);
  const own = draft.fields[field];
  const blank = { theirs, edit: null, code: "", message: "" };
  if (own !== undefined) {
    const mark = own.phase === "sent" || own.phase === "due" ? "saving" : own.phase;
    return { ...blank, value: own.value, mark, code: own.code, message: own.message };
  }
  const edit = call.edits.findLast((each) => each.kind === "update" && field in each.changes) ?? null;
  if (edit === null) return { ...blank, value: theirs, mark: "none" };
  const mine = edit.changes[field] ?? "";
  if (edit.state === "saved") return { ...blank, value: theirs, mark: "saved", edit };
  const shown = { ...blank, value: mine, mark: edit.state, edit, message: edit.reason };
  // Of several fields saved at once only some may be disputed; the others wait until that is settled.
  if (edit.state !== "conflict") return shown;
  return field in edit.theirs ? { ...shown, theirs: edit.theirs[field] ?? "" } : { ...shown, mark: "waiting" };
}

/** Whether another city has been written here than the one that the customer's time zone came with. */
export function cityMoved(call: Call, draft: Draft): boolean {
  const view = fieldView(call, draft, "city");
  if (view.mark === "none" || view.mark === "typing") return false;
  return view.mark === "saved" || view.theirs !== "";
}

/** What becomes of a new person: nothing yet, on his way, or known. */
export function personEdit(call: Call): Edit | null {
  return call.edits.findLast((each) => each.kind === "create") ?? null;
}

/** What stands in a part of the form: what he writes, else what came back. */
export function partOf(call: Call, draft: Draft, part: Part): string {
  const edit = personEdit(call);
  return draft.person?.parts[part] ?? (edit?.state === "refused" ? (edit.changes[part] ?? "") : "");
}

/** He writes in a field. */
export function fieldTyped(model: Model, call: Call, field: FieldName, value: string): Model {
  const customer = editable(call);
  if (customer === null) return model;
  const draft = draftOf(model, call.id);
  const kept = draft.fields[field];
  // Refused because it was meant for somebody else: what he writes now is meant for whom he sees.
  const before = kept?.phase === "refused" && kept.customer !== customer.id ? undefined : kept;
  const view = fieldView(call, draft, field);
  // What he wrote before will be in the CRM by then: the bridge keeps the order.
  const seen = before?.seen ?? (view.mark === "waiting" ? view.value : view.theirs);
  const own: FieldDraft = { ...UNSENT, value: value.slice(0, LONGEST), seen, customer: before?.customer ?? customer.id };
  return withDraft(model, { ...draft, fields: { ...draft.fields, [field]: own } });
}

/** He has changed his mind: the field is as the CRM has it. What is under way is not taken back by this. */
export function fieldDropped(model: Model, callId: string, field: FieldName): Model {
  const draft = draftOf(model, callId);
  if (draft.fields[field]?.phase === "sent") return model;
  return withDraft(model, { ...draft, fields: without(draft.fields, field) });
}

/** He is done with a field: it is to be saved, or, with nothing changed, as it was. */
export function fieldDone(model: Model, call: Call, field: FieldName): Model {
  const draft = draftOf(model, call.id);
  const own = draft.fields[field];
  if (own === undefined || own.phase === "sent" || own.phase === "due") return model;
  const value = own.value.trim();
  if (value === own.seen.trim() || (field === "name" && value === "")) return fieldDropped(model, call.id, field);
  return withDraft(model, { ...draft, fields: { ...draft.fields, [field]: { ...own, ...UNSENT, value, phase: "due" } } });
}

/** He writes about somebody new. */
export function personTyped(model: Model, call: Call, part: Part, value: string): Model {
  const draft = draftOf(model, call.id);
  const stood = Object.fromEntries(PARTS.map((each) => [each, partOf(call, draft, each)]));
  const parts = { ...stood, [part]: value.slice(0, LONGEST) };
  return withDraft(model, { ...draft, person: { ...UNSENT, parts } });
}

/** He is done with the new person; without a name there is none. */
export function personDone(model: Model, callId: string): Model {
  const draft = draftOf(model, callId);
  const { person } = draft;
  if (person === null || person.phase === "sent" || (person.parts.name ?? "").trim() === "") return model;
  return withDraft(model, { ...draft, person: { ...person, ...UNSENT, phase: "due" } });
}

/** What is to be commanded now: the first draft that is due, as soon as there is a line. */
export function dueDraft(model: Model): Wanted | null {
  if (model.line.phase !== "live") return null;
  for (const { callId, fields, person } of model.drafts) {
    const field = FIELDS.find((each) => fields[each]?.phase === "due");
    const own = field === undefined ? undefined : fields[field];
    if (field !== undefined && own !== undefined) {
      return { name: "card.save", args: { call: callId, customer: own.customer, changes: { [field]: own.value }, seen: { [field]: own.seen } } };
    }
    if (person?.phase === "due") return { name: "card.create", args: { call: callId, ...personArgs(person) } };
  }
  return null;
}

function personArgs(person: PersonDraft): Readonly<Record<string, unknown>> {
  const [name, email, city, deal] = PARTS.map((part) => (person.parts[part] ?? "").trim());
  return { name, ...(email ? { email } : {}), ...(city ? { city } : {}), ...(deal ? { deal: { title: deal } } : {}) };
}

/** The draft is on its way, under this command; of two alike the first is. */
export function draftGiven(model: Model, wanted: Wanted): Model {
  const given = model.commands.findLast((one) => one.phase === "sent" && one.name === wanted.name && sameArgs(one.args, wanted.args));
  if (given === undefined || given.callId === null) return model;
  const draft = draftOf(model, given.callId);
  const sent = { phase: "sent", command: given.id } as const;
  if (given.name === "card.create" && draft.person?.phase === "due") {
    return withDraft(model, { ...draft, person: { ...draft.person, ...sent } });
  }
  const changes = given.name === "card.save" ? record(given.args["changes"]) : {};
  const field = FIELDS.find((each) => each in changes);
  const own = field === undefined ? undefined : draft.fields[field];
  if (field === undefined || own?.phase !== "due") return model;
  return withDraft(model, { ...draft, fields: { ...draft.fields, [field]: { ...own, ...sent } } });
}

/** A command of this file was answered: what was stored is a draft no more, what was not stays to be tried again. */
export function draftAnswered(model: Model, command: Command): Model {
  if ((command.name !== "card.save" && command.name !== "card.create") || command.callId === null) return model;
  const draft = draftOf(model, command.callId);
  const done = command.phase === "done";
  const settled = done ? withEdit(model, command.callId, readAnsweredEdit(command.value)) : model;
  if (command.name === "card.create") {
    if (draft.person?.command !== command.id) return settled;
    return withDraft(settled, { ...draft, person: done ? null : { ...draft.person, ...cameBack(command) } });
  }
  const field = FIELDS.find((each) => draft.fields[each]?.command === command.id);
  const own = field === undefined ? undefined : draft.fields[field];
  if (field === undefined || own === undefined) return settled;
  // That nobody answered while there was no line means nothing: the same field may be saved twice, so it is tried once more.
  const lost = command.phase === "unknown" && model.line.phase !== "live";
  const left: FieldDraft = lost ? { ...own, ...UNSENT, phase: "due" } : { ...own, ...cameBack(command) };
  return withDraft(settled, { ...draft, fields: done ? without(draft.fields, field) : { ...draft.fields, [field]: left } });
}

function cameBack(command: Command): Sending {
  return { phase: "refused", command: null, code: command.code, message: command.message };
}

/** What is to be kept of the drafts when the session ends by itself: nobody waits for answers any more. */
export function unanswered(model: Model): readonly Draft[] {
  const nobody = { phase: "refused", command: null, code: "no_answer", message: "" } as const;
  const again = (own: FieldDraft): FieldDraft => (own.phase === "sent" ? { ...own, ...UNSENT, phase: "due" } : own);
  return model.drafts.map((draft) => ({
    ...draft,
    fields: Object.fromEntries(Object.entries(draft.fields).map(([name, own]) => [name, again(own)])),
    person: draft.person?.phase === "sent" ? { ...draft.person, ...nobody } : draft.person,
  }));
}

/** Whether something is written on a card of the page that was not given to the bridge. */
export function isUngiven(model: Model): boolean {
  const given = (one: Sending): boolean => one.phase === "sent";
  return model.drafts.some(
    ({ callId, fields, person }) =>
      model.cards.some(({ call }) => call.id === callId) && !(Object.values(fields).every(given) && (person === null || given(person))),
  );
}

/** Let go of drafts whose call is nowhere on the page any more; only the bridge knows which calls there are. */
export function forgetDrafts(model: Model): Model {
  if (model.line.phase !== "live") return model;
  const kept = model.drafts.filter(
    ({ callId }) => model.cards.some(({ call }) => call.id === callId) || model.recent.some((each) => each.callId === callId),
  );
  return kept.length === model.drafts.length ? model : { ...model, drafts: kept };
}

function withDraft(model: Model, draft: Draft): Model {
  const others = model.drafts.filter((one) => one.callId !== draft.callId);
  const empty = draft.person === null && Object.keys(draft.fields).length === 0;
  return { ...model, drafts: empty ? others : [...others, draft] };
}

/** The answer says how the edit stands before the news of the call do; applying both changes nothing. */
function withEdit(model: Model, callId: string, edit: Edit | null): Model {
  if (edit === null) return model;
  const edited = (call: Call): Call =>
    call.edits.some((each) => each.id === edit.id) ? call : { ...call, edits: [...call.edits, edit] };
  return {
    ...model,
    cards: model.cards.map((card) => (card.call.id === callId ? { ...card, call: edited(card.call) } : card)),
    recent: model.recent.map((each) => (each.call?.id === callId ? { ...each, call: edited(each.call) } : each)),
  };
}

function without(fields: Draft["fields"], field: FieldName): Draft["fields"] {
  const { [field]: _, ...others } = fields;
  return others;
}
