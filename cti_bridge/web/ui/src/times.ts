/** Times that an operator means when he says "in an hour", and as the browser's own field writes them. Pure. */

const FIVE_MINUTES = 300_000;
const HOUR = 3_600_000;
const MORNING = 9;

/** An hour from `now`, at full five minutes. */
export function inAnHour(now: number): number {
  return Math.ceil((now + HOUR) / FIVE_MINUTES) * FIVE_MINUTES;
}

/** Nine in the morning of the next day, by the clock of the desk. */
export function tomorrowMorning(now: number): number {
  const day = new Date(now);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1, MORNING).getTime();
}

/** A time as `<input type="datetime-local">` has it, by the clock of the desk: `2026-11-23T15:30`. */
export function localInput(time: number): string {
  const at = new Date(time);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${String(at.getFullYear()).padStart(4, "0")}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** What such a field says; null while it is not a whole time. */
export function readLocalInput(value: string): number | null {
  const time = value === "" ? Number.NaN : new Date(value).getTime();
  return Number.isFinite(time) ? time : null;
}
