// Needs attention: posts by cause, one cure for each group, and actions on many at once.
import "./attention.css";
import { useRef, useState } from "preact/hooks";
import {
  announce, api, Ask, attention, Icon, type Post, reasonOf, refreshAttention, type Schemas, setQuery, ShowTheCall, specOf, toast, useKeys, useLive, useQuery,
} from "../../core";
import type { PageProps } from "../page";
import { type Operation, reasonOfRow, runBulk } from "./bulk";
import { type Account, canRetry, countText, groupsOf } from "./groups";
import { GroupCard } from "./GroupCard";
import { MoveDialog } from "./MoveDialog";

const PAGE = 200;
const MOST = 1_000;

interface Found {
  causes: Schemas["CauseView"][];
  posts: Post[];
  more: string | null;
}

async function pageOf(query: URLSearchParams, cursor?: string): Promise<{ data: Post[]; nextCursor: string | null }> {
  const company = query.get("companyId");
  const answer = await api.get("/api/posts", {
    query: { needsAttention: true, sort: "scheduledAt", order: "asc", limit: PAGE, ...(cursor ? { cursor } : {}), ...(company ? { companyId: company } : {}) },
  });
  return { data: answer.data, nextCursor: answer.nextCursor ?? null };
}

export function Attention(_: PageProps) {
  const query = useQuery();
  const company = query.get("companyId") ?? "";
  const [found, setFound] = useState<Found | null>(null);
  const [accounts, setAccounts] = useState(new Map<string, Account>());
  const [companies, setCompanies] = useState<Schemas["CompanyView"][]>([]);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [refusals, setRefusals] = useState<ReadonlyMap<string, string>>(new Map());
  const [busy, setBusy] = useState(false);
  const [moving, setMoving] = useState<"move" | "spread" | null>(null);
  const [cancelling, setCancelling] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const known = useRef(false);

  const load = async (): Promise<void> => {
    try {
      if (!known.current) {
        const [owned, shared] = await Promise.all([api.get("/api/social-accounts"), api.get("/api/companies")]);
        setAccounts(new Map(owned.data.map((account) => [account.id, account])));
        setCompanies(shared.data);
        known.current = true;
      }
      const filter = company ? { companyId: company } : {};
      const [counts, page] = await Promise.all([
        api.get("/api/posts/counts", { query: { needsAttention: true, ...filter } }), pageOf(query),
      ]);
      setFound({ causes: counts.needsAttention, posts: page.data, more: page.nextCursor });
      setProblem(null);
      if (!company) attention.set(counts.needsAttention.reduce((sum, cause) => sum + cause.count, 0));
    } catch (error) {
      setProblem(reasonOf(error));
      throw error;
    }
  };
  const polling = useLive(load, { paused: () => selected.size > 0 || busy || moving !== null }, company);

  const posts = found?.posts ?? [];
  const chosen = posts.filter((post) => selected.has(post.id));
  const pick = (ids: string[], on: boolean): void => {
    const next = new Set(selected);
    for (const id of ids) on ? next.add(id) : next.delete(id);
    setSelected(next);
  };

  /** Run one call and keep the refused rows selected, each with its reason. */
  const run = async (operations: Operation[], what: (done: number) => string, undo?: () => unknown): Promise<boolean> => {
    setBusy(true);
    try {
      const outcome = await runBulk(operations);
      setRefusals(new Map([...outcome.refused].map(([id, row]) => [id, reasonOfRow(row)])));
      setSelected(new Set(outcome.refused.keys()));
      const said = [outcome.done.size > 0 && what(outcome.done.size), outcome.refused.size > 0 &&
        `${countText(outcome.refused.size)} refused: ${outcome.refused.size === 1 ? "it stays" : "they stay"} selected, each with its reason.`];
      toast({ text: said.filter(Boolean).join(" "), tone: outcome.refused.size ? "bad" : "good", ...(undo && outcome.done.size ? { undo } : {}) });
      setFound((before) => before && { ...before, posts: before.posts.filter((post) => !outcome.done.has(post.id)) });
      // A refused post may be gone from the server's list, and its row must stay with its reason.
      await (outcome.refused.size ? refreshAttention() : load()).catch(() => {});
      return true;
    } catch (error) {
      toast({ text: reasonOf(error), tone: "bad" });
      return false;
    } finally {
      setBusy(false);
    }
  };
  const retry = (which: Post[]): Promise<boolean> =>
    run(which.map((post) => ({ op: "retry", postId: post.id })), (done) => `${countText(done)} will be sent again now.`);
  const cancel = (which: Post[]): Promise<boolean> =>
    run(which.map((post) => ({ op: "cancel", postId: post.id })), (done) => `${countText(done)} cancelled.`);

  useKeys([
    { key: "r", does: "Retry the selected posts", run: () => void (chosen.length && retry(chosen)) },
    { key: "Escape", does: "Clear the selection", run: () => clear() },
  ]);
  const clear = (): void => {
    setSelected(new Set());
    setRefusals(new Map());
    announce("The selection is cleared.");
    polling.now();
  };
  const more = async (): Promise<void> => {
    if (!found?.more) return;
    const page = await pageOf(query, found.more);
    setFound({ ...found, posts: [...found.posts, ...page.data], more: page.nextCursor });
  };

  const groups = found ? groupsOf(found.causes, posts, accounts, found.more === null) : [];
  const total = groups.reduce((sum, group) => sum + group.count, 0);
  return (
    <section class="page attention">
      <header class="attention-head">
        <div>
          <h1>Needs attention</h1>
          <p class="quiet" role="status">
            {found === null ? "Looking …" : total === 0 ? "Every post is on its way." : `${countText(total)} will not go out, or did not, until somebody looks.`}
          </p>
        </div>
        {companies.length > 0 && (
          <label class="attention-filter">
            <span class="visually-hidden">Company</span>
            <select value={company} onChange={(event) => { clear(); setQuery({ companyId: event.currentTarget.value }); }}>
              <option value="">All of mine</option>
              {companies.map((one) => <option key={one.id} value={one.id} selected={one.id === company}>{one.name}</option>)}
            </select>
          </label>
        )}
      </header>
      {problem && found === null && <p class="error" role="alert">{problem}</p>}
      {found !== null && total === 0 && groups.length === 0 && <Nothing />}
      {groups.map((group) => (
        <GroupCard key={group.key} group={group} selected={selected} refusals={refusals} busy={busy} pick={pick} retry={retry} />
      ))}
      {found?.more && posts.length < MOST && (
        <button type="button" class="button" onClick={() => void more()}>Show more posts</button>
      )}
      {selected.size > 0 && (
        <div class="attention-bar" role="region" aria-label="Actions on the selected posts">
          <p aria-live="polite"><strong>{selected.size}</strong> selected <span class="quiet">· updates are paused</span></p>
          <button type="button" class="button primary" disabled={busy || !chosen.some(canRetry)} onClick={() => void retry(chosen)}>
            {busy ? "Working …" : "Retry"}
          </button>
          <button type="button" class="button" disabled={busy} onClick={() => setMoving("move")}>Move…</button>
          <button type="button" class="button" disabled={busy || selected.size < 2} onClick={() => setMoving("spread")}>Spread…</button>
          <button type="button" class="button danger" disabled={busy} onClick={() => setCancelling(true)}>Cancel posts</button>
          <button type="button" class="button clear" onClick={clear}>Clear</button>
          <ShowTheCall call={specOf("POST", "/api/posts/bulk", { body: { operations: chosen.map((post) => ({ op: "retry", postId: post.id })) } as never })} />
        </div>
      )}
      {cancelling && (
        <Ask title={`Cancel ${countText(chosen.length)}?`} yes="Yes, cancel" no="Keep" danger busy={null}
          onNo={() => setCancelling(false)} onYes={() => (setCancelling(false), void cancel(chosen))}>
          <p>{chosen.length === 1 ? "It never goes out then. You can still copy it into a new one." : "They never go out then. You can still copy each into a new one."}</p>
        </Ask>
      )}
      {moving && (
        <MoveDialog kind={moving} posts={chosen} onClose={() => setMoving(null)}
          onRun={async (operations, undo) => {
            const ok = await run(operations, (done) => `${countText(done)} ${moving === "spread" ? "spread" : "moved"}.`,
              undo.length ? () => void run(undo, (done) => `${countText(done)} moved back.`) : undefined);
            if (ok) setMoving(null);
          }}
        />
      )}
    </section>
  );
}

const Nothing = () => (
  <div class="attention-empty">
    <Icon name="check" size={40} />
    <h2>Nothing needs you</h2>
    <p class="quiet">A post that fails, or that will not go out on time, shows up here with its cure.</p>
    <a class="button" href="/">Go to the calendar</a>
  </div>
);
