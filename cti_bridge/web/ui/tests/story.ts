/** Builders for call stories: frames as the bridge sends them, with invented people. */

import { decode } from "../src/decode";
import { opening } from "../src/model";
import type { Model } from "../src/model";
import type { ServerFrame } from "../src/protocol";
import { reduce } from "../src/state";
import type { Effect, Input } from "../src/state";

export const NOON = Date.parse("2026-11-23T09:00:00Z");

export type Wire = Record<string, unknown>;

export function iso(time: number): string {
  return new Date(time).toISOString();
}

export function customer(more: Wire = {}): Wire {
  return { id: "c1", name: "Мария Соколова", numbers: ["+74950000150"], city: "Калуга", timezone: "Europe/Moscow", segment: "", ...more };
}

export function deal(more: Wire = {}): Wire {
  return {
    id: "d1",
    title: "Кухня «Лён»",
    stage: "awaiting_payment",
    stage_name: "ждёт оплату",
    amount: 186400,
    currency: "RUB",
    changed_at: iso(NOON - 3 * 86_400_000),
    open: true,
    main: true,
    ...more,
  };
}

export function call(id: string, more: Wire = {}): Wire {
  return {
    id,
    state: "ringing",
    my_role: "ringing",
    queue: "sales",
    class: "sales",
    rule: "sales",
    decision: "matched",
    crm: { source: "fresh", age_s: 0 },
    caller: { number: "+74950000150", display: "+7 495 000-01-50", kind: "external", name: "", verified: true },
    customer: customer(),
    candidates: [],
    deals: [deal()],
    notes: [],
    history: [],
    extras: "pending",
    rang_at: iso(NOON),
    answered_at: null,
    ended_at: null,
    expires_at: iso(NOON + 60_000),
    ...more,
  };
}

export function talking(id: string, more: Wire = {}): Wire {
  return call(id, { state: "talking", my_role: "talking", answered_at: iso(NOON + 5_000), expires_at: null, ...more });
}

export function ended(id: string, more: Wire = {}): Wire {
  return talking(id, { state: "ended", ended_at: iso(NOON + 65_000), ...more });
}

export function wire(frame: Wire): ServerFrame {
  const read = decode(JSON.stringify(frame));
  if (read === null) throw new Error("the page does not know this frame");
  return read;
}

/** Tells frames to the reducer one after the other and keeps what came out. */
export class Story {
  model: Model = opening(NOON);
  effects: readonly Effect[] = [];
  private seq = 0;

  constructor() {
    this.welcome([]);
  }

  input(input: Input): this {
    const step = reduce(this.model, input);
    this.model = step.model;
    this.effects = step.effects;
    return this;
  }

  frame(frame: Wire, at = this.model.now): this {
    return this.input({ kind: "frame", frame: wire(frame), at });
  }

  welcome(calls: readonly Wire[], more: Wire = {}): this {
    this.seq = typeof more["seq"] === "number" ? more["seq"] : 0;
    return this.frame({
      op: "welcome",
      stream: "s1",
      seq: this.seq,
      resumed: false,
      operator: { id: "op1", name: "Ольга Ветрова", phones: ["PJSIP/101"], language: "ru" },
      snapshot: { calls, sources: [], stages: [], team: [] },
      heartbeat_s: 20,
      ...more,
    });
  }

  event(type: string, more: Wire, seq = this.seq + 1): this {
    this.seq = Math.max(this.seq, seq);
    return this.frame({ op: "event", seq, at: iso(this.model.now), type, ...more });
  }

  tick(at: number): this {
    return this.input({ kind: "tick", at });
  }

  get shown(): readonly string[] {
    return this.model.cards.map((card) => `${card.call.id} ${card.call.state}`);
  }
}
