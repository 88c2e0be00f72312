// Every page of the console, in the order of the rail.
import { Accounts } from "./accounts/Accounts";
import { Attention } from "./attention/Attention";
import { Calendar } from "./calendar/Calendar";
import { Companies } from "./companies/Companies";
import { Composer } from "./composer/Composer";
import { Operations } from "./operations/Operations";
import type { Page } from "./page";
import { PostPage } from "./post/PostPage";

export const ATTENTION = "/console/attention";

export const PAGES: Page[] = [
  { name: "calendar", path: "/", title: "Calendar", icon: "calendar", Component: Calendar },
  { name: "attention", path: ATTENTION, title: "Needs attention", short: "Attention", icon: "attention", Component: Attention },
  { name: "operations", path: "/console/operations", title: "Operations", short: "Ops", icon: "operations", adminOnly: true, Component: Operations },
  { name: "accounts", path: "/console/accounts", title: "Accounts", icon: "accounts", Component: Accounts },
  { name: "companies", path: "/console/companies", title: "Companies", icon: "companies", Component: Companies },
  { name: "composer", path: "/console/posts/new", title: "New post", Component: Composer },
  { name: "post", path: "/console/posts/:id", title: "Post", Component: PostPage },
];

/** Return the page of an address and the named parts of it. */
export function pageOf(path: string): { page: Page; params: Record<string, string> } | null {
  for (const page of PAGES) {
    const params = match(page.path, path);
    if (params) return { page, params };
  }
  return null;
}

function match(pattern: string, path: string): Record<string, string> | null {
  const [wanted, found] = [pattern.split("/"), path.split("/")];
  if (wanted.length !== found.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = found[index] ?? "";
    if (part.startsWith(":")) params[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return null;
  }
  return params;
}
