/** What calls for attention outside the window, and the preferences behind it. */

import { beforeEach, describe, expect, test, vi } from "vitest";

import { noticesFor, toneFor } from "../src/attention";
import { samples } from "../src/bell";
import { Board } from "../src/board";
import { DEFAULT, parsePreferences, wornTheme } from "../src/preferences";
import { stringsFor } from "../src/strings";
import { dialledLine } from "../src/who";
import { spoken } from "../src/window";
import { NOON, Story, call, customer, talking } from "./story";
import type { Wire } from "./story";

const t = stringsFor("ru");

describe("the tone", () => {
  test("rings while the phone rings and stops with it", () => {
    const story = new Story();
    expect(toneFor(story.model)).toBe("none");
    expect(toneFor(story.event("call.ringing", { call: call("a") }).model)).toBe("ring");
    expect(toneFor(story.event("call.answered", { call: talking("a") }).model)).toBe("none");
  });

  test("only knocks while one talks", () => {
    const story = new Story().event("call.answered", { call: talking("a") }).event("call.ringing", { call: call("b") });
    expect(toneFor(story.model)).toBe("knock");
  });

  test.each(["no_answer", "abandoned", "answered_elsewhere"])("stops when the call is withdrawn: %s", (reason) => {
    const story = new Story().event("call.ringing", { call: call("a") });
    expect(toneFor(story.event("call.withdrawn", { call: call("a"), reason }).model)).toBe("none");
  });

  test("is silent when nobody can say whether it still rings", () => {
    const story = new Story().event("call.ringing", { call: call("a") });
    const lost = story.input({ kind: "line", phase: "lost", at: NOON }).model;
    expect(toneFor(lost)).toBe("none");
    expect(noticesFor(lost, t, true)).toEqual([]);
  });

  test("is heard, is not too loud, and ends in silence", () => {
    for (const tone of ["ring", "knock"] as const) {
      const wave = samples(tone, 8_000);
      const loudest = Math.max(...wave.map(Math.abs));
      expect(loudest).toBeGreaterThan(0.1);
      expect(loudest).toBeLessThan(0.4);
      expect(wave[0]).toBe(0);
      expect(Math.max(...wave.slice(8_000).map(Math.abs))).toBe(0);
    }
  });
});

describe("notifications", () => {
  const story = new Story().event("call.ringing", { call: call("a") });

  test("say what the card says", () => {
    expect(noticesFor(story.model, t, true)).toEqual([
      { callId: "a", title: "Звонит Мария Соколова", body: "Продажи. Сделка на стадии «ждёт оплату»" },
    ]);
  });

  test("or nothing of the caller", () => {
    const [notice] = noticesFor(story.model, t, false);
    expect(notice).toEqual({ callId: "a", title: "Входящий звонок", body: "Карточка — на странице оператора" });
  });

  test("are one short harmless line each", () => {
    const name = '<b>"\u202eлевап\r\n' + "ы".repeat(500);
    const hostile = new Story().event("call.ringing", { call: call("a", { customer: customer({ name }) }) });
    const [notice] = noticesFor(hostile.model, t, true);
    expect(notice?.title).toMatch(/^Звонит <b>" левап ы+…$/);
    expect(notice?.title.length).toBeLessThan(60);
  });
});

describe("the board of notifications", () => {
  class FakeNotification {
    static readonly all: FakeNotification[] = [];
    open = true;
    onclose: (() => void) | null = null;
    constructor(readonly title: string) {
      FakeNotification.all.push(this);
    }
    close(): void {
      this.open = false;
    }
  }
  const standing = (): number => FakeNotification.all.filter((each) => each.open).length;
  const notice = { callId: "a", title: "Звонит", body: "" };
  let board: Board;

  beforeEach(() => {
    FakeNotification.all.length = 0;
    vi.stubGlobal("Notification", FakeNotification);
    board = new Board(() => undefined);
    board.show([notice], ["a"]);
    return () => vi.unstubAllGlobals();
  });

  test("what was waved away stays away through a broken line, until its call is over", () => {
    FakeNotification.all[0]?.close();
    FakeNotification.all[0]?.onclose?.();
    board.show([], ["a"]);
    board.show([notice], ["a"]);
    expect(FakeNotification.all).toHaveLength(1);
    board.show([], []);
    board.show([notice], ["a"]);
    expect(standing()).toBe(1);
  });

  test("the late end of one that was taken down does not lose sight of the next", () => {
    board.show([], ["a"]);
    board.show([notice], ["a"]);
    FakeNotification.all[0]?.onclose?.();
    board.show([], []);
    expect(standing()).toBe(0);
  });
});

describe("what is read aloud", () => {
  test("a call interrupts, unless one is talking", () => {
    const story = new Story().event("call.ringing", { call: call("a") });
    expect(spoken(story.model, t).now).toBe("Звонит Мария Соколова. Продажи. Сделка на стадии «ждёт оплату».");
    story.event("call.answered", { call: talking("a") });
    expect(spoken(story.model, t)).toEqual({ now: "", soon: "" });
    story.event("call.ringing", { call: call("b", { customer: customer({ id: "c2", name: "Пётр Жаров" }) }) });
    expect(spoken(story.model, t).now).toBe("");
    expect(spoken(story.model, t).soon).toContain("Пётр Жаров");
  });
});

describe("preferences", () => {
  const kept: readonly [string, string | null, object][] = [
    ["nothing kept", null, {}],
    ["not JSON", "{", {}],
    ["not an object", "7", {}],
    ["everything", '{"language":"en","theme":"dark","sound":true,"notices":true,"named":false}', { language: "en", theme: "dark", sound: true, notices: true, named: false }],
    ["nonsense", '{"language":7,"theme":"pink","sound":"yes","notices":1,"named":null}', {}],
  ];
  test.each(kept)("%s", (_, text, change) => {
    expect(parsePreferences(text)).toEqual({ ...DEFAULT, ...change });
  });

  test("are off until somebody switches them on", () => {
    expect(DEFAULT).toMatchObject({ sound: false, notices: false, theme: "auto", language: null });
  });

  test.each([["auto", true, "dark"], ["auto", false, "light"], ["light", true, "light"], ["dark", false, "dark"]] as const)(
    "the theme %s in a system that is dark: %s is %s",
    (theme, systemIsDark, worn) => {
      expect(wornTheme(theme, systemIsDark)).toBe(worn);
    },
  );
});

describe("the dialled line", () => {
  const lines: readonly [string, Wire, string][] = [
    ["channel, city and direction", { line: { name: "l1", channel: "Реклама", city: "Калуга", direction: "кухни" } }, "Реклама · Калуга · кухни"],
    ["its name where it has no channel", { line: { name: "Сайт", channel: "", city: "Тула", direction: "" } }, "Сайт · Тула"],
    ["the number where the rules know nothing of it", { line: null, did: "+74950000149" }, "+7 495 000-01-49"],
    ["the number where the line says nothing", { line: {}, did: "+74950000149" }, "+7 495 000-01-49"],
    ["the number where the bridge says nothing of lines", { did: "+74950000149" }, "+7 495 000-01-49"],
    ["nothing where nothing is known", {}, ""],
  ];
  test.each(lines)("%s", (_, more, words) => {
    const card = new Story().event("call.ringing", { call: call("a", more) }).model.cards[0];
    expect(card && dialledLine(card.call)).toBe(words);
  });
});
