/** A number with its noun in the right form; which form is right, the language's own plural rules say. */

/** Begins the name of a schedule among the facts that decided. */
export const SCHEDULE = "schedule.";

/** The answers of the CRM that are not of this moment: how old they are is worth saying. */
export const AGED: ReadonlySet<string> = new Set(["cached", "stale"]);

/** The text with a capital letter at its beginning. */
export function sentence(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

export type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { readonly other: string };

export function counted(locale: string): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(locale);
  const figures = new Intl.NumberFormat(locale);
  return (count, forms) => `${figures.format(count)} ${forms[rules.select(count)] ?? forms.other}`;
}
