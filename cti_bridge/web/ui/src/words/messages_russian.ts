/** What the bridge answers in English when something was not done, in Russian; what is not here is said by its code alone. */

const sentences: Readonly<Record<string, string>> = {
  "a colleague has taken it": "Это уже взял коллега",
  "a colleague has taken it, or it is done": "Это уже взял коллега, или оно сделано",
  "another command for this call is on its way": "Предыдущая команда по этому звонку ещё выполняется",
  "too many calls in the last minute; wait a moment": "Слишком много звонков за минуту: немного подождите",
  "your phone is being called already": "Ваш телефон уже вызывают",
  "the PBX has not said in time whether it was done; look again": "АТС не успела ответить: посмотрите, сделано ли это",
  "numbers with this beginning are not called from here": "На номера с таким началом отсюда не звонят",
  "no call of a queue rings there": "Там уже не звонит",
  "the call does not ring there any more": "Не успели: там уже не звонит",
  "your colleague has answered": "Не успели: коллега уже ответил",
  "the caller was forgotten": "Данные этого звонящего удалены",
  "somebody else has been chosen for this call meanwhile": "Тем временем для этого звонка выбрали другого клиента",
  "the rules have no such line": "Такой линии в правилах нет",
  "the rules have no such queue": "Такой очереди в правилах нет",
  "there is no such call at your phones": "Этого звонка на вашем телефоне нет",
  "there is no such call": "Такого звонка нет",
  "he has no such call": "Этого звонка у вас нет",
  "he has no such edit": "Этой записи уже нет",
  "he is none of those who have the number": "Этого клиента среди возможных уже нет",
  "there is no such item, or it is done": "Этого в списке уже нет",
  "there is no such operator, or he has no phone": "Такого коллеги нет, или у него нет телефона",
  "a queue cannot be asked, only an operator or a number": "Очередь спросить нельзя, только коллегу или номер",
  "his phone rings: he has to answer first": "Телефон ещё звонит: сначала снимите трубку",
  "in shadow mode Asterisk is told nothing": "Сервер только наблюдает: командовать АТС ему не велено",
  "it was for another account of the CRM": "Запись была для другой учётной записи CRM",
  "no deals are made here: see operators.create_deal": "Сделки отсюда не заводят: так настроено",
  "nobody is being asked about this call": "Сейчас никого не спрашивают",
  "nobody knows who calls": "Кто звонит, неизвестно",
  "several customers have the number: choose who calls first": "Номер у нескольких клиентов: сначала выберите, кто звонит",
  "short numbers and emergency calls are dialled on the phone itself": "Короткие и экстренные номера набирайте на телефоне",
  "somebody new is being made for this call already": "Клиента по этому звонку уже записывают",
  "the PBX has no context for calls outside; see `cti-bridge operators check`": "На АТС не настроены исходящие звонки: скажите администратору",
  "the PBX does not take this for a number": "АТС не приняла этот номер",
  "the PBX has no way out for this number": "У АТС нет выхода на этот номер",
  "the call is yours already": "Этот звонок и так ваш",
  "the caller has hung up": "Звонящий положил трубку",
  "the caller has no number by which the CRM could find him": "Номера звонящего нет: CRM его не найдёт",
  "the caller is a customer already": "Этот клиент в CRM уже есть",
  "the name of this queue cannot be told to the PBX": "Имя этой очереди АТС не передать",
  "there is nobody to choose from": "Выбирать не из кого",
  "there is nothing to decide: it waits for the CRM": "Решать нечего: запись ждёт CRM",
  "this is not a number that can be called": "На этот номер позвонить нельзя",
  "you are on the phone": "Вы сейчас разговариваете",
  "you have no phone": "За вами не записан телефон",
  "your phone is not registered": "Ваш телефон не подключён к АТС",
  "your phone was hung up before anybody was called": "Ваш телефон положили раньше, чем начался вызов",
  "too many changes wait for the CRM": "Слишком много записей ждёт CRM",
  "changes: nothing is another than before": "Ничего не изменилось",
  "the states of others are for supervisors": "Состояние коллег меняет только супервайзер",
  "the time after a call begins by itself": "Обработка начинается сама, после звонка",
  "there is no time after a call to end": "Обработка уже закончена",
};

const missing: Readonly<Record<string, string>> = {
  outcome: "итог",
  note: "заметка",
  feedback: "отзыв",
  next_step: "следующий шаг",
};

/** Sentences with somebody's name or a figure in them. */
const patterns: readonly (readonly [RegExp, (found: string) => string])[] = [
  [
    /^still missing after the call: (.+)$/u,
    (fields) => `Ещё нужно записать: ${fields.split(", ").map((field) => missing[field] ?? field).join(", ")}`,
  ],
  [/^(.+) is on the phone$/u, (name) => `${name} разговаривает`],
  [/^no phone of (.+) is registered$/u, (name) => `Телефон не подключён: ${name}`],
  [/^you are not a member of the queue (.+)$/u, (queue) => `Вы не в очереди «${queue}»`],
  [/^he was in this call more than (\d+) minutes ago$/u, (minutes) => `Со звонка прошло больше ${minutes} мин: запишите в самой CRM`],
  [/^the call was over more than (\d+) hours ago$/u, (hours) => `Со звонка прошло больше ${hours} ч: запишите в самой CRM`],
  [/^it did not work \((.+)\); the caller comes back to you$/u, (why) => `Не получилось (${backs[why] ?? why}): звонящий возвращается к вам`],
  [/^this CRM does not let the bridge (.+)$/u, () => "Эта CRM такого не позволяет"],
  [/^more than (\d+) changes in one call$/u, (count) => `Больше ${count} изменений в одном звонке: запишите в самой CRM`],
  [/^nobody has said yet whose call it was$/u, () => "Ещё неизвестно, чей это был звонок: попробуйте чуть позже"],
  [/^the PBX says: (.+)$/u, (words) => `АТС отказала: ${words}`],
  [/^the PBX cannot be asked: (.+)$/u, () => "АТС не отвечает"],
  [/^the journal cannot be (?:read|written)/u, () => "Запись событий сейчас не работает"],
];

/** Why a caller who was handed on comes back. */
export const backs: Readonly<Record<string, string>> = {
  busy: "занято",
  no_answer: "нет ответа",
  unreachable: "телефон недоступен",
  missing: "такого номера нет",
  nobody: "в очереди никого нет",
  full: "очередь заполнена",
  failed: "не получилось",
};

/** The sentence in Russian, or nothing where nobody has translated it. */
export function inRussian(message: string): string {
  const known = sentences[message];
  if (known !== undefined) return known;
  for (const [pattern, words] of patterns) {
    const found = pattern.exec(message);
    if (found) return words(found[1] ?? "");
  }
  return "";
}
