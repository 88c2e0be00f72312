// Write a post: text, media, account and time. A draft saves itself, and nothing that is typed gets lost.
import "./composer.css";
import { useEffect, useState } from "preact/hooks";
import { addressOf, api, clock, navigate, type Post, reasonOf, useQuery, useStore } from "../../core";
import type { PageProps } from "../page";
import { accounts, usualAccount, readAccounts, withAccount } from "./accounts";
import { Editor } from "./Editor";
import { emptyForm, type Form, formOf } from "./form";
import { forget, forgetOld, type Kept, readKept } from "./kept";
import { readRules, rules } from "./rules";

/** What the editor starts with. `post` is null for a new one. */
export interface Start {
  post: Post | null;
  form: Form;
  notice: string | null;
  /** `kept`: text that only this browser has. `conflict`: the server has another one, so a person decides first. */
  copy?: "kept" | "conflict";
}

/** The latest start, and its number, which tells one from the next. */
interface Begun {
  number: number;
  start: Start;
}

const AGAIN_MS = 3_000;

const CHANGEABLE = new Set(["draft", "scheduled", "failed"]);

/** True for a post that no form can change any more, unless this browser alone has a part of its text. */
const isOver = ({ post, copy }: Start): boolean => post !== null && copy === undefined && !CHANGEABLE.has(post.status);

/** The post's own values, with what was typed here and did not reach the server. */
function merged(post: Post, kept: Kept | null): Start {
  const form = formOf(post);
  if (kept === null) return { post, form, notice: null };
  if (!kept.dirty) {
    const { when, fold, slot } = kept.form;
    return { post, form: post.status === "draft" ? { ...form, when, fold, slot } : form, notice: null };
  }
  const changed = kept.base !== null && kept.base !== post.updatedAt;
  const notice = changed
    ? "This post was changed elsewhere meanwhile. Below is what you typed here. Saving it replaces the other change."
    : "What you typed last time is here again.";
  return { post, form: kept.form, notice, copy: changed ? "conflict" : "kept" };
}

async function start(query: URLSearchParams): Promise<Start> {
  await Promise.all([readRules(), readAccounts()]);
  const [id, from] = [query.get("id"), query.get("from")];
  if (id) return merged(await api.get("/api/posts/{post_id}", { path: { post_id: id } }), readKept(id));
  const empty = emptyForm(query.get("at"), query.get("zone"));
  if (from) {
    const copied = formOf(await api.get("/api/posts/{post_id}", { path: { post_id: from } }));
    return { post: null, form: { ...copied, when: empty.when }, notice: "This is a copy. The old post stays as it is." };
  }
  const kept = readKept(null);
  if (kept) return { post: null, form: kept.form, notice: "What you typed last time is here again.", copy: "kept" };
  const usual = usualAccount(accounts.get() ?? []);
  return { post: null, form: usual ? withAccount(empty, usual) : empty, notice: null };
}

let starts = 0;

export function Composer(_: PageProps) {
  const query = useQuery();
  const id = query.get("id");
  const [begun, setBegun] = useState<Begun | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const known = useStore(rules);
  const [tries, again] = useState(0);
  useEffect(() => {
    forgetOld(clock.now());
    if (begun && (begun.start.post?.id ?? null) === id && !query.get("from")) return;
    let current = true;
    let timer: number | undefined;
    start(query).then(
      (found) => {
        if (!current) return;
        if (isOver(found)) return navigate(addressOf("/console/posts/{id}", { id: found.post!.id }), { replace: true });
        setBegun({ number: ++starts, start: found });
        setFailure(null);
      },
      (error: unknown) => {
        if (!current) return;
        setFailure(reasonOf(error));
        timer = window.setTimeout(() => again(tries + 1), AGAIN_MS);
      },
    );
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [id, query.get("from"), tries]);
  if (begun && known) {
    const created = (post: Post): void => setBegun({ ...begun, start: { ...begun.start, post } });
    const withoutKept = (): void => {
      forget(id);
      setBegun(null);
      again(tries + 1);
    };
    return (
      <Editor key={begun.number} start={begun.start} rules={known} onCreated={created} onWithoutKept={withoutKept} />
    );
  }
  return (
    <section class="page">
      <h1>{id ? "Edit post" : "New post"}</h1>
      {failure ? <p class="error" role="alert">{failure}</p> : <p class="quiet">Loading …</p>}
    </section>
  );
}
