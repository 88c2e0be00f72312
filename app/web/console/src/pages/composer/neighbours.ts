// Other posts of the account around an instant: the same text within a day, or another post within a minute.
import { api, instantText, type Post } from "../../core";
import type { Form } from "./form";

const DAY = 86_400_000;
const MINUTE = 60_000;
const GOING = "scheduled,publishing,published";

/** Equal for texts that look equal, as the server compares them. */
const normalised = (text: string): string => text.normalize("NFC").split(/\s+/).join(" ").trim().toLowerCase();

export async function neighbourWarnings(id: string, form: Form, at: number): Promise<string[]> {
  const [from, to] = [at - DAY, at + DAY].map((instant) => new Date(instant).toISOString());
  const query = { socialAccountId: form.accountId, status: GOING, from: from!, to: to!, sort: "scheduledAt" as const, limit: 200 };
  const others = (await api.get("/api/posts", { query })).data.filter((one) => one.id !== id && one.scheduledAt !== null);
  const distance = (one: Post): number => Math.abs(Date.parse(one.scheduledAt!) - at);
  const nearest = others.sort((a, b) => distance(a) - distance(b));
  const same = nearest.find((one) => normalised(one.content) === normalised(form.content));
  const warnings: string[] = [];
  const when = (one: Post): string => instantText(one.scheduledAt!, form.when.zone);
  if (same) {
    const verb = same.status === "published" ? "went" : "goes";
    warnings.push(`The same text ${verb} to this account at ${when(same)}.`);
  }
  if (nearest[0] && distance(nearest[0]) < MINUTE) {
    warnings.push(`Another post of this account has the same minute: ${when(nearest[0])}.`);
  }
  return warnings;
}
