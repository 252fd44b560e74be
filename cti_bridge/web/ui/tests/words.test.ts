import { describe, expect, test } from "vitest";

import { ago, amount, calendarDays, clock, duration, phone, plain, when } from "../src/format";
import type { Call } from "../src/protocol";
import { factsOf, reasonOf } from "../src/reason";
import { stringsFor } from "../src/strings";
import { diallingFor } from "../src/view/dial";
import { since } from "../src/view/timer";
import { callerInBrief, kindOfCall, whoCalls } from "../src/who";
import { spoken, windowTitle } from "../src/window";
import { NOON, Story, call, customer, deal, ended, iso, talking, wire } from "./story";
import type { Wire } from "./story";

const t = stringsFor("ru");

function read(more: Wire): Call {
  const frame = wire({ op: "event", seq: 1, type: "call.ringing", call: call("a", more) });
  if (frame.op !== "event" || frame.call === null) throw new Error("no call in the frame");
  return frame.call;
}

const caller = (more: Wire): Wire => ({ number: "+74950000217", display: "+7 495 000-02-17", kind: "external", ...more });
const nobody: Wire = { customer: null, deals: [], class: "new", queue: "primary-consult", rule: "default", decision: "default" };
const dialled: Wire = { direction: "outbound", my_role: "talking", queue: null, class: "", rule: "", decision: "" };
const two = [
  { customer: customer(), deals: [deal()] },
  { customer: customer({ id: "c2", name: "Пётр Жаров" }), deals: [] },
];

describe("whom a click at the number of a card is meant for", () => {
  const cards: readonly [string, Wire, string | undefined][] = [
    ["the customer of the card", {}, "c1"],
    ["the one whom an operator has chosen", { candidates: two, chosen: true, customer: customer({ id: "c2" }) }, "c2"],
    ["nobody of several, whoever was taken for routing", { candidates: two }, undefined],
    ["nobody of a stranger", nobody, undefined],
  ];
  test.each(cards)("%s", (_, more, customerId) => {
    expect(diallingFor(read(more), "+74950000150", "").customer).toBe(customerId);
  });
});

describe("why the call is here", () => {
  const reasons: readonly [string, Wire, string][] = [
    ["an open deal", {}, "Сделка на стадии «ждёт оплату»"],
    ["no open deal", { deals: [deal({ open: false, main: false })] }, "Клиент известен, открытых сделок нет"],
    ["an unknown number", { ...nobody, crm: { source: "none" } }, "Этого номера в CRM нет"],
    ["a hidden number", { ...nobody, crm: { source: "skipped" }, caller: caller({ kind: "anonymous" }) }, "Номер скрыт, CRM не спрашивали"],
    ["a colleague", { ...nobody, crm: { source: "skipped" }, caller: caller({ kind: "internal" }) }, "Внутренний номер, CRM не спрашивали"],
    ["several customers", { candidates: two }, "Номер у 2 клиентов, дальше всех сделка «ждёт оплату»"],
    ["a dead CRM", { ...nobody, decision: "degraded", crm: { source: "failed" } }, "CRM не ответила, звонок направлен запасным путём"],
    ["a rule that needs no CRM", { ...nobody, decision: "matched", crm: { source: "failed" } }, "CRM не ответила, решило правило без неё"],
    ["a CRM that is dead while an operator dials", { ...nobody, ...dialled, crm: { source: "failed" } }, "CRM не ответила"],
    ["a bridge that was late", { ...nobody, decision: "fallback", crm: { source: "" } }, "Решение не успело прийти, сработал запасной путь АТС"],
    ["a stale answer", { crm: { source: "stale", age_s: 7200 } }, "Сделка на стадии «ждёт оплату»"],
  ];
  test.each(reasons)("%s", (_, more, words) => {
    expect(t.call.why(reasonOf(read(more)))).toBe(words);
  });
});

