// The posts that need attention, by cause: one heading and one cure for each group.
import { platformName, type Post, type Schemas } from "../../core";

type Cause = Schemas["CauseView"];
export type Account = Schemas["AccountView"];

export interface Group {
  key: string;
  code: string;
  message: string;
  cure: string;
  /** How many there are, by the server's count. */
  count: number;
  posts: Post[];
  account: Account | null;
}

/** Causes that only a new connection of the account mends. */
const RECONNECT = new Set(["reconnect_required", "token_expires_before", "permission_missing", "account_missing"]);
/** Causes of a post's own text or media: a try again as it is would fail again. */
const EDIT = new Set([
  "text_too_long", "too_many_tags", "duplicate_content", "rejected_by_platform", "rejected_by_publisher", "image_too_large",
  "image_format_not_supported", "aspect_ratio_not_supported", "video_format_not_supported", "carousel_size",
  "media_unreachable", "media_not_public", "media_not_fetched", "blocked_by_platform",
]);

export const needsReconnect = (group: Group): boolean => RECONNECT.has(group.code);
export const needsEdit = (group: Group): boolean => EDIT.has(group.code);
export const isUnknown = (group: Group): boolean => group.code === "outcome_unknown";
export const canRetry = (post: Post): boolean => post.status === "failed";

const OF_ACCOUNT = new Set([...RECONNECT, "daily_cap"]);

/** The code under which the server counts a post. Of several causes the first counts. */
function codeOf(post: Post, counted: Set<string>): string {
  if (post.status === "failed") return post.errorCode ?? "unknown";
  return post.risks.find((risk) => counted.has(risk.code))?.code ?? post.risks[0]?.code ?? post.errorCode ?? "unknown";
}

const keyOf = (code: string, account: string | null | undefined): string =>
  OF_ACCOUNT.has(code) && account ? `${code} ${account}` : code;

export function groupsOf(causes: Cause[], posts: Post[], accounts: Map<string, Account>, whole: boolean): Group[] {
  const codes = new Set(causes.map((cause) => cause.code));
  const groups = new Map<string, Group>();
  for (const cause of causes) {
    const account = (cause.socialAccountId && accounts.get(cause.socialAccountId)) || null;
    const key = keyOf(cause.code, cause.socialAccountId);
    groups.set(key, {
      key, account, code: cause.code, count: cause.count, cure: cause.cure, posts: [], message: cause.message,
    });
  }
  for (const post of posts) {
    const code = codeOf(post, codes);
    const group = groups.get(keyOf(code, post.socialAccountId)) ?? groups.get(code);
    if (group) group.posts.push(post);
    else {
      const risk = post.risks[0];
      groups.set(keyOf(code, post.socialAccountId), {
        key: keyOf(code, post.socialAccountId), code, count: 1, posts: [post], account: null,
        message: risk?.message ?? "This post did not go out.", cure: risk?.cure ?? "Look at the post.",
      });
    }
  }
  for (const group of groups.values()) group.count = whole ? group.posts.length : Math.max(group.count, group.posts.length);
  return [...groups.values()].filter((group) => group.count > 0);
}

export const countText = (count: number, one = "post", many = "posts"): string => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

export function titleOf({ code, count, message, account }: Group): string {
  const posts = countText(count);
  if (account && OF_ACCOUNT.has(code)) {
    const name = `${account.accountName} on ${platformName(account.platform)}`;
    if (code === "daily_cap") return `${posts} over the daily cap of ${name}`;
    return `${posts} ${count === 1 ? "waits" : "wait"} for ${name}`;
  }
  return `${posts}: ${message}`;
}
