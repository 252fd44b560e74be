/** The call in focus: the band says where it belongs and why, below it stands who it is. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { editable } from "../drafts";
import { cardState } from "../model";
import type { Call } from "../protocol";
import { isAmbiguous, tone } from "../reason";
import { wrapUpCallId } from "../staffing";
import { whoCalls } from "../who";
import { Band } from "./band";
import { Because, hasMore } from "./because";
import { Controls } from "./controls";
import { DialButton } from "./dial";
import { useDesk } from "./desk";
import { Doubt, Facts, Side } from "./facts";
import { Field } from "./field";

/** A longer name is set smaller, so that nothing of it is lost. */
const LONG_NAME = 26;

export function CallCard({ call }: { call: Call }): JSX.Element {
  const { model, t } = useDesk();
  const [open, setOpen] = useState(false);
  const who = whoCalls(call, t);
  return (
    <article
      class="call"
      data-call-id={call.id}
      data-state={cardState(call)}
      data-role={call.role}
      data-wraps={wrapUpCallId(model) === call.id}
      data-class={call.callClass}
      data-tone={tone(call.callClass)}
      data-decision={call.decision}
      data-crm={call.crmSource}
      data-customer={isAmbiguous(call) ? "ambiguous" : call.customer ? "known" : "unknown"}
      aria-labelledby="caller"
    >
      <Band call={call} open={open} toggle={() => setOpen(!open)} />
      {open && hasMore(call) && <Because call={call} />}
      <div class="who">
        <div class="who-name">
          <Name call={call} title={who.title} />
          <div class="under-row">
            <p class={who.known ? "under number" : "under"} data-field={who.known ? "number" : "hint"}>
              <bdi>{who.under}</bdi>
            </p>
            {who.known && call.kind === "external" && <DialButton call={call} number={call.number} name={who.title} />}
          </div>
        </div>
        <Side call={call} />
        <Doubt call={call} />
        <Facts call={call} />
      </div>
      <Controls call={call} />
    </article>
  );
}

/** The largest words on the page; the name of somebody known can be written. */
function Name({ call, title }: { call: Call; title: string }): JSX.Element {
  const shown = (words: string): JSX.Element => (
    <h1 class={words.length > LONG_NAME ? "name long" : "name"} id="caller" data-field="name" title={words}>
      <bdi>{words}</bdi>
    </h1>
  );
  if (editable(call) === null) return shown(title);
  return (
    <Field call={call} field="name" block>
      {(view) => shown(view.value || title)}
    </Field>
  );
}
