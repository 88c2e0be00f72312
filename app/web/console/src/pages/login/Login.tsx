// The way in: a token of the address's fragment, or one that is pasted.
import "./login.css";
import { useEffect, useState } from "preact/hooks";
import { TextField } from "../../core/fields";
import { navigate, useQuery } from "../../core/router";
import { logIn, session } from "../../core/session";
import { useStore } from "../../core/store";

const LOGIN = "/console/login";

/** What the way back from the identity provider may say. */
const REFUSALS = new Map([
  ["sign_in_expired", "This login was used already, is older than ten minutes, or belongs to another browser. Try again."],
  ["sign_in_declined", "You were not logged in, because the request was declined there."],
  ["sign_in_refused", "Your organisation's answer was not accepted. Try again, or tell the people who run this service."],
  ["sign_in_unavailable", "Your organisation's login does not answer now. Try again in a few minutes."],
]);

/** The token of the fragment. It is taken out of the address and of the history at once. */
function takeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) history.replaceState(null, "", location.pathname + location.search);
  return token;
}

/** Only a page of ours: the address comes from outside. */
const safe = (to: string | null): string => (to && /^\/(console\/|$|\?)/.test(to) && !to.startsWith(LOGIN) ? to : "/");

export function Login() {
  const state = useStore(session);
  const query = useQuery();
  const back = safe(query.get("return"));
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(() => location.hash.includes("token="));
  const [refusal, setRefusal] = useState<string | null>(REFUSALS.get(query.get("error") ?? "") ?? null);

  const enter = async (given: string): Promise<void> => {
    setBusy(true);
    const reason = await logIn(given);
    setBusy(false);
    setRefusal(reason);
    if (reason === null) navigate(back, { replace: true });
  };
  useEffect(() => {
    const look = (): void => {
      const given = takeToken();
      if (given) void enter(given);
    };
    look();
    window.addEventListener("hashchange", look); // the address was entered in this very tab
    return () => window.removeEventListener("hashchange", look);
  }, []);
  useEffect(() => {
    if (typeof state === "object" && !busy) navigate(back, { replace: true });
  }, [state]);

  const provider = document.querySelector<HTMLMetaElement>('meta[name="punctual-login"]')?.content;
  return (
    <main class="login">
      <form
        class="login-card"
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim()) void enter(token);
        }}
      >
        <p class="brand">Punctual</p>
        <h1>Log in</h1>
        {provider && (
          <a class="button primary wide" href={provider}>
            Log in with your organisation
          </a>
        )}
        <p class="quiet">
          Your own application opens this console for you. On this machine, <code>make run</code> prints an address that
          logs in, and <code>flask token USER</code> a token for the field below.
        </p>
        <TextField
          label="Token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={token}
          onInput={setToken}
          error={refusal}
        />
        <button type="submit" class="button primary wide" disabled={busy}>
          {busy ? "Logging in …" : "Log in"}
        </button>
      </form>
    </main>
  );
}
