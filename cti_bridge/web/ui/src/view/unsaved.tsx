/** What the operator wrote on cards that are gone and the CRM does not have yet: nothing of it is forgotten, all of it can be settled. */

import type { JSX } from "preact";

import { isUnderWay } from "../commands";
import { FIELDS } from "../drafts";
import type { FieldName } from "../drafts";
import { shownCall } from "../model";
import type { OpenEdit } from "../protocol_hand";
import { useDesk } from "./desk";
import { Refusal } from "./refusal";

/** Nothing while all is well: it is seldom needed, and has no place of its own. */
export function Unsaved(): JSX.Element | null {
  const { model, t } = useDesk();
  const shown = shownCall(model)?.id;
  const asks = ({ state }: OpenEdit): number => (state === "conflict" || state === "refused" ? 0 : 1);
  // What somebody has to decide is seen without scrolling.
  const open = model.openEdits.filter(({ callId }) => callId !== shown).sort((a, b) => asks(a) - asks(b));
  if (open.length === 0) return null;
  return (
    <section class="unsaved" aria-labelledby="unsaved">
      <h2 class="quiet" id="unsaved">
        {t.hand.unsaved.title} <span>{open.length}</span>
      </h2>
      <ul tabIndex={0} aria-label={t.hand.unsaved.title}>
        {open.map((edit) => (
          <Line key={edit.id} edit={edit} />
        ))}
      </ul>
    </section>
  );
}

/** The words that were written; of changes also in which fields. */
function written({ kind, changes }: OpenEdit, t: ReturnType<typeof useDesk>["t"]): string {
  if (kind !== "update") return Object.values(changes).join(", ");
  return named(FIELDS.filter((field) => field in changes), changes, t);
}

function named(fields: readonly FieldName[], values: Readonly<Record<string, string>>, t: ReturnType<typeof useDesk>["t"]): string {
  return fields.map((field) => `${t.hand.card.field(field)}: ${values[field] || t.hand.card.empty}`).join(", ");
}

/** What the CRM has instead: of somebody new his name, of one field what is in it, of several which is which. */
function others({ kind, theirs }: OpenEdit, t: ReturnType<typeof useDesk>["t"]): string {
  if (kind !== "update") return theirs["name"] ?? "";
  const [first, ...more] = FIELDS.filter((field) => field in theirs);
  if (first === undefined) return "";
  return more.length === 0 ? (theirs[first] ?? "") : named([first, ...more], theirs, t);
}

function Line({ edit }: { edit: OpenEdit }): JSX.Element {
  const { model, t, actions } = useDesk();
  const busy = isUnderWay(model, "card.settle", { edit: edit.id });
  const texts = written(edit, t);
  const settle = (keep: "mine" | "theirs") => () => void actions.command("card.settle", { edit: edit.id, keep });
  const theirs = others(edit, t);
  return (
    <li data-open-edit={edit.id} data-edit-state={edit.state}>
      <p class="unsaved-who">
        <bdi>{edit.name || edit.display}</bdi>
        <span>{t.hand.unsaved.state(edit.state)}</span>
      </p>
      <p class="unsaved-what" title={texts}>
        {edit.kind !== "update" && `${t.hand.unsaved.what(edit.kind)}: `}
        <bdi>{texts}</bdi>
      </p>
      {edit.state === "conflict" && (
        <p class="unsaved-what">
          {t.hand.card.theirs}: <bdi>{theirs || t.hand.card.empty}</bdi>
        </p>
      )}
      {edit.state === "refused" && edit.reason !== "" && <p class="unsaved-what">{edit.reason}</p>}
      {(edit.state === "conflict" || edit.state === "refused") && (
        <p class="unsaved-buttons">
          <button type="button" class="plain-button" disabled={busy} onClick={settle("mine")}>
            {edit.state === "refused" ? t.hand.card.retry : t.hand.card.mine}
          </button>
          <button type="button" class="plain-button" disabled={busy} onClick={settle("theirs")}>
            {edit.state === "refused" ? t.hand.card.drop : t.hand.card.theirs}
          </button>
        </p>
      )}
      <Refusal of={["card.settle"]} about={{ edit: edit.id }} />
    </li>
  );
}
