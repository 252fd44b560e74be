/** Somebody whom nobody knows yet: a short form in the place of the deals that he does not have. */

import type { JSX } from "preact";

import { isUnderWay } from "../commands";
import { LONGEST, PARTS, draftOf, partOf, personEdit } from "../drafts";
import type { Part } from "../drafts";
import type { Model } from "../model";
import type { Call } from "../protocol";
import type { Edit } from "../protocol_hand";
import { isAmbiguous } from "../reason";
import { useDesk } from "./desk";
import { Icon } from "./icon";
import { Refusal } from "./refusal";

/** Whether the caller can be written down: the CRM has said that it does not know him, and takes new people. */
export function canBeWritten(model: Model, call: Call): boolean {
  const stranger = call.customer === null && !isAmbiguous(call) && call.crmSource === "none" && call.kind === "external";
  return stranger && model.desk.crm.create && call.direction !== "internal";
}

export function Newcomer({ call }: { call: Call }): JSX.Element {
  const { model, t, actions } = useDesk();
  const draft = draftOf(model, call.id);
  const { person } = draft;
  const edit = personEdit(call);
  if (edit?.state === "waiting") return <Waiting name={edit.changes["name"] ?? ""} />;
  if (edit?.state === "conflict") return <Stranger edit={edit} />;
  const sending = person?.phase === "sent" || person?.phase === "due";
  const named = partOf(call, draft, "name").trim() !== "";
  const wrong = person?.phase === "refused" ? t.hand.refusal(person.code, person.message) : edit?.state === "refused" ? "" : null;
  const parts = PARTS.filter((part) => part !== "deal" || (model.desk.createDeal && model.desk.crm.deal));
  const save = (event: Event): void => {
    event.preventDefault();
    // What came back may be sent again as it is.
    if (person === null) actions.hand({ kind: "person_typed", callId: call.id, part: "name", value: partOf(call, draft, "name") });
    actions.hand({ kind: "person_done", callId: call.id });
  };
  return (
    <form class="newcomer" data-field="newcomer" aria-labelledby="newcomer" onSubmit={save} noValidate>
      <fieldset disabled={call.role === "ringing" || sending}>
        <legend id="newcomer">
          <b>{t.hand.person.title}</b> <span>{t.hand.person.hint}</span>
        </legend>
        <div class="newcomer-parts">
          {parts.map((part) => (
            <PartBox key={part} call={call} part={part} value={partOf(call, draft, part)} />
          ))}
          <button type="submit" class="primary" data-action="create" disabled={!named}>
            {sending ? t.hand.person.saving : t.hand.person.save}
          </button>
        </div>
      </fieldset>
      {wrong !== null && (
        <p class="warned" role="alert" data-field="newcomer-refused">
          {t.hand.person.refused}
          {wrong !== "" && <bdi>{`: ${wrong}`}</bdi>} <bdi class="quiet-words">{edit?.reason}</bdi>
        </p>
      )}
    </form>
  );
}

function PartBox({ call, part, value }: { call: Call; part: Part; value: string }): JSX.Element {
  const { t, actions } = useDesk();
  return (
    <label data-part={part}>
      <span>{t.hand.person.part(part)}</span>
      <input
        class="box"
        type="text"
        inputMode={part === "email" ? "email" : "text"}
        name={part}
        dir="auto"
        required={part === "name"}
        autoComplete="off"
        spellcheck={part === "deal"}
        maxLength={LONGEST}
        value={value}
        onInput={(event) => actions.hand({ kind: "person_typed", callId: call.id, part, value: event.currentTarget.value })}
      />
    </label>
  );
}

/** Somebody else has been found with this number meanwhile: is it he, or is there one more? */
function Stranger({ edit }: { edit: Edit }): JSX.Element {
  const { model, t, actions } = useDesk();
  const busy = isUnderWay(model, "card.settle", { edit: edit.id });
  const sides = [
    ["theirs", t.hand.card.theirs, edit.theirs["name"] ?? "", t.hand.card.choose],
    ["mine", t.hand.card.mine, edit.changes["name"] ?? "", t.hand.person.anyway],
  ] as const;
  return (
    <div class="newcomer" data-field="newcomer-conflict" role="group" aria-labelledby="newcomer">
      <p class="dispute-title" id="newcomer" role="alert">
        {t.hand.person.conflict}
      </p>
      {sides.map(([keep, label, name, words]) => (
        <p key={keep} class="side-of" data-side={keep}>
          <span>{label}</span>
          <bdi>{name}</bdi>
          <button
            type="button"
            class="plain-button"
            disabled={busy}
            onClick={() => actions.command("card.settle", { edit: edit.id, keep })}
          >
            {words}
          </button>
        </p>
      ))}
      <Refusal of={["card.settle"]} about={{ edit: edit.id }} />
    </div>
  );
}

function Waiting({ name }: { name: string }): JSX.Element {
  const { t } = useDesk();
  return (
    <div class="newcomer waits-for-crm" data-field="newcomer-waiting" role="status">
      <p>
        <Icon name="waiting" />
        <b>
          <bdi>{name}</bdi>
        </b>
      </p>
      <p>{t.hand.person.waiting}</p>
    </div>
  );
}
