// Names of accounts, companies and clients, for cards and filters.
import { api, createStore, readAll } from "../../core";

export interface Directory {
  accounts: { id: string; name: string }[];
  companies: { id: string; name: string }[];
  clients: { id: string; name: string; companyId: string }[];
  /** False before the first answer. */
  read: boolean;
}

export const directory = createStore<Directory>({ accounts: [], companies: [], clients: [], read: false });

const LIMIT = 100;
let readAt = -Infinity;
const LIFE_MS = 60_000;

/** Read the names again if they are old. Without them the calendar works, with fewer words. */
export async function refreshDirectory(): Promise<void> {
  if (performance.now() - readAt < LIFE_MS) return;
  readAt = performance.now();
  const page = (cursor: string | undefined) => (cursor ? { limit: LIMIT, cursor } : { limit: LIMIT });
  const [accounts, companies] = await Promise.all([
    readAll((cursor) => api.get("/api/social-accounts", { query: page(cursor) })),
    readAll((cursor) => api.get("/api/companies", { query: page(cursor) })),
  ]);
  const clients = await Promise.all(
    companies.map((company) =>
      readAll((cursor) =>
        api.get("/api/companies/{company_id}/clients", { path: { company_id: company.id }, query: page(cursor) }),
      ),
    ),
  );
  directory.set({
    accounts: accounts.map(({ id, accountName }) => ({ id, name: accountName })),
    companies: companies.map(({ id, name }) => ({ id, name })),
    clients: clients.flat().map(({ id, name, companyId }) => ({ id, name, companyId })),
    read: true,
  });
}
