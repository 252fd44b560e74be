/** The door: login and password, and in words why it stays shut. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { duration } from "../format";
import { useDesk } from "./desk";
import { Icon } from "./icon";
import { LanguageButton } from "./language";

export function SignIn(): JSX.Element {
  const { model, t } = useDesk();
  return (
    <main class="door" data-phase={model.phase} data-connection={model.line.phase}>
      <div class="door-card">
        <div class="door-head">
          <span class="door-mark">
            <Icon name="quiet" />
          </span>
          <LanguageButton />
        </div>
        <h1>{t.product}</h1>
        <p class="door-lead">{t.signIn.lead}</p>
        {model.phase === "signed_out" ? <Form /> : <p class="door-wait" role="status">{t.line.phase(model.line.phase)}…</p>}
      </div>
    </main>
  );
}

function Form(): JSX.Element {
  const { model, t, actions } = useDesk();
  const login = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  useEffect(() => login.current?.focus(), []);

  const { busy, problem, blockedUntil } = model.signIn;
  const blockedFor = Math.ceil((blockedUntil - model.now) / 1000);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (busy || blockedFor > 0) return;
    actions.signIn(login.current?.value.trim() ?? "", password.current?.value ?? "");
  };
  return (
    <form id="sign-in" method="post" onSubmit={submit}>
      <label for="login">{t.signIn.login}</label>
      <input
        id="login"
        name="login"
        ref={login}
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        required
        aria-describedby="sign-in-problem"
      />
      <label for="password">{t.signIn.password}</label>
      <input id="password" name="password" type="password" ref={password} autocomplete="current-password" required />
      <button type="submit" class="primary" disabled={busy || blockedFor > 0}>
        {busy ? t.signIn.busy : t.signIn.enter}
      </button>
      <p id="sign-in-problem" class="problem" data-problem={problem ?? ""}>
        <span role="alert">{problem !== null && t.signIn.problem(problem)}</span>
        {blockedFor > 0 && ` ${t.signIn.again(duration(blockedFor))}`}
      </p>
    </form>
  );
}
