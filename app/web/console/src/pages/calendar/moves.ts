// Moving a post in time: shown at once, settled by the server's answer, undone within ten seconds.
import {
  addDays, answersOf, api, ApiProblem, createStore, dateText, instantText, localText, type Post, reasonOf, specOf,
  timeText, toast, zoneLabel,
} from "../../core";
import { changed, postOf, refreshPost, setMove, take, type Target } from "./book";

/** The dialog that asks when: for a post, with a proposal, and with the reason why it opened. */
export interface Question {
  post: Post;
  target: Target;
  reason?: string;
}

export const question = createStore<Question | null>(null);

const queue = new Map<string, Promise<unknown>>();

/** Run the actions of one post one after the other. */
function inTurn<T>(id: string, action: () => Promise<T>): Promise<T> {
  const mine = (queue.get(id) ?? Promise.resolve()).then(action, action);
  queue.set(id, mine);
  return mine;
}

export const scheduleCall = (post: Post, target: Target) =>
  specOf("post", "/api/posts/{post_id}/schedule", { path: { post_id: post.id }, body: bodyOf(target) });

function bodyOf(target: Target) {
  const body = { scheduledAt: target.local, timeZone: target.zone };
  return target.fold ? { ...body, fold: target.fold } : body;
}

/** A move by hand keeps the post's own zone, on a grid of another zone too. Skipped and repeated times are left to the API. */
function bodyByHand(post: Post, target: Target) {
  const { kind, instants } = answersOf(target.local, target.zone);
  if (post.timeZone === null || post.timeZone === target.zone || kind !== "one") return bodyOf(target);
  return { scheduledAt: new Date(instants[0]!).toISOString(), timeZone: post.timeZone };
}

/** Move a post. Returns null, or the refusal. The card shows the new time meanwhile. */
export function move(post: Post, target: Target, body = bodyOf(target)): Promise<ApiProblem | null> {
  setMove(post.id, target);
  return inTurn(post.id, async () => {
    const before = postOf(post.id) ?? post;
    try {
      const answer = await api.post("/api/posts/{post_id}/schedule", { path: { post_id: post.id }, body });
      settle(before, answer.scheduledAt, answer.timeZone, answer.armed);
      const twice = answer.warnings.find((one) => one.code === "ambiguous_local_time");
      toast({
        text: `Moved to ${instantText(answer.scheduledAt, target.zone)}.${twice ? ` ${twice.message}` : ""}`,
        tone: "good",
        ...(before.status === "failed" ? {} : { undo: () => undo(before, post.id) }),
      });
      void refreshPost(post.id);
      return null;
    } catch (error) {
      setMove(post.id, null);
      if (error instanceof ApiProblem && !error.offline) void refreshPost(post.id);
      return error instanceof ApiProblem ? error : new ApiProblem(0, "failed", reasonOf(error));
    }
  });
}

/** Show the server's word. Its next answer brings the rest of the post. */
function settle(before: Post, scheduledAt: string, timeZone: string | null, armed: boolean): void {
  const known = postOf(before.id) ?? before;
  const values = { status: "scheduled" as const, scheduledAt, nextAttemptAt: scheduledAt, timeZone, armed };
  take({ ...known, ...values, errorCode: null, errorMessage: null });
  setMove(before.id, null);
}

/** Move by hand on the grid: a refusal is told by a toast, and a time that does not exist becomes a question. */
export async function moveOrExplain(post: Post, target: Target): Promise<void> {
  const refusal = await move(post, target, bodyByHand(post, target));
  if (refusal === null) return;
  const unreal = refusal.errors.some((one) => one.code === "nonexistent_local_time") || refusal.code === "nonexistent_local_time";
  if (unreal) question.set({ post, target, reason: "The clocks skip this time on that day. Choose one of its neighbours." });
  else toast({ text: `Not moved: ${reasonOf(refusal)}`, tone: "bad" });
}

function undo(before: Post, id: string): Promise<void> {
  return inTurn(id, async () => {
    const path = { post_id: id };
    try {
      if (before.status === "draft" || before.scheduledAt === null) {
        await api.post("/api/posts/{post_id}/unschedule", { path });
        toast({ text: "Undone: the post is a draft again.", tone: "good" });
      } else {
        const body = { scheduledAt: before.scheduledAt, ...(before.timeZone && { timeZone: before.timeZone }) };
        const answer = await api.post("/api/posts/{post_id}/schedule", { path, body });
        settle(before, answer.scheduledAt, answer.timeZone, answer.armed);
        const zone = before.timeZone ?? "UTC";
        toast({ text: `Undone: back at ${instantText(answer.scheduledAt, zone)}.`, tone: "good" });
      }
    } catch (error) {
      toast({ text: `Not undone: ${reasonOf(error)}`, tone: "bad" });
    }
    await refreshPost(id);
  });
}

/** Take a post off the schedule. It becomes a draft. */
export async function unschedule(post: Post): Promise<ApiProblem | null> {
  return inTurn(post.id, async () => {
    try {
      await api.post("/api/posts/{post_id}/unschedule", { path: { post_id: post.id } });
      take({ ...post, status: "draft", scheduledAt: null, nextAttemptAt: null, timeZone: null, risks: [] });
      changed();
      toast({ text: "The post is a draft again, without a date.", tone: "good", undo: () => undo(post, post.id) });
      void refreshPost(post.id);
      return null;
    } catch (error) {
      void refreshPost(post.id);
      return error instanceof ApiProblem ? error : new ApiProblem(0, "failed", reasonOf(error));
    }
  });
}

const NUDGE_MS = 700;
const nudges = new Map<string, number>();

/** Where a post stands on the grid now, an unanswered move included. */
export function placeOf(post: Post, zone: string, pending: Target | undefined): string | null {
  if (pending) return pending.local;
  return post.scheduledAt === null ? null : localText(post.scheduledAt, zone);
}

export const canMove = (post: Post): boolean => ["draft", "scheduled", "failed"].includes(post.status);

/** Move by a key: several presses become one call. Returns the words for a screen reader. */
export function nudge(post: Post, from: string, zone: string, step: { days?: number; minutes?: number }): string {
  const local = step.days ? addDays(from, step.days) : addMinutes(from, step.minutes ?? 0);
  const target = { local, zone };
  clearTimeout(nudges.get(post.id));
  setMove(post.id, target);
  const send = (): void => {
    nudges.delete(post.id);
    void moveOrExplain(post, target);
  };
  nudges.set(post.id, window.setTimeout(send, NUDGE_MS));
  const at = `${local}Z`;
  return `${dateText(at, "UTC")}, ${timeText(at, "UTC", true)} ${zoneLabel(at, zone)}`;
}

const addMinutes = (local: string, minutes: number): string =>
  new Date(Date.parse(`${local}Z`) + minutes * 60_000).toISOString().slice(0, 19);
