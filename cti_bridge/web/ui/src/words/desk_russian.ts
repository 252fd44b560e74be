/** The operator's state, what is written down of a call and the work list, in Russian. */

import type { Keeping } from "../after";
import type { Field, StateKind, WorkColour, WorkKind } from "../protocol_desk";
import type { Remark, Turn } from "../staffing";
import { counted } from "./counted";

const some = counted("ru-RU");

const kinds: Readonly<Record<StateKind, string>> = {
  ready: "Приём звонков",
  last: "В последнюю очередь",
  away: "Без звонков",
  wrap_up: "После звонка",
  signed_off: "Смена",
};
const kindHints: Readonly<Record<StateKind, string>> = {
  ready: "звонки идут к вам",
  last: "звонки — если все заняты",
  away: "звонки не идут к вам",
  wrap_up: "новые звонки подождут",
  signed_off: "звонки не идут к вам",
};
const fields: Readonly<Record<Field, string>> = {
  outcome: "итог",
  note: "заметка",
  feedback: "отзыв",
  next_step: "следующий шаг",
};
const keepings: Readonly<Record<Keeping, string>> = {
  untouched: "сохраняется само",
  saved: "сохранено",
  saving: "сохраняем…",
  unsaved: "ещё не сохранено",
  failed: "не сохранено, пробуем ещё",
};
const workKinds: Readonly<Record<WorkKind, string>> = { missed: "Пропущен", callback: "Перезвонить", task: "Сделать" };
const workColours: Readonly<Record<WorkColour, string>> = { red: "срочно", amber: "сегодня", green: "позже" };

export const desk = {
  kind: (kind: StateKind): string => kinds[kind],
  hint: (kind: StateKind): string => kindHints[kind],

  state: {
    label: "Моё состояние",
    title: "Моё состояние",
    ofMate: (name: string): string => `Состояние: ${name}`,
    setMate: (name: string): string => `Изменить состояние: ${name}`,
    none: "Состояние неизвестно",
    noneHint: "сервер его пока не назвал",
    open: "все состояния",
    remark: (remark: Remark, name: (id: string) => string, queues: string): string => {
      switch (remark.kind) {
        case "unreachable":
          return "телефон не на связи с АТС";
        case "asked":
          return `меняем: ${name(remark.state)}…`;
        case "elsewhere_paused":
          return "на АТС вам поставили паузу";
        case "elsewhere_ready":
          return "на АТС вашу паузу сняли";
        case "blind":
          return "так было до обрыва связи";
        case "unconfirmed":
          return queues === "" ? "АТС ещё не подтвердила" : `АТС ещё не подтвердила: ${queues}`;
        case "overdue":
          return "время обработки вышло";
        case "next":
          return `после разговора: ${name(remark.state)}`;
        case "next_wrap_up":
          return `потом: ${name(remark.state)}`;
        case "by":
          return `меняли за вас: ${remark.who}`;
        case "pbx":
          return "изменено на АТС";
        case "page_gone":
          return "страница была закрыта";
        case "limit":
          return "время обработки вышло";
      }
    },
    turn: (turn: Turn, name: string): string => (turn.kind === "start" ? "Начать работу" : turn.kind === "finish" ? "Закончить" : name),
    turnHint: (turn: Turn, name: string): string =>
      ({
        leave: `Уйти: ${name}`,
        return: `Вернуться: ${name}`,
        start: "Начать работу",
        finish: "Закончить обработку",
      })[turn.kind],
    left: (time: string): string => `осталось ${time}`,
    over: (time: string): string => `просрочено ${time}`,
    said: (name: string, remark: string): string => `Состояние: ${name}. ${remark}.`,
    chosen: "сейчас",
    /** Who sets states on the machine of the server itself. */
    console: "администратор",
    then: "после разговора",
  },

  off: {
    title: "Вы не на смене",
    why: "Звонки из очередей к вам не идут",
    button: "Начать работу",
    hint: "Очереди узнают об этом сразу; уйти на перерыв можно одной клавишей.",
  },

  wrap: {
    band: "Обработка",
    unseen: "Карточки этого звонка здесь нет: его принимали не на этой странице",
    needs: (missing: readonly Field[]): string =>
      missing.length === 0 ? "Всё заполнено, можно закончить" : `Ещё нужно: ${missing.map((field) => fields[field]).join(", ")}`,
    optional: "Запишите, что важно, и закончите",
    finish: "Закончить обработку",
    finishing: "Заканчиваем…",
    then: (name: string): string => `и в состояние «${name}»`,
  },

  after: {
    title: "Запись о звонке",
    keeping: (keeping: Keeping): string => keepings[keeping],
    outcome: "Итог",
    note: "Заметка",
    notePlaceholder: "Что решили, что обещали",
    feedback: "Отзыв клиента",
    score: (score: number): string => `${score} из 5`,
    noScore: "без оценки",
    feedbackText: "Слова клиента",
    step: "Следующий шаг",
    callback: "Перезвонить",
    task: "Сделать",
    inAnHour: "Через час",
    tomorrow: "Завтра утром",
    at: "Когда",
    stepText: "О чём",
    noStep: "Убрать",
    more: "Отзыв и следующий шаг",
    unfold: "Итог и заметка",
    needed: "нужно",
    noTime: "нет времени",
  },

  work: {
    title: "Сделать",
    count: (count: number): string => some(count, { one: "дело", few: "дела", other: "дел" }),
    empty: "Ничего не ждёт: пропущенные и обещанные звонки появятся здесь.",
    unseen: "Список дел пока не пришёл.",
    more: "и ещё есть: сначала эти",
    kind: (kind: WorkKind): string => workKinds[kind],
    colour: (kind: WorkKind, colour: WorkColour, overdue: boolean): string =>
      overdue ? "просрочено" : kind === "missed" && colour !== "red" ? "" : workColours[colour],
    times: (count: number): string => some(count, { one: "звонок", few: "звонка", other: "звонков" }),
    since: (when: string): string => when,
    due: (when: string): string => `к ${when}`,
    someone: "Номер скрыт",
    takenByMe: "взято вами",
    taken: (name: string): string => `занимается ${name}`,
    take: "Взять",
    release: "Отдать",
    done: "Готово",
    call: "Позвонить",
    about: (what: string, whom: string): string => `${what}: ${whom}`,
  },

  team: { unreachable: "телефон не на связи" },
};
