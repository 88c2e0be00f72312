// The posts that the calendar knows: those of the visible range, the drafts, and moves that are not answered yet.
import { api, ApiProblem, clock, createStore, type Post, readAll, reasonOf } from "../../core";
import { apiFilters, belongs, type Filters, statusesOf } from "./filters";

export interface Target {
  /** The wall clock, "2027-03-28T09:00:07". */
  local: string;
  zone: string;
  /** The second of two equal wall clock times. */
  fold?: 0 | 1;
}

interface Range {
  from: number;
  to: number;
}

const PAGE = 200;
/** Rows may be committed a little after the instant that they carry. */
const OVERLAP_MS = 10_000;
/** Risks change without a change of the post, so the whole range is read again now and then. */
const REFRESH_MS = 60_000;
const MOST = 20_000;

const posts = new Map<string, Post>();
const moves = new Map<string, Target>();
let filters: Filters | null = null;
let range: Range | null = null;
let since = 0;
let etag: string | null = null;
let loadedAt = -Infinity;
/** The ranges that were read to their end, with these filters. The poll keeps them up to date for a while. */
let fresh: (Range & { at: number })[] = [];
let running: AbortController | null = null;

/** Counts changes, so that pages draw again. */
export const changes = createStore(0);
export const loading = createStore(false);
export const failure = createStore<string | null>(null);

export const changed = (): void => changes.set(changes.get() + 1);
export const postOf = (id: string): Post | undefined => posts.get(id);
export const moveOf = (id: string): Target | undefined => moves.get(id);
export const allPosts = (): Iterable<Post> => posts.values();

export function drafts(): Post[] {
  const found = [...posts.values()].filter((post) => post.status === "draft");
  return found.sort((a, b) => (a.updatedAt < b.updatedAt ? 1 : -1));
}

export function setMove(id: string, target: Target | null): void {
  if (target) moves.set(id, target);
  else moves.delete(id);
  changed();
}

const timeOf = (post: Post): number => (post.scheduledAt === null ? NaN : Date.parse(post.scheduledAt));

export const isIn = (post: Post, wanted: Range): boolean => {
  const at = timeOf(post);
  return wanted.from <= at && at < wanted.to;
};

/** Take the newest state of a post. Returns true if it differs from the known one. */
export function take(post: Post): boolean {
  const known = posts.get(post.id);
  if (known && known.updatedAt > post.updatedAt) return false;
  if (filters && !belongs(post, filters)) return posts.delete(post.id);
  if (known && known.updatedAt === post.updatedAt && JSON.stringify(known) === JSON.stringify(post)) return false;
  posts.set(post.id, post);
  return true;
}

/** Read one post again, after an action or a refusal. A post that is gone is taken out. */
export async function refreshPost(id: string): Promise<void> {
  try {
    take(await api.get("/api/posts/{post_id}", { path: { post_id: id } }));
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) posts.delete(id);
  }
  changed();
}

/** Show this range with these filters. Known posts are there at once, and the rest comes page by page. */
export function show(wanted: Range, chosen: Filters): void {
  if (posts.size > MOST || (filters && JSON.stringify(filters) !== JSON.stringify(chosen))) {
    posts.clear();
    fresh = [];
  }
  range = wanted;
  filters = chosen;
  fresh = fresh.filter((one) => performance.now() - one.at < REFRESH_MS);
  if (!fresh.some((one) => one.from <= wanted.from && wanted.to <= one.to)) void load();
}

export async function load(): Promise<void> {
  if (!range || !filters) return;
  running?.abort();
  const own = (running = new AbortController());
  const [wanted, chosen, began] = [range, filters, clock.now()];
  loading.set(true);
  try {
    const found = await readRange(wanted, chosen, own.signal);
    const undated = await readDrafts(chosen, own.signal);
    if (own.signal.aborted) return;
    forget(wanted, new Set([...found, ...undated].map((post) => post.id)), began);
    if (since === 0) since = began - OVERLAP_MS;
    loadedAt = performance.now();
    fresh.push({ ...wanted, at: loadedAt });
    failure.set(null);
    changed();
  } catch (error) {
    if (!own.signal.aborted) failure.set(reasonOf(error));
  } finally {
    if (running === own) loading.set(false);
  }
}

async function readRange(wanted: Range, chosen: Filters, signal: AbortSignal): Promise<Post[]> {
  const query = {
    ...apiFilters(chosen),
    status: statusesOf(chosen),
    from: new Date(wanted.from).toISOString(),
    to: new Date(wanted.to).toISOString(),
    sort: "scheduledAt" as const,
    order: "asc" as const,
    limit: PAGE,
  };
  let pages = 0;
  return readAll(
    (cursor) => api.get("/api/posts", { query: cursor ? { ...query, cursor } : query, signal }),
    (items) => {
      const news = items.map(take).some(Boolean);
      pages += 1;
      if (news && (pages === 1 || pages % 5 === 0)) changed(); // the first cards at once, then seldom
    },
  );
}

async function readDrafts(chosen: Filters, signal: AbortSignal): Promise<Post[]> {
  const query = { ...apiFilters(chosen), status: "draft", limit: PAGE };
  const answer = await api.get("/api/posts", { query, signal });
  for (const post of answer.data) take(post);
  return answer.data;
}

/** Take out what the server no longer lists, except what has changed since the question. */
function forget(wanted: Range, listed: Set<string>, began: number): void {
  for (const post of posts.values()) {
    if (listed.has(post.id) || moves.has(post.id) || Date.parse(post.updatedAt) > began - OVERLAP_MS) continue;
    if (post.status === "draft" || isIn(post, wanted)) posts.delete(post.id);
  }
}

/** Ask for what has changed. Mostly the answer is 304, without a body. */
export async function poll(): Promise<void> {
  if (!range || loading.get()) return;
  const size = Math.max(1, posts.size / 1000);
  if (since === 0 || performance.now() - loadedAt > REFRESH_MS * size) return load();
  const query = {
    updatedSince: new Date(since).toISOString(), sort: "updatedAt" as const, order: "asc" as const, limit: PAGE,
  };
  const answer = await api.getFresh("/api/posts", { query, etag });
  failure.set(null);
  if (answer.data === null) return;
  etag = answer.etag;
  const news = answer.data.data.map(take).some(Boolean);
  const newest = Math.max(since + OVERLAP_MS, ...answer.data.data.map((post) => Date.parse(post.updatedAt)));
  if (newest - OVERLAP_MS > since) {
    since = newest - OVERLAP_MS;
    etag = null;
  }
  if (news) changed();
  if (answer.data.nextCursor) await load();
}

/** The instants around which the calendar must look more often. */
export function* dueInstants(): Iterable<number> {
  for (const post of posts.values()) {
    if (post.status === "publishing") yield clock.now();
    else if (post.status === "scheduled" && post.nextAttemptAt) yield Date.parse(post.nextAttemptAt);
  }
}
