/** What every part of the page may reach: the model, the words, and what an operator can do here. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";

import type { Change } from "../after";
import type { Dialling, HandInput } from "../hand";
import type { Model, Pane } from "../model";
import type { NoticeState, Preferences, SoundState } from "../preferences";
import type { Strings } from "../strings";

/** An input of the reducer before it is known when it happens. */
type Timeless<Each> = Each extends { readonly at: number } ? Omit<Each, "at"> : never;

export interface Actions {
  signIn(login: string, password: string): void;
  signOut(): void;
  look(callId: string): void;
  review(key: number): void;
  close(): void;
  pane(pane: Pane): void;
  prefer(change: Partial<Preferences>): void;
  show(panel: Panel | null): void;
  switchNotices(on: boolean): void;
  testSound(): void;
  /** Have something done; answers with the command's id, by which `model.commands` has what became of it. */
  command(name: string, args: Readonly<Record<string, unknown>>): string;
  /** Say no more of a command that was refused. */
  dismiss(id: string): void;
  setState(id: string): void;
  /** What the one key for the state does: leave, come back, begin work, finish a wrap-up. */
  turn(): void;
  write(callId: string, change: Change): void;
  /** Save now what was written. */
  keep(): void;
  /** What he writes on the card, whom he is about to give the call to, what he is about to dial. */
  hand(input: Timeless<HandInput>): void;
  /** Ask whether this number is to be called; Enter calls. */
  askToDial(dialling: Dialling): void;
}

/** What can be opened beside the call, one at a time; `mate:` and an id: the states of that colleague, for supervisors. */
export type Panel = "settings" | "keys" | "states" | `mate:${string}`;

export interface Desk {
  readonly model: Model;
  readonly t: Strings;
  readonly preferences: Preferences;
  readonly panel: Panel | null;
  readonly sound: SoundState;
  readonly notices: NoticeState;
  readonly actions: Actions;
}

export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === null) throw new Error("a view was drawn outside the desk");
  return desk;
}
