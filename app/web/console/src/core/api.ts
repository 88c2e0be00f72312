// Calls of the public API, typed by its own OpenAPI document. A refusal is thrown as ApiProblem.
import { clock } from "./clock";
import type { CallSpec } from "./curl";
import type { components, paths } from "./schema";
import { endSession } from "./session";
import { createStore } from "./store";

export type Schemas = components["schemas"];
export type Post = Schemas["PostView"];

type Methods = "get" | "post" | "put" | "patch" | "delete";
type PathsOf<M extends Methods> = { [P in keyof paths]: paths[P][M] extends object ? P : never }[keyof paths] & string;
type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : undefined;
type Responses<O> = O extends { responses: infer R } ? R : never;
type Answer<O> = {
  [S in keyof Responses<O>]: S extends 200 | 201 | 202 | 204 ? Json<Responses<O>[S]> : never;
}[keyof Responses<O>];
type Parameters<O, Place extends string> = O extends { parameters: { [K in Place]?: infer Q } } ? Q : never;
type Body<O> = O extends { requestBody?: infer B } ? Json<NonNullable<B>> : never;

export interface Options<O> {
  path?: Record<string, string>;
  query?: Parameters<O, "query"> & object;
  body?: Body<O>;
  /** Without one, a POST on posts gets a new key. Pass the same key to repeat a call whose answer was lost. */
  idempotencyKey?: string;
  signal?: AbortSignal;
  /** The ETag of the answer that you have. The answer is then null where nothing has changed. */
  etag?: string | null;
}

export interface FieldError {
  field: string;
  code: string;
  message: string;
  limit?: unknown;
  actual?: unknown;
}

/** A refusal of the server, or no answer at all (`code` "offline", `status` 0). `message` is for people. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly errors: FieldError[] = [],
    readonly retryAfter: number | null = null,
  ) {
    super(detail);
  }

  get offline(): boolean {
    return this.status === 0;
  }
}

/** False while the last call found no server. */
export const reachable = createStore(true);

const ANSWER_MS = 20_000;

export function addressOf(path: string, values: Record<string, string> = {}, query: object = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const wanted = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") wanted.set(name, String(value));
  }
  const text = wanted.toString();
  return text ? `${filled}?${text}` : filled;
}

export interface CallOptions {
  path?: Record<string, string>;
  query?: object;
  body?: unknown;
}

/** Describe a request, for curlOf. */
export function specOf(method: string, path: keyof paths & string, options: CallOptions = {}): CallSpec {
  const spec: CallSpec = { method: method.toUpperCase(), url: addressOf(path, options.path, options.query ?? {}) };
  if (options.body !== undefined) spec.body = options.body;
  return spec;
}

async function send(spec: CallSpec, options: Options<unknown>): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (spec.method !== "GET") headers["Content-Type"] = "application/json";
  if (spec.method === "POST" && spec.url.startsWith("/api/posts")) {
    headers["Idempotency-Key"] = options.idempotencyKey ?? crypto.randomUUID();
  }
  if (options.etag) headers["If-None-Match"] = options.etag;
  const limits = [AbortSignal.timeout(ANSWER_MS), ...(options.signal ? [options.signal] : [])];
  const request: RequestInit = {
    method: spec.method,
    headers,
    credentials: "same-origin",
    cache: "no-store",
    signal: AbortSignal.any(limits),
  };
  if (spec.body !== undefined) request.body = JSON.stringify(spec.body);
  else if (spec.method === "POST") request.body = "{}";
  const sent = performance.now();
  try {
    const answer = await fetch(spec.url, request);
    reachable.set(true);
    clock.observe(answer.headers.get("X-Server-Time"), sent);
    return answer;
  } catch (error) {
    if (options.signal?.aborted) throw error;
    reachable.set(false);
    throw new ApiProblem(0, "offline", "The server did not answer, so nothing is certain. Try again in a moment.");
  }
}

/** Sentences in place of those of the API that name instants as programs write them. */
const PLAIN: Record<string, string> = { schedule_in_past: "This time has passed. Choose a time in the future." };

const plain = (one: FieldError): FieldError => ({ ...one, message: PLAIN[one.code] ?? one.message });

async function problemOf(answer: Response): Promise<ApiProblem> {
  const body = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string; errors?: FieldError[] };
  if (answer.status === 401) endSession();
  const wait = Number(answer.headers.get("Retry-After"));
  return new ApiProblem(
    answer.status,
    body.code ?? `http_${answer.status}`,
    PLAIN[body.code ?? ""] ?? body.detail ?? `The server answered ${answer.status}. Try again in a moment.`,
    (body.errors ?? []).map(plain),
    wait > 0 ? wait : null,
  );
}

async function call<T>(method: string, path: keyof paths & string, options: Options<unknown> = {}): Promise<T> {
  const answer = await send(specOf(method, path, options as CallOptions), options);
  if (!answer.ok) throw await problemOf(answer);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

export const api = {
  get: <P extends PathsOf<"get">>(path: P, options?: Options<paths[P]["get"]>) =>
    call<Answer<paths[P]["get"]>>("GET", path, options as Options<unknown>),
  post: <P extends PathsOf<"post">>(path: P, options?: Options<paths[P]["post"]>) =>
    call<Answer<paths[P]["post"]>>("POST", path, options as Options<unknown>),
  put: <P extends PathsOf<"put">>(path: P, options?: Options<paths[P]["put"]>) =>
    call<Answer<paths[P]["put"]>>("PUT", path, options as Options<unknown>),
  patch: <P extends PathsOf<"patch">>(path: P, options?: Options<paths[P]["patch"]>) =>
    call<Answer<paths[P]["patch"]>>("PATCH", path, options as Options<unknown>),
  delete: <P extends PathsOf<"delete">>(path: P, options?: Options<paths[P]["delete"]>) =>
    call<Answer<paths[P]["delete"]>>("DELETE", path, options as Options<unknown>),

  /** Get an answer with its ETag. `data` is null where the server has nothing newer than `options.etag`. */
  async getFresh<P extends PathsOf<"get">>(
    path: P,
    options: Options<paths[P]["get"]> = {},
  ): Promise<{ data: Answer<paths[P]["get"]> | null; etag: string | null }> {
    const answer = await send(specOf("GET", path, options as CallOptions), options as Options<unknown>);
    const etag = answer.headers.get("ETag");
    if (answer.status === 304) return { data: null, etag: options.etag ?? etag };
    if (!answer.ok) throw await problemOf(answer);
    return { data: (await answer.json()) as Answer<paths[P]["get"]>, etag };
  },
};

/** Read a list to its end, page by page. `seen` is given each page as it comes. */
export async function readAll<T>(
  page: (cursor: string | undefined) => Promise<{ data: T[]; nextCursor?: string | null }>,
  seen: (items: T[]) => void = () => {},
): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  do {
    const answer = await page(cursor);
    all.push(...answer.data);
    seen(answer.data);
    cursor = answer.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return all;
}

/** The sentence for a person, of any thrown value. */
export function reasonOf(error: unknown): string {
  if (error instanceof ApiProblem) return [...new Set([error.detail, ...error.errors.map((one) => one.message)])].join(" ");
  return error instanceof Error ? error.message : String(error);
}
