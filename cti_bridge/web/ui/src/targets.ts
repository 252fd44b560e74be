/** Whom a call can be handed to: the list as the bridge tells it, what a search leaves of it, in which order. Pure. */

import type { Handed } from "./protocol_hand";

export type TargetState = "idle" | "ringing" | "talking" | "away";

export interface Colleague {
  readonly id: string;
  readonly name: string;
  readonly phones: readonly string[];
  readonly state: TargetState;
  readonly free: boolean;
}

export interface QueueTarget {
  readonly id: string;
  /** Null where the bridge does not say. */
  readonly free: number | null;
  readonly waiting: number | null;
}

export interface Targets {
  readonly operators: readonly Colleague[];
  readonly queues: readonly QueueTarget[];
  /** Whether any number may be called from here. */
  readonly numbers: boolean;
}

/** What a call is handed over for: at once, or after a word with whom it is for. */
export type Purpose = "transfer" | "consult";

/** One line of the list: whom it is, and what else there is to be said of him. */
export type Target =
  | { readonly kind: "operator"; readonly id: string; readonly name: string; readonly colleague: Colleague }
  | { readonly kind: "queue"; readonly id: string; readonly name: string; readonly queue: QueueTarget }
  | { readonly kind: "number"; readonly id: string; readonly name: string };

/** So many lines are drawn; whoever has more colleagues types a letter. */
export const SHOWN = 60;

const WRITTEN = /^[\d\s()+./-]+$/;

/** What somebody typed as a number, in the form in which it is dialled; null where it is none. */
export function numberIn(typed: string): string | null {
  const text = typed.trim();
  if (!WRITTEN.test(text)) return null;
  const digits = text.replace(/\D/g, "");
  if (text.indexOf("+", 1) > 0 || digits.length < 3 || digits.length > 15) return null;
  return text.startsWith("+") ? `+${digits}` : digits;
}

/** Whether somebody is writing a number, be it finished or not. */
export function looksLikeNumber(typed: string): boolean {
  return /\d/.test(typed) && WRITTEN.test(typed.trim());
}

const ORDER: Readonly<Record<TargetState, number>> = { idle: 0, ringing: 1, talking: 1, away: 2 };

/**
 * The lines for what was typed: those who are free first, then the busy, then the queues. A number, where it is one, stands above
 * all, but not above whoever has just this extension: that is a colleague, and no number of the world outside.
 */
export function found(targets: Targets, typed: string, purpose: Purpose, locale: string, queueName: (queue: string) => string): readonly Target[] {
  const number = targets.numbers ? numberIn(typed) : null;
  const wanted = typed.trim().toLocaleLowerCase(locale);
  const has = (...texts: readonly string[]): boolean => texts.some((text) => text.toLocaleLowerCase(locale).includes(wanted));
  const rank = (each: Colleague): number => (each.free ? 0 : 1) + ORDER[each.state];
  const operators = targets.operators
    .filter((each) => has(each.name, each.id, ...each.phones.map(extension)))
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, locale))
    .map((colleague): Target => ({ kind: "operator", id: colleague.id, name: colleague.name, colleague }));
  // Nobody can be asked something in a queue.
  const queues = (purpose === "consult" ? [] : targets.queues)
    .map((queue): Target => ({ kind: "queue", id: queue.id, name: queueName(queue.id), queue }))
    .filter(({ id, name }) => has(id, name));
  const numbers: Target[] = number === null ? [] : [{ kind: "number", id: number, name: number }];
  const dialled = (target: Target): boolean => target.kind === "operator" && target.colleague.phones.some((each) => extension(each) === wanted);
  return [...operators.filter(dialled), ...numbers, ...operators.filter((each) => !dialled(each)), ...queues].slice(0, SHOWN);
}

/** The part of an interface that people dial. */
export function extension(phone: string): string {
  return phone.slice(phone.indexOf("/") + 1);
}

/** `to` as the commands take it. */
export function toArgs(target: Pick<Handed, "kind" | "id">): Readonly<Record<string, string>> {
  return { [target.kind]: target.id };
}

/** The line to be marked after a key: it stays in the list, and goes round at its ends; from none (-1) it goes to the nearest end. */
export function moved(at: number, by: number, count: number): number {
  if (at < 0) return by > 0 || count === 0 ? 0 : count - 1;
  return count === 0 ? 0 : (at + by + count) % count;
}
