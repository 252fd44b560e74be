/**
 * Every word of the page is found here. A further language is one more file in `words/` of the shape `Strings`, entered in
 * `LANGUAGES` under the code that operators have in their account.
 */

import { english } from "./words/english";
import { russian } from "./words/russian";

export type Strings = typeof russian;

export type Language = "ru" | "en";

export const LANGUAGES: Readonly<Record<Language, Strings>> = { ru: russian, en: english };

/** The words in this language; Russian where there are none. */
export function stringsFor(language: string): Strings {
  return isLanguage(language) ? LANGUAGES[language] : russian;
}

/**
 * Which language to speak: the one chosen on the page; else the one of the operator's account; else, before anybody has
 * signed in, the first of the browser's that there is; else Russian.
 */
export function languageFor(chosen: string | null, account: string | null, browser: readonly string[]): Language {
  const wishes = account === null ? [chosen, ...browser] : [chosen, account];
  const known = wishes.map((wish) => (wish ?? "").slice(0, 2).toLowerCase()).find(isLanguage);
  return known ?? "ru";
}

function isLanguage(code: string): code is Language {
  return code === "ru" || code === "en";
}
