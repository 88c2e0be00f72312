// One operation: parameters, body, answers, errors and a call for a shell.
import { curlOf } from "../core/curl";
import { boundsText, type Document, exampleOf, type Operation, resolve, type Response, type Schema, schemaName, typeText } from "./spec";

const PROOFS: Record<string, string> = {
  user: "user's token or key", session: "console session", adminSecret: "admin secret", cronSecret: "cron secret", qstash: "QStash signature",
  callbackSecret: "n8n secret", callbackHeader: "n8n secret in a header", callbackToken: "token of the attempt",
};

export function OperationCard({ document, operation, open, onToggle }: { document: Document; operation: Operation; open: boolean; onToggle: (open: boolean) => void }) {
  return (
    <details class="operation" id={operation.id} open={open} onToggle={(event) => onToggle(event.currentTarget.open)}>
      <summary>
        <span class={`method method-${operation.method.toLowerCase()}`}>{operation.method}</span>
        <code class="path">{operation.path}</code>
        <span class="summary">{operation.summary}</span>
      </summary>
      {open && <Inside document={document} operation={operation} />}
    </details>
  );
}

function Inside({ document, operation }: { document: Document; operation: Operation }) {
  const inputs = operation.parameters.filter((one) => one.in !== "header");
  const headers = operation.parameters.filter((one) => one.in === "header");
  return (
    <div class="inside">
      {operation.description && <p>{operation.description}</p>}
      <p class="quiet">
        {operation.proofs.length ? `Proof: ${operation.proofs.map((one) => PROOFS[one] ?? one).join(", or ")}.` : "Needs no proof."}{" "}
        <a href={`#${operation.id}`}>{operation.id}</a>
      </p>
      {inputs.length + headers.length > 0 && (
        <section>
          <h3>Parameters</h3>
          <Fields rows={[...inputs, ...headers].map((one) => ({ name: one.name, schema: one.schema ?? {}, required: one.required ?? false, where: one.in, description: one.description }))} document={document} />
        </section>
      )}
      {operation.body && (
        <section>
          <h3>Body{operation.body.required ? "" : ", optional"}</h3>
          {Object.entries(operation.body.content).map(([type, one]) => <Content key={type} type={type} schema={one.schema} document={document} />)}
        </section>
      )}
      <section>
        <h3>Answers</h3>
        {operation.responses.map((response) => <Answer key={response.status} response={response} document={document} />)}
      </section>
      <section>
        <h3>The call</h3>
        <pre tabIndex={0}>{callOf(document, operation)}</pre>
      </section>
    </div>
  );
}

function callOf(document: Document, operation: Operation): string {
  const schema = operation.body?.content["application/json"]?.schema;
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => `$${name.toUpperCase()}`);
  const spec = { method: operation.method, url: path, ...(schema ? { body: exampleOf(document, schema) } : {}) };
  return curlOf(spec).replace(`'${location.origin}${path}'`, `"${location.origin}${path}"`);
}

function Answer({ response, document }: { response: Response; document: Document }) {
  const good = response.status < "400";
  return (
    <div class={good ? "answer" : "answer refused"}>
      <p><strong class="answer-status">{response.status}</strong> {response.description || (good ? "OK" : "")}</p>
      {response.codes.length > 0 && <p class="codes">{response.codes.map((code) => <a key={code} href={`#code-${code}`}><code>{code}</code></a>)}</p>}
      {good && Object.entries(response.content).map(([type, one]) => <Content key={type} type={type} schema={one.schema} document={document} />)}
    </div>
  );
}

function Content({ type, schema, document }: { type: string; schema: Schema | undefined; document: Document }) {
  if (!schema || (!schema.$ref && !schema.properties && schema.type !== "array")) return <p class="quiet"><code>{type}</code></p>;
  const whole = resolve(document, schema);
  return (
    <div class="content">
      <p class="quiet"><code>{type}</code> {schemaName(schema)}{whole.description ? `: ${whole.description}` : ""}</p>
      {whole.properties && <Fields document={document} rows={Object.entries(whole.properties).map(([name, one]) => ({ name, schema: one, required: whole.required?.includes(name) ?? false }))} />}
      <h4>Example</h4>
      <pre tabIndex={0}>{JSON.stringify(exampleOf(document, schema), null, 2)}</pre>
    </div>
  );
}

interface Field {
  name: string;
  schema: Schema;
  required: boolean;
  where?: string;
  description?: string | undefined;
}

function Fields({ rows, document, depth = 0 }: { rows: Field[]; document: Document; depth?: number }) {
  return (
    <dl class="fields">
      {rows.map((row) => {
        const inner = resolve(document, row.schema.items ?? row.schema);
        const nested = depth < 3 && inner.properties ? Object.entries(inner.properties) : [];
        const text = [row.description ?? row.schema.description, boundsText(row.schema)].filter(Boolean).join(" ");
        return (
          <div key={`${row.where} ${row.name}`}>
            <dt><code>{row.name}</code>{row.required && <span class="required"> required</span>}</dt>
            <dd>
              <span class="quiet">{typeText(document, row.schema)}{row.where ? `, in the ${row.where}` : ""}</span>
              {text && <p>{text}</p>}
              {nested.length > 0 && (
                <details>
                  <summary>{nested.length} fields</summary>
                  <Fields document={document} depth={depth + 1} rows={nested.map(([name, one]) => ({ name, schema: one, required: inner.required?.includes(name) ?? false }))} />
                </details>
              )}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
