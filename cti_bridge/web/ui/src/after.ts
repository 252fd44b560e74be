/**
 * What the operator writes down of a call: kept here while he types, saved a moment later, and never overwritten by what
 * the bridge says of an earlier moment. Pure.
 */

import { isUnderWay } from "./commands";
import type { Command, Wanted } from "./commands";
import type { Model } from "./model";
import { readAfter } from "./decode_desk";
import { record } from "./json";
import type { After, DeskSettings, Feedback, Field, NextStep } from "./protocol_desk";

/** What stands in the form. */
export interface Writing {
  readonly outcome: string | null;
  readonly note: string;
  readonly feedback: Feedback;
  readonly nextStep: NextStep | null;
}

/** The form of one call that has been written in. */
export interface AfterDraft {
  readonly callId: string;
  readonly now: Writing;
  /** What the bridge has. */
  readonly kept: Writing;
  /** What is on its way there. */
  readonly sent: Writing | null;
  readonly savedAt: number | null;
  /** Local milliseconds from which it may be saved: a moment after the last key, or after a failure. */
  readonly dueAt: number;
  /** The bridge did not take what was last sent. */
  readonly failed: boolean;
}

export type Change = Partial<Writing>;

/** What is typed is saved this long after the last key (milliseconds). */
export const SAVE_AFTER = 700;
/** After a failure that may pass by itself it is tried again (milliseconds). */
export const SAVE_AGAIN = 5_000;
/** Drafts of so many calls are kept; the oldest that is saved goes first. */
const KEPT = 20;
/** Refusals that trying again will not change. */
const FINAL: ReadonlySet<string> = new Set(["not_found", "not_allowed", "bad_args", "not_possible", "unknown_command"]);

const BLANK: Writing = { outcome: null, note: "", feedback: { score: null, text: "" }, nextStep: null };

/** What the form of this call shows. */
export function writingOf(model: Model, callId: string): Writing {
  return draftOf(model, callId)?.now ?? BLANK;
}

export function draftOf(model: Model, callId: string): AfterDraft | null {
  return model.afters.find((draft) => draft.callId === callId) ?? null;
}

export type Keeping = "untouched" | "saved" | "saving" | "unsaved" | "failed";

/** How safe what stands in the form is. */
export function keepingOf(model: Model, callId: string): Keeping {
  const draft = draftOf(model, callId);
  if (draft === null) return "untouched";
  if (draft.failed) return "failed";
  if (draft.sent !== null) return "saving";
  if (isBegun(draft.now)) return "unsaved";
  return isSaved(draft) ? "saved" : "unsaved";
}

/** The fields that are still to be filled in, as far as the page can tell: the bridge has the last word. */
export function missingOf(desk: DeskSettings, writing: Writing): readonly Field[] {
  const needs = desk.outcomes.find((outcome) => outcome.id === writing.outcome)?.needs ?? [];
  const filled: Record<Field, boolean> = {
    outcome: writing.outcome !== null,
    note: writing.note.trim() !== "",
    feedback: writing.feedback.score !== null || writing.feedback.text.trim() !== "",
    next_step: writing.nextStep !== null && writing.nextStep.at !== null,
  };
  const wanted = (field: Field): boolean => desk.required.includes(field) || needs.includes(field) || (field === "next_step" && isBegun(writing));
  return (["outcome", "note", "feedback", "next_step"] as const).filter((field) => !filled[field] && wanted(field));
}

/** A next step has words and no time yet: the bridge has nothing of it. */
export function isBegun({ nextStep }: Writing): boolean {
  return nextStep !== null && nextStep.at === null && nextStep.text.trim() !== "";
}

/** The operator writes. */
export function write(model: Model, callId: string, change: Change): Model {
  const old = draftOf(model, callId);
  const kept = old?.kept ?? BLANK;
  const draft: AfterDraft = {
    callId,
    kept,
    sent: old?.sent ?? null,
    savedAt: old?.savedAt ?? null,
    now: { ...(old?.now ?? kept), ...change },
    dueAt: model.now + SAVE_AFTER,
    failed: false,
  };
  return withDraft(model, draft);
}

/** Save all that is not saved now, without waiting for the next key. */
export function hurry(model: Model): Model {
  return { ...model, afters: model.afters.map((draft) => ({ ...draft, dueAt: Math.min(draft.dueAt, model.now) })) };
}

