// The health of an account in words, with its tone.
import { relativeText, type Schemas } from "../../core";

export type Account = Schemas["AccountView"];

export interface Health {
  tone: "good" | "warn" | "bad";
  text: string;
}

const DAY_MS = 86_400_000;
const SOON_MS = 7 * DAY_MS;

export function healthOf(account: Account, now: number): Health {
  const ends = account.expiresAt ? Date.parse(account.expiresAt) : null;
  if (account.status === "reconnect_required") return { tone: "bad", text: "Its platform no longer accepts the connection. Its posts are held." };
  if (ends === null) return { tone: "good", text: "Connected" };
  if (ends <= now) return { tone: "bad", text: `Access ended ${relativeText(ends, now)}` };
  if (ends - now < SOON_MS) return { tone: "warn", text: `Access ends ${relativeText(ends, now)}` };
  return { tone: "good", text: `Connected. Access ends ${relativeText(ends, now)}` };
}

/** Accounts in trouble first, then by name. */
export const byNeed = (now: number) => (a: Account, b: Account): number => {
  const rank = (account: Account): number => ["bad", "warn", "good"].indexOf(healthOf(account, now).tone);
  return rank(a) - rank(b) || a.accountName.localeCompare(b.accountName);
};
