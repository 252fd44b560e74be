/** Numbers, amounts and times as people read them. Pure: the time zone of the desk is the browser's, `now` is given. */

const dates = new Map<string, Intl.DateTimeFormat>();

function dateFormat(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options);
  let format = dates.get(key);
  if (!format) dates.set(key, (format = new Intl.DateTimeFormat(locale, options)));
  return format;
}

/** Seconds as `0:06`, `12:41`, `1:02:03`; a negative span counts as none. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** An amount with its currency, without idle kopecks; an unknown currency stands behind the number as it came. */
export function amount(locale: string, value: number, currency: string): string {
  const digits = Number.isInteger(value) ? 0 : 2;
  const shape = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  try {
    return new Intl.NumberFormat(locale, { style: "currency", currency, ...shape }).format(value);
  } catch {
    return `${new Intl.NumberFormat(locale, shape).format(value)} ${currency}`.trim();
  }
}

/** `16:20`, in the desk's own zone or in the one named; null when nobody knows such a zone. */
export function clock(locale: string, time: number, timeZone?: string): string | null {
  const shape: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
  try {
    return dateFormat(locale, timeZone === undefined ? shape : { ...shape, timeZone }).format(time);
  } catch {
    return null;
  }
}

/** `суббота, 22 ноября`. */
export function longDay(locale: string, time: number): string {
  return dateFormat(locale, { weekday: "long", day: "numeric", month: "long" }).format(time);
}

/** Whole calendar days from `then` to `now` in the desk's zone, never negative. */
export function calendarDays(then: number, now: number): number {
  const midnight = (time: number): number => new Date(time).setHours(0, 0, 0, 0);
  return Math.max(0, Math.round((midnight(now) - midnight(then)) / 86_400_000));
}

/** When something was: `16:20` today, `вчера, 16:20`, `18 ноября`, `18 ноября 2025 г.`. */
export function when(locale: string, time: number, now: number): string {
  const days = calendarDays(time, now);
  const hour = clock(locale, time) ?? "";
  if (days === 0) return hour;
  if (days === 1) return `${new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(-1, "day")}, ${hour}`;
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return dateFormat(locale, { day: "numeric", month: "long", ...(sameYear ? {} : { year: "numeric" }) }).format(time);
}

/** How long ago, in the largest whole unit: `2 часа назад`. */
export function ago(locale: string, seconds: number): string {
  const words = new Intl.RelativeTimeFormat(locale, { numeric: "always" });
  if (seconds < 60) return words.format(-Math.max(1, Math.round(seconds)), "second");
  if (seconds < 3600) return words.format(-Math.round(seconds / 60), "minute");
  if (seconds < 2 * 86_400) return words.format(-Math.round(seconds / 3600), "hour");
  return words.format(-Math.round(seconds / 86_400), "day");
}

/** A number in E.164 spaced for reading where we know how (`+7 495 000-01-49`), otherwise as it came. */
export function phone(number: string): string {
  const parts = /^\+7(\d{3})(\d{3})(\d{2})(\d{2})$/.exec(number);
  return parts ? `+7 ${parts[1]} ${parts[2]}-${parts[3]}-${parts[4]}` : number;
}

/** One line without control and direction marks, for places that are not ours to isolate: the window's title. */
export function plain(text: string, longest: number): string {
  const line = text
    .replace(/[\p{Cc}\u2028\u2029]|(?![\u200c\u200d])\p{Cf}/gu, " ") // joiners turn nothing round; some names need them
    .replace(/\s+/g, " ")
    .trim();
  const letters = [...line];
  return letters.length > longest ? `${letters.slice(0, longest - 1).join("")}…` : line;
}
