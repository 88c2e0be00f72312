// "Show the call": the same request for a shell.

export interface CallSpec {
  method: string;
  url: string;
  body?: unknown;
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Return the curl command of a request. The token is a variable, as `make run` prints it. */
export function curlOf(spec: CallSpec): string {
  const parts = [`curl -X ${spec.method} ${quoted(location.origin + spec.url)}`, `-H "Authorization: Bearer $TOKEN"`];
  if (spec.body !== undefined || spec.method === "POST") {
    parts.push("-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(spec.body ?? {}))}`);
  }
  return parts.join(" \\\n  ");
}
