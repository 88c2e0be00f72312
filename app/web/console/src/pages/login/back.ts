// The page that a person wanted before the login of their organisation. That login ends at the start page.
const NAME = "punctual.back";
const LIFETIME_MS = 10 * 60_000; // as long as such a login may take

export function comeBackTo(address: string): void {
  sessionStorage.setItem(NAME, JSON.stringify({ address, until: Date.now() + LIFETIME_MS }));
}

/** Return the page that was wanted, once, or null. */
export function takeBack(): string | null {
  const kept = sessionStorage.getItem(NAME);
  sessionStorage.removeItem(NAME);
  if (kept === null) return null;
  const { address, until } = JSON.parse(kept) as { address: string; until: number };
  return Date.now() < until ? address : null;
}
