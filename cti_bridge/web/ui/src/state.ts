/**
 * The one transition function of the page: an input and the model in, the next model and effects out.
 *
 * It has no DOM, no socket and no clock; every input carries the local time at which it happened.
 */

import type { Change } from "./after";
import { dueSave, hurry, isBegun, isUnsaved, retold, saved, saving, unkept, write, writingOf } from "./after";
import { expire, forgetEnded, notOver, placeCall, removeEnded, replaceCalls, withdrawCall, wrappedUp, writtenOn } from "./cards";
import type { Command, Wanted } from "./commands";
import { answered, deny, dismiss, forgetOld, give, outdated, overdue, settle, underWay } from "./commands";
import { forgetDrafts, unanswered } from "./drafts";
import { dueHand, handAnswered, handGiven, reduceHand, tidied } from "./hand";
import type { HandInput } from "./hand";
import type { Card, LinePhase, Model, Pane, SignInProblem } from "./model";
import { opening, serverNow } from "./model";
import type { Operator, ServerEvent, ServerFrame, Source, Welcome } from "./protocol";
import type { OperatorState, Result } from "./protocol_desk";
import { dueWish, wish, wrapUpCallId } from "./staffing";

export type Input =
  | HandInput
  | { readonly kind: "session"; readonly operator: Operator; readonly serverTime: number | null; readonly at: number }
  | { readonly kind: "no_session"; readonly at: number }
  | { readonly kind: "leaving"; readonly at: number }
  | { readonly kind: "sign_in_sent"; readonly at: number }
  | { readonly kind: "sign_in_failed"; readonly problem: SignInProblem; readonly retryAfterS: number; readonly at: number }
  | { readonly kind: "line"; readonly phase: LinePhase; readonly at: number }
  | { readonly kind: "frame"; readonly frame: ServerFrame; readonly at: number }
  | { readonly kind: "tick"; readonly at: number }
  | { readonly kind: "look"; readonly callId: string; readonly at: number }
  | { readonly kind: "next_call"; readonly at: number }
  | { readonly kind: "review"; readonly key: number; readonly at: number }
  | { readonly kind: "close"; readonly at: number }
  | { readonly kind: "pane"; readonly pane: Pane; readonly at: number }
  | { readonly kind: "command"; readonly id: string; readonly wanted: Wanted; readonly at: number }
  | { readonly kind: "dismiss"; readonly id: string; readonly at: number }
  | { readonly kind: "write"; readonly callId: string; readonly change: Change; readonly at: number }
  | { readonly kind: "hurry"; readonly at: number }
  | { readonly kind: "set_state"; readonly state: string; readonly at: number }
  | { readonly kind: "finish"; readonly at: number };

/**
 * `ack`: confirm that the event is painted. `resync`: events are missing, start again from a snapshot. `command`: have it
 * done.
 */
export type Effect =
  | { readonly kind: "ack"; readonly seq: number }
  | { readonly kind: "resync" }
  | { readonly kind: "command"; readonly command: Command };

export interface Step {
  readonly model: Model;
  readonly effects: readonly Effect[];
}

/** A hole in the numbers is healed by a snapshot, but not more often than this (milliseconds). */
const RESYNC_EVERY = 30_000;

export function reduce(before: Model, input: Input): Step {
  const { model: moved, effects } = next({ ...before, now: input.at }, input);
  // A line that is new has heard nothing of what is under way: what still holds is said again, and done once.
  const anew = moved.line.phase === "live" && before.line.phase !== "live";
  const model = tidied(withoutFinish(before, anew ? givenUp(moved, outdated(moved, moved.stream !== before.stream)) : moved));
  const unsaid = anew ? underWay(model) : underWay(model).filter((one) => !before.commands.includes(one));
  if (model.line.phase !== "live" || unsaid.length === 0) return { model, effects };
  return { model, effects: [...effects, ...unsaid.map((command): Effect => ({ kind: "command", command }))] };
}

/** The command that is due and that nobody gave yet: whoever runs the page gives it an id and puts it in. */
export function dueCommand(model: Model): Wanted | null {
  return model.phase === "signed_in" ? (dueSave(model) ?? dueWish(model) ?? dueHand(model)) : null;
}

