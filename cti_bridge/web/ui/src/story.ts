/** The past of a caller as one stream, newest first: calls, notes, and the stages that his deal went through. Pure. */

import type { Call, Deal, Note, PastCall } from "./protocol";
import { isAmbiguous } from "./reason";

/** A deal moved on; `from` is empty where nobody remembers the stage before. */
export interface StageChange {
  readonly from: string;
  readonly to: string;
  /** The deal that it is about. */
  readonly title: string;
}

export type Item =
  | { readonly kind: "note"; readonly at: number; readonly note: Note }
  | { readonly kind: "call"; readonly at: number; readonly past: PastCall }
  | { readonly kind: "stage"; readonly at: number; readonly change: StageChange };

/** All that is known of the time before this call. */
export function stream(call: Call): readonly Item[] {
  const items: Item[] = [
    ...call.notes.map((note): Item => ({ kind: "note", at: note.at ?? 0, note })),
    ...call.history.map((past): Item => ({ kind: "call", at: past.at ?? 0, past })),
    ...(isAmbiguous(call) ? [] : stages(call)),
  ];
  return items.sort((a, b) => b.at - a.at);
}

/**
 * The stages: when a deal came to the one it has now its change says; those before are what earlier calls found, so a change
 * between two of them is told with the later one.
 */
function stages(call: Call): Item[] {
  const found = call.history
    .flatMap(({ at, stageName }) => (at === null || stageName === "" ? [] : [{ at, stageName }]))
    .sort((a, b) => a.at - b.at);
  const last = call.deals.find((deal) => deal.main);
  const items = call.deals.flatMap((deal): Item[] => {
    if (deal.changedAt === null) return [];
    const { changedAt, title } = deal;
    const before = deal === last ? (found.findLast(({ at }) => at < changedAt)?.stageName ?? "") : "";
    const to = nameOf(deal);
    return [{ kind: "stage", at: changedAt, change: { from: before === to ? "" : before, to, title } }];
  });
  found.forEach(({ at, stageName: to }, index) => {
    const from = found[index - 1]?.stageName ?? to;
    const toldExactly = last !== undefined && last.changedAt !== null && to === nameOf(last) && last.changedAt <= at;
    if (from !== to && !toldExactly) items.push({ kind: "stage", at: at - 1, change: { from, to, title: "" } });
  });
  return items;
}

function nameOf(deal: Deal): string {
  return deal.stageName || deal.stage;
}