describe("what the bridge says that decided", () => {
  const because = (...reason: readonly Wire[]): Wire => ({ why: { reason, operators: [] } });
  const reasons: readonly [string, Wire, string][] = [
    ["a segment and a sure number", because({ fact: "customer.segment", value: "vip" }, { fact: "call.verified", value: true }), "Сегмент: vip, номер проверен"],
    ["a schedule", because({ fact: "schedule.office", value: "closed" }), "Расписание «office»: закрыто"],
    ["a stage by its name, beside another fact", because({ fact: "customer.city", value: "Калуга" }, { fact: "deal.stage", value: "awaiting_payment" }), "Город клиента: Калуга, стадия сделки: ждёт оплату"],
    ["a stage alone, as ever", because({ fact: "deal.stage", value: "awaiting_payment" }), "Сделка на стадии «ждёт оплату»"],
    ["what had to be absent", because({ fact: "deal.amount", value: null }), "Сумма сделки: нет"],
    ["the class has its own place", because({ fact: "line.channel", value: "радио" }, { fact: "class", value: "new" }), "Реклама: радио"],
    ["what kind of number", because({ fact: "call.kind", value: "external" }, { fact: "call.first_time", value: true }), "Номер: внешний, звонит впервые"],
    ["how the CRM answered", because({ fact: "call.crm", value: "none" }, { fact: "line.city", value: "Тверь" }), "Ответ CRM: этого номера нет, город линии: Тверь"],
    ["a fact of a newer bridge by its own name", because({ fact: "call.mood", value: 3 }), "Call.mood: 3"],
    ["a silent CRM before all else", { ...because({ fact: "schedule.office", value: "closed" }), crm: { source: "failed" } }, "CRM не ответила, решило правило без неё"],
  ];
  test.each(reasons)("%s", (_, more, words) => {
    expect(t.call.why(reasonOf(read(more)))).toBe(words);
  });

  test("is nothing where the frame has nonsense there", () => {
    for (const why of [undefined, null, 7, [], { reason: 1, operators: "x" }]) {
      expect(read({ why }).why).toEqual({ reason: [], operators: [] });
    }
    const strange = read({ why: { reason: [{ fact: 1, value: {} }], operators: [{ name: "Яна", state: "?" }] } }).why;
    expect(strange).toEqual({ reason: [{ fact: "", value: null }], operators: [] });
  });

  test("and in full, that the CRM was silent", () => {
    const call = read({ decision: "degraded", ...because({ fact: "call.crm", value: "failed" }) });
    expect(factsOf(call).map(t.reasons.fact)).toEqual(["ответ CRM: не ответила"]);
  });

  test("and how, in full", () => {
    expect((["matched", "default", "degraded", "fallback"] as const).map((how) => t.reasons.decision(how, "sales"))).toEqual([
      "подошло правило «sales»",
      "ни одно правило не подошло, общий путь",
      "CRM не ответила, запасной путь правила «sales»",
      "решение не успело прийти, путь выбрала АТС",
    ]);
  });
});

describe("what kind of call it is", () => {
  const kinds: readonly [string, Wire, string][] = [
    ["its class", {}, "Продажи"],
    ["no class, because the CRM was silent", { ...nobody, class: "" }, "Класс не определён"],
    ["an operator dials", dialled, "Исходящий звонок"],
    ["a colleague calls", { ...dialled, direction: "internal" }, "Внутренний звонок"],
  ];
  test.each(kinds)("%s", (_, more, words) => {
    expect(kindOfCall(read(more), t)).toBe(words);
  });

  test("earlier calls say which way they went", () => {
    const said = (direction: string): string[] => ["answered", "abandoned"].map((outcome) => t.story.outcome(direction, outcome));
    expect(said("inbound")).toEqual(["Разговор", "Не дождались ответа"]);
    expect(said("outbound")).toEqual(["Исходящий разговор", "Не дозвонились"]);
  });
});

