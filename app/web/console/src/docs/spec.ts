// The OpenAPI document as the page reads it: operations, their errors, and examples.

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: boolean | Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  examples?: unknown[];
  maxLength?: number;
  minLength?: number;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
}

export interface Parameter {
  $ref?: string;
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

type Content = Record<string, { schema?: Schema; example?: unknown }>;

interface Answer {
  $ref?: string;
  description?: string;
  content?: Content;
  headers?: Record<string, unknown>;
  "x-codes"?: string[];
}

interface Raw {
  operationId: string;
  summary?: string;
  description?: string;
  tags?: string[];
  security?: Record<string, unknown>[];
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Content };
  responses: Record<string, Answer>;
}

export interface Document {
  info: { title: string; version: string; description?: string };
  tags?: { name: string; description?: string }[];
  paths: Record<string, Record<string, unknown> & { parameters?: Parameter[] }>;
  components: {
    schemas: Record<string, Schema>;
    responses: Record<string, Answer>;
    parameters: Record<string, Parameter>;
    securitySchemes: Record<string, { description?: string }>;
  };
}

export interface Response {
  status: string;
  description: string;
  codes: string[];
  content: Content;
  headers: string[];
}

export interface Operation {
  id: string;
  method: string;
  path: string;
  summary: string;
  description: string;
  tag: string;
  proofs: string[];
  parameters: Parameter[];
  body: { required: boolean; content: Content } | null;
  responses: Response[];
  /** All that a search looks in. */
  words: string;
}

const METHODS = ["get", "post", "put", "patch", "delete"];
const NAMES: Record<string, string> = { api_keys: "Personal keys", webhook_endpoints: "Webhooks", machines: "Machines and operators", docs: "Documentation" };

export const tagName = (tag: string): string => NAMES[tag] ?? tag.charAt(0).toUpperCase() + tag.slice(1).replaceAll("_", " ");

function named<T extends { $ref?: string }>(document: Document, thing: T): T {
  if (!thing.$ref) return thing;
  let found: unknown = document;
  for (const part of thing.$ref.slice(2).split("/")) found = (found as Record<string, unknown>)[part];
  return found as T;
}

export function operationsOf(document: Document): Operation[] {
  const found: Operation[] = [];
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const raw = item[method] as Raw | undefined;
      if (raw) found.push(operationOf(document, path, method, raw, item.parameters ?? []));
    }
  }
  return found;
}

function operationOf(document: Document, path: string, method: string, raw: Raw, shared: Parameter[]): Operation {
  const parameters = [...shared, ...(raw.parameters ?? [])].map((one) => named(document, one));
  const responses = Object.entries(raw.responses).map(([status, answer]): Response => {
    const full = named(document, answer);
    const codes = full["x-codes"] ?? [];
    const description = (full.description ?? "").replace(/ code: .*$/, "");
    return { status, description, codes, content: full.content ?? {}, headers: Object.keys(full.headers ?? {}) };
  });
  const operation = {
    id: raw.operationId, method: method.toUpperCase(), path, summary: raw.summary ?? "", description: raw.description ?? "",
    tag: raw.tags?.[0] ?? "other", proofs: (raw.security ?? []).flatMap((one) => Object.keys(one)), parameters,
    body: raw.requestBody ? { required: raw.requestBody.required ?? false, content: raw.requestBody.content } : null, responses,
  };
  const words = [
    operation.id, operation.method, path, operation.summary, operation.description, tagName(operation.tag),
    ...parameters.map((one) => one.name), ...responses.flatMap((one) => [one.status, ...one.codes]),
  ];
  return { ...operation, words: words.join(" ").toLowerCase() };
}

/** Every error code, with the operations that answer it. */
export function codesOf(operations: Operation[]): Map<string, { statuses: Set<string>; operations: Operation[] }> {
  const found = new Map<string, { statuses: Set<string>; operations: Operation[] }>();
  for (const operation of operations) {
    for (const response of operation.responses) {
      for (const code of response.codes) {
        const entry = found.get(code) ?? { statuses: new Set(), operations: [] };
        entry.statuses.add(response.status);
        if (entry.operations.at(-1) !== operation) entry.operations.push(operation);
        found.set(code, entry);
      }
    }
  }
  return new Map([...found].sort(([a], [b]) => a.localeCompare(b)));
}

export const resolve = (document: Document, schema: Schema): Schema => named(document, schema);

export const schemaName = (schema: Schema): string | null => schema.$ref?.split("/").at(-1) ?? null;

const SAMPLES: Record<string, unknown> = { uuid: "7f0c2f63-6f44-4f5c-9d0e-0d6b7f3b1c55", "date-time": "2026-12-01T08:00:00.000Z", uri: "https://example.com/picture.jpg", email: "ada@example.com" };
const MOST_DEPTH = 6;

/** The document's own example, or one made from the schema. */
export function exampleOf(document: Document, schema: Schema, depth = 0): unknown {
  const whole = resolve(document, schema);
  if (whole.examples?.length) return whole.examples[0];
  if (whole.const !== undefined) return whole.const;
  if (whole.enum?.length) return whole.enum[0];
  const union = whole.anyOf ?? whole.oneOf ?? whole.allOf;
  if (union?.[0]) return exampleOf(document, union[0], depth + 1);
  const type = Array.isArray(whole.type) ? whole.type[0] : whole.type;
  if (type === "array") return depth < MOST_DEPTH && whole.items ? [exampleOf(document, whole.items, depth + 1)] : [];
  if (type === "object" || whole.properties) {
    if (depth >= MOST_DEPTH) return {};
    return Object.fromEntries(Object.entries(whole.properties ?? {}).map(([name, one]) => [name, exampleOf(document, one, depth + 1)]));
  }
  if (type === "integer" || type === "number") return whole.minimum ?? 1;
  if (type === "boolean") return true;
  return SAMPLES[whole.format ?? ""] ?? "text";
}

/** A type in a word or two: "string (uuid), null", "array of PostView". */
export function typeText(document: Document, schema: Schema): string {
  const name = schemaName(schema);
  if (name) return name;
  const union = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (union) return union.map((one) => typeText(document, one)).join(" or ");
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? "any"];
  if (types.includes("array") && schema.items) return `array of ${typeText(document, schema.items)}`;
  return types.join(" or ") + (schema.format ? ` (${schema.format})` : "");
}

/** What a value must keep to, as a sentence: its choices and bounds. */
export function boundsText(schema: Schema): string {
  const choices = schema.enum?.map((one) => JSON.stringify(one)).join(", ");
  const parts = [
    choices && `one of ${choices}`,
    spanText(schema.minLength, schema.maxLength, "characters"),
    spanText(undefined, schema.maxItems, "items"),
    spanText(schema.minimum, schema.maximum, ""),
  ].filter(Boolean);
  const text = parts.join(", ");
  return text && `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function spanText(least: number | undefined, most: number | undefined, unit: string): string {
  const [from, to] = [least?.toLocaleString("en"), most?.toLocaleString("en")];
  if (from && to && least! > 0) return `${from} to ${to} ${unit}`.trim();
  if (to) return `at most ${to} ${unit}`.trim();
  return from && least! > 0 ? `at least ${from} ${unit}`.trim() : "";
}
