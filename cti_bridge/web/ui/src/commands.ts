/**
 * What the operator has had done: each command from the click to its answer. Pure.
 *
 * A command keeps its id until it is answered: after a broken line it is sent again, and the bridge does it once.
 */

import { serverNow } from "./model";
import type { Model } from "./model";
import type { Result } from "./protocol_desk";

/** `unknown`: nobody can say whether it was done, because the answer did not come in time. */
export type CommandPhase = "sent" | "done" | "refused" | "unknown";

export interface Command {
  readonly id: string;
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** The call it is about, where it is about one. */
  readonly callId: string | null;
  readonly phase: CommandPhase;
  /** Why it was not done, for programs; of an `unknown` one `no_answer`. */
  readonly code: string;
  /** The same in plain English. */
  readonly message: string;
  /** What a command that was done answered with. */
  readonly value: unknown;
  /** Local milliseconds at which it was given; of an answered one, at which it was answered. */
  readonly at: number;
  /** Server milliseconds at which it was given: the clock of a desk may stand still while it sleeps. */
  readonly givenAt: number;
}

/** A command to be given. */
export interface Wanted {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** So long is an answer waited for (milliseconds); the bridge itself gives up sooner. */
export const ANSWERED_WITHIN = 30_000;
/** A command to the phones that is older than this is not given once more (milliseconds). */
export const LATE = 6_000;
/** So long is said why something was not done (milliseconds). */
export const REFUSAL_STAYS = 20_000;
/** So many are kept; nobody gives so many at once. */
const KEPT = 50;

/** Give a command. The same one, as long as it is under way, is given once. */
export function give(model: Model, id: string, { name, args }: Wanted): Model {
  const callId = typeof args["call"] === "string" ? args["call"] : null;
  const twin = model.commands.some((one) => one.phase === "sent" && one.name === name && sameArgs(one.args, args));
  if (twin) return model;
  const command: Command = { id, name, args, callId, phase: "sent", code: "", message: "", value: null, at: model.now, givenAt: serverNow(model) };
  const others = model.commands.filter((one) => one.phase === "sent" || !sameSubject(one, command));
  return { ...model, commands: [...others, command].slice(-KEPT) };
}

/** The command that this is the answer to, with what was answered; null when nobody waits for it any more. */
export function answered(model: Model, result: Result): Command | null {
  const command = model.commands.find((one) => one.id === result.id && one.phase === "sent");
  if (command === undefined) return null;
  if (result.ok) return { ...command, phase: "done", value: result.value, at: model.now };
  const phase = result.code === "no_answer" ? "unknown" : "refused";
  return { ...command, phase, code: result.code, message: result.message, at: model.now };
}

/** Put the answered command in its place. One that was done is over; of the others it is said why. */
export function settle(model: Model, command: Command): Model {
  const commands = model.commands.flatMap((one) => (one.id !== command.id ? [one] : command.phase === "done" ? [] : [command]));
  return { ...model, commands };
}

/** Say at once why this cannot be done now, without asking the bridge; in the words that it would have for it. */
export function deny(model: Model, { name, args }: Wanted, message: string): Model {
  const rest = { callId: null, code: "not_possible", value: null, at: model.now, givenAt: serverNow(model) } as const;
  const command: Command = { id: `denied-${name}`, name, args, phase: "refused", message, ...rest };
  return { ...model, commands: [...model.commands.filter((one) => one.phase === "sent" || !sameSubject(one, command)), command] };
}

/** Those that nobody will answer any more, given up now. */
export function overdue(model: Model): readonly Command[] {
  return underWay(model)
    .filter((one) => model.now - one.at >= ANSWERED_WITHIN)
    .map((one) => ({ ...one, phase: "unknown", code: "no_answer", at: model.now }));
}

/**
 * Those that are not to be said again on a new line: what was meant for the phones of that moment must not reach those of a
 * later one, and a bridge that was started anew (`restarted`) no longer knows by the id what has been done.
 */
export function outdated(model: Model, restarted: boolean): readonly Command[] {
  return underWay(model)
    .filter((one) => one.name.startsWith("call.") && one.name !== "call.targets" && (restarted || serverNow(model) - one.givenAt >= LATE))
    .map((one) => ({ ...one, phase: "unknown", code: "no_answer", at: model.now }));
}

/** Let go of refusals that have been said for long enough. */
export function forgetOld(model: Model): Model {
  const left = model.commands.filter((one) => one.phase === "sent" || model.now - one.at < REFUSAL_STAYS);
  return left.length === model.commands.length ? model : { ...model, commands: left };
}

/** Somebody has read it: say no more of this one. */
export function dismiss(model: Model, id: string): Model {
  return { ...model, commands: model.commands.filter((one) => one.id !== id || one.phase === "sent") };
}

/** All that are not answered yet, in the order in which they were given. */
export function underWay(model: Model): readonly Command[] {
  return model.commands.filter((one) => one.phase === "sent");
}

/** Whether a command of this name is under way: for anything, or with `about` in its arguments. */
export function isUnderWay(model: Model, name: string, about: Readonly<Record<string, unknown>> = {}): boolean {
  return underWay(model).some((one) => one.name === name && covers(one.args, about));
}

/** The last of these commands that was not done and is still worth words. */
export function lastRefused(
  model: Model,
  names: readonly string[],
  about: Readonly<Record<string, unknown>> = {},
): Command | null {
  return model.commands.findLast((one) => one.phase !== "sent" && names.includes(one.name) && covers(one.args, about)) ?? null;
}

function covers(args: Command["args"], about: Command["args"]): boolean {
  return Object.entries(about).every(([key, value]) => args[key] === value);
}

export function sameArgs(a: Command["args"], b: Command["args"]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A refusal is forgotten when the same thing is tried once more. */
function sameSubject(a: Command, b: Command): boolean {
  return a.name === b.name && a.callId === b.callId && a.args["item"] === b.args["item"] && a.args["edit"] === b.args["edit"];
}
