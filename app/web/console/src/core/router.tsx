// Addresses by the history API. Any link of this origin that a page owns is followed without a load.
import type { ComponentChildren, JSX } from "preact";
import { createStore, useStore } from "./store";

const here = (): string => location.pathname + location.search;
const address = createStore(here());

window.addEventListener("popstate", () => address.set(here()));

/** True for addresses that this script can show. */
export const isOurs = (path: string): boolean => path === "/" || path.startsWith("/console/");

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (options.replace) history.replaceState(null, "", to);
  else {
    history.pushState(null, "", to);
    window.scrollTo(0, 0);
  }
  address.set(here());
}

export const usePath = (): string => useStore(address).split("?")[0] ?? "/";

export const useQuery = (): URLSearchParams => new URLSearchParams(useStore(address).split("?")[1] ?? "");

/** Change the query of this address. Empty values are removed. The history gets no new entry. */
export function setQuery(values: Record<string, string | null | undefined>): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  navigate(location.pathname + (text ? `?${text}` : ""), { replace: true });
}

/** Follow plain clicks on our own links here, so that links made by other code work too. */
export function followLinks(): void {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.target || link.hasAttribute("download") || link.origin !== location.origin || !isOurs(link.pathname)) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}

type LinkProps = JSX.AnchorHTMLAttributes<HTMLAnchorElement> & { href: string; children?: ComponentChildren };

export const Link = ({ children, ...rest }: LinkProps) => <a {...rest}>{children}</a>;
