/** What happens to the cards on the screen: placed, ended, withdrawn, expired. Pure, like the reducer that calls it. */

import { isUnsaved } from "./after";
import type { Card, GoneReason, Model, Pane, Recent } from "./model";
import { cardState, serverNow } from "./model";
import { wrapUpCallId } from "./staffing";
import type { Call } from "./protocol";

/** An ended card stays this long, unless it is closed or the next call comes (milliseconds). */
export const ENDED_STAYS = 120_000;
/** The words about a withdrawn call stay this long (milliseconds). */
export const NOTICE_STAYS = 8_000;
/** Today's list keeps this many lines: a long day is counted whole. */
export const RECENT_KEPT = 500;

/** Show the call, or show what became of it. Applying the same call again changes nothing. */
export function placeCall(before: Model, call: Call): Model {
  const model = call.state === "ended" ? before : notOver(before, call.id);
  const known = model.cards.find((card) => card.call.id === call.id);
  const current: Model = { ...model, recent: retold(model.recent, call) };
  if (call.state === "ended") return endCall(current, call, known);
  if (known?.call.state === "ended" && !known.unseen) return current; // a finished call stays finished
  if (call.role === "none") return withdrawCall(current, call.id, "moved", null);

  const card: Card = { call, leavesAt: null };
  if (known) {
    const cards = current.cards.map((each) => (each === known ? card : each));
    const pickedUp = known.call.role === "ringing" && call.role !== "ringing";
    return { ...current, cards, focus: pickedUp ? call.id : current.focus };
  }
  const cards = [...current.cards.filter((each) => stays(current, each)), card];
  return refocus({ ...current, cards, notice: null, review: null, pane: paneFor(model, true) });
}

/** Where the panes take turns, a call that begins comes to the front; whoever talks reads on undisturbed. */
function paneFor(model: Model, begins: boolean): Pane {
  const busy = model.cards.some(({ call }) => !["ringing", "ended"].includes(cardState(call)));
  return begins && !busy ? "now" : model.pane;
}

function endCall(model: Model, call: Call, known: Card | undefined): Model {
  if (!known) return call.id === wrapUpCallId(model) ? withFormer(model, call) : model;
  if (known.call.role === "ringing") return withdrawCall(model, call.id, "ended", null);
  if (known.call.state === "ended") {
    const cards = model.cards.map((each) => (each === known ? { call, leavesAt: known.leavesAt } : each));
    return { ...model, cards };
  }
  const others = model.cards.some((card) => card !== known && card.call.state !== "ended");
  const ended: Card = { call, leavesAt: model.now + ENDED_STAYS };
  const noted: Model = { ...model, recent: noteTalk(model.recent, call, serverNow(model)) };
  // While another call waits for the operator, the finished one goes straight to today's list.
  if (others) return refocus({ ...noted, cards: model.cards.filter((card) => card !== known) });
  return { ...noted, cards: model.cards.map((card) => (card === known ? ended : card)) };
}

/** Take the call off the screen. Of a call that was never talked, nothing about the caller stays in the model. */
export function withdrawCall(model: Model, callId: string, reason: GoneReason, by: string | null): Model {
  const known = model.cards.find((card) => card.call.id === callId);
  if (!known) return model;
  const cards = model.cards.filter((card) => card !== known);
  const { queue, role, state } = known.call;
  if (state === "ended") return refocus({ ...model, cards });
  const at = serverNow(model);
  const recent =
    role === "ringing"
      ? noted(model.recent, { callId, outcome: reason, queue, by, at, call: null })
      : noteTalk(model.recent, { ...known.call, state: "ended" }, at);
  const notice = { reason, by, queue, leavesAt: model.now + NOTICE_STAYS };
  return refocus({ ...model, cards, recent, notice });
}

/**
 * A snapshot replaces all calls. What was talked before and is not in it has ended out of sight: its card stays as that of any
 * talk that ends, and may be written on.
 */
export function replaceCalls(before: Model, calls: readonly Call[]): Model {
  const mine = calls.filter((call) => call.role !== "none" && call.state !== "ended");
  const model = mine.reduce((each, { id }) => notOver(each, id), before);
  const vanished = model.cards.filter(
    ({ call }) => cardState(call) !== "ringing" && call.state !== "ended" && !mine.some(({ id }) => id === call.id),
  );
  const at = serverNow(model);
  const unseen = vanished.map(({ call }): Card => {
    const ended: Call = { ...call, state: "ended", endedAt: at };
    return { call: ended, leavesAt: model.now + ENDED_STAYS, unseen: true };
  });
  const recent = unseen.reduce((noted, { call }) => noteTalk(noted, call, at), model.recent);
  const open = wrapUpCard(model, calls);
  const begins = mine.some((call) => !model.cards.some((card) => card.call.id === call.id));
  // Whoever writes on an ended card does not see it go because the line was gone for a moment.
  const written = begins ? [] : model.cards.filter(({ call }) => call.id !== open?.call.id && !calls.some(({ id }) => id === call.id));
  const left = written.flatMap((card): Card[] => {
    if (card.call.state !== "ended") return [];
    if (isUnsaved(model, card.call.id)) return [{ ...card, leavesAt: model.now + ENDED_STAYS }];
    return card.leavesAt !== null && card.leavesAt > model.now ? [card] : [];
  });
  // A colleague who was only asked about a caller keeps nothing of him.
  const gone = mine.length > 0 ? [] : unseen.filter(({ call }) => call.role === "talking" && call.id !== open?.call.id);
  const cards = [...(open === null ? [] : [open]), ...left, ...gone, ...mine.map((call) => ({ call, leavesAt: null }))];
  const review = begins ? null : model.review;
  return refocus({ ...model, cards, recent, notice: null, review, pane: paneFor(model, begins) });
}

