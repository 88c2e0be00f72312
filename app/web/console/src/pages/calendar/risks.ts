// A risk in two or three words, for cards.
const SHORT: Record<string, string> = {
  reconnect_required: "Reconnect the account",
  token_expires_before: "Access ends before",
  account_missing: "No account",
  permission_missing: "No permission",
  not_armed: "Alarm not set",
  parked: "Beyond the horizon",
  media_unchecked: "Media unchecked",
  media_unreachable: "Media gone",
  media_not_public: "Media not public",
  media_not_fetched: "Media not fetched",
};

/** Risks that are no fault: the post goes out, as far as is known. */
const MILD = new Set(["parked", "media_unchecked", "not_armed"]);

export const shortRisk = (code: string): string => SHORT[code] ?? (code.includes("cap") ? "Over the daily cap" : "At risk");

export const isGrave = (code: string): boolean => !MILD.has(code);
