// The accounts that a post can go to.
import { api, createStore, readAll } from "../../core";
import type { Account, Form } from "./form";

export const accounts = createStore<Account[] | null>(null);

export async function readAccounts(): Promise<void> {
  accounts.set(await readAll((cursor) => api.get("/api/social-accounts", { query: cursor ? { cursor } : {} })));
}

const LAST = "punctual.account";

/** Keep an account as the usual one of this browser. */
export const rememberAccount = (id: string): void => localStorage.setItem(LAST, id);

/** The account of a new post: the only one, or the last one chosen here. */
export function usualAccount(all: Account[]): Account | null {
  return all.length === 1 ? all[0]! : (all.find((one) => one.id === localStorage.getItem(LAST)) ?? null);
}

export const withAccount = (form: Form, account: Account): Form => ({
  ...form,
  accountId: account.id,
  platform: account.platform as Form["platform"],
  companyId: account.companyId,
  clientId: account.clientId,
  slot: false,
});

/** Accounts that a post may be moved to. One that exists keeps its platform, its company and its client. */
export const usableFor = (form: Form, all: Account[], fixed: boolean): Account[] =>
  all.filter(
    (one) =>
      !fixed ||
      (one.platform === form.platform && one.companyId === form.companyId && one.clientId === form.clientId),
  );
