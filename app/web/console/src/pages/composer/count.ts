// Count a text as the server does (app/domain/content/text.py). Both give the same numbers for every text.
import type { Schemas } from "../../core";

export type TextRules = Schemas["TextRules"];

// Python's \w and \s, written out: JavaScript's mean other characters.
const WORD = "\\p{L}\\p{N}_";
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const TAG_BODY = `[${WORD}\\u0300-\\u036F\\u0900-\\u0DFF\\u2600-\\u27BF\\u{1F000}-\\u{1FAFF}]`;
const TAGS = new RegExp(`(?<![${WORD}&])(?:[#＃]${TAG_BODY}+)+`, "gu");
const MENTION = new RegExp(`(?<![${WORD}.])@[A-Za-z0-9_]`, "gu");
const LINK = new RegExp(`https?://[^${SPACE}]+`, "giu");

const withoutLinks = (text: string): string => text.replace(LINK, " ");

export const countHashtags = (text: string): number =>
  [...withoutLinks(text).matchAll(TAGS)].reduce((sum, [run]) => sum + (run.match(/[#＃]/g)?.length ?? 0), 0);

export const countMentions = (text: string): number => [...withoutLinks(text).matchAll(MENTION)].length;

export function lengthOf(text: string, unit: string): number {
  if (unit === "utf16") return text.length;
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

export interface Counted {
  name: string;
  actual: number;
  limit: number;
}

/** Every count that the platform limits, the characters first. */
export function countsOf(text: string, rules: TextRules): Counted[] {
  const counts: Counted[] = [{ name: "characters", actual: lengthOf(text, rules.unit), limit: rules.limit }];
  if (rules.maxHashtags !== null) counts.push({ name: "hashtags", actual: countHashtags(text), limit: rules.maxHashtags });
  if (rules.maxMentions !== null) counts.push({ name: "mentions", actual: countMentions(text), limit: rules.maxMentions });
  return counts;
}
