/** Reads what came as JSON piece by piece: every reader answers with a value of its kind, whatever it is given. */

export type Json = Record<string, unknown>;

/** A text longer than this is cut: nobody reads more on a card, and layout costs grow with it. */
const LONGEST_TEXT = 2_000;
/** More entries than this in any one list are dropped: a card, a team and a history stay bounded. */
const LONGEST_LIST = 500;

export function record(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

export function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, LONGEST_TEXT) : "";
}

/** The same for what people write themselves and will write on: as long as the bridge takes it. */
export function written(value: unknown, longest: number): string {
  return typeof value === "string" ? value.slice(0, longest) : "";
}

export function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function time(value: unknown): number | null {
  return typeof value === "string" ? number(Date.parse(value)) : null;
}

export function list<T>(value: unknown, read: (entry: Json) => T): T[] {
  return Array.isArray(value) ? value.slice(0, LONGEST_LIST).map((entry) => read(record(entry))) : [];
}

/** At most so many texts; empty ones are none. */
export function texts(value: unknown, most: number): string[] {
  return Array.isArray(value) ? value.slice(0, most).map(text).filter((each) => each !== "") : [];
}

export function oneOf<T extends string>(value: unknown, words: readonly T[], otherwise: T): T {
  return words.includes(value as T) ? (value as T) : otherwise;
}

/** Those of the texts in a list that are among the words. */
export function someOf<T extends string>(value: unknown, words: readonly T[]): T[] {
  return Array.isArray(value) ? words.filter((word) => value.includes(word)) : [];
}

export function present<T>(value: T | null): value is T {
  return value !== null;
}
