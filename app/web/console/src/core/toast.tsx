// Short messages at the edge, with Undo for ten seconds by button and by Ctrl+Z.
import { announce } from "./announce";
import { Icon } from "./icons";
import { createStore, useStore } from "./store";

export const UNDO_MS = 10_000;

export type Tone = "good" | "bad" | "plain";

export interface Toast {
  text: string;
  tone?: Tone;
  /** Offers Undo. What it returns is not waited for: it reports its own end by another toast. */
  undo?: () => unknown;
  /** A link beside the text. */
  link?: { href: string; text: string };
}

interface Shown extends Toast {
  id: number;
}

const shown = createStore<Shown[]>([]);
let count = 0;

export function toast(message: Toast): () => void {
  const id = ++count;
  shown.set([...shown.get().slice(-2), { ...message, id }]);
  announce(message.undo ? `${message.text} Undo with Control Z.` : message.text);
  const close = (): void => shown.set(shown.get().filter((one) => one.id !== id));
  window.setTimeout(close, UNDO_MS);
  return close;
}

function undo(one: Shown): void {
  shown.set(shown.get().filter((other) => other.id !== one.id));
  one.undo?.();
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

/** Let Ctrl+Z undo the last action, except in a field, where it is the browser's. */
export function listenForUndo(): void {
  document.addEventListener("keydown", (event) => {
    const wanted = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z";
    if (!wanted || isTyping(event.target)) return;
    const last = shown.get().findLast((one) => one.undo);
    if (!last) return;
    event.preventDefault();
    undo(last);
  });
}

export function Toasts() {
  const list = useStore(shown);
  return (
    <div class="toasts">
      {list.map((one) => (
        <div key={one.id} class={`toast toast-${one.tone ?? "plain"}`}>
          <Icon name={one.tone === "bad" ? "alert" : one.tone === "good" ? "check" : "info"} />
          <p>
            {one.text} {one.link && <a href={one.link.href}>{one.link.text}</a>}
          </p>
          {one.undo && (
            <button type="button" class="button small" onClick={() => undo(one)}>
              Undo
            </button>
          )}
          <button
            type="button"
            class="icon-button"
            aria-label="Close this message"
            onClick={() => shown.set(list.filter((other) => other.id !== one.id))}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
