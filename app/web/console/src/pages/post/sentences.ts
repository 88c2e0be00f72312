// A post's life in sentences: who did what and when, and each try with its instants and the time between them.
import { instantText, type Post, platformName, type Schemas, timeText } from "../../core";

export type Timeline = Schemas["Timeline"];
export type Attempt = Schemas["AttemptView"];
export type Transition = Schemas["TransitionView"];

/** One entry of the story. A try has its facts, its cause and what came next. */
export interface Entry {
  key: string;
  at: string;
  text: string;
  tone: "plain" | "good" | "bad" | "warn";
  attempt?: { facts: string[]; cause: string | null; next: string | null; raw: string | null };
}

const ms = (at: string | null | undefined): number => (at ? Date.parse(at) : NaN);

/** "41 ms", "1.2 s", "2 min 4 s", "3 h 5 min". */
export function lasted(milliseconds: number): string {
  const size = Math.abs(milliseconds);
  if (size < 1000) return `${Math.round(size)} ms`;
  if (size < 59_950) return `${(size / 1000).toFixed(1)} s`;
  const minutes = Math.floor(size / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.round((size % 60_000) / 1000)} s`;
  return `${Math.floor(minutes / 60).toLocaleString("en")} h ${minutes % 60} min`;
}

/** "09:00:00.002" */
export function preciseText(at: string | number, zone: string): string {
  const instant = typeof at === "number" ? at : Date.parse(at);
  return `${timeText(instant, zone, true)}.${String(((instant % 1000) + 1000) % 1000).padStart(3, "0")}`;
}

export const mayBeOut = (one: Attempt): boolean =>
  one.sentAt !== null && (one.outcome === null || one.outcome === "accepted" || one.outcome === "unknown");

/** True where only a person can tell whether the post is out. */
export const isInDoubt = (post: Post, timeline: Timeline): boolean =>
  post.status === "failed" && timeline.attempts.some(mayBeOut);

function promiseOf(one: Attempt, post: Post): number {
  if (one.sentAt !== null && one.latenessMs !== null) return ms(one.sentAt) - one.latenessMs;
  return one.generation === post.generation ? ms(post.scheduledAt) : NaN;
}

/** The instants of a try, each with its distance from the one before. */
export function factsOf(one: Attempt, post: Post, zone: string, isRetry: boolean): string[] {
  const promised = promiseOf(one, post);
  const facts: string[] = [];
  if (!Number.isNaN(promised)) facts.push(`promised ${preciseText(Math.round(promised), zone)}`);
  const due = isRetry || Number.isNaN(promised) ? ms(one.startedAt) : promised;
  if (one.wokenAt) {
    const ahead = due - ms(one.wokenAt);
    facts.push(`woken ${lasted(ahead)} ${ahead >= 0 ? "ahead" : "late"}`);
  }
  if (one.sentAt === null) return [...facts, `begun ${preciseText(one.startedAt, zone)}`, "nothing was sent"];
  const late = one.latenessMs !== null && !isRetry ? ` (${lasted(one.latenessMs)} late)` : "";
  facts.push(`sent ${preciseText(one.sentAt, zone)}${late}`);
  if (one.acceptedAt) facts.push(`n8n accepted after ${lasted(ms(one.acceptedAt) - ms(one.sentAt))}`);
  else if (one.httpStatus !== null && !one.reportedAt) facts.push(`n8n answered ${one.httpStatus}`);
  if (one.reportedAt) {
    const later = lasted(ms(one.reportedAt) - ms(one.acceptedAt ?? one.sentAt));
    const isOut = one.outcome === "published" || one.outcome === "already_there";
    facts.push(isOut ? `${platformName(post.platform)} confirmed ${later} later` : `a failure was reported ${later} later`);
  }
  return facts;
}

const OUTCOMES: Record<string, [string, Entry["tone"]]> = {
  accepted: ["n8n has it, and its report is awaited", "plain"],
  published: ["published", "good"],
  already_there: ["it was there already, from an earlier try", "good"],
  not_sent: ["could not be sent", "warn"],
  transient: ["failed for the moment", "warn"],
  permanent: ["refused", "bad"],
  reconnect: ["the account's connection was refused", "bad"],
  unknown: ["nobody knows whether it went out", "warn"],
};

const words = (code: string): string => code.replaceAll("_", " ");

function causeOf(one: Attempt, post: Post): string | null {
  if (one.outcome === "published" || one.outcome === "accepted") return null;
  const isLast = one.attempt === post.attempt;
  if (isLast && post.errorMessage !== null && post.status !== "published") return post.errorMessage;
  return one.errorCode === null ? null : `Cause: ${words(one.errorCode)}.`;
}

function nextOf(one: Attempt, later: Attempt | undefined, post: Post, zone: string): string | null {
  if (one.outcome === "published" || one.outcome === "already_there") return null;
  if (later) {
    const pause = lasted(ms(later.startedAt) - ms(one.finishedAt ?? one.sentAt ?? one.startedAt));
    return `Tried again ${pause} later.`;
  }
  if (post.status === "scheduled" && post.nextAttemptAt) return `The next try comes at ${instantText(post.nextAttemptAt, zone)}.`;
  if (post.status === "publishing") return `Next comes ${platformName(post.platform)}'s answer, by way of n8n.`;
  if (post.status === "failed") return mayBeOut(one) ? "It waits for your answer above." : "There is no other try until you ask for one.";
  return null;
}

