/**
 * One field of a customer, in its place on the card: as it reads, with a pencil; while it is written, a box in the same place;
 * and a mark that says whether the CRM has it.
 */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { LONGEST, draftOf, editable, fieldView } from "../drafts";
import type { FieldName, FieldView } from "../drafts";
import type { Call } from "../protocol";
import { useDesk } from "./desk";
import { Icon } from "./icon";

/** The channels that the page has words for; a customer may have another one. */
const CHANNELS = ["phone", "email", "messenger", "sms", "telegram", "whatsapp"] as const;

interface Editable {
  readonly call: Call;
  readonly field: FieldName;
  /** It takes a line of its own. */
  readonly block?: boolean;
  /** How it reads while nobody writes in it. */
  readonly children: (view: FieldView) => ComponentChildren;
}

export function Field({ call, field, block = false, children }: Editable): JSX.Element {
  const { model, t, actions } = useDesk();
  const view = fieldView(call, draftOf(model, call.id), field);
  // Whose session ended in the middle of a word goes on with it.
  const [open, setOpen] = useState(view.mark === "typing");
  const pencil = useRef<HTMLButtonElement>(null);
  const back = useRef(false);
  const mayBe = editable(call) !== null && model.desk.crm.update;
  const can = mayBe && call.role !== "ringing";
  useEffect(() => {
    if (!open && back.current) pencil.current?.focus();
    back.current = false;
  }, [open]);
  if (open && can) {
    const close = (byKey: boolean): void => {
      back.current = byKey;
      setOpen(false);
    };
    return <Box key={field} call={call} field={field} view={view} close={close} />;
  }
  const Tag = block ? "div" : "span";
  return (
    <Tag class="field" data-edit={field} data-mark={view.mark}>
      {children(view)}
      <Mark view={view} />
      {mayBe && (!can || view.mark === "conflict") && <i class="small-button" />}
      {can && view.mark !== "conflict" && (
        <button
          type="button"
          class="small-button pencil"
          aria-label={t.hand.card.edit(field)}
          title={t.hand.card.edit(field)}
          ref={pencil}
          onClick={() => {
            // What came back is written on where it was left.
            if (view.mark === "refused") actions.hand({ kind: "field_typed", callId: call.id, field, value: view.value });
            setOpen(true);
          }}
        >
          <Icon name="pencil" />
        </button>
      )}
    </Tag>
  );
}

function Box({ call, field, view, close }: { call: Call; field: FieldName; view: FieldView; close(byKey: boolean): void }): JSX.Element {
  const { t, actions } = useDesk();
  const box = useRef<HTMLInputElement & HTMLSelectElement>(null);
  const done = useRef(false);
  const finish = (keep: boolean, byKey: boolean): void => {
    if (done.current) return;
    done.current = true;
    actions.hand({ kind: keep ? "field_done" : "field_dropped", callId: call.id, field });
    close(byKey);
  };
  useEffect(() => {
    box.current?.focus();
    if (field !== "preferred_channel" && view.mark !== "typing") box.current?.select();
    // Whoever turns to another call has written this one to its end.
    return () => {
      if (!done.current) actions.hand({ kind: "field_done", callId: call.id, field });
    };
  }, []);
  const type = (value: string): void => actions.hand({ kind: "field_typed", callId: call.id, field, value });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    if (event.key === "Enter") finish(true, true);
    if (event.key !== "Escape") return;
    event.stopPropagation(); // it closes the box and nothing behind it
    finish(false, true);
  };
  const onBlur = (): void => {
    // Whoever looks something up in another window has not finished the word: the box keeps the focus of this one.
    if (document.activeElement !== box.current) finish(true, false);
  };
  const common = { ref: box, "aria-label": t.hand.card.field(field), "data-box": field, onBlur, onKeyDown };
  if (field === "preferred_channel") {
    const others = CHANNELS.some((each) => each === view.value.toLowerCase()) || view.value === "" ? [] : [view.value];
    const known = CHANNELS.find((each) => each === view.value.toLowerCase()) ?? view.value;
    return (
      <select class="box" {...common} value={known} onChange={(event) => type(event.currentTarget.value)}>
        <option value="">{t.hand.card.nothing}</option>
        {[...CHANNELS, ...others].map((channel) => (
          <option key={channel} value={channel}>
            {t.channel(channel)}
          </option>
        ))}
      </select>
    );
  }
  return (
    <input
      class="box"
      {...common}
      type="text"
      inputMode={field === "email" ? "email" : "text"}
      dir="auto"
      autoComplete="off"
      spellcheck={false}
      maxLength={LONGEST}
      value={view.value}
      onInput={(event) => type(event.currentTarget.value)}
    />
  );
}

/** Quiet where all is well; a conflict and a refusal have their words below. */
function Mark({ view }: { view: FieldView }): JSX.Element | null {
  const { t } = useDesk();
  switch (view.mark) {
    case "saving":
      return (
        <span class="mark-of" data-mark="saving">
          <i class="spin" />
          <span class="unseen">{t.hand.card.saving}</span>
        </span>
      );
    case "waiting":
      return (
        <span class="mark-of warned" data-mark="waiting" title={t.hand.card.waitingHint}>
          <Icon name="waiting" />
          {t.hand.card.waiting}
        </span>
      );
    case "saved":
      return (
        <span class="mark-of good" data-mark="saved" title={t.hand.card.saved}>
          <Icon name="ended" />
          <span class="unseen">{t.hand.card.saved}</span>
        </span>
      );
    case "refused":
    case "conflict":
      return (
        <span class="mark-of bad" data-mark={view.mark}>
          <Icon name="doubt" />
        </span>
      );
    case "none":
    case "typing":
      return null;
  }
}
