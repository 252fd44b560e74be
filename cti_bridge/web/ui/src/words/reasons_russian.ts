/** Why a call is here, in Russian: the facts that decided, how it was decided, what the CRM said, who was to be called first. */

import type { CrmSource, Decision, DecidingFact, FirstOperator } from "../protocol";
import { AGED, SCHEDULE } from "./counted";

const figures = new Intl.NumberFormat("ru-RU");

const names: Readonly<Record<string, string>> = {
  "call.at": "время звонка",
  "call.caller": "номер звонящего",
  "call.candidates": "клиентов с этим номером",
  "call.crm": "ответ CRM",
  "call.did": "набранный номер",
  "call.kind": "номер",
  "call.language": "язык канала",
  "call.missed_last_hour": "пропущено за час",
  "call.name": "имя от сети",
  "call.trunk": "транк",
  "customer.city": "город клиента",
  "customer.email": "почта клиента",
  "customer.id": "клиент в CRM",
  "customer.last_operator": "последний разговор",
  "customer.name": "имя клиента",
  "customer.preferred_channel": "предпочитает",
  "customer.responsible": "ответственный за клиента",
  "customer.segment": "сегмент",
  "customer.timezone": "часовой пояс клиента",
  "deal.amount": "сумма сделки",
  "deal.id": "сделка в CRM",
  "deal.responsible": "ответственный за сделку",
  "deal.stage": "стадия сделки",
  "deal.title": "сделка",
  deals: "открытых сделок",
  "line.channel": "реклама",
  "line.city": "город линии",
  "line.direction": "направление линии",
  "line.language": "язык линии",
  "line.name": "линия",
  "line.zone": "часовой пояс линии",
};
const flags: Readonly<Record<string, readonly [string, string]>> = {
  "call.first_time": ["звонит впервые", "звонит не впервые"],
  "call.verified": ["номер проверен", "номер не проверен"],
  "customer.known": ["клиент известен", "клиента в CRM нет"],
  "deal.known": ["есть открытая сделка", "открытых сделок нет"],
  "line.known": ["номер линии известен", "номер линии неизвестен"],
};
const crm: Readonly<Record<CrmSource, string>> = {
  fresh: "ответила",
  cached: "недавний ответ",
  stale: "не ответила, взят прежний ответ",
  none: "этого номера нет",
  skipped: "не спрашивали",
  failed: "не ответила",
  "": "",
};
const values: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "call.crm": crm,
  "call.kind": { external: "внешний", internal: "внутренний", anonymous: "скрытый", unparsed: "не распознан" },
};
const operators: Readonly<Record<FirstOperator["state"], string>> = {
  called: "телефон вызван",
  not_free: "телефон не свободен",
  nobody: "такого оператора нет",
};

export const reasons = {
  more: "Почему звонок здесь",
  decided: "Основание",
  how: "Решение",
  class: "Класс",
  crm: "Ответ CRM",
  first: "Сначала",
  where: "Куда",
  fact: ({ fact, value }: DecidingFact): string => {
    if (fact.startsWith(SCHEDULE)) return `расписание «${fact.slice(SCHEDULE.length)}»: ${value === "open" ? "открыто" : "закрыто"}`;
    const flag = flags[fact];
    if (flag !== undefined && typeof value === "boolean") return flag[value ? 0 : 1];
    return `${names[fact] ?? fact}: ${values[fact]?.[String(value)] ?? plain(value)}`;
  },
  decision: (decision: Decision, rule: string): string => {
    switch (decision) {
      case "matched":
        return `подошло правило «${rule}»`;
      case "default":
        return "ни одно правило не подошло, общий путь";
      case "degraded":
        return rule === "" || rule === "degraded" ? "CRM не ответила, запасной путь" : `CRM не ответила, запасной путь правила «${rule}»`;
      case "fallback":
        return "решение не успело прийти, путь выбрала АТС";
    }
  },
  crmSaid: (source: CrmSource, age: string): string => (age === "" || !AGED.has(source) ? crm[source] : `${crm[source]}, ${age}`),
  operator: ({ state }: FirstOperator): string => operators[state],
};

function plain(value: DecidingFact["value"]): string {
  if (value === null) return "нет";
  if (typeof value === "boolean") return value ? "да" : "нет";
  return typeof value === "number" ? figures.format(value) : value;
}
