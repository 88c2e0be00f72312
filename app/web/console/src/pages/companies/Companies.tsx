// Companies: yours, those that invite you, and the one that is open.
import "./companies.css";
import { useState } from "preact/hooks";
import { api, Dialog, Icon, readAll, reasonOf, type Schemas, setQuery, TextField, toast, useLive, useOnce, useQuery } from "../../core";
import type { PageProps } from "../page";
import { OneCompany } from "./OneCompany";

type Company = Schemas["CompanyView"];
type Invitation = Schemas["OwnInvitationView"];

export function Companies(_: PageProps) {
  const query = useQuery();
  const token = query.get("invitation");
  const [companies, setCompanies] = useState<Company[] | null>(null);
  const [invitations, setInvitations] = useState<Invitation[]>([]);
  const [creating, setCreating] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const live = useLive(async () => {
    try {
      const [mine, invited] = await Promise.all([
        readAll((cursor) => api.get("/api/companies", { query: cursor ? { cursor } : {} })),
        api.get("/api/invitations"),
      ]);
      setCompanies(mine);
      setInvitations(invited.data);
      setProblem(null);
    } catch (error) {
      setProblem(reasonOf(error));
      throw error;
    }
  }, { paused: () => creating });

  const once = useOnce();
  const accept = (given: string): Promise<void> => once(async () => {
    try {
      const joined = await api.post("/api/invitations/{token}/accept", { path: { token: given } });
      toast({ text: "You are a member now.", tone: "good" });
      setQuery({ invitation: null, company: joined.companyId });
      live.now();
    } catch (error) {
      toast({ text: reasonOf(error), tone: "bad" });
    }
  });
  const open = companies?.find((one) => one.id === query.get("company")) ?? (companies?.length === 1 ? companies[0] : undefined);
  return (
    <section class="page companies">
      <header class="title-row">
        <div>
          <h1>Companies</h1>
          <p class="quiet">Accounts and posts that several people share, and the clients that they work for.</p>
        </div>
        <button type="button" class="button primary" onClick={() => setCreating(true)}><Icon name="plus" /> New company</button>
      </header>
      {token && (
        <Invited text="You have opened an invitation to a company." onAccept={() => void accept(token)} onLater={() => setQuery({ invitation: null })} />
      )}
      {invitations.map((one) => (
        <Invited key={one.id} text={`${one.invitedBy} invites you to ${one.companyName} as ${one.role}.`} onAccept={() => void accept(one.id)} />
      ))}
      {companies === null && <p class={problem ? "error" : "quiet"} role="status">{problem ?? "Looking …"}</p>}
      {companies?.length === 0 && (
        <div class="empty">
          <Icon name="companies" size={40} />
          <h2>No company yet</h2>
          <p class="quiet">Alone you need none. Create one to share accounts and posts with others, or accept an invitation.</p>
        </div>
      )}
      {companies !== null && companies.length > 1 && (
        <ul class="company-tabs" aria-label="Your companies">
          {companies.map((one) => (
            <li key={one.id}>
              <button type="button" class="button" aria-pressed={one.id === open?.id} onClick={() => setQuery({ company: one.id })}>
                {one.name} <span class="quiet">{one.role}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {open && <OneCompany key={open.id} company={open} onChange={() => live.now()} />}
      {companies !== null && companies.length > 1 && !open && <p class="quiet">Choose a company.</p>}
      {creating && (
        <Create onClose={() => setCreating(false)} onMade={(made) => { setCreating(false); setQuery({ company: made.id }); setCompanies([...(companies ?? []), made]); live.now(); }} />
      )}
    </section>
  );
}

function Invited({ text, onAccept, onLater }: { text: string; onAccept: () => void; onLater?: () => void }) {
  return (
    <div class="invited" role="region" aria-label="Invitation">
      <Icon name="companies" />
      <p>{text}</p>
      <button type="button" class="button primary" onClick={onAccept}>Accept</button>
      {onLater && <button type="button" class="button" onClick={onLater}>Not now</button>}
    </div>
  );
}

function Create({ onClose, onMade }: { onClose: () => void; onMade: (company: Company) => void }) {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const once = useOnce();
  const make = async (): Promise<void> => {
    try {
      onMade(await api.post("/api/companies", { body: { name } }));
    } catch (error) {
      setProblem(reasonOf(error));
    }
  };
  return (
    <Dialog title="New company" onClose={onClose} actions={<button type="submit" form="create" class="button primary">Create</button>}>
      <form id="create" onSubmit={(event) => { event.preventDefault(); void once(make); }}>
        <TextField label="Name" value={name} required onInput={setName} error={problem} hint="You become its owner, and can invite others." />
      </form>
    </Dialog>
  );
}
