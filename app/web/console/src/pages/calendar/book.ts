// The posts that the calendar knows: those of the visible range, the drafts, and moves that are not answered yet.
import { api, ApiProblem, clock, createStore, type Post, readAll, reading, reasonOf } from "../../core";
import { apiFilters, belongs, type Filters, statusesOf } from "./filters";

export interface Target {
  /** The wall clock, "2027-03-28T09:00:07". */
  local: string;
  zone: string;
  /** The second of two equal wall clock times. */
  fold?: 0 | 1;
}

export interface Range {
  from: number;
  to: number;
}

const PAGE = 200;
/** Rows may be committed a little after the instant that they carry. */
const OVERLAP_MS = 10_000;
/** Risks change without a change of the post, so the whole range is read again now and then. */
const REFRESH_MS = 60_000;
const MOST = 20_000;
/** While many pages come, the grid draws them not one by one. */
const DRAW_MS = 3_000;
/** Parts of a long range that are read side by side, and pages of a neighbour that are read ahead. */
const PARTS = 4;
const AHEAD_PAGES = 8;

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
let ahead: AbortController | null = null;

/** Counts changes, so that pages draw again. */
export const changes = createStore(0);
export const loading = reading;
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

/** Show this range with these filters. Known posts are there at once, and the rest comes after them. */
export function show(wanted: Range, chosen: Filters): void {
  if (posts.size > MOST || (filters && JSON.stringify(filters) !== JSON.stringify(chosen))) {
    posts.clear();
    fresh = [];
  }
  const same = range?.from === wanted.from && range.to === wanted.to && JSON.stringify(filters) === JSON.stringify(chosen);
  range = wanted;
  filters = chosen;
  if (same && loading.get()) return; // begun with the page
  fresh = fresh.filter((one) => performance.now() - one.at < REFRESH_MS);
  if (!fresh.some((one) => one.from <= wanted.from && wanted.to <= one.to)) void load();
}

export async function load(): Promise<void> {
  if (!range || !filters) return;
  running?.abort();
  ahead?.abort();
  const own = (running = new AbortController());
  const [wanted, chosen, began] = [range, filters, clock.now()];
  loading.set(true);
  try {
    const listed = await readRange(wanted, chosen, own.signal);
    if (own.signal.aborted) return;
    forget(wanted, listed, began);
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

/** Read the posts of the neighbours of the shown range, so that going there is at once. */
export async function readAhead(wanted: Range[]): Promise<void> {
  ahead?.abort();
  const own = (ahead = new AbortController());
  for (const one of wanted) {
    if (!filters || own.signal.aborted) return;
    if (fresh.some((known) => known.from <= one.from && one.to <= known.to)) continue;
    const at = performance.now();
    let pages = 0;
    let more: string | null | undefined;
    const read = pageOf(one, filters, own.signal);
    do {
      const answer = await read(more ?? undefined).catch(() => null); // it is read when it is shown
      if (answer === null || own.signal.aborted) return;
      if (answer.data.map(take).some(Boolean)) changed(); // months share days, so it may be on the page
      more = answer.nextCursor;
    } while (more && ++pages < AHEAD_PAGES);
    if (!more) fresh.push({ ...one, at });
  }
}

function pageOf(wanted: Range, chosen: Filters, signal: AbortSignal) {
  const query = {
    ...apiFilters(chosen),
    status: statusesOf(chosen),
    from: new Date(wanted.from).toISOString(),
    to: new Date(wanted.to).toISOString(),
    sort: "scheduledAt" as const,
    order: "asc" as const,
    limit: PAGE,
  };
  return (cursor: string | undefined) => api.get("/api/posts", { query: cursor ? { ...query, cursor } : query, signal });
}

/** Read a range and the drafts. The first page is drawn at once. Returns the ids. */
async function readRange(wanted: Range, chosen: Filters, signal: AbortSignal): Promise<Set<string>> {
  const listed = new Set<string>();
  let drawn = -Infinity;
  const seen = (items: Post[]): void => {
    for (const post of items) listed.add(post.id);
    const news = items.map(take).some(Boolean);
    if (!news || performance.now() - drawn < DRAW_MS) return;
    changed();
    drawn = performance.now();
  };
  const first = await pageOf(wanted, chosen, signal)(undefined);
  seen(first.data);
  const rest = first.nextCursor ? restOf(wanted, first.data) : [];
  await Promise.all([
    readDrafts(chosen, signal).then(seen),
    ...rest.map((part) => readAll(pageOf(part, chosen, signal), seen)),
  ]);
  return listed;
}

/** Cut what follows the first page into parts of about the same number of pages. */
function restOf(wanted: Range, first: Post[]): Range[] {
  const dated = first.map(timeOf).filter((at) => at >= wanted.from);
  const reached = Math.max(wanted.from, ...dated);
  const pages = (wanted.to - reached) / Math.max(1, reached - Math.min(reached, ...dated));
  const count = Math.min(PARTS, Math.max(1, Math.round(pages)));
  const size = (wanted.to - reached) / count;
  return Array.from({ length: count }, (_, index) => ({
    from: Math.floor(reached + index * size),
    to: index === count - 1 ? wanted.to : Math.floor(reached + (index + 1) * size),
  }));
}

async function readDrafts(chosen: Filters, signal: AbortSignal): Promise<Post[]> {
  return (await api.get("/api/posts", { query: { ...apiFilters(chosen), status: "draft", limit: PAGE }, signal })).data;
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
