// The platforms' rules, read once, and what they say of a form.
import { api, createStore, type Schemas } from "../../core";
import { countsOf } from "./count";
import type { Form } from "./form";

export type Rules = Schemas["PlatformList"];
export type Platform = Schemas["PlatformRules"];
export type PostType = Schemas["PostTypeRules"];

export const rules = createStore<Rules | null>(null);

export async function readRules(): Promise<void> {
  if (rules.get() === null) rules.set(await api.get("/api/platforms"));
}

export const platformOf = (all: Rules, name: string): Platform => all.data.find((one) => one.name === name) ?? all.data[0]!;

export const typeOf = (platform: Platform, name: string): PostType =>
  platform.postTypes.find((one) => one.name === name) ?? platform.postTypes[0]!;

const listed = (kinds: string[]): string => kinds.map((kind) => `${kind}s`).join(" or ");

/** "1 to 20 images, 1 video or 1 document". */
export function mediaHint(type: PostType): string {
  const groups = type.media.map(({ kinds, least, most }) =>
    most === 1 ? `1 ${kinds.join(" or ")}` : `${least} to ${most} ${listed(kinds)}`,
  );
  const last = groups.pop() ?? "";
  return (groups.length ? `${groups.join(", ")} or ${last}` : last) + (type.textAlone ? ", or none" : "");
}

/** Why these files do not fit together, null where they do. */
export function mediaProblem(platform: Platform, type: PostType, kinds: string[]): string | null {
  if (kinds.length === 0) return type.textAlone ? null : `A ${type.name} on ${platform.label} needs ${mediaHint(type)}.`;
  const fits = type.media.some(
    (group) => kinds.every((kind) => group.kinds.includes(kind)) && kinds.length >= group.least && kinds.length <= group.most,
  );
  return fits ? null : `A ${type.name} on ${platform.label} takes ${mediaHint(type)}.`;
}

export interface Problems {
  content: string | null;
  media: string | null;
}

/** What the server would refuse of text and media. */
export function problemsOf(form: Form, all: Rules): Problems {
  const platform = platformOf(all, form.platform);
  const type = typeOf(platform, form.postType);
  const over = countsOf(form.content, platform.text).find((one) => one.actual > one.limit);
  const empty = form.content.trim() === "" && form.media.length === 0;
  return {
    content: over
      ? `${platform.label} takes at most ${over.limit.toLocaleString("en")} ${over.name}. Remove ${(over.actual - over.limit).toLocaleString("en")}.`
      : empty
        ? "Write a text, or add media."
        : null,
    media: mediaProblem(platform, type, form.media.map((one) => one.type)),
  };
}

/** What may surprise the author, though the server takes it. */
export function surprisesOf(form: Form, all: Rules): string[] {
  const platform = platformOf(all, form.platform);
  const type = typeOf(platform, form.postType);
  const found: string[] = [];
  if (!type.showsText && form.content.trim()) found.push(`${platform.label} shows no text beside a ${type.name}.`);
  return found;
}
