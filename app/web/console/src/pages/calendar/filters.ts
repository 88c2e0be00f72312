// What the calendar shows, as it stands in the address.
import type { Post } from "../../core";

export const FILTERS = ["company", "client", "account", "platform", "status", "q"] as const;
export type FilterName = (typeof FILTERS)[number];
export type Filters = Record<FilterName, string>;

/** Without a choice, posts that were called off are left out. */
const SHOWN = "scheduled,publishing,published,failed";

export function readFilters(query: URLSearchParams): Filters {
  return Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""])) as Filters;
}

export const anyFilter = (filters: Filters): boolean => FILTERS.some((name) => filters[name] !== "");

export type Platform = "linkedin" | "instagram" | "facebook";

/** The same filters as parameters of the API, without the status. */
export function apiFilters(filters: Filters) {
  return {
    ...(filters.company && { companyId: filters.company }),
    ...(filters.client && { clientId: filters.client }),
    ...(filters.account && { socialAccountId: filters.account }),
    ...(filters.platform && { platform: filters.platform as Platform }),
    ...(filters.q && { q: filters.q.slice(0, 200) }),
  };
}

export const statusesOf = (filters: Filters): string => filters.status || SHOWN;

/** True if a post that has changed belongs to what is shown. Drafts are judged without the status. */
export function belongs(post: Post, filters: Filters): boolean {
  const same = (wanted: string, value: string | null): boolean => wanted === "" || wanted === value;
  return (
    same(filters.company, post.companyId) &&
    same(filters.client, post.clientId) &&
    same(filters.account, post.socialAccountId) &&
    same(filters.platform, post.platform) &&
    (post.status === "draft" || statusesOf(filters).split(",").includes(post.status)) &&
    (filters.q === "" || post.content.toLowerCase().includes(filters.q.trim().toLowerCase()))
  );
}
