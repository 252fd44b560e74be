/** Both languages have every word, and no word is shown that did not come from them. */

import { parseSync } from "vite";
import { describe, expect, test } from "vitest";

import { ago, amount, clock, longDay, when } from "../src/format";
import { reasonOf } from "../src/reason";
import { LANGUAGES, languageFor, stringsFor } from "../src/strings";
import type { Strings } from "../src/strings";
import { callerInBrief } from "../src/who";
import { NOON, Story, call, customer } from "./story";

const { ru, en } = LANGUAGES;
const CYRILLIC = /[\u0400-\u04ff]/u;
const LETTER = /\p{L}/u;

/** Every text that stands by itself, by its path; what is made by functions is asked for below. */
function words(t: Strings): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value === "string") found.set(path, value);
    else if (Array.isArray(value)) value.forEach((each, index) => visit(each, `${path}.${index}`));
    else if (typeof value === "object" && value !== null) {
      for (const [key, each] of Object.entries(value)) visit(each, path ? `${path}.${key}` : key);
    }
  };
  visit(t, "");
  return found;
}

function functions(value: object, path = ""): string[] {
  return Object.entries(value).flatMap(([key, each]) => {
    if (typeof each === "function") return [`${path}${key}/${(each as (...all: unknown[]) => unknown).length}`];
    return typeof each === "object" && each !== null ? functions(each as object, `${path}${key}.`) : [];
  });
}

describe("both languages", () => {
  test("have the same keys and no empty word", () => {
    expect([...words(en).keys()].sort()).toEqual([...words(ru).keys()].sort());
    expect(functions(en).sort()).toEqual(functions(ru).sort());
    for (const t of [ru, en]) expect([...words(t)].filter(([, text]) => text.trim() === "")).toEqual([]);
  });

  test("are not mixed", () => {
    const same = [...words(en)].filter(([path, text]) => LETTER.test(text) && words(ru).get(path) === text).map(([path]) => path);
    const keycap = /^keys\.rows\.\d+\.0$/;
    expect(same.filter((path) => !keycap.test(path))).toEqual(["call.vip"]);
    expect([...words(en)].filter(([, text]) => CYRILLIC.test(text))).toEqual([]);
  });

  const spoken: readonly [string, (t: Strings) => readonly string[]][] = [
    ["card states", (t) => (["ringing", "dialling", "talking", "held", "consulting", "ended"] as const).map(t.cardState)],
    ["line phases", (t) => (["connecting", "live", "lost"] as const).map(t.line.phase)],
    ["source states", (t) => (["up", "down", "at_risk"] as const).map(t.line.sourceState)],
    ["team states", (t) => (["idle", "ringing", "talking"] as const).map(t.team.state)],
    ["sign-in problems", (t) => (["wrong_login", "too_many_attempts", "unreachable", "still_inside"] as const).map(t.signIn.problem)],
    ["themes", (t) => (["auto", "light", "dark"] as const).map(t.settings.theme)],
    ["sound", (t) => (["off", "on", "waiting", "unsupported"] as const).map(t.settings.soundState)],
    ["notices", (t) => (["off", "on", "denied", "unsupported"] as const).map(t.settings.noticeState)],
    ["queues", (t) => ["primary-consult", "sales", "production"].map(t.queueName)],
    ["classes", (t) => ["new", "sales", "production", ""].map(t.className)],
    ["outcomes", (t) => ["answered", "abandoned", "missed", "overflowed", "failed", "?"].flatMap((each) => [t.story.outcome("inbound", each), t.story.outcome("outbound", each)])],
    [
      "withdrawals",
      (t) => (["no_answer", "abandoned", "moved", "ended", "expired", "answered_elsewhere"] as const).flatMap((each) => [t.gone.reason(each, null), t.today.gone(each, null)]),
    ],
    [
      "reasons",
      (t) =>
        (["no_deal", "not_in_crm", "anonymous", "internal", "unparsed", "crm_silent", "crm_failed", "degraded", "fallback", "plain"] as const).map((kind) => t.call.why({ kind })),
    ],
    ["CRM answers", (t) => (["fresh", "cached", "stale", "none", "skipped", "failed"] as const).map((source) => t.reasons.crmSaid(source, ""))],
    ["decisions", (t) => (["matched", "default", "degraded", "fallback"] as const).map((how) => t.reasons.decision(how, "x"))],
    ["first operators", (t) => (["called", "not_free", "nobody"] as const).map((state) => t.reasons.operator({ name: "", state }))],
    [
      "shipped stages",
      (t) =>
        ["готовим предложение", "предложение отправлено", "ждёт оплату", "оплачено", "в работе", "доставка", "монтаж"].map(t.stageName),
    ],
  ];
  test.each(spoken)("have words for all %s", (_, of) => {
    for (const text of of(en)) expect(text).toMatch(/^[\p{Script=Latin}\d\s.,:;()“”’?-]+$/u);
    for (const text of of(ru)) expect(text).toMatch(CYRILLIC);
  });

  test("a stage that somebody named keeps its name", () => {
    expect(en.stageName("монтаж кухни")).toBe("монтаж кухни");
  });

  test("count in their own forms", () => {
    expect([1, 2, 5, 21].map(en.days)).toEqual(["1 day", "2 days", "5 days", "21 days"]);
    expect(en.call.why({ kind: "several", count: 2, stage: "" })).toBe("2 customers have this number");
    expect(en.call.why({ kind: "several", count: 3, stage: "доставка" })).toBe(
      "3 customers have this number; the furthest deal is at “delivery”",
    );
    expect([1, 3, 5, 21].map(ru.deal.more)).toEqual(["и ещё 1 сделка", "и ещё 3 сделки", "и ещё 5 сделок", "и ещё 21 сделка"]);
  });

  test("write dates, times and amounts their own way", () => {
    const plain = (text: string | null): string => (text ?? "").replace(/\s/g, " ");
    expect(plain(amount(en.locale, 186400, "RUB"))).toBe("RUB 186,400");
    expect(plain(amount(ru.locale, 186400, "RUB"))).toBe("186 400 ₽");
    expect(plain(amount(en.locale, 10.5, "EUR"))).toBe("€10.50");
    expect(clock(en.locale, NOON, "Europe/Moscow")).toBe("12:00");
    expect(longDay(en.locale, NOON)).toMatch(/^Monday,? 23 November$/);
    expect(when(en.locale, NOON - 86_400_000, NOON)).toMatch(/^yesterday, \d\d:\d\d$/);
    expect(ago(en.locale, 7200)).toBe("2 hours ago");
  });

  test("announce a call in full", () => {
    const card = new Story().event("call.ringing", { call: call("a", { customer: customer({ name: "Sidney Fox" }) }) }).model.cards[0];
    if (card === undefined) throw new Error("no card");
    const said = en.call.announce(callerInBrief(card.call, en), en.className(card.call.callClass), en.call.why(reasonOf(card.call)));
    expect(said).toBe("Sidney Fox is calling. Sales. The deal is at “awaiting payment”.");
  });
});

