// The dialogs of a company: a name, a question, an invitation.
import { useState } from "preact/hooks";
import { api, Dialog, reasonOf, type Schemas, Select, ShowTheCall, specOf, TextField, toast, useOnce } from "../../core";
import { ROLES } from "./roles";

/** What a dialog's action returns: null, or the sentence that says why not. */
type Tried = Promise<string | null>;

interface NameProps {
  title: string;
  first: string;
  onSave: (name: string) => Tried;
  onClose: () => void;
  /** The method and the address that take `{name}`. */
  call: [string, string];
}

export function NameDialog({ title, first, onSave, onClose, call }: NameProps) {
  const [name, setName] = useState(first);
  const [problem, setProblem] = useState<string | null>(null);
  const once = useOnce();
  return (
    <Dialog title={title} onClose={onClose} actions={<button type="submit" form="name" class="button primary">Save</button>}>
      <form id="name" onSubmit={(event) => { event.preventDefault(); void once(async () => setProblem(await onSave(name))); }}>
        <TextField label="Name" value={name} required onInput={setName} error={problem} />
      </form>
      <ShowTheCall call={{ method: call[0], url: call[1], body: { name } }} />
    </Dialog>
  );
}

interface ConfirmProps {
  title: string;
  text: string;
  yes: string;
  onYes: () => Tried;
  onClose: () => void;
  /** What is deleted. */
  url: string;
}

export function Confirm({ title, text, yes, onYes, onClose, url }: ConfirmProps) {
  const [problem, setProblem] = useState<string | null>(null);
  const once = useOnce();
  return (
    <Dialog title={title} onClose={onClose}
      actions={<><button type="button" class="button" onClick={onClose}>No</button><button type="button" class="button danger" onClick={() => void once(async () => setProblem(await onYes()))}>{yes}</button></>}
    >
      <p>{text}</p>
      {problem && <p class="error" role="alert">{problem}</p>}
      <ShowTheCall call={{ method: "DELETE", url }} />
    </Dialog>
  );
}

export function Invite({ company, onClose }: { company: Schemas["CompanyView"]; onClose: () => void }) {
  const [user, setUser] = useState("");
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<string>("editor");
  const [made, setMade] = useState<Schemas["NewInvitationView"] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const once = useOnce();
  const path = { company_id: company.id };
  const body = { role: role as "editor", ...(user ? { userId: user } : {}), ...(email ? { email } : {}) };
  const invite = async (): Promise<void> => {
    try {
      setMade(await api.post("/api/companies/{company_id}/invitations", { path, body }));
      setProblem(null);
    } catch (error) {
      setProblem(reasonOf(error));
    }
  };
  if (made) {
    const link = `${location.origin}/console/companies?invitation=${encodeURIComponent(made.token)}`;
    return (
      <Dialog title="Pass this link on" onClose={onClose} actions={<button type="button" class="button primary" onClick={onClose}>Done</button>}>
        <p>Punctual sends no mail. {made.userId ? `${made.userId} can also accept it on this page of their own.` : "Whoever opens the link first becomes a member."} The link is shown this once.</p>
        <TextField label="Link" value={link} readOnly onInput={() => {}} onFocus={(event) => event.currentTarget.select()} />
        <button type="button" class="button" onClick={async () => { await navigator.clipboard.writeText(link); toast({ text: "The link is copied.", tone: "good" }); }}>Copy the link</button>
      </Dialog>
    );
  }
  return (
    <Dialog title={`Invite somebody to ${company.name}`} onClose={onClose} actions={<button type="submit" form="invite" class="button primary">Invite</button>}>
      <form id="invite" class="invite" onSubmit={(event) => { event.preventDefault(); void once(invite); }}>
        <TextField label="User id" value={user} autocomplete="off" onInput={setUser} hint="Then that user alone may accept. Empty: anyone with the link, once." />
        <TextField label="Email" type="email" value={email} onInput={setEmail} hint="A note for the owners." />
        <Select label="Role" value={role} onInput={setRole} choices={Object.entries(ROLES).map(([value, text]) => ({ value, text }))} />
        {problem && <p class="error" role="alert">{problem}</p>}
      </form>
      <ShowTheCall call={specOf("POST", "/api/companies/{company_id}/invitations", { path, body: body as never })} />
    </Dialog>
  );
}
