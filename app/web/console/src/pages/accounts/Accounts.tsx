// Accounts: connect, health, expiry, reconnect, weekly slots.
import "./accounts.css";
import { useEffect, useState } from "preact/hooks";
import {
  api, clock, Dialog, Icon, instantText, isOpen, platformIcon, platformName, readAll, reasonOf, type Schemas, session, setQuery,
  ShowTheCall, specOf, TextField, toast, useLive, useQuery, useStore, viewerZone,
} from "../../core";
import type { PageProps } from "../page";
import { ConnectDialog } from "./ConnectDialog";
import { type Account, byNeed, healthOf } from "./health";
import { SlotsDialog } from "./SlotsDialog";

type Company = Schemas["CompanyView"];
type Open = { kind: "connect"; account: Account | null } | { kind: "slots" | "rename" | "remove"; account: Account };

export function Accounts(_: PageProps) {
  const wanted = useQuery().get("account");
  const me = useStore(session);
  const [accounts, setAccounts] = useState<Account[] | null>(null);
  const [companies, setCompanies] = useState<Company[]>([]);
  const [waiting, setWaiting] = useState(new Map<string, number>());
  const [open, setOpen] = useState<Open | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  const live = useLive(async () => {
    try {
      const [all, mine, counts, shared] = await Promise.all([
        readAll((cursor) => api.get("/api/social-accounts", { query: cursor ? { cursor } : {} })),
        readAll((cursor) => api.get("/api/companies", { query: cursor ? { cursor } : {} })),
        api.get("/api/posts/counts", { query: { needsAttention: true } }),
        readAll((cursor) => api.get("/api/social-accounts/shared", { query: cursor ? { cursor } : {} })),
      ]);
      const known = new Set(all.map((account) => account.id));
      setAccounts([...all, ...shared.filter((account) => !known.has(account.id))]);
      setCompanies(mine);
      setWaiting(sumOf(counts.needsAttention));
      setProblem(null);
    } catch (error) {
      setProblem(reasonOf(error));
      throw error;
    }
  }, { paused: () => open !== null });

  useEffect(() => {
    const account = accounts?.find((one) => one.id === wanted);
    if (account) setOpen({ kind: "connect", account });
  }, [wanted, accounts !== null]);

  const close = (): void => {
    setOpen(null);
    if (wanted) setQuery({ account: null });
    live.now();
  };
  const nameOf = (account: Account): string => {
    const company = companies.find((one) => one.id === account.companyId);
    if (!account.companyId) return "Yours";
    return company ? company.name : "A company that you have left";
  };
  const mayChange = (account: Account): boolean =>
    !account.companyId || companies.some((one) => one.id === account.companyId && one.role !== "viewer");
  const mayRemove = (account: Account): boolean => mayChange(account) || (isOpen(me) && account.profileOf === me.userId);
  return (
    <section class="page accounts">
      <header class="title-row">
        <div>
          <h1>Accounts</h1>
          <p class="quiet">The profiles and pages that your posts go out through.</p>
        </div>
        <button type="button" class="button primary" onClick={() => setOpen({ kind: "connect", account: null })}>
          <Icon name="plus" /> Connect an account
        </button>
      </header>
      {accounts === null && <p class={problem ? "error" : "quiet"} role="status">{problem ?? "Looking …"}</p>}
      {accounts?.length === 0 && (
        <div class="empty">
          <Icon name="accounts" size={40} />
          <h2>No account yet</h2>
          <p class="quiet">Connect the profile or the page that your posts go out through. You can write drafts before.</p>
        </div>
      )}
      <ul class="account-cards">
        {accounts && [...accounts].sort(byNeed(clock.now())).map((account) => (
          <Card key={account.id} account={account} owner={nameOf(account)} waiting={waiting.get(account.id) ?? 0} may={mayChange(account)} mayRemove={mayRemove(account)} onOpen={setOpen} />
        ))}
      </ul>
      {open?.kind === "connect" && <ConnectDialog account={open.account} companies={companies} onClose={close} />}
      {open?.kind === "slots" && <SlotsDialog account={open.account} may={mayChange(open.account)} onClose={close} />}
      {open?.kind === "rename" && <Rename account={open.account} onClose={close} />}
      {open?.kind === "remove" && <Remove account={open.account} onClose={close} />}
    </section>
  );
}