/** Let go of all whose time is over: pops nobody confirms any more, ended cards, notices, yesterday's list. */
export function expire(model: Model): Model {
  const late = model.cards.filter(
    ({ call }) => call.role === "ringing" && call.expiresAt !== null && call.expiresAt <= serverNow(model),
  );
  const current = late.reduce((each, { call }) => withdrawCall(each, call.id, "expired", null), model);
  const cards = current.cards.filter(
    (card) => card.leavesAt === null || card.leavesAt > model.now || card.call.id === wrapUpCallId(model),
  );
  const day = dayOf(serverNow(model));
  return refocus({
    ...current,
    cards,
    notice: current.notice !== null && current.notice.leavesAt > model.now ? current.notice : null,
    recent: current.recent.every((entry) => dayOf(entry.at) === day)
      ? current.recent
      : current.recent.filter((entry) => dayOf(entry.at) === day),
  });
}

/** Something is written on this card: were it to leave, it stays as long as that goes on. */
export function writtenOn(model: Model, callId: string): Model {
  const longer = (card: Card): Card =>
    card.call.id === callId && card.leavesAt !== null ? { ...card, leavesAt: model.now + ENDED_STAYS } : card;
  return { ...model, cards: model.cards.map(longer) };
}

/** Close the ended cards at the operator's wish; what is still to be written down stays. */
export function removeEnded(model: Model): Model {
  return refocus({ ...model, cards: model.cards.filter((card) => stays(model, card)) });
}

/** The wrap-up of this call is over: its card makes room, unless it ended by itself while somebody may be writing. */
export function wrappedUp(model: Model, callId: string, byItself: boolean): Model {
  if (!byItself) return refocus(forgetEnded(model, callId));
  const leavesAt = model.now + ENDED_STAYS;
  return { ...model, cards: model.cards.map((card) => (card.call.id === callId ? { ...card, leavesAt } : card)) };
}

/** The card of a call that ended before this page was opened, and that is still to be written down. */
function withFormer(model: Model, call: Call): Model {
  return refocus({ ...model, cards: [...model.cards, { call, leavesAt: 0 }] });
}

function stays(model: Model, { call }: Card): boolean {
  return call.state !== "ended" || call.id === wrapUpCallId(model);
}

/** The ended call that a snapshot finds in its wrap-up: as the bridge tells it, else as this page saw it last. */
function wrapUpCard(model: Model, calls: readonly Call[]): Card | null {
  const id = wrapUpCallId(model);
  const told = calls.find((call) => call.id === id && call.state === "ended");
  const seen = model.cards.find(({ call }) => call.id === id)?.call;
  const call = told ?? (seen === undefined ? undefined : { ...seen, state: "ended" as const });
  return call === undefined || calls.some((each) => each.id === id && each.state !== "ended") ? null : { call, leavesAt: 0 };
}

/** Take the ended card of this one call away, so that the call can be placed anew. */
export function forgetEnded(model: Model, callId: string): Model {
  const left = model.cards.filter((card) => card.call.id !== callId || card.call.state !== "ended");
  return left.length === model.cards.length ? model : { ...model, cards: left };
}

/** A talk that was gone when the page could see again goes on after all: in today's list it is not yet. */
export function notOver(model: Model, callId: string): Model {
  if (!model.cards.some(({ call, unseen }) => unseen && call.id === callId)) return model;
  const early = model.recent.find((entry) => entry.callId === callId);
  const review = model.review === early?.key ? null : model.review;
  return { ...model, review, recent: model.recent.filter((entry) => entry !== early) };
}

/** Keep the eyes where they are; only when that call is gone, look at whom one talks to, else at the first. */
function refocus(model: Model): Model {
  if (model.cards.some((card) => card.call.id === model.focus)) return model;
  const talking = model.cards.find((card) => cardState(card.call) === "talking");
  return { ...model, focus: (talking ?? model.cards[0])?.call.id ?? null };
}

function noteTalk(recent: readonly Recent[], call: Call, now: number): readonly Recent[] {
  if (call.direction === "outbound" && call.answeredAt === null) return recent; // he called, and nobody was there
  const at = call.endedAt ?? now;
  return noted(recent, { callId: call.id, outcome: "talked", queue: call.queue, by: null, at, call });
}

function noted(recent: readonly Recent[], entry: Omit<Recent, "key">): readonly Recent[] {
  const key = 1 + (recent[0]?.key ?? 0); // newest first, so the first has the highest
  return [{ ...entry, key }, ...recent].slice(0, RECENT_KEPT);
}

/** Late news about a call of today's list (its notes, its last times) reaches the kept card as well. */
function retold(recent: readonly Recent[], call: Call): readonly Recent[] {
  if (!recent.some((entry) => entry.callId === call.id && entry.call !== null)) return recent;
  if (call.state !== "ended") return recent;
  return recent.map((entry) => (entry.callId === call.id && entry.call !== null ? { ...entry, call } : entry));
}

function dayOf(time: number): string {
  return new Date(time).toDateString();
}
