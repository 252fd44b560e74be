/** What every part of the page may reach: the model, the words, and what an operator can do here. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";

import type { Model, Pane } from "../model";
import type { NoticeState, Preferences, SoundState } from "../preferences";
import type { Strings } from "../strings";

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
}

/** What can be opened beside the call, one at a time. */
export type Panel = "settings" | "keys";

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