function sumOf(causes: Schemas["CauseView"][]): Map<string, number> {
  const found = new Map<string, number>();
  for (const cause of causes) {
    if (cause.socialAccountId) found.set(cause.socialAccountId, (found.get(cause.socialAccountId) ?? 0) + cause.count);
  }
  return found;
}

interface CardProps {
  account: Account;
  owner: string;
  waiting: number;
  may: boolean;
  mayRemove: boolean;
  onOpen: (open: Open) => void;
}

function Card({ account, owner, waiting, may, mayRemove, onOpen }: CardProps) {
  const health = healthOf(account, clock.now());
  const again = health.tone !== "good";
  return (
    <li class={`account-card account-card-${health.tone}`} data-account={account.id}>
      <div class="account-card-head">
        <span class="account-card-icon"><Icon name={platformIcon(account.platform)} /></span>
        <div>
          <h2>{account.accountName}</h2>
          <p class="quiet">{platformName(account.platform)} · {owner}</p>
        </div>
      </div>
      <p class={`health health-${health.tone}`} title={account.expiresAt ? instantText(account.expiresAt, viewerZone()) : undefined}>
        <Icon name={health.tone === "good" ? "check" : "alert"} size={16} /> {health.text}
      </p>
      {waiting > 0 && <p><a href="/console/attention">{waiting} {waiting === 1 ? "post waits" : "posts wait"} for it</a></p>}
      <p class="quiet account-card-id">{account.externalId}</p>
      <div class="account-card-actions">
        {may && <button type="button" class={again ? "button primary" : "button"} aria-label={`Reconnect ${account.accountName}`} onClick={() => onOpen({ kind: "connect", account })}>Reconnect</button>}
        <button type="button" class="button" aria-label={`Weekly slots of ${account.accountName}`} onClick={() => onOpen({ kind: "slots", account })}>Slots</button>
        {may && <button type="button" class="button" aria-label={`Rename ${account.accountName}`} onClick={() => onOpen({ kind: "rename", account })}>Rename</button>}
        {mayRemove && <button type="button" class="button danger" aria-label={`Disconnect ${account.accountName}`} onClick={() => onOpen({ kind: "remove", account })}>Disconnect</button>}
      </div>
    </li>
  );
}

function Rename({ account, onClose }: { account: Account; onClose: () => void }) {
  const [name, setName] = useState(account.accountName);
  const [problem, setProblem] = useState<string | null>(null);
  const save = async (): Promise<void> => {
    try {
      await api.patch("/api/social-accounts/{account_id}", { path: { account_id: account.id }, body: { accountName: name } });
      toast({ text: "The account has its new name.", tone: "good" });
      onClose();
    } catch (error) {
      setProblem(reasonOf(error));
    }
  };
  return (
    <Dialog title={`Rename ${account.accountName}`} onClose={onClose} actions={<button type="submit" form="rename" class="button primary">Save</button>}>
      <form id="rename" onSubmit={(event) => { event.preventDefault(); void save(); }}>
        <TextField label="Name" value={name} required onInput={setName} error={problem} hint="Only shown here. The platform's own name stays." />
      </form>
      <ShowTheCall call={specOf("PATCH", "/api/social-accounts/{account_id}", { path: { account_id: account.id }, body: { accountName: name } as never })} />
    </Dialog>
  );
}

function Remove({ account, onClose }: { account: Account; onClose: () => void }) {
  const [problem, setProblem] = useState<string | null>(null);
  const path = { account_id: account.id };
  const remove = async (): Promise<void> => {
    try {
      await api.delete("/api/social-accounts/{account_id}", { path });
      toast({ text: `${account.accountName} is disconnected. Its tokens are deleted.`, tone: "good" });
      onClose();
    } catch (error) {
      setProblem(reasonOf(error));
    }
  };
  return (
    <Dialog title={`Disconnect ${account.accountName}?`} onClose={onClose}
      actions={<><button type="button" class="button" onClick={onClose}>Keep it</button><button type="button" class="button danger" onClick={() => void remove()}>Disconnect</button></>}
    >
      <p>Its tokens are deleted. While posts are scheduled through it, it stays: move them to another account first. Your own profile in a company can always be withdrawn, and its posts are then held.</p>
      {problem && <p class="error" role="alert">{problem}</p>}
      <ShowTheCall call={specOf("DELETE", "/api/social-accounts/{account_id}", { path })} />
    </Dialog>
  );
}
