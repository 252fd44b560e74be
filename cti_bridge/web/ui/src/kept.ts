/** The browser's side of the preferences: reads and keeps them, and dresses the document in the chosen theme. */

import { DEFAULT, PREFERENCES_KEY, parsePreferences, wornTheme } from "./preferences";
import type { Preferences, Theme } from "./preferences";

const systemDark = matchMedia("(prefers-color-scheme: dark)");

/** What was kept; the defaults where this browser keeps nothing for pages. */
export function readPreferences(): Preferences {
  try {
    return parsePreferences(localStorage.getItem(PREFERENCES_KEY));
  } catch {
    return DEFAULT;
  }
}

/** Keep them for the next time, if the browser lets us. */
export function keepPreferences(preferences: Preferences): void {
  try {
    localStorage.setItem(PREFERENCES_KEY, JSON.stringify(preferences));
  } catch {
    // They hold until the page is closed.
  }
}

export function dress(theme: Theme): void {
  document.documentElement.dataset["theme"] = wornTheme(theme, systemDark.matches);
}

/** Tells when another tab has changed the preferences, or the system its theme. */
export function onChange(then: () => void): void {
  systemDark.addEventListener("change", then);
  window.addEventListener("storage", (event) => {
    if (event.key === PREFERENCES_KEY || event.key === null) then();
  });
}
