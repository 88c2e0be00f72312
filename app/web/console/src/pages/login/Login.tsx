// The way in: a token of the address's fragment, or one that is pasted.
import "./login.css";
import { useEffect, useState } from "preact/hooks";
import { reasonOf } from "../../core/api";
import { TextField } from "../../core/fields";
import { navigate, useQuery } from "../../core/router";
import { comeBackTo } from "./back";
import { logIn, presentSession, session, userOf } from "../../core/session";
import { useStore } from "../../core/store";
import { Ask } from "../../core/Ask";

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

/** A link's token of another user than the one who is logged in here. */
interface Change {
  token: string;
  from: string;
  to: string;
}

/** Return the change that a link's token would make, null where it makes none. */
async function changeBy(token: string): Promise<Change | null> {
  const present = await presentSession();
  const named = userOf(token);
  return present === null || present.userId === named ? null : { token, from: present.userId, to: named ?? "another user" };
}

export function Login() {
  const state = useStore(session);
  const query = useQuery();
  const back = safe(query.get("return"));
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(() => location.hash.includes("token="));
  const [refusal, setRefusal] = useState<string | null>(null);
  const [change, setChange] = useState<Change | null>(null);

  const enter = async (given: string): Promise<void> => {
    setBusy(true);
    const reason = await logIn(given);
    setBusy(false);
    setRefusal(reason);
    if (reason === null) navigate(back, { replace: true });
  };
  /** Anybody can send a link, so it makes nobody else of a person who is logged in without asking. */
  const follow = async (given: string): Promise<void> => {
    setBusy(true);
    try {
      const found = await changeBy(given);
      setChange(found);
      if (found === null) await enter(given);
    } catch (error) {
      setRefusal(reasonOf(error));
      setBusy(false);
    }
  };
  const stay = (): void => navigate(back, { replace: true });
  useEffect(() => {
    const look = (): void => {
      const given = takeToken();
      if (given) void follow(given);
    };
    look();
    window.addEventListener("hashchange", look); // the address was entered in this very tab
    return () => window.removeEventListener("hashchange", look);
  }, []);
  useEffect(() => {
    if (typeof state === "object" && !busy) stay();
  }, [state]);

  /** The server's own address, which is no page of the console: the browser has to go there. */
  const leaveFor = (event: Event, address: string): void => {
    event.preventDefault();
    comeBackTo(back);
    location.assign(address);
  };
  const provider = document.querySelector<HTMLMetaElement>('meta[name="punctual-login"]')?.content;
  const declined = REFUSALS.get(query.get("error") ?? "");
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
        {declined && <p class="login-declined" role="alert">{declined}</p>}
        {provider && (
          <a class="button primary wide" href={provider} onClick={(event) => leaveFor(event, provider)}>
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
      {change && (
        <Ask
          title={`Continue as ${change.to}?`}
          yes={`Continue as ${change.to}`}
          no={`Stay ${change.from}`}
          busy={null}
          onNo={stay}
          onYes={() => (setChange(null), void enter(change.token))}
        >
          <p>
            You are logged in as {change.from}. The link that you opened logs this browser in as {change.to}. Continue only if
            you know where the link comes from.
          </p>
        </Ask>
      )}
    </main>
  );
}
