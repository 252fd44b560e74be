/** The page in Russian. Words about people are chosen so that they fit anybody, whatever the grammatical gender. */

import type { CardState, GoneReason, LinePhase, SignInProblem } from "../model";
import type { NoticeState, SoundState, Theme } from "../preferences";
import type { SourceName, SourceState, TeammateState } from "../protocol";
import type { Reason } from "../reason";
import { counted, sentence } from "./counted";
import { desk } from "./desk_russian";
import { hand } from "./hand_russian";
import { reasons } from "./reasons_russian";

const LOCALE = "ru-RU";
const some = counted(LOCALE);

const queues: Readonly<Record<string, string>> = {
  "primary-consult": "Первичная консультация",
  sales: "Продажи",
  production: "Производство",
};
const classes: Readonly<Record<string, string>> = { new: "Новый клиент", sales: "Продажи", production: "Производство" };
const channels: Readonly<Record<string, string>> = {
  phone: "звонок",
  call: "звонок",
  email: "письмо",
  messenger: "мессенджер",
  sms: "SMS",
  telegram: "Telegram",
  whatsapp: "WhatsApp",
};
const outcomes: Readonly<Record<string, string>> = {
  answered: "Разговор",
  abandoned: "Не дождались ответа",
  missed: "Пропущенный звонок",
  overflowed: "Звонок ушёл без ответа",
  failed: "Звонок сорвался",
};

const cardStates: Readonly<Record<CardState, string>> = {
  ringing: "Звонит вам",
  dialling: "Вызов",
  talking: "Разговор",
  held: "На удержании",
  consulting: "Консультация",
  ended: "Окончен",
};
const signInProblems: Readonly<Record<SignInProblem, string>> = {
  wrong_login: "Логин или пароль не подошли.",
  too_many_attempts: "Слишком много попыток.",
  unreachable: "Сервер не отвечает. Попробуйте ещё раз.",
  still_inside: "Сервер не ответил, выход не засчитан. Войдите и выйдите ещё раз.",
};
const linePhases: Readonly<Record<LinePhase, string>> = {
  connecting: "Подключаемся",
  live: "На связи",
  lost: "Нет связи с сервером",
};
const sources: Readonly<Record<SourceName, string>> = { asterisk: "АТС", crm: "CRM", journal: "Запись событий" };
const sourceStates: Readonly<Record<SourceState, string>> = {
  up: "работает",
  down: "не отвечает",
  at_risk: "под угрозой",
};
const teammateStates: Readonly<Record<TeammateState, string>> = {
  idle: "без звонка",
  ringing: "звонит телефон",
  talking: "разговаривает",
};

const themes: Readonly<Record<Theme, string>> = { auto: "Как в системе", light: "Светлый", dark: "Тёмный" };
const soundStates: Readonly<Record<SoundState, string>> = {
  off: "Выключен.",
  on: "Звонит, пока звонит телефон. Во время разговора — один тихий сигнал.",
  waiting: "Браузер разрешит звук после первого щелчка или клавиши на этой странице.",
  unsupported: "Этот браузер не умеет подавать звук.",
};
const noticeStates: Readonly<Record<NoticeState, string>> = {
  off: "Выключено. При включении браузер спросит разрешение.",
  on: "Появится поверх других окон и исчезнет, когда телефон замолчит.",
  denied:
    "Браузер запретил уведомления с этой страницы. Разрешите их в настройках сайта (значок слева от адреса) и включите ещё раз.",
  unsupported: "Браузер показывает уведомления только страницам, открытым по https или на этом же компьютере.",
};

function queueName(queue: string): string {
  return queues[queue] ?? queue;
}

function because(reason: Reason): string {
  switch (reason.kind) {
    case "deal":
      return `Сделка на стадии «${reason.stage}»`;
    case "several":
      return reason.stage === ""
        ? `Номер у ${some(reason.count, { one: "клиента", other: "клиентов" })}`
        : `Номер у ${some(reason.count, { one: "клиента", other: "клиентов" })}, дальше всех сделка «${reason.stage}»`;
    case "facts":
      return sentence(reason.facts.map(reasons.fact).join(", "));
    case "no_deal":
      return "Клиент известен, открытых сделок нет";
    case "not_in_crm":
      return "Этого номера в CRM нет";
    case "anonymous":
      return "Номер скрыт, CRM не спрашивали";
    case "internal":
      return "Внутренний номер, CRM не спрашивали";
    case "unparsed":
      return "Номер не распознан";
    case "crm_silent":
      return "CRM не ответила";
    case "crm_failed":
      return "CRM не ответила, решило правило без неё";
    case "degraded":
      return "CRM не ответила, звонок направлен запасным путём";
    case "fallback":
      return "Решение не успело прийти, сработал запасной путь АТС";
    case "plain":
      return "По общим правилам";
  }
}

