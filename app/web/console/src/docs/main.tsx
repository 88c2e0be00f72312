// The API's documentation, from the document that the server gives: every route, error code and example.
import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/controls.css";
import "./docs.css";
import { render } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Icon } from "../core/icons";
import { OperationCard } from "./OperationCard";
import { codesOf, type Document, type Operation, operationsOf, tagName } from "./spec";

function Docs() {
  const [found, setFound] = useState<Document | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const load = async (): Promise<void> => {
    setProblem(null);
    try {
      const answer = await fetch("/openapi.json");
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      setFound((await answer.json()) as Document);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  useEffect(() => void load(), []);
  if (found) return <Pages document={found} />;
  return (
    <main class="page">
      <h1>Punctual: the API</h1>
      {problem === null ? <p class="quiet" role="status">Reading the document …</p> : (
        <p class="error" role="alert">The document cannot be read: {problem}. <button type="button" class="button small" onClick={() => void load()}>Try again</button></p>
      )}
    </main>
  );
}

function Pages({ document: spec }: { document: Document }) {
  const operations = useMemo(() => operationsOf(spec), [spec]);
  const codes = useMemo(() => codesOf(operations), [operations]);
  const [text, setText] = useState(() => new URLSearchParams(location.search).get("q") ?? "");
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const search = useRef<HTMLInputElement>(null);

  const show = (id: string, is: boolean): void =>
    setOpen((before) => {
      if (before.has(id) === is) return before;
      const next = new Set(before);
      if (is) next.add(id);
      else next.delete(id);
      return next;
    });
  useEffect(() => {
    const follow = (): void => {
      const id = decodeURIComponent(location.hash.slice(1));
      if (!id) return;
      setText("");
      show(id, true);
      requestAnimationFrame(() => document.getElementById(id)?.scrollIntoView());
    };
    const pressed = (event: KeyboardEvent): void => {
      if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      search.current?.focus();
    };
    follow();
    window.addEventListener("hashchange", follow);
    document.addEventListener("keydown", pressed);
    return () => {
      window.removeEventListener("hashchange", follow);
      document.removeEventListener("keydown", pressed);
    };
  }, []);

  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = operations.filter((one) => wanted.every((word) => one.words.includes(word)));
  const shownCodes = [...codes].filter(([code]) => wanted.every((word) => code.includes(word)));
  const groups = groupsOf(spec, shown);
  return (
    <div class="docs">
      <nav class="docs-nav" aria-label="Parts of the API">
        <a class="brand" href="/">Punctual</a>
        <ul>
          {groups.map((group) => <li key={group.tag}><a href={`#tag-${group.tag}`}>{tagName(group.tag)} <span class="quiet">{group.operations.length}</span></a></li>)}
          <li><a href="#codes">Error codes <span class="quiet">{shownCodes.length}</span></a></li>
        </ul>
      </nav>
      <main class="docs-main">
        <header>
          <h1>{spec.info.title}: the API</h1>
          <p class="quiet">Version {spec.info.version}. {spec.info.description} <a href="/openapi.json">openapi.json</a> is the same for machines.</p>
          <label class="docs-search">
            <Icon name="search" />
            <span class="visually-hidden">Search routes, fields and error codes</span>
            <input ref={search} type="search" value={text} placeholder="Search routes, parameters, error codes ( / )" onInput={(event) => setText(event.currentTarget.value)} />
          </label>
          <p class="quiet" role="status">{shown.length === operations.length ? `${operations.length} operations, ${codes.size} error codes.` : `${shown.length} of ${operations.length} operations match.`}</p>
        </header>
        {groups.map((group) => (
          <section key={group.tag} id={`tag-${group.tag}`} class="docs-group">
            <h2>{tagName(group.tag)}</h2>
            {group.description && <p class="quiet">{group.description}</p>}
            {group.operations.map((one) => <OperationCard key={one.id} document={spec} operation={one} open={open.has(one.id)} onToggle={(is) => show(one.id, is)} />)}
          </section>
        ))}
        {shown.length === 0 && shownCodes.length === 0 && <p>Nothing matches “{text}”.</p>}
        {shownCodes.length > 0 && (
          <section id="codes" class="docs-group">
            <h2>Error codes</h2>
            <p class="quiet">Every refusal is a problem document (RFC 9457). Its <code>code</code> is stable, and its <code>detail</code> says what to do.</p>
            <dl class="code-list">
              {shownCodes.map(([code, one]) => (
                <div key={code} id={`code-${code}`}>
                  <dt><code>{code}</code> <span class="quiet">{[...one.statuses].sort().join(", ")}</span></dt>
                  <dd>{one.operations.length > 6 ? `${one.operations.length} operations` : one.operations.map((operation) => <a key={operation.id} href={`#${operation.id}`}>{operation.id}</a>)}</dd>
                </div>
              ))}
            </dl>
          </section>
        )}
      </main>
    </div>
  );
}

interface Group {
  tag: string;
  description: string;
  operations: Operation[];
}

/** Group by tag, in the order of the document. */
function groupsOf(spec: Document, operations: Operation[]): Group[] {
  const about = new Map((spec.tags ?? []).map((tag) => [tag.name, tag.description ?? ""]));
  const groups = new Map<string, Group>([...about].map(([tag, description]) => [tag, { tag, description, operations: [] }]));
  for (const operation of operations) {
    const group = groups.get(operation.tag) ?? { tag: operation.tag, description: "", operations: [] };
    group.operations.push(operation);
    groups.set(operation.tag, group);
  }
  return [...groups.values()].filter((group) => group.operations.length > 0);
}

render(<Docs />, document.getElementById("app")!);
