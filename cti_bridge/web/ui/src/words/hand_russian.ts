/** What is done with a call and written on its card, in Russian. */

import type { ControlName } from "../controls";
import type { FieldName, Part } from "../drafts";
import type { EditKind, EditState } from "../protocol_hand";
import type { Purpose, TargetState } from "../targets";
import { backs, inRussian } from "./messages_russian";

const controls: Readonly<Record<ControlName, string>> = {
  transfer: "Перевести",
  consult: "Консультация",
  complete: "Соединить",
  consult_cancel: "К звонящему",
  hold: "Удержать",
  resume: "Вернуть",
  hangup: "Завершить",
  reject: "Отклонить",
};
const busy: Readonly<Record<string, string>> = {
  "call.hangup": "Завершаем разговор",
  "call.hold": "Ставим на удержание",
  "call.resume": "Возвращаем с удержания",
  "call.consult": "Вызываем коллегу",
  "call.consult_cancel": "Возвращаем звонящего",
  "call.complete": "Соединяем",
  "call.transfer": "Переводим",
  "call.dial": "Звоним",
  "call.pickup": "Забираем звонок",
};
/** Why something is not possible now, by the bridge's codes and the page's own. */
const why: Readonly<Record<string, string>> = {
  not_yours: "В этом звонке ваш телефон не участвует",
  ringing: "Телефон ещё звонит: сначала снимите трубку",
  dialling: "Там ещё не ответили",
  consulting: "Вас только спрашивают: звонок ведёт коллега",
  asking: "Идёт консультация с коллегой",
  asks_nobody: "Сейчас никого не спрашивают",
  colleague_rings: "Коллега ещё не ответил",
  held: "Звонящий на удержании: сначала верните его",
  not_connected: "Звонящий сейчас не соединён с вами",
  others_talk: "С вами и звонящим говорит ещё кто-то",
  held_by_phone: "Звонящего удерживает телефон: верните его на телефоне",
  not_held: "Звонящий не на удержании",
  transferring: "Звонок уже переводится",
  internal: "Внутренний звонок отсюда не перевести",
  dialplan_old: "АТС этого пока не умеет: попросите администратора обновить её план набора",
  pbx_lacks: "У АТС нет нужного модуля: скажите администратору",
  pbx_unasked: "АТС ещё не сказала, что умеет: минутку",
  pbx_down: "АТС не отвечает",
  no_line: "Нет связи с сервером",
  under_way: "Предыдущая команда ещё выполняется",
  not_offered: "Для этого звонка недоступно",
  busy_here: "Сначала закончите этот звонок",
};
const codes: Readonly<Record<string, string>> = {
  bad_args: "Сервер не понял запрос",
  not_allowed: "Для этого не хватает прав",
  not_found: "Этого уже нет",
  not_possible: "Сейчас нельзя",
  conflict: "Тем временем всё изменилось",
  already_taken: "Не успели: это уже сделали за вас",
  busy: "Слишком много команд сразу, попробуйте ещё раз",
  unavailable: "Сейчас недоступно",
  no_answer: "Ответа нет: посмотрите, сделано ли это",
  failed: "Не получилось",
  unknown_command: "Сервер этого ещё не умеет",
};
const targetStates: Readonly<Record<TargetState, string>> = {
  idle: "телефон свободен",
  ringing: "звонит телефон",
  talking: "разговаривает",
  away: "не на месте",
};
const fields: Readonly<Record<FieldName, string>> = {
  name: "Имя",
  email: "Почта",
  city: "Город",
  segment: "Сегмент",
  preferred_channel: "Предпочитает",
};
const parts: Readonly<Record<Part, string>> = { name: "Имя", email: "Почта", city: "Город", deal: "Сделка: что нужно" };
const kinds: Readonly<Record<EditKind, string>> = { update: "изменения", create: "новый клиент", note: "заметка", deal: "сделка" };
const editStates: Readonly<Record<EditState, string>> = {
  waiting: "ждёт CRM",
  saved: "сохранено",
  conflict: "в CRM изменили",
  refused: "CRM не приняла",
};
const purposes: Readonly<Record<Purpose, string>> = { transfer: "Кому перевести", consult: "Кого спросить" };

