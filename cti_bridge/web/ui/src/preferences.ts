/** What an operator has set on this page, in this browser. Pure: text in, text out. No secret and nothing about calls is in it. */

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

/** How the ring tone stands: `waiting` means that the browser wants a click or key on the page first. */
export type SoundState = "off" | "on" | "waiting" | "unsupported";
/** How desktop notifications stand: `denied` is the browser's word, `off` is ours. */
export type NoticeState = "off" | "on" | "denied" | "unsupported";

export interface Preferences {
  /** The language chosen on the page; null leaves it to the account and the browser. */
  readonly language: string | null;
  readonly theme: Theme;
  readonly sound: boolean;
  readonly notices: boolean;
  /** Whether a notification says who is calling, or only that somebody is. */
  readonly named: boolean;
}

/** Where the browser keeps it (`localStorage`). */
export const PREFERENCES_KEY = "cti-bridge.page";

export const DEFAULT: Preferences = { language: null, theme: "auto", sound: false, notices: false, named: true };

/** Read what was kept; whatever cannot be read is as if it had never been set. */
export function parsePreferences(text: string | null): Preferences {
  let kept: unknown = null;
  try {
    kept = JSON.parse(text ?? "null");
  } catch {
    // Not ours, or half-written.
  }
  if (typeof kept !== "object" || kept === null) return DEFAULT;
  const from = kept as Record<string, unknown>;
  return {
    language: typeof from["language"] === "string" ? from["language"] : DEFAULT.language,
    theme: THEMES.find((theme) => theme === from["theme"]) ?? DEFAULT.theme,
    sound: from["sound"] === true,
    notices: from["notices"] === true,
    named: from["named"] !== false,
  };
}

/** Which of the two looks the document wears. */
export function wornTheme(theme: Theme, systemIsDark: boolean): "light" | "dark" {
  if (theme === "auto") return systemIsDark ? "dark" : "light";
  return theme;
}
