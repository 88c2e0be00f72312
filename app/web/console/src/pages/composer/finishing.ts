// The last steps of a post: ask ahead what the server thinks of the time, then schedule or publish.
import { api, ApiProblem, clock, isZone, localOf, reasonOf, type Schemas } from "../../core";
import { readLocal } from "./clockwork";
import type { FieldErrors } from "./Editor";
import { createOf, type Form } from "./form";
import { neighbourWarnings } from "./neighbours";

/** The time in the words of the API. */
export function timeOf(form: Form): Pick<Schemas["ScheduleRequest"], "scheduledAt" | "timeZone" | "fold" | "slot"> {
  if (form.slot) return { slot: "next" };
  const time = { scheduledAt: localOf(form.when)!, timeZone: form.when.zone };
  return form.fold === null ? time : { ...time, fold: form.fold };
}

/** The field of the zone says this itself. */
export const UNKNOWN_ZONE = "Choose a time zone.";

/** Why this time cannot be sent yet, null where it can. */
export function timeProblem(form: Form): string | null {
  if (form.slot) return null;
  const local = localOf(form.when);
  if (local === null) return isZone(form.when.zone) ? "Give a date and a time." : UNKNOWN_ZONE;
  const reading = readLocal(local, form.when.zone);
  if (reading?.gap) return "This time does not exist there. Choose one of the two below.";
  if ((reading?.instants.length ?? 0) > 1 && form.fold === null) return "This time comes twice. Choose one of the two below.";
  const at = reading?.instants[form.fold ?? 0];
  return at !== undefined && at <= clock.now() ? "This time has passed. Choose a time in the future." : null;
}

export interface Forecast {
  warnings: string[];
  problem: ApiProblem | null;
}

/** Ask what scheduling would answer. Nothing changes. */
export async function forecast(id: string, form: Form): Promise<Forecast> {
  if (form.slot) return { warnings: [], problem: null }; // its instant is chosen when it is taken
  const operation = { op: "schedule", postId: id, ...timeOf(form) };
  const body = { operations: [operation], dryRun: true } as unknown as Schemas["BulkRequest"];
  const answer = await api.post("/api/posts/bulk", { body });
  const row = answer.results[0];
  if (row === undefined) return { warnings: [], problem: null };
  if (row.code) return { warnings: [], problem: new ApiProblem(422, row.code, row.message ?? "", row.errors ?? []) };
  const own = (row.warnings ?? []).filter((one) => one.code !== "ambiguous_local_time"); // the author has chosen
  const near = row.scheduledAt ? await neighbourWarnings(id, form, Date.parse(row.scheduledAt)) : [];
  return { warnings: [...own.map((one) => one.message), ...near], problem: null };
}

const OWN_FIELDS: Record<string, string> = { imageUrl: "media.0", timeZone: "scheduledAt", fold: "scheduledAt", slot: "scheduledAt" };
const SHOWN = /^(content|media|scheduledAt|socialAccountId|postType)/;

export interface Refusal {
  fields: FieldErrors;
  /** What belongs to no field of the form. */
  rest: string | null;
}

export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof ApiProblem)) return { fields: {}, rest: reasonOf(error) };
  const fields: FieldErrors = {};
  for (const one of error.errors) {
    const field = OWN_FIELDS[one.field] ?? one.field;
    if (SHOWN.test(field)) fields[field.startsWith("media.") ? field.split(".").slice(0, 2).join(".") : field] ??= one.message;
  }
  return { fields, rest: Object.keys(fields).length > 0 ? null : reasonOf(error) };
}

/** The whole post in one call, for people who would rather send it from a program. */
export const wholeCall = (form: Form): object => ({ ...createOf(form), ...(timeProblem(form) === null ? timeOf(form) : {}) });