function next(model: Model, input: Input): Step {
  switch (input.kind) {
    case "frame":
      return reduceFrame(model, input.frame);
    case "session":
      return only(signedIn(model, input.operator, input.serverTime));
    case "no_session":
      return only(outside(model));
    case "leaving":
      // Nothing stays to be seen or heard while the bridge takes its time to say goodbye.
      return only({ ...opening(input.at), phase: "signed_out", signIn: { ...model.signIn, busy: true } });
    case "sign_in_sent":
      return only({ ...model, signIn: { busy: true, problem: null, blockedUntil: 0 } });
    case "sign_in_failed": {
      const blockedUntil = input.retryAfterS > 0 ? input.at + input.retryAfterS * 1000 : 0;
      return only({ ...model, signIn: { busy: false, problem: input.problem, blockedUntil } });
    }
    case "line": {
      const same = model.line.phase === input.phase;
      return only(same ? model : { ...model, line: { phase: input.phase, since: input.at } });
    }
    case "tick":
      return only(ticked(model));
    case "look":
      return only(look(model, input.callId));
    case "next_call":
      return only(nextCall(model));
    case "review":
      return only({ ...model, review: input.key, pane: "now" });
    case "close":
      return only(close(model));
    case "pane":
      return only({ ...model, pane: input.pane });
    case "command": {
      const wanted = model.wanted === input.wanted ? null : model.wanted;
      return only(handGiven(saving(give({ ...model, wanted }, input.id, input.wanted), input.wanted), input.wanted));
    }
    case "dismiss":
      return only(dismiss(model, input.id));
    case "write":
      return only(write(writtenOn(model, input.callId), input.callId, input.change));
    case "field_typed":
    case "person_typed":
      return only(reduceHand(writtenOn(model, input.callId), input));
    case "hurry":
      return only(hurry(model));
    case "set_state":
      return only(goesOn(model, { name: "state.set", args: { state: input.state } }));
    case "finish":
      return only(goesOn(model, { name: "wrapup.finish", args: {} }));
    default:
      return only(reduceHand(model, input));
  }
}

/** He is through with the wrap-up; not with a next step that has words and no time: they would be lost with the form. */
function goesOn(model: Model, wanted: Wanted): Model {
  const id = wrapUpCallId(model);
  if (id !== null && isBegun(writingOf(model, id))) return deny(model, wanted, "still missing after the call: next_step");
  return hurry(wish(model, wanted));
}

function ticked(before: Model): Model {
  const model = forgetDrafts(forgetOld(expire(before)));
  return givenUp(model, overdue(model));
}

/** The end of a wrap-up that is over must not become the end of the next one. */
function withoutFinish(before: Model, model: Model): Model {
  const id = wrapUpCallId(before);
  if (id === null || id === wrapUpCallId(model)) return model;
  const isFinish = (one: Wanted | null): boolean => one?.name === "wrapup.finish";
  return { ...model, wanted: isFinish(model.wanted) ? null : model.wanted, commands: model.commands.filter((one) => !isFinish(one)) };
}

function givenUp(model: Model, commands: readonly Command[]): Model {
  return commands.reduce((each, command) => heard(settle(each, command), command), model);
}

/** What the answer to a command changes on the page, beside the command itself. */
function heard(model: Model, command: Command): Model {
  const after = handAnswered(saved(model, command), command);
  // What was to follow a save that failed does not: its answer would be about a text that is not there.
  return command.name === "after.save" && command.phase !== "done" ? { ...after, wanted: null } : after;
}

function resulted(model: Model, result: Result): Step {
  const command = answered(model, result);
  return only(command === null ? model : heard(settle(model, command), command));
}

function only(model: Model): Step {
  return { model, effects: [] };
}

function signedIn(model: Model, operator: Operator, serverTime: number | null): Model {
  // Somebody else signed in on this desk: nothing of the one before may stay.
  const stranger = model.operator !== null && model.operator.id !== operator.id;
  const base = stranger ? { ...opening(model.now), line: model.line } : model;
  const ahead = serverTime === null ? model.ahead : serverTime - model.now;
  return { ...base, phase: "signed_in", operator, ahead, signIn: opening(model.now).signIn };
}

/**
 * The session is over. What the operator has written and the bridge does not have stays for him, unseen, until he is back;
 * somebody else who signs in here gets nothing of it. Whoever leaves by himself has nothing here any more.
 */
function outside(model: Model): Model {
  const { operator, signIn } = model;
  const closed: Model = { ...opening(model.now), phase: "signed_out", signIn: { ...signIn, busy: false } };
  return { ...closed, operator, afters: unkept(model), drafts: unanswered(model) };
}

function reduceFrame(model: Model, frame: ServerFrame): Step {
  switch (frame.op) {
    case "welcome":
      return only(welcomed(model, frame));
    case "event":
      return applyEvent(model, frame);
    case "result":
      return resulted(model, frame);
    case "bye":
    case "pong":
      return only(model); // the socket's own business
  }
}

function welcomed(before: Model, frame: Welcome): Model {
  const known: Model = {
    ...signedIn(before, frame.operator, null),
    stream: frame.stream,
    sources: frame.sources,
    stages: frame.stages,
    team: frame.team,
    openEdits: frame.edits,
    state: frame.state,
    desk: frame.desk,
    work: frame.work,
    missed: null,
  };
  const model = frame.afters.reduce(retold, known);
  if (!frame.resumed) return live({ ...replaceCalls(model, frame.calls), seq: frame.seq });
  if (frame.seq <= model.seq) return live(model);
  // Until all is there the page stays as it was, also in saying that its line is lost: a pop that has been withdrawn
  // meanwhile must neither appear nor be heard.
  return { ...model, missed: { until: frame.seq, events: [] } };
}

