// Many posts in one call, to the end: where the server answers with a job, the job is followed.
import { api, type Post, type Schemas } from "../../core";

type Row = Schemas["RowView"];

export interface Outcome {
  done: Map<string, Row>;
  refused: Map<string, Row>;
}

const JOB_MS = 1_000;

export type Operation =
  | { op: "retry" | "cancel" | "unschedule"; postId: string; force?: boolean }
  | { op: "move"; postId: string; by: string }
  | { op: "schedule"; postId: string; scheduledAt: string; timeZone?: string }
  | { op: "move"; postIds: string[]; from: string; until: string; timeZone?: string };

export async function runBulk(operations: Operation[], dryRun = false): Promise<Outcome> {
  const answer = await api.post("/api/posts/bulk", { body: { operations: operations as never[], dryRun } });
  let results = answer.results;
  if ("id" in answer) {
    let job = answer as Schemas["JobView"];
    while (job.status === "running") {
      await new Promise((resolve) => setTimeout(resolve, JOB_MS));
      job = await api.get("/api/jobs/{job_id}", { path: { job_id: job.id } });
    }
    results = job.results;
  }
  return sorted(results, operations);
}

function sorted(results: Row[], operations: Operation[]): Outcome {
  const found: Outcome = { done: new Map(), refused: new Map() };
  for (const row of results) {
    const operation = operations[row.row - 1];
    const named = operation && "postIds" in operation ? operation.postIds : operation ? [operation.postId] : [];
    // A refused spread names no post: the refusal is about all of them.
    for (const id of row.postId ? [row.postId] : named) (row.status === "done" ? found.done : found.refused).set(id, row);
  }
  return found;
}

export const reasonOfRow = (row: Row): string =>
  [row.message, ...(row.errors ?? []).map((error) => error.message)].filter((part, at, all) => part && all.indexOf(part) === at).join(" ");

/** The rows that put posts back to the times that they have now. */
export const timesOf = (posts: Post[]): Operation[] =>
  posts.flatMap((post) =>
    post.status === "scheduled" && post.scheduledAt !== null
      ? [{ op: "schedule" as const, postId: post.id, scheduledAt: post.scheduledAt, ...(post.timeZone ? { timeZone: post.timeZone } : {}) }]
      : [],
  );
