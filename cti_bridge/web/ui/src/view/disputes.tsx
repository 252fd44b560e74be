/** What stands between the operator and the CRM: fields that somebody else changed meanwhile, and what could not be stored. */

import type { JSX } from "preact";

import { isUnderWay } from "../commands";
import { FIELDS, draftOf, fieldView } from "../drafts";
import type { FieldName, FieldView } from "../drafts";
import type { Call } from "../protocol";
import type { Edit } from "../protocol_hand";
import { useDesk } from "./desk";
import { Refusal } from "./refusal";

export function Disputes({ call }: { call: Call }): JSX.Element | null {
  const { model } = useDesk();
  const draft = draftOf(model, call.id);
  const open = FIELDS.map((field) => ({ field, view: fieldView(call, draft, field) })).filter(
    ({ view }) => view.mark === "conflict" || view.mark === "refused",
  );
  if (open.length === 0) return null;
  return (
    <div class="disputes">
      {open.map(({ field, view }) =>
        view.mark === "conflict" && view.edit !== null ? (
          <Conflict key={field} field={field} view={view} edit={view.edit} />
        ) : (
          <Refused key={field} call={call} field={field} view={view} />
        ),
      )}
    </div>
  );
}

/** Both values side by side; neither is chosen for him. */
function Conflict({ field, view, edit }: { field: FieldName; view: FieldView; edit: Edit }): JSX.Element {
  const { model, t, actions } = useDesk();
  const busy = isUnderWay(model, "card.settle", { edit: edit.id });
  const show = (value: string): string => (field === "preferred_channel" ? t.channel(value) : value) || t.hand.card.empty;
  const sides = [
    ["mine", t.hand.card.mine, show(view.value)],
    ["theirs", t.hand.card.theirs, show(view.theirs)],
  ] as const;
  return (
    <div class="dispute" role="group" aria-labelledby={`dispute-${field}`} data-conflict={field}>
      <p class="dispute-title" id={`dispute-${field}`} role="alert">
        {t.hand.card.conflict(field)}
      </p>
      {sides.map(([keep, label, value]) => (
        <p key={keep} class="side-of" data-side={keep}>
          <span>{label}</span>
          <bdi title={value}>{value}</bdi>
          <button
            type="button"
            class="plain-button"
            disabled={busy}
            aria-label={`${t.hand.card.keep}: ${label}, ${value}`}
            onClick={() => actions.command("card.settle", { edit: edit.id, keep })}
          >
            {t.hand.card.keep}
          </button>
        </p>
      ))}
      <Refusal of={["card.settle"]} about={{ edit: edit.id }} />
    </div>
  );
}

function Refused({ call, field, view }: { call: Call; field: FieldName; view: FieldView }): JSX.Element {
  const { model, t, actions } = useDesk();
  const { edit } = view;
  const busy = edit !== null && isUnderWay(model, "card.settle", { edit: edit.id });
  const again = (): void => {
    if (edit !== null) return void actions.command("card.settle", { edit: edit.id, keep: "mine" });
    actions.hand({ kind: "field_done", callId: call.id, field });
  };
  const drop = (): void => {
    if (edit !== null) return void actions.command("card.settle", { edit: edit.id, keep: "theirs" });
    actions.hand({ kind: "field_dropped", callId: call.id, field });
  };
  return (
    <div class="dispute" data-refused={field}>
      <p class="dispute-title" role="alert">
        {t.hand.card.refused(field)}
        {view.code !== "" && <bdi>{`: ${t.hand.refusal(view.code, view.message)}`}</bdi>}
      </p>
      <p class="side-of">
        <bdi title={view.value}>{view.value || t.hand.card.empty}</bdi>
        {view.code === "" && view.message !== "" && <bdi class="quiet-words">{view.message}</bdi>}
        <button type="button" class="plain-button" disabled={busy} onClick={again}>
          {t.hand.card.retry}
        </button>
        <button type="button" class="plain-button" disabled={busy} onClick={drop}>
          {t.hand.card.drop}
        </button>
      </p>
      {edit !== null && <Refusal of={["card.settle"]} about={{ edit: edit.id }} />}
    </div>
  );
}
