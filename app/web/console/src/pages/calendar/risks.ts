// A risk in two or three words, for cards.
const SHORT: Record<string, string> = {
  reconnect_required: "Reconnect the account",
  token_expires_before: "Access ends before",
  account_missing: "No account",
  permission_missing: "No permission",
  not_armed: "Alarm not set",
  parked: "Alarm set later",
  media_unchecked: "Media unchecked",
  media_unreachable: "Media gone",
  media_not_public: "Media not public",
  media_not_fetched: "Media not fetched",
};

/** Not a fault: the post goes out, as far as is known. */
const MILD = new Set(["media_unchecked", "not_armed"]);

export const shortRisk = (code: string): string => SHORT[code] ?? (code.includes("cap") ? "Over the daily cap" : "At risk");

export type Weight = "grave" | "mild" | "note";

/** How much a risk weighs: the post will not go out, it may be late, or it is only worth knowing. */
export const weightOf = (code: string): Weight => (code === "parked" ? "note" : MILD.has(code) ? "mild" : "grave");

const ORDER: Weight[] = ["grave", "mild", "note"];

export const worstOf = <R extends { code: string }>(risks: readonly R[]): R | undefined =>
  [...risks].sort((a, b) => ORDER.indexOf(weightOf(a.code)) - ORDER.indexOf(weightOf(b.code)))[0];

/** How many others count beside the worst: what is only worth knowing does not. */
export const othersOf = (risks: readonly { code: string }[]): number =>
  Math.max(0, risks.filter((risk) => weightOf(risk.code) !== "note").length - 1);