function attemptEntry(one: Attempt, index: number, all: Attempt[], post: Post, zone: string): Entry {
  const [said, tone] = one.outcome === null ? ["under way", "plain" as const] : (OUTCOMES[one.outcome] ?? [words(one.outcome), "plain" as const]);
  const promised = promiseOf(one, post);
  const isRetry = all.slice(0, index).some(
    (other) => other.generation === one.generation || Math.abs(promiseOf(other, post) - promised) < 1, // asked for by hand
  );
  return {
    key: `attempt ${one.attempt}`,
    at: one.startedAt,
    text: `Try ${index + 1}: ${said}.`,
    tone,
    attempt: {
      facts: factsOf(one, post, zone, isRetry),
      cause: causeOf(one, post),
      next: nextOf(one, all[index + 1], post, zone),
      raw: one.error,
    },
  };
}

const DONE: Record<string, string> = {
  created: "wrote it",
  scheduled: "scheduled it",
  scheduled_by_force: "scheduled it again, though an earlier try may be out",
  rescheduled: "moved it",
  unscheduled: "took it off the schedule",
  cancelled: "cancelled it",
  retried_by_hand: "asked for another try",
  retried_by_force: "asked for another try, though an earlier one may be out",
  failed_by_hand: "marked it as failed",
  attached: "found it on the platform and gave its link",
  account_changed: "gave it another account",
  account_reconnected: "let it go on: its account is connected again",
  held_after_restore: "holds it: the database went back in time, so nobody knows whether it went out",
  lease_over_held: "holds it: no report came, so nobody knows whether it went out",
  lease_over_unsent: "takes it back: the try ended before anything was sent",
  spaced: "moved it: another post of the account goes first",
  daily_cap: "moved it: the account has reached its daily cap",
};

function actorName(actor: string, me: string | null): string {
  if (!actor.startsWith("user:")) return "Punctual";
  const name = actor.slice(5);
  return name === me ? "You" : name;
}

/** A try tells its own begin, and its own end. */
const isToldByTry = (one: Transition, attempts: Attempt[]): boolean =>
  one.to === "publishing" ||
  (!one.actor.startsWith("user:") && !(one.reason in DONE) && attempts.some((other) => other.attempt === one.attempt));

function transitionEntry(one: Transition, index: number, me: string | null): Entry {
  const text = DONE[one.reason];
  const tone = one.to === "published" ? "good" : one.to === "failed" ? "bad" : "plain";
  const plain = one.to === "published" ? "It is published." : one.to === "failed" ? "It failed." : `It is ${one.to}.`;
  const said = text === undefined ? plain : `${actorName(one.actor, me)} ${text}.`;
  return { key: `transition ${index}`, at: one.at, text: said, tone };
}

/** All entries, oldest first. */
export function storyOf(post: Post, timeline: Timeline, zone: string, me: string | null): Entry[] {
  const tries = timeline.attempts.map((one, index, all) => attemptEntry(one, index, all, post, zone));
  const changes = timeline.transitions.flatMap((one, index) =>
    isToldByTry(one, timeline.attempts) ? [] : [transitionEntry(one, index, me)],
  );
  return [...changes, ...tries].sort((a, b) => ms(a.at) - ms(b.at));
}