function gone(reason: GoneReason, by: string | null): string {
  switch (reason) {
    case "answered_elsewhere":
      return by === null ? "На звонок ответили с другого телефона" : `Отвечает ${by}`;
    case "no_answer":
      return "Трубку не сняли — звонок пошёл дальше";
    case "abandoned":
      return "Звонящий положил трубку";
    case "moved":
      return "Звонок перешёл дальше";
    case "ended":
      return "Звонок окончен";
    case "expired":
      return "Карточка устарела: сервер её больше не подтверждает";
  }
}

export const russian = {
  locale: LOCALE,
  /** For `<html lang>`. */
  code: "ru",
  /** What the language calls itself, in full and on a small button. */
  ownName: "Русский",
  shortName: "РУ",
  product: "Рабочее место",
  days: (count: number): string => some(count, { one: "день", few: "дня", other: "дней" }),
  queueName,
  /** A stage by the name that the bridge sends. */
  stageName: (name: string): string => name,
  className: (name: string): string => (name === "" ? "Класс не определён" : (classes[name] ?? name)),
  channel: (name: string): string => channels[name.toLowerCase()] ?? name,
  cardState: (state: CardState): string => cardStates[state],

  signIn: {
    login: "Логин",
    password: "Пароль",
    enter: "Войти",
    busy: "Проверяем…",
    lead: "Карточка звонящего — раньше, чем снята трубка.",
    problem: (problem: SignInProblem): string => signInProblems[problem],
    again: (left: string): string => `Следующая попытка через ${left}.`,
    leave: "Выйти",
  },

  line: {
    label: "Связь",
    phase: (phase: LinePhase): string => linePhases[phase],
    lostHint: "Подключаемся сами",
    source: (name: SourceName): string => sources[name],
    sourceState: (state: SourceState): string => sourceStates[state],
  },

  idle: {
    title: "Никто не звонит",
    why: "Карточка появится здесь вместе со звонком",
    blindTitle: "Звонки сейчас не видны",
    blindWhy: "Телефон работает и без этой страницы: трубку можно снимать",
    pbxDown: "АТС не отвечает серверу. Телефон работает сам: трубку можно снимать",
    deals: "Здесь будут сделки звонящего",
    story: "Здесь будут заметки и прошлые звонки",
  },

  gone: {
    title: "Этот звонок больше не ваш",
    reason: gone,
    where: (queue: string | null): string => (queue === null ? "Звонок шёл прямо к вам" : `Очередь «${queueName(queue)}»`),
    beside: (queue: string | null, words: string): string => `${queue === null ? "Другой звонок" : queueName(queue)}. ${words}`,
  },

  call: {
    why: because,
    to: (queue: string | null): string => (queue === null ? "прямо к вам" : `очередь «${queueName(queue)}»`),
    outgoing: "Исходящий звонок",
    ofTheHouse: "Внутренний звонок",
    rule: (rule: string): string => `правило ${rule}`,
    anonymous: "Номер скрыт",
    noNumber: "Без номера",
    internal: (number: string): string => `Внутренний ${number}`,
    unknown: "Новый номер. Спросите имя",
    unknownFailed: "CRM не ответила: чей это номер, неизвестно. Спросите имя",
    unknownFallback: "Карточки нет: решение не успело прийти. Спросите имя",
    unknownAnonymous: "Кто звонит, неизвестно. Спросите имя и номер",
    several: (count: number): string => some(count, { one: "клиент", few: "клиента", other: "клиентов" }),
    severalHint: "Этот номер у нескольких клиентов. Спросите, кто говорит",
    severalTitle: "Кто из них?",
    networkName: "Имя от сети",
    verified: "номер проверен",
    unverified: "номер не проверен",
    vip: "VIP",
    vipUnverified: "VIP, но номер не проверен: убедитесь, кто говорит.",
    stale: (age: string): string => `Данные из CRM, ${age}: сейчас она не ответила вовремя.`,
    staleUnknownAge: "Данные из CRM не свежие: сейчас она не ответила вовремя.",
    there: "у клиента",
    /** Short: it stands where the other stood. */
    thereBefore: "в прежнем городе",
    thereBeforeHint: "Часовой пояс клиента остался прежним: его меняют в самой CRM",
    line: "Линия",
    email: "Почта",
    responsible: "Ответственный",
    prefers: "Предпочитает",
    close: "Закрыть",
    closeReview: "Вернуться",
    reviewed: "Из сегодняшних",
    calling: (name: string): string => `Звонит ${name}`,
    announce: (name: string, callClass: string, why: string): string => `Звонит ${name}. ${callClass}. ${why}.`,
  },

  reasons,
  desk,
  hand,

  deal: {
    title: "Сделки",
    none: "Открытых сделок нет",
    noneNew: "Сделок ещё нет",
    unseen: "Сделки не видны: CRM не ответила",
    unasked: "Сделки не видны: неизвестно, кто звонит",
    place: (at: number, of: number): string => `Стадия ${at} из ${of}`,
    since: (days: number): string => (days === 0 ? "с сегодняшнего дня" : russian.days(days)),
    next: (stage: string): string => `дальше: ${stage}`,
    last: "последняя стадия",
    open: "открыта",
    closed: "закрыта",
    untitled: "Без названия",
    more: (count: number): string => `и ещё ${some(count, { one: "сделка", few: "сделки", other: "сделок" })}`,
  },

  story: {
    title: "История",
    kinds: "звонки · заметки · стадии",
    stage: (from: string, to: string): string => (from === "" ? `Стадия: ${to}` : `Стадия: ${from} → ${to}`),
    pending: "Загружаем историю",
    failed: "История не загрузилась. Разговору это не мешает.",
    empty: "Раньше не звонили, заметок нет.",
    unknown: "История появится, когда станет ясно, кто звонит.",
    note: "Заметка",
    outcome: (direction: string, outcome: string): string =>
      direction === "outbound"
        ? outcome === "answered" ? "Исходящий разговор" : "Не дозвонились"
        : (outcomes[outcome] ?? "Звонок"),
  },

  team: {
    title: "Команда",
    alone: "Пока никого больше нет.",
    state: (state: TeammateState): string => teammateStates[state],
    busy: (talking: number, all: number): string => `в разговоре ${talking} из ${all}`,
    more: (count: number): string => `и ещё ${count}`,
  },

  today: {
    title: "Сегодня",
    seen: "мои звонки",
    empty: "Здесь соберутся ваши звонки за день.",
    talked: (count: number): string => some(count, { one: "разговор", few: "разговора", other: "разговоров" }),
    total: (time: string): string => `в разговоре ${time}`,
    passed: (count: number): string => some(count, { one: "звонок мимо вас", few: "звонка мимо вас", other: "звонков мимо вас" }),
    sum: (parts: readonly string[]): string => `Сегодня: ${parts.join(" · ")}`,
    none: "Сегодня разговоров пока не было",
    more: (count: number): string => `и ещё ${count}`,
    open: "Показать карточку:",
    gone: (reason: GoneReason, by: string | null): string =>
      reason === "answered_elsewhere"
        ? (by === null ? "ответили с другого телефона" : `ответ: ${by}`)
        : { no_answer: "трубку не сняли", abandoned: "не дождались", moved: "перешёл дальше", ended: "окончен", expired: "устарел" }[
            reason
          ],
  },

  settings: {
    open: "Настройки",
    title: "Настройки",
    close: "Закрыть",
    where: "Для этой страницы в этом браузере.",
    signals: "Когда звонит ваш телефон",
    sound: "Звук",
    soundState: (state: SoundState): string => soundStates[state],
    soundWaits: "Звук ждёт щелчка",
    test: "Проверить звук",
    notice: "Уведомление на рабочем столе",
    noticeState: (state: NoticeState): string => noticeStates[state],
    content: "Что в уведомлении",
    named: "Кто звонит и почему",
    plain: "Только «Входящий звонок»",
    look: "Вид",
    theme: (theme: Theme): string => themes[theme],
  },

  notice: { plain: "Входящий звонок", plainBody: "Карточка — на странице оператора" },

  keys: {
    open: "Клавиши",
    title: "Клавиши",
    rows: [
      ["F2", "Следующий звонок, когда их несколько"],
      ["F3", "Набрать номер; перезвонить"],
      ["F4", "Перевести; во время консультации — соединить"],
      ["F6", "Консультация; во время неё — к звонящему"],
      ["F7", "Удержать и вернуть"],
      ["⇧F8", "Завершить разговор; отклонить звонок"],
      ["F9", "Забрать звонок коллеги"],
      ["F10", "Уйти на перерыв и вернуться; закончить обработку"],
      ["Alt+S", "Все состояния"],
      ["1 … 9", "Итог звонка, пока идёт обработка"],
      ["Esc", "Выйти из поля; закрыть панель, потом карточку оконченного звонка"],
      ["?", "Эта подсказка"],
      ["Tab", "По порядку: звонок, история, команда"],
    ],
    hint: "Когда звонит телефон, курсор остаётся там, где был: набранное не пропадёт.",
  },

  skip: "К звонку",

  panes: { label: "Разделы", now: "Звонок", story: "История", team: "Дела" },

  windowTitle: {
    ringing: (name: string): string => `☎ ${name} — звонит`,
    dialling: (name: string): string => `${name} — вызов`,
    talking: (name: string): string => `${name} — разговор`,
    lost: "Нет связи — Рабочее место",
  },
};
