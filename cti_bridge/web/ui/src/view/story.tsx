/** The past in one stream, newest first: earlier calls, notes, stages. It comes after the card, into room kept for it. */

import type { JSX } from "preact";

import { duration, when } from "../format";
import { serverNow, shownCall } from "../model";
import type { Call, Note, PastCall } from "../protocol";
import { stream } from "../story";
import type { Item, StageChange } from "../story";
import { isAmbiguous } from "../reason";
import { useDesk } from "./desk";
import { Icon } from "./icon";

export function Story(): JSX.Element {
  const { model, t } = useDesk();
  const call = shownCall(model);
  return (
    <aside class="story" id="pane-story" aria-labelledby="story" data-extras={call?.extras ?? "none"}>
      <h2 class="quiet" id="story">
        {t.story.title} <span>{t.story.kinds}</span>
      </h2>
      {call ? <Stream key={`${call.id} ${call.extras}`} call={call} /> : <p class="hollow">{t.idle.story}</p>}
    </aside>
  );
}

function Stream({ call }: { call: Call }): JSX.Element {
  const { t } = useDesk();
  const items = stream(call);
  // The stages come with the card; what was said and when is worth waiting for.
  if (call.extras === "pending" && call.notes.length + call.history.length === 0) return <Waiting />;
  if (call.extras === "failed" && items.length === 0) return <p class="hollow said">{t.story.failed}</p>;
  if (items.length === 0) {
    const unknown = isAmbiguous(call) || (!call.customer && call.crmSource !== "none");
    return <p class="hollow said">{unknown ? t.story.unknown : t.story.empty}</p>;
  }
  return (
    <ol class="stream" tabIndex={0} aria-label={t.story.title}>
      {items.map((item, index) => (
        <StreamItem key={index} item={item} />
      ))}
    </ol>
  );
}

function StreamItem({ item }: { item: Item }): JSX.Element {
  switch (item.kind) {
    case "note":
      return <NoteItem note={item.note} />;
    case "call":
      return <PastItem past={item.past} />;
    case "stage":
      return <StageItem at={item.at} change={item.change} />;
  }
}

function Waiting(): JSX.Element {
  const { t } = useDesk();
  return (
    <div class="waiting" role="status">
      <span class="unseen">{t.story.pending}</span>
      <i />
      <i />
      <i />
    </div>
  );
}

function NoteItem({ note }: { note: Note }): JSX.Element {
  const { t } = useDesk();
  return (
    <li data-story="note">
      <Icon name="note" />
      <div>
        <p class="item-head">
          <span>
            {t.story.note}
            {note.author && (
              <>
                {" · "}
                <bdi>{note.author}</bdi>
              </>
            )}
          </span>
          <When at={note.at} />
        </p>
        <p class="item-text">
          <bdi>{note.text}</bdi>
        </p>
      </div>
    </li>
  );
}

function PastItem({ past }: { past: PastCall }): JSX.Element {
  const { t } = useDesk();
  const answered = past.outcome === "answered";
  const who = past.operator || (past.queue ? t.queueName(past.queue) : "");
  const length = answered ? past.talkS : null;
  return (
    <li data-story="call" data-outcome={past.outcome}>
      <Icon name={!answered ? "missed" : past.direction === "outbound" ? "dialling" : "call"} />
      <div>
        <p class="item-head">
          <span class={answered ? "" : "missed"}>
            {t.story.outcome(past.direction, past.outcome)}
            {length !== null && `, ${duration(length)}`}
            {!answered && past.waitS !== null && `, ${duration(past.waitS)}`}
          </span>
          <When at={past.at} />
        </p>
        {who && (
          <p class="item-who">
            <bdi>{who}</bdi>
          </p>
        )}
      </div>
    </li>
  );
}

function StageItem({ at, change }: { at: number; change: StageChange }): JSX.Element {
  const { t } = useDesk();
  return (
    <li data-story="stage">
      <Icon name="stage" />
      <div>
        <p class="item-head">
          <span>
            <bdi>{t.story.stage(t.stageName(change.from), t.stageName(change.to))}</bdi>
          </span>
          <When at={at} />
        </p>
        {change.title !== "" && (
          <p class="item-who">
            <bdi>{change.title}</bdi>
          </p>
        )}
      </div>
    </li>
  );
}

function When({ at }: { at: number | null }): JSX.Element | null {
  const { model, t } = useDesk();
  if (at === null) return null;
  return <time dateTime={new Date(at).toISOString()}>{when(t.locale, at, serverNow(model))}</time>;
}