describe("who calls", () => {
  const callers: readonly [string, Wire, string][] = [
    ["a customer by name", {}, "Мария Соколова"],
    ["a customer without a name by number", { customer: customer({ name: "" }) }, "+7 495 000-01-50"],
    ["several customers by number, even if one was taken for routing", { candidates: two }, "+7 495 000-01-50"],
    ["an unknown one by number", { ...nobody, caller: caller({ name: "IVANOV" }) }, "+7 495 000-02-17"],
    ["an unformatted number made readable", { ...nobody, caller: caller({ display: "" }) }, "+7 495 000-02-17"],
    ["a hidden one in words", { ...nobody, caller: { kind: "anonymous", number: null, display: "" } }, "Номер скрыт"],
    ["a colleague by extension", { ...nobody, caller: caller({ kind: "internal", number: "104", display: "104" }) }, "Внутренний 104"],
    ["nothing at all in words", { ...nobody, caller: {} }, "Без номера"],
  ];
  test.each(callers)("%s", (_, more, title) => {
    expect(whoCalls(read(more), t).title).toBe(title);
  });

  test("the window's title is one harmless line", () => {
    const name = '<script>"\\\u202eлевап\r\n' + "ы".repeat(500);
    const brief = callerInBrief(read({ customer: customer({ name }) }), t);
    expect(brief).toMatch(/^<script>"\\ левап ы+…$/);
    expect(brief.length).toBeLessThanOrEqual(40);
  });
});

test("joiners within a name stay, marks that turn it round go", () => {
  expect(plain("👩\u200d🔧 Мастер\u202e", 40)).toBe("👩\u200d🔧 Мастер");
});

describe("the window's title and what is read aloud", () => {
  test("who rings goes before whom one talks to, and that before silence", () => {
    const story = new Story();
    expect(windowTitle(story.model, t)).toBe("Рабочее место");
    story.event("call.ringing", { call: talking("a") });
    expect(windowTitle(story.model, t)).toBe("Мария Соколова — разговор");
    story.event("call.ringing", { call: call("b", { customer: customer({ id: "c2", name: "Пётр Жаров" }) }) });
    expect(windowTitle(story.model, t)).toBe("☎ Пётр Жаров — звонит");
    expect(spoken(story.model, t).soon).toBe("Звонит Пётр Жаров. Продажи. Сделка на стадии «ждёт оплату».");
    story.event("call.withdrawn", { call: call("b"), reason: "answered_elsewhere", by: { operator: "op2", name: "Нина Лаптева" } });
    expect(spoken(story.model, t).soon).toBe("Отвечает Нина Лаптева");
  });

  test("nobody talks yet while it rings at the customer", () => {
    const story = new Story().event("call.updated", { call: call("a", dialled) });
    expect(windowTitle(story.model, t)).toBe("Мария Соколова — вызов");
  });

  test("a broken line is told, and nobody rings as far as one can know", () => {
    const story = new Story().event("call.ringing", { call: call("a") }).input({ kind: "line", phase: "lost", at: NOON });
    expect(windowTitle(story.model, t)).toBe("Нет связи — Рабочее место");
  });
});

describe("figures", () => {
  test.each([[-5, "0:00"], [6, "0:06"], [761, "12:41"], [3723, "1:02:03"]])("%d seconds are %s", (seconds, words) => {
    expect(duration(seconds)).toBe(words);
  });

  test.each([[0, "с сегодняшнего дня"], [1, "1 день"], [3, "3 дня"], [5, "5 дней"], [11, "11 дней"], [21, "21 день"], [112, "112 дней"]])(
    "%d days are %s",
    (days, words) => {
      expect(t.deal.since(days)).toBe(words);
    },
  );

  test.each([[30, "30 секунд назад"], [60, "1 минуту назад"], [7200, "2 часа назад"], [86_400 * 5, "5 дней назад"]])(
    "%d seconds ago are %s",
    (seconds, words) => {
      expect(ago("ru-RU", seconds)).toBe(words);
    },
  );

  test("amounts", () => {
    expect(amount("ru-RU", 186400, "RUB").replace(/\s/g, " ")).toBe("186 400 ₽");
    expect(amount("ru-RU", 10.5, "RUB").replace(/\s/g, " ")).toBe("10,50 ₽");
    expect(amount("ru-RU", 7, "???")).toBe("7 ???");
    expect(amount("ru-RU", 7, "")).toBe("7");
  });

  test("times", () => {
    expect(clock("ru-RU", NOON, "Asia/Krasnoyarsk")).toBe("16:00");
    expect(clock("ru-RU", NOON, "Nowhere/Never")).toBeNull();
    expect(when("ru-RU", NOON - 86_400_000, NOON)).toMatch(/^вчера, \d\d:\d\d$/);
    expect(when("ru-RU", NOON - 5 * 86_400_000, NOON)).toBe("18 ноября");
    expect(when("ru-RU", NOON - 400 * 86_400_000, NOON)).toMatch(/2025/);
    expect(calendarDays(NOON + 5, NOON)).toBe(0);
  });

  test("numbers", () => {
    expect(phone("+74950000149")).toBe("+7 495 000-01-49");
    expect(phone("104")).toBe("104");
    expect(plain("  a\u0000b\u2066c \r\n ", 9)).toBe("a b c");
  });

  const spans: readonly [string, Wire, number | null][] = [
    ["ringing since it rings", {}, 10],
    ["talking since the answer", talking("a"), 5],
    ["ended stands still", ended("a"), 60],
    ["unknown without a beginning", { rang_at: null }, null],
    ["a beginning in the future counts as now", { rang_at: iso(NOON + 99_000) }, 0],
  ];
  test.each(spans)("%s", (_, more, seconds) => {
    expect(since(read(more), NOON + 10_000)).toBe(seconds);
  });
});
