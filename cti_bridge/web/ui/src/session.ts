/** Signing in and out over HTTP. The cookie that results is the browser's secret: this code never sees it. */

import { readOperator } from "./decode";
import type { SignInProblem } from "./model";
import type { Operator } from "./protocol";

/** No question to the bridge waits longer than this (milliseconds). */
const PATIENCE = 8_000;
const ADDRESS = "/api/v1/session";

export type SessionAnswer =
  | { readonly kind: "inside"; readonly operator: Operator; readonly serverTime: number | null }
  | { readonly kind: "outside" }
  | { readonly kind: "unreachable" };

export type SignInAnswer =
  | { readonly kind: "inside" }
  | { readonly kind: "refused"; readonly problem: SignInProblem; readonly retryAfterS: number };

/** Who am I? Also tells the server's time (full seconds), by which the page measures. */
export async function askSession(): Promise<SessionAnswer> {
  try {
    const answer = await fetch(ADDRESS, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (answer.status === 401) return { kind: "outside" };
    if (!answer.ok) return { kind: "unreachable" };
    const body = (await answer.json()) as { operator?: unknown };
    const stamp = Date.parse(answer.headers.get("Date") ?? "");
    return {
      kind: "inside",
      operator: readOperator(body.operator),
      serverTime: Number.isFinite(stamp) ? stamp : null,
    };
  } catch {
    return { kind: "unreachable" };
  }
}

/** Try a login and password; the answer says whether it opened, and if not, why and for how long. */
export async function signIn(login: string, password: string): Promise<SignInAnswer> {
  try {
    const answer = await fetch(ADDRESS, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ login, password }),
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (answer.ok) return { kind: "inside" };
    if (answer.status === 429) return refused("too_many_attempts", await retryAfter(answer));
    return refused(answer.status < 500 ? "wrong_login" : "unreachable", 0);
  } catch {
    return refused("unreachable", 0);
  }
}

/** End the session; whether the bridge has heard it. If not, whoever opens the page in this browser is still inside. */
export async function signOut(): Promise<boolean> {
  try {
    return (await fetch(ADDRESS, { method: "DELETE", signal: AbortSignal.timeout(PATIENCE) })).ok;
  } catch {
    return false;
  }
}

function refused(problem: SignInProblem, retryAfterS: number): SignInAnswer {
  return { kind: "refused", problem, retryAfterS };
}

async function retryAfter(answer: Response): Promise<number> {
  const header = Number(answer.headers.get("Retry-After"));
  if (Number.isFinite(header) && header > 0) return header;
  const body = (await answer.json().catch(() => ({}))) as { retry_after_s?: unknown };
  return typeof body.retry_after_s === "number" && body.retry_after_s > 0 ? body.retry_after_s : 60;
}