function live(model: Model): Model {
  return { ...model, line: { phase: "live", since: model.now } };
}

/** Apply all that was missed in one go. What came and went unseen leaves its line in today's list, and no notice. */
function caughtUp(before: Model, events: readonly ServerEvent[]): Step {
  let model = before;
  const others: Effect[] = [];
  for (const event of events) {
    const step = applyEvent(model, event);
    model = step.model;
    others.push(...step.effects.filter((effect) => effect.kind !== "ack"));
  }
  const isNew = ({ call }: Card): boolean => !before.cards.some((card) => card.call.id === call.id);
  const isGone = ({ call }: Card): boolean => !model.cards.some((card) => card.call.id === call.id);
  const notice = before.cards.some(isGone) ? model.notice : before.notice;
  const { review, pane } = model.cards.some(isNew) ? model : before;
  const acks = model.cards.flatMap(({ call }): Effect[] => {
    const latest = events.findLast((event) => event.call?.id === call.id);
    return latest?.seq ? [{ kind: "ack", seq: latest.seq }] : [];
  });
  return { model: live({ ...model, notice, review, pane }), effects: [...acks, ...others] };
}

function applyEvent(model: Model, event: ServerEvent): Step {
  if (event.seq === null) return only(retold({ ...model, team: event.team ?? model.team, work: event.work ?? model.work, openEdits: event.edits ?? model.openEdits }, event.after));
  const acks: Effect[] = event.call === null ? [] : [{ kind: "ack", seq: event.seq }];
  // A known number is a repetition: what it said is already here, or was overtaken by later news.
  if (event.seq <= model.seq) return { model, effects: acks };
  if (model.missed !== null) {
    const events = [...model.missed.events, event];
    if (event.seq < model.missed.until) return only({ ...model, missed: { ...model.missed, events } });
    return caughtUp({ ...model, missed: null }, events);
  }

  const hole = event.seq > model.seq + 1 && model.now - model.resyncedAt >= RESYNC_EVERY;
  const heard: Model = {
    ...model,
    seq: event.seq,
    resyncedAt: hole ? model.now : model.resyncedAt,
    ahead: aheadAfter(model, event.at),
  };
  return { model: told(heard, event), effects: hole ? [...acks, { kind: "resync" }] : acks };
}

/** Each stamp we hear is late by its way, so the largest difference seen is nearest to the truth. */
function aheadAfter(model: Model, stamp: number | null): number | null {
  if (stamp === null) return model.ahead;
  return model.ahead === null ? stamp - model.now : Math.max(model.ahead, stamp - model.now);
}

function told(before: Model, event: ServerEvent): Model {
  const model = retold(before, event.call?.after ?? null);
  if (event.team !== null) return { ...model, team: event.team };
  if (event.state !== null) return turned(model, event.state);
  if (event.source !== null) return { ...model, sources: withSource(model.sources, event.source) };
  if (event.call === null) return model;
  switch (event.type) {
    case "call.withdrawn":
      return withdrawCall(model, event.call.id, event.reason ?? "moved", event.by);
    case "call.ended": {
      // His part is over, also while the call goes on with a colleague or the caller's own end is still on its way.
      const endedAt = event.call.endedAt ?? event.at ?? serverNow(model);
      return placeCall(model, { ...event.call, state: "ended", endedAt });
    }
    case "call.ringing":
    case "call.answered":
      return placeCall(forgetEnded(notOver(model, event.call.id), event.call.id), event.call); // handed on before, and back again
    default:
      return placeCall(model, event.call);
  }
}

/** His own state has changed. The card of a wrap-up that he has finished goes with it. */
function turned(model: Model, state: OperatorState): Model {
  const over = wrapUpCallId(model);
  const current = { ...model, state };
  return over === null || over === state.call ? current : wrappedUp(current, over, state.why === "limit" || isUnsaved(model, over) || isBegun(writingOf(model, over)));
}

function withSource(sources: readonly Source[], news: Source): readonly Source[] {
  const known = sources.some((source) => source.name === news.name);
  return known ? sources.map((source) => (source.name === news.name ? news : source)) : [...sources, news];
}

/** A notification may be clicked when its call has just gone. */
function look(model: Model, callId: string): Model {
  const focus = model.cards.some((card) => card.call.id === callId) ? callId : model.focus;
  return { ...model, focus, review: null, pane: "now" };
}

function nextCall(model: Model): Model {
  const at = model.cards.findIndex((card) => card.call.id === model.focus);
  const next = model.cards[(at + 1) % model.cards.length];
  return next ? look(model, next.call.id) : model;
}

/** Close what may be closed: a reviewed card, an ended one, a notice; never a living call. */
function close(model: Model): Model {
  if (model.review !== null) return { ...model, review: null };
  return { ...removeEnded(model), notice: null };
}
