/** A number with its noun in the right form; which form is right, the language's own plural rules say. */

export type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { readonly other: string };

export function counted(locale: string): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(locale);
  const figures = new Intl.NumberFormat(locale);
  return (count, forms) => `${figures.format(count)} ${forms[rules.select(count)] ?? forms.other}`;
}
