// Who is logged in. The cookie itself is out of reach of scripts.
import { createStore } from "./store";

export interface Session {
  userId: string;
  admin: boolean;
  expiresAt: string;
}

/** `unknown` before the first answer. `ended`: a page is open, and its session is over. */
export type SessionState = "unknown" | "none" | "ended" | Session;

export const session = createStore<SessionState>("unknown");

export const isOpen = (state: SessionState): state is Session => typeof state === "object";

const USER = "punctual.user";

/** Whose data this page holds. */
let user: string | null = null;

/** Begin with a session. What the page holds of another user must not be seen, so it is loaded anew. */
function open(next: Session): void {
  if (user !== null && user !== next.userId) return location.reload();
  user = next.userId;
  localStorage.setItem(USER, user); // tells the other tabs, which have the same cookie
  session.set(next);
}

window.addEventListener("storage", (event) => {
  if (event.key === USER && user !== null && event.newValue !== null && event.newValue !== user) location.reload();
});
const UNREACHABLE = "The server cannot be reached. Try again in a moment.";

async function call(method: string, headers: Record<string, string>, body?: string): Promise<Response> {
  const options: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) options.body = body;
  return fetch("/console/session", options);
}

/** Ask the server for the session. Keeps the present state while the server is away. */
export async function refreshSession(): Promise<void> {
  let answer: Response;
  try {
    answer = await call("GET", {});
  } catch {
    return;
  }
  if (answer.ok) open((await answer.json()) as Session);
  else if (answer.status === 401) endSession();
}

/** The session that this browser has already, null without one. Throws where the server does not say. */
export async function presentSession(): Promise<Session | null> {
  const answer = await call("GET", {}).catch(() => null);
  if (answer === null) throw new Error(UNREACHABLE);
  if (answer.ok) return (await answer.json()) as Session;
  if (answer.status >= 500) throw new Error(`The server answered ${answer.status}. Try again in a moment.`);
  return null;
}

/** The user whom a token names, null where it cannot be read. Only the server proves it. */
export function userOf(token: string): string | null {
  try {
    const body = token.trim().split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0));
    const { sub } = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown };
    return typeof sub === "string" ? sub : null;
  } catch {
    return null;
  }
}

/** Open a session with a token. Returns null, or the sentence that says why not. */
export async function logIn(token: string): Promise<string | null> {
  let answer: Response;
  try {
    const headers = { Authorization: `Bearer ${token.trim()}`, "Content-Type": "application/json" };
    answer = await call("POST", headers, "{}");
  } catch {
    return UNREACHABLE;
  }
  if (answer.ok) {
    open((await answer.json()) as Session);
    return null;
  }
  const problem = (await answer.json().catch(() => null)) as { detail?: string } | null;
  return problem?.detail ?? `The server answered ${answer.status}.`;
}

/** End the session. Raises where the server did not do it. */
export async function logOut(): Promise<void> {
  const answer = await call("DELETE", {});
  if (!answer.ok && answer.status !== 401) throw new Error(`The server answered ${answer.status}.`);
  session.set("none");
}

/** The server refused the cookie. A page that is open stays open, with a banner. */
export function endSession(): void {
  session.set(isOpen(session.get()) || session.get() === "ended" ? "ended" : "none");
}
