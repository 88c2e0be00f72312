// One company: members and their roles, invitations, clients.
import { useState } from "preact/hooks";
import {
  api, firstOf, Icon, instantText, isOpen, readAll, reasonOf, type Schemas, session, setQuery, toast, useLive, useStore, viewerZone,
} from "../../core";
import { Confirm, Invite, NameDialog } from "./dialogs";
import { ROLES } from "./roles";

type Company = Schemas["CompanyView"];
type Member = Schemas["MemberView"];
type Open =
  | { kind: "invite" | "rename" | "client" | "close" }
  | { kind: "edit" | "drop"; client: Schemas["ClientView"] }
  | { kind: "remove"; member: Member };

export function OneCompany({ company, onChange }: { company: Company; onChange: () => void }) {
  const me = useStore(session);
  const mine = isOpen(me) ? me.userId : "";
  const owns = company.role === "owner";
  const [members, setMembers] = useState<Member[] | null>(null);
  const [clients, setClients] = useState<Schemas["ClientView"][]>([]);
  const [pending, setPending] = useState<Schemas["InvitationView"][]>([]);
  const [warnings, setWarnings] = useState<Schemas["WithheldView"][]>([]);
  const [open, setOpen] = useState<Open | null>(null);
  const path = { company_id: company.id };
  const url = `/api/companies/${company.id}`;

  const live = useLive(async () => {
    const page = (cursor: string | undefined) => ({ path, query: cursor ? { cursor } : {} });
    const [people, customers, held] = await Promise.all([
      readAll((cursor) => api.get("/api/companies/{company_id}/members", page(cursor))),
      readAll((cursor) => api.get("/api/companies/{company_id}/clients", page(cursor))),
      api.get("/api/companies/{company_id}/warnings", { path }),
    ]);
    setMembers(people);
    setClients(customers);
    setWarnings(held.warnings);
    if (owns) setPending((await api.get("/api/companies/{company_id}/invitations", { path })).data);
  }, { paused: () => open !== null }, company.id);

  const attempt = async (act: () => Promise<unknown>, done: string): Promise<string | null> => {
    try {
      await act();
      toast({ text: done, tone: "good" });
      live.now();
      onChange();
      setOpen(null);
      return null;
    } catch (error) {
      return reasonOf(error);
    }
  };
  const shout = async (result: Promise<string | null>): Promise<void> => {
    const problem = await result;
    if (!problem) return;
    toast({ text: problem, tone: "bad" });
    live.now(); // a refused role must not stay in its field
  };
  const setRole = (member: Member, role: string): Promise<void> =>
    shout(attempt(
      () => api.put("/api/companies/{company_id}/members/{member_id}", { path: { ...path, member_id: member.userId }, body: { role: role as Member["role"] } }),
      `${member.userId} is ${role} now.`,
    ));
  const revoke = (id: string): Promise<void> =>
    shout(attempt(() => api.delete("/api/companies/{company_id}/invitations/{invitation_id}", { path: { ...path, invitation_id: id } }), "The invitation is revoked."));
  return (
    <div class="company">
      <header class="company-head">
        <h2>{company.name}</h2>
        <span class="quiet">You are {company.role}</span>
        {owns && <button type="button" class="button small" onClick={() => setOpen({ kind: "rename" })}>Rename</button>}
        {owns && <button type="button" class="button small danger" onClick={() => setOpen({ kind: "close" })}>Remove the company</button>}
      </header>
      {warnings.map((one) => (
        <p key={`${one.code} ${one.socialAccountId}`} class="warned"><Icon name="alert" /> <span>{one.count} {one.count === 1 ? "post is" : "posts are"} held. {one.message} <a href={`/console/attention?companyId=${company.id}`}>Look at them</a></span></p>
      ))}
      <section class="panel-plain" aria-labelledby="members">
        <header><h3 id="members">Members</h3>{owns && <button type="button" class="button" onClick={() => setOpen({ kind: "invite" })}>Invite somebody</button>}</header>
        <ul class="people">
          {members?.map((member) => (
            <li key={member.userId}>
              <span class="avatar" aria-hidden="true">{firstOf(member.userId, 1).toUpperCase()}</span>
              <span class="person">{member.userId}{member.userId === mine && <span class="quiet"> · you</span>}</span>
              {owns ? (
                <select aria-label={`Role of ${member.userId}`} value={member.role} onChange={(event) => void setRole(member, event.currentTarget.value)}>
                  {Object.keys(ROLES).map((role) => <option key={role} value={role} selected={role === member.role}>{role}</option>)}
                </select>
              ) : <span class="quiet">{member.role}</span>}
              {(owns || member.userId === mine) && (
                <button type="button" class="button small danger" aria-label={member.userId === mine ? "Leave the company" : `Remove ${member.userId}`} onClick={() => setOpen({ kind: "remove", member })}>
                  {member.userId === mine ? "Leave" : "Remove"}
                </button>
              )}
            </li>
          ))}
        </ul>
        {pending.length > 0 && (
          <>
            <h4>Invited</h4>
            <ul class="people">
              {pending.map((one) => (
                <li key={one.id}>
                  <span class="avatar waiting" aria-hidden="true">?</span>
                  <span class="person">{one.userId ?? one.email ?? "Anyone with the link"}<span class="quiet"> · as {one.role}, until {instantText(one.expiresAt, viewerZone())}</span></span>
                  <button type="button" class="button small" onClick={() => void revoke(one.id)}>Revoke</button>
                </li>
              ))}
            </ul>
          </>
        )}
      </section>
      <section class="panel-plain" aria-labelledby="clients">
        <header><h3 id="clients">Clients</h3>{company.role !== "viewer" && <button type="button" class="button" onClick={() => setOpen({ kind: "client" })}>Add a client</button>}</header>
        {clients.length === 0 && <p class="quiet">No client. An agency keeps the accounts and posts of each client apart.</p>}
        <ul class="people">
          {clients.map((client) => (
            <li key={client.id}>
              <span class="avatar" aria-hidden="true">{firstOf(client.name, 1).toUpperCase()}</span>
              <a class="person" href={`/?company=${company.id}&client=${client.id}`}>{client.name}</a>
              {company.role !== "viewer" && <button type="button" class="button small" aria-label={`Rename ${client.name}`} onClick={() => setOpen({ kind: "edit", client })}>Rename</button>}
              {company.role !== "viewer" && <button type="button" class="button small danger" aria-label={`Remove ${client.name}`} onClick={() => setOpen({ kind: "drop", client })}>Remove</button>}
            </li>
          ))}
        </ul>
      </section>
      {open?.kind === "invite" && <Invite company={company} onClose={() => { setOpen(null); live.now(); }} />}
      {open?.kind === "rename" && (
        <NameDialog title="Rename the company" first={company.name} call={["PATCH", url]} onClose={() => setOpen(null)}
          onSave={(name) => attempt(() => api.patch("/api/companies/{company_id}", { path, body: { name } }), "The company has its new name.")} />
      )}
      {open?.kind === "client" && (
        <NameDialog title="Add a client" first="" call={["POST", `${url}/clients`]} onClose={() => setOpen(null)}
          onSave={(name) => attempt(() => api.post("/api/companies/{company_id}/clients", { path, body: { name } }), `${name} is added.`)} />
      )}
      {open?.kind === "edit" && (
        <NameDialog title={`Rename ${open.client.name}`} first={open.client.name} call={["PATCH", `${url}/clients/${open.client.id}`]} onClose={() => setOpen(null)}
          onSave={(name) => attempt(() => api.patch("/api/companies/{company_id}/clients/{client_id}", { path: { ...path, client_id: open.client.id }, body: { name } }), "The client has its new name.")} />
      )}
      {open?.kind === "drop" && (
        <Confirm title={`Remove ${open.client.name}?`} yes="Remove the client" text="It must have no account and no post any more." url={`${url}/clients/${open.client.id}`} onClose={() => setOpen(null)}
          onYes={() => attempt(() => api.delete("/api/companies/{company_id}/clients/{client_id}", { path: { ...path, client_id: open.client.id } }), "The client is removed.")} />
      )}
      {open?.kind === "remove" && (
        <Confirm title={open.member.userId === mine ? `Leave ${company.name}?` : `Remove ${open.member.userId}?`} yes={open.member.userId === mine ? "Leave" : "Remove"}
          text="The person sees nothing of the company from then on. Their own profiles go with them, and posts scheduled through those are held. All other posts go out."
          url={`${url}/members/${encodeURIComponent(open.member.userId)}`} onClose={() => setOpen(null)}
          onYes={() => attempt(() => api.delete("/api/companies/{company_id}/members/{member_id}", { path: { ...path, member_id: open.member.userId } }), open.member.userId === mine ? "You have left." : `${open.member.userId} is no member any more.`)} />
      )}
      {open?.kind === "close" && (
        <Confirm title={`Remove ${company.name}?`} yes="Remove the company" text="It must have no account, client or post any more. Its members lose it." url={url} onClose={() => setOpen(null)}
          onYes={async () => {
            const problem = await attempt(() => api.delete("/api/companies/{company_id}", { path }), "The company is removed.");
            if (!problem) setQuery({ company: null });
            return problem;
          }} />
      )}
    </div>
  );
}