/** The next save that is due; of one call one at a time, so that an older text never comes after a newer one. */
export function dueSave(model: Model): Wanted | null {
  const draft = model.afters.find((one) => one.sent === null && !isSaved(one) && one.dueAt <= model.now);
  if (draft === undefined || isUnderWay(model, "after.save", { call: draft.callId })) return null;
  return { name: "after.save", args: { call: draft.callId, ...changed(draft) } };
}

/** Whether something of this call is not with the bridge yet. */
export function isUnsaved(model: Model, callId: string): boolean {
  const draft = draftOf(model, callId);
  return draft !== null && !isSaved(draft);
}

/** Whether something stands in a form that the bridge has not said to have. */
export function isOnlyHere(model: Model): boolean {
  return model.afters.some((draft) => isBegun(draft.now) || !isSaved(draft));
}

/** A save has been given. */
export function saving(model: Model, wanted: Wanted): Model {
  const draft = wanted.name === "after.save" ? draftOf(model, String(wanted.args["call"])) : null;
  return draft === null ? model : withDraft(model, { ...draft, sent: draft.now });
}

/** A save has been answered, or given up. */
export function saved(model: Model, command: Command): Model {
  const draft = command.name === "after.save" && command.callId !== null ? draftOf(model, command.callId) : null;
  if (draft === null || draft.sent === null) return model;
  if (command.phase === "done") {
    const after = readAfter(record(command.value)["after"]);
    const savedAt = after?.savedAt ?? draft.savedAt;
    return withDraft(model, { ...draft, kept: draft.sent, sent: null, savedAt, failed: false });
  }
  const again = FINAL.has(command.code) ? Number.POSITIVE_INFINITY : model.now + SAVE_AGAIN;
  return withDraft(model, { ...draft, sent: null, dueAt: again, failed: true });
}

/** The bridge says what it has, perhaps from another page: it fills what is not being written here. */
export function retold(model: Model, after: After | null): Model {
  if (after === null || after.call === "") return model;
  const theirs = fromAfter(after);
  const at = after.savedAt;
  const draft = draftOf(model, after.call);
  if (draft === null) {
    const dueAt = model.now;
    return withDraft(model, { callId: after.call, now: theirs, kept: theirs, sent: null, savedAt: at, dueAt, failed: false });
  }
  // News may be slower than the answer to the save that came after it.
  if (draft.savedAt !== null && (at === null || at <= draft.savedAt)) return model;
  const mine = (key: keyof Writing): boolean => !same(draft.now[key], draft.kept[key]);
  const now: Writing = {
    outcome: mine("outcome") ? draft.now.outcome : theirs.outcome,
    note: mine("note") ? draft.now.note : theirs.note,
    feedback: mine("feedback") ? draft.now.feedback : theirs.feedback,
    nextStep: mine("nextStep") ? draft.now.nextStep : theirs.nextStep,
  };
  return withDraft(model, { ...draft, now, kept: theirs, savedAt: at });
}

/** What is to be kept when the session ends by itself: all that the bridge does not have yet, to be sent anew. */
export function unkept(model: Model): readonly AfterDraft[] {
  return model.afters.filter((draft) => !isSaved(draft)).map((draft) => ({ ...draft, sent: null, dueAt: model.now }));
}

function withDraft(model: Model, draft: AfterDraft): Model {
  const others = model.afters.filter((one) => one.callId !== draft.callId);
  return { ...model, afters: [...others, draft].slice(-KEPT) };
}

function fromAfter({ outcome, note, feedback, nextStep }: After): Writing {
  return { outcome, note, feedback, nextStep };
}

function isSaved(draft: AfterDraft): boolean {
  const plain = (writing: Writing): Writing => ({ ...writing, nextStep: planned(writing.nextStep) });
  return same(plain(draft.now), plain(draft.kept));
}

function changed(draft: AfterDraft): Record<string, unknown> {
  const { outcome, note, feedback, nextStep } = draft.now;
  const fields: Record<string, unknown> = {};
  if (outcome !== draft.kept.outcome) fields["outcome"] = outcome;
  if (note !== draft.kept.note) fields["note"] = note;
  if (!same(feedback, draft.kept.feedback)) fields["feedback"] = feedback;
  if (!same(planned(nextStep), planned(draft.kept.nextStep))) fields["next_step"] = sentStep(planned(nextStep));
  return fields;
}

/** A step without a time is none yet. */
function planned(step: NextStep | null): NextStep | null {
  return step?.at === null ? null : step;
}

function sentStep(step: NextStep | null): Record<string, unknown> | null {
  return step === null || step.at === null ? null : { ...step, at: new Date(step.at).toISOString() };
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
