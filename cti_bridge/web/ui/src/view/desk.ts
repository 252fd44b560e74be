/** What every part of the page may reach: the model, the words, and what an operator can do here. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";

import type { Model, Pane } from "../model";
import type { Strings } from "../strings";

export interface Actions {
  signIn(login: string, password: string): void;
  signOut(): void;
  look(callId: string): void;
  review(key: number): void;
  close(): void;
  pane(pane: Pane): void;
}

export interface Desk {
  readonly model: Model;
  readonly t: Strings;
  readonly actions: Actions;
}

export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === null) throw new Error("a view was drawn outside the desk");
  return desk;
}
