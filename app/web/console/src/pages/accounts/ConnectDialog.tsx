// Connect or reconnect: by LinkedIn's consent, or with a token.
import { useEffect, useState } from "preact/hooks";
import { api, ApiProblem, Dialog, type FieldError, platformName, reasonOf, type Schemas, Select, ShowTheCall, specOf, TextField, toast } from "../../core";
import type { Account } from "./health";

const PLATFORMS = ["linkedin", "instagram", "facebook"].map((value) => ({ value, text: platformName(value) }));
const IDS: Record<string, string> = {
  linkedin: "The author's URN, for instance urn:li:person:AbC123 or urn:li:organization:123.",
  instagram: "The numeric id of the professional account.",
  facebook: "The numeric id of the page.",
};

export function ConnectDialog({ account, companies, onClose }: { account: Account | null; companies: Schemas["CompanyView"][]; onClose: () => void }) {
  const [platform, setPlatform] = useState(account?.platform ?? "linkedin");
  const [company, setCompany] = useState(account?.companyId ?? "");
  const [client, setClient] = useState(account?.clientId ?? "");
  const [clients, setClients] = useState<Schemas["ClientView"][]>([]);
  const [externalId, setExternalId] = useState(account?.externalId ?? "");
  const [name, setName] = useState(account?.accountName ?? "");
  const [token, setToken] = useState("");
  const [ends, setEnds] = useState("");
  const [errors, setErrors] = useState<FieldError[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    setClients([]);
    if (!company || account) return;
    let current = true;
    api.get("/api/companies/{company_id}/clients", { path: { company_id: company } }).then(
      (found) => current && setClients(found.data),
      () => {},
    );
    return () => {
      current = false;
    };
  }, [company]);

  const run = async (act: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    setProblem(null);
    setErrors([]);
    try {
      await act();
    } catch (error) {
      const closed = error instanceof ApiProblem && error.code === "not_configured";
      setErrors(error instanceof ApiProblem ? error.errors : []);
      setProblem(closed ? "This installation has no app at LinkedIn (LINKEDIN_CLIENT_ID), so connect with a token below." : reasonOf(error));
    } finally {
      setBusy(false);
    }
  };
  const consent = (): Promise<void> =>
    run(async () => {
      const ids = { ...(company ? { companyId: company } : {}), ...(client ? { clientId: client } : {}) };
      const begun = await api.get("/api/social-accounts/linkedin/connect", { query: ids });
      location.assign(begun.authorizationUrl);
    });
  const save = (): Promise<void> =>
    run(async () => {
      const expiry = ends ? { expiresAt: new Date(`${ends}T23:59:59`).toISOString() } : {};
      if (account) {
        await api.patch("/api/social-accounts/{account_id}", { path: { account_id: account.id }, body: { accessToken: token, ...expiry } });
      } else {
        const owner = { ...(company ? { companyId: company } : {}), ...(client ? { clientId: client } : {}) };
        const body = { platform: platform as "linkedin", externalId, accessToken: token, ...(name ? { accountName: name } : {}), ...expiry, ...owner };
        await api.post("/api/social-accounts", { body });
      }
      toast({ text: account ? "Reconnected. Posts that waited for it go on." : "The account is connected.", tone: "good" });
      onClose();
    });
  const call = account
    ? specOf("PATCH", "/api/social-accounts/{account_id}", { path: { account_id: account.id }, body: { accessToken: "…" } as never })
    : specOf("POST", "/api/social-accounts", { body: { platform, externalId, accountName: name, accessToken: "…" } as never });
  const errorOf = (field: string): string | null => errors.find((error) => error.field === field)?.message ?? null;
  const shared = companies.filter((one) => one.role !== "viewer");
  return (
    <Dialog title={account ? `Reconnect ${account.accountName}` : "Connect an account"} onClose={onClose}>
      {!account && (
        <div class="two">
          <Select label="Platform" value={platform} choices={PLATFORMS} onInput={setPlatform} />
          {shared.length > 0 && (
            <Select label="For" value={company} onInput={(id) => { setCompany(id); setClient(""); }}
              choices={[{ value: "", text: "Me" }, ...shared.map((one) => ({ value: one.id, text: one.name }))]} />
          )}
          {clients.length > 0 && (
            <Select label="Client" value={client} onInput={setClient} choices={[{ value: "", text: "None" }, ...clients.map((one) => ({ value: one.id, text: one.name }))]} />
          )}
        </div>
      )}
      {platform === "linkedin" && (
        <div class="consent">
          <button type="button" class="button primary wide" disabled={busy} onClick={() => void consent()}>Continue at LinkedIn</button>
          <p class="hint">LinkedIn asks for your consent and brings you back. Punctual renews the access by itself where LinkedIn allows it.</p>
        </div>
      )}
      {problem && <p class="error" role="alert">{problem}</p>}
      <details class="with-token" open={platform !== "linkedin" || problem !== null}>
        <summary>With a token</summary>
        <form onSubmit={(event) => { event.preventDefault(); void save(); }}>
          {!account && <TextField label="Id on the platform" value={externalId} required onInput={setExternalId} hint={IDS[platform]} error={errorOf("externalId")} />}
          {!account && <TextField label="Name" value={name} onInput={setName} error={errorOf("accountName")} />}
          <TextField label="Access token" type="password" autocomplete="off" spellcheck={false} value={token} required onInput={setToken}
            hint="Stored encrypted. It is never shown again." error={errorOf("accessToken")} />
          <TextField label="Access ends on" type="date" value={ends} onInput={setEnds} hint="If you know it: you are warned before." error={errorOf("expiresAt")} />
          <button type="submit" class="button wide" disabled={busy}>{account ? "Reconnect with this token" : "Connect with this token"}</button>
        </form>
        <ShowTheCall call={call} />
      </details>
    </Dialog>
  );
}
