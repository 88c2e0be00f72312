// A copy in this browser of what is typed, so that a reload, the end of the session or a server away loses nothing.
import { isOpen, session } from "../../core";
import type { Form } from "./form";

export interface Kept {
  form: Form;
  /** True while the server lacks a part of the text or of the media. */
  dirty: boolean;
  /** The post's `updatedAt` when both were equal. */
  base: string | null;
  at: number;
}

const PREFIX = "punctual.compose.";
const MAX_AGE_MS = 30 * 86_400_000;

/** Copies are apart by user, so that another person at this machine sees none. */
function nameOf(id: string | null): string | null {
  const user = session.get();
  return isOpen(user) ? `${PREFIX}${user.userId}.${id ?? "new"}` : null;
}

let lastUser: string | null = null;

const ownName = (id: string | null): string | null => {
  const name = nameOf(id);
  if (name !== null) lastUser = name.slice(0, name.lastIndexOf("."));
  return name ?? (lastUser === null ? null : `${lastUser}.${id ?? "new"}`); // the session has ended meanwhile
};

export function readKept(id: string | null): Kept | null {
  const name = ownName(id);
  return parsed(name === null ? null : localStorage.getItem(name));
}

function parsed(text: string | null): Kept | null {
  try {
    return text === null ? null : (JSON.parse(text) as Kept);
  } catch {
    return null;
  }
}

export function keep(id: string | null, kept: Kept): void {
  const name = ownName(id);
  try {
    if (name !== null) localStorage.setItem(name, JSON.stringify(kept));
  } catch {
    // The browser's store is full or closed. The server has the draft in a moment.
  }
}

export function forget(id: string | null): void {
  const name = ownName(id);
  if (name !== null) localStorage.removeItem(name);
}

/** Remove copies that nobody has come back to. */
export function forgetOld(now: number): void {
  for (const name of Object.keys(localStorage).filter((one) => one.startsWith(PREFIX))) {
    const at = parsed(localStorage.getItem(name))?.at ?? 0;
    if (now - at > MAX_AGE_MS) localStorage.removeItem(name);
  }
}