describe("which language", () => {
  const wishes: readonly [string, string | null, string | null, readonly string[], string][] = [
    ["the one chosen on the page", "en", "ru", ["ru-RU"], "en"],
    ["the account's, whatever the browser says", null, "ru", ["en-US"], "ru"],
    ["the account's, in English", null, "en", ["ru-RU"], "en"],
    ["the browser's before anybody signed in", null, null, ["de-DE", "en-GB", "ru"], "en"],
    ["Russian where nobody wishes anything that there is", null, null, ["de-DE"], "ru"],
    ["a choice that no longer exists counts as none", "xx", "en", [], "en"],
  ];
  test.each(wishes)("%s", (_, chosen, account, browser, language) => {
    expect(languageFor(chosen, account, browser)).toBe(language);
    expect(stringsFor(language).code).toBe(language);
  });
});

type Node = { readonly type: string } & Record<string, unknown>;

/** What stands on the keyboard, whatever the language. */
const KEYCAPS = new Set(["Esc", "F2"]);
/** Attributes whose value people read or hear. */
const READ = new Set(["title", "alt", "placeholder", "aria-label", "aria-description", "aria-roledescription", "label"]);

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}

/** The literal texts that an expression in the page can turn into. */
function literals(node: unknown): string[] {
  if (!isNode(node)) return [];
  switch (node.type) {
    case "Literal":
      return typeof node["value"] === "string" ? [node["value"]] : [];
    case "JSXText":
      return [String(node["value"])];
    case "TemplateLiteral":
      return [
        ...(node["quasis"] as Node[]).map((each) => String((each["value"] as { cooked: string }).cooked)),
        ...(node["expressions"] as Node[]).flatMap(literals),
      ];
    case "ConditionalExpression":
      return [...literals(node["consequent"]), ...literals(node["alternate"])];
    case "LogicalExpression":
      return [...literals(node["left"]), ...literals(node["right"])];
    case "JSXExpressionContainer":
      return literals(node["expression"]);
    default:
      return [];
  }
}

function shownLiterals(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(shownLiterals);
  if (!isNode(node)) return [];
  const own: string[] = [];
  if (node.type === "JSXElement" || node.type === "JSXFragment") own.push(...(node["children"] as Node[]).flatMap(literals));
  if (node.type === "JSXAttribute" && READ.has(String((node["name"] as Node)["name"]))) own.push(...literals(node["value"]));
  return [...own, ...Object.values(node).flatMap(shownLiterals)];
}

describe("words outside the languages", () => {
  const sources = import.meta.glob<string>("../src/**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });
  const others = Object.entries(sources).filter(([path]) => !path.includes("/words/"));

  test("the scan finds what it is for", () => {
    const bare = 'const a = <p title="Закрыть">Hello {x ? "there" : y} <b aria-label={`Call ${n}`} class="no">·</b></p>;';
    const found = shownLiterals(parseSync("a.tsx", bare).program).filter((text) => LETTER.test(text));
    expect(found.map((text) => text.trim()).sort()).toEqual(["Call", "Hello", "there", "Закрыть"]);
    expect(others.length).toBeGreaterThan(25);
  });

  test.each(others)("%s shows none", (path, source) => {
    const shown = shownLiterals(parseSync(path, source).program).filter((text) => LETTER.test(text));
    expect(shown.filter((text) => !KEYCAPS.has(text))).toEqual([]);
    const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
    expect(CYRILLIC.test(code)).toBe(false);
  });
});