export const hand = {
  row: "Действия со звонком",
  control: (name: ControlName): string => controls[name],
  why: (code: string): string => why[code] ?? codes[code] ?? "Сейчас нельзя",
  busy: (command: string, to: string): string => `${busy[command] ?? "Выполняем"}${to === "" ? "" : `: ${to}`}…`,
  refused: (code: string): string => codes[code] ?? "Не получилось",
  /** Why something was not done: the bridge's own sentence where there is one in this language, else its code. */
  refusal: (code: string, message: string): string => inRussian(message) || (codes[code] ?? "Не получилось"),
  again: "Понятно",
  asks: (name: string, talking: boolean): string => (talking ? `На связи ${name}` : `Вызываем: ${name}`),
  waits: "Звонящий ждёт и слышит музыку",
  transferring: (name: string): string => `Переводим: ${name}, ждём ответа`,
  handedOn: (name: string): string => `Передано: ${name}. Если ответа не будет, звонящий вернётся к вам`,
  handedToQueue: (queue: string): string => `Передано в очередь «${queue}»`,
  cameBack: (name: string, reason: string): string => `${name}: ${backs[reason] ?? "не получилось"}. Звонящий снова у вас`,
  notAsked: (name: string, reason: string): string => `${name}: ${backs[reason] ?? "не получилось"}. Звонящий ждёт и слышит музыку`,
  handedToYou: (name: string): string => `Звонок вам передаёт ${name}`,
  held: (by: "phone" | "desk"): string =>
    by === "desk" ? "Звонящий слышит музыку" : "Удерживает ваш телефон: вернуть можно только на нём",

  chooser: {
    title: (purpose: Purpose): string => purposes[purpose],
    search: "Имя, добавочный или номер",
    list: "Кому можно",
    loading: "Спрашиваем, кто свободен",
    failed: "Не узнали, кто свободен. Введите номер или попробуйте ещё раз",
    nobody: "Никого не нашлось",
    notNumber: "Это не номер: от 3 до 15 цифр",
    noNumbers: "На номера отсюда не переводят",
    state: (state: TargetState): string => targetStates[state],
    queue: "очередь",
    queueSays: (free: number | null, waiting: number | null): string =>
      [free === null ? "" : `свободно ${free}`, waiting === null ? "" : `ждут ${waiting}`].filter((each) => each !== "").join(", "),
    number: "набрать номер",
    keys: "выбрать — стрелки и Enter",
    close: "Отмена",
  },

  dial: {
    label: "Позвонить на номер",
    button: "Позвонить",
    placeholder: "Номер",
    wrong: "Номер — от 3 до 15 цифр",
    to: (number: string): string => `Позвонить ${number}`,
    again: "Перезвонить",
    sure: (who: string): string => `Позвонить: ${who}?`,
    shows: (line: string): string => `Клиент увидит номер ${line}`,
    first: "Сначала зазвонит ваш телефон",
    no: "Нет",
  },

  pickup: "Забрать",
  pickupOf: (name: string): string => `звонок, который звонит у коллеги: ${name}`,

  card: {
    field: (field: FieldName): string => fields[field],
    edit: (field: FieldName): string => `Изменить: ${fields[field]}`,
    nothing: "нет",
    saving: "сохраняем",
    waiting: "ждёт CRM",
    waitingHint: "Записано у нас; CRM получит, как только ответит",
    saved: "сохранено",
    refused: (field: FieldName): string => `${fields[field]} — не сохранено`,
    retry: "Повторить",
    drop: "Как было",
    conflict: (field: FieldName): string => `${fields[field]}: в CRM тем временем изменили`,
    mine: "Ваше",
    theirs: "В CRM",
    keep: "Оставить",
    empty: "пусто",
    numbers: "Номера",
    choose: "Это он(а)",
    choosing: "Выбираем…",
  },

  unsaved: {
    title: "Ещё не в CRM",
    what: (kind: EditKind): string => kinds[kind],
    state: (state: EditState): string => editStates[state],
  },

  person: {
    title: "Новый клиент",
    hint: "Имя обязательно; остальное — если скажут",
    part: (part: Part): string => parts[part],
    save: "Записать",
    anyway: "Записать ещё одного",
    saving: "Записываем…",
    waiting: "Записано у нас; в CRM появится, как только она ответит",
    refused: "Не записано",
    conflict: "В CRM уже кто-то есть с этим номером",
  },
};
