/**
 * A strict bridge for stories about commands: it takes only frames of the known form, does each id once, and answers when
 * the story lets it. What it does not know it refuses, as the real one does.
 */

import { command } from "../src/protocol_desk";
import { dueCommand } from "../src/state";
import type { Input } from "../src/state";
import { NOON, Story, iso } from "./story";
import type { Wire } from "./story";

export const STATES: readonly Wire[] = [
  { id: "ready", name: { ru: "Готов", en: "Ready" }, kind: "ready", colour: "green" },
  { id: "break", name: { ru: "Перерыв", en: "Break" }, kind: "away", colour: "amber" },
  { id: "lunch", name: { ru: "Обед", en: "Lunch" }, kind: "away", colour: "amber" },
  { id: "paperwork", name: { ru: "Документы", en: "Paperwork" }, kind: "last", colour: "blue" },
  { id: "wrap_up", name: { ru: "Обработка", en: "Wrap-up" }, kind: "wrap_up", colour: "blue" },
  { id: "signed_off", name: { ru: "Не на смене", en: "Signed off" }, kind: "signed_off", colour: "grey" },
];
export const OUTCOMES: readonly Wire[] = [
  { id: "done", name: { ru: "Вопрос решён", en: "Solved" }, needs: [] },
  { id: "call_back", name: { ru: "Перезвонить", en: "Call back" }, needs: ["next_step"] },
];

export function state(id: string, more: Wire = {}): Wire {
  const kind = STATES.find((one) => one["id"] === id)?.["kind"];
  return { state: id, kind, since: iso(NOON), until: null, overdue: false, confirmed: true, next: null, by: null, why: "asked", call: null, missing: [], unreachable: false, elsewhere: null, queues: [{ queue: "sales", paused: kind === "away" || kind === "wrap_up" }], ...more };
}

export function desk(more: Wire = {}): Wire {
  return { states: STATES, outcomes: OUTCOMES, required: [], create_deal: false, dial: true, ...more };
}

type Args = Record<string, unknown>;

/** The arguments that a command may have; the first are needed. */
const FORMS: Readonly<Record<string, readonly [needed: readonly string[], allowed: readonly string[]]>> = {
  "state.set": [["state"], ["state", "operator"]],
  "wrapup.finish": [[], []],
  "after.save": [["call"], ["call", "outcome", "note", "feedback", "next_step"]],
  "work.take": [["item"], ["item"]],
  "card.save": [["call", "changes", "seen"], ["call", "changes", "seen", "customer"]],
  "card.create": [["call", "name"], ["call", "name", "email", "city", "deal"]],
  "call.targets": [[], []],
  "call.hold": [["call"], ["call"]],
  "call.hangup": [["call"], ["call"]],
  "call.transfer": [["call", "to"], ["call", "to"]],
};

/** A story at a desk, with the bridge at the other end of the line. */
export class Desk extends Story {
  /** What was done, in order: each id once. */
  readonly done: (readonly [name: string, args: Args])[] = [];
  readonly saved: Record<string, Args> = {};
  targets: Wire = { operators: [], queues: [], numbers: true };
  /** Refusals by the name of the command. */
  readonly refusals: Record<string, readonly [code: string, message: string]> = {};
  private readonly frames: string[] = [];
  private readonly results = new Map<string, Wire>();
  private given = 0;

  constructor(more: Wire = {}) {
    super();
    this.open(more);
  }

  /** Welcomed anew, at this desk. */
  open(more: Wire = {}, calls: readonly Wire[] = []): this {
    const snapshot = { calls, sources: [], stages: [], team: [], state: state("ready"), desk: desk(), work: { items: [], more: false }, ...more };
    return this.welcome(calls, { snapshot });
  }

  cut(): this {
    this.frames.length = 0;
    return this.input({ kind: "line", phase: "lost", at: this.model.now });
  }

  override input(input: Input): this {
    super.input(input);
    for (const effect of this.effects) {
      if (effect.kind === "command") this.frames?.push(command(effect.command.id, effect.command.name, effect.command.args));
    }
    const wanted = dueCommand(this.model);
    if (wanted === null) return this;
    this.given += 1;
    return this.input({ kind: "command", id: `due-${this.given}`, wanted, at: this.model.now });
  }

  give(name: string, args: Args, id = `id-${(this.given += 1)}`): this {
    return this.input({ kind: "command", id, wanted: { name, args }, at: this.model.now });
  }

  /** Time goes by, second for second, as the page ticks. */
  wait(seconds: number): this {
    for (let second = 0; second < seconds; second += 1) this.tick(this.model.now + 1000);
    return this;
  }

  get unanswered(): number {
    return this.frames.length;
  }

  /** The bridge does what it was told, and its answers arrive; `lost`: it does it, and the answers do not. */
  answer({ lost = false } = {}): this {
    for (const text of this.frames.splice(0)) {
      const result = this.carryOut(JSON.parse(text) as Wire);
      if (!lost) this.frame(result);
    }
    return this;
  }

  /** What was done under this name. */
  saw(name: string): Args[] {
    return this.done.filter(([each]) => each === name).map(([, args]) => args);
  }

  private carryOut(frame: Wire): Wire {
    const { op, id, name, args, ...rest } = frame;
    if (op !== "command" || typeof id !== "string" || id.length > 64 || typeof name !== "string" || Object.keys(rest).length > 0) {
      throw new Error(`no command: ${JSON.stringify(frame)}`);
    }
    const known = this.results.get(id);
    if (known !== undefined) return known;
    const result = { op: "result", id, ...this.result(name, args as Args) };
    this.results.set(id, result);
    return result;
  }

  private result(name: string, args: Args): Wire {
    const form = FORMS[name];
    const refusal = this.refusals[name];
    if (form === undefined) return refused("unknown_command", `there is no command ${name}`);
    if (refusal !== undefined) return refused(...refusal);
    const [needed, allowed] = form;
    const fits = needed.every((key) => key in args) && Object.keys(args).every((key) => allowed.includes(key));
    if (!fits) return refused("bad_args", "wrong or missing");
    this.done.push([name, args]);
    if (name === "call.targets") return { ok: true, value: this.targets };
    if (name === "card.save") {
      return { ok: true, value: { edit: { id: `e-${this.done.length}`, kind: "update", state: "waiting", changes: args["changes"], theirs: {}, reason: "" } } };
    }
    if (name !== "after.save") return { ok: true, value: {} };
    const call = String(args["call"]);
    this.saved[call] = { ...this.saved[call], ...args, saved_at: iso(this.model.now) };
    return { ok: true, value: { after: this.saved[call] } };
  }
}

function refused(code: string, message: string): Wire {
  return { ok: false, error: { code, message } };
}
