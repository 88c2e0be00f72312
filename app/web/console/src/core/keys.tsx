// Single keys. A page registers its own, and `?` lists all that work now.
import { useEffect, useRef } from "preact/hooks";
import { Dialog } from "./Dialog";
import { createStore, useStore } from "./store";

export interface Key {
  /** As KeyboardEvent.key, with "Alt+" before it where Alt is held: "m", "?", "Alt+ArrowLeft". */
  key: string;
  does: string;
  run: (event: KeyboardEvent) => void;
}

type KeysRef = { current: Key[] };

const registered = createStore<KeysRef[]>([]);
const helpOpen = createStore(false);

/** Keys that work while the component is mounted. */
export function useKeys(keys: Key[]): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    registered.set([...registered.get(), latest]);
    return () => registered.set(registered.get().filter((one) => one !== latest));
  }, []);
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

export function listenForKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const pressed = (event.altKey ? "Alt+" : "") + event.key;
    if (pressed === "?") {
      event.preventDefault();
      helpOpen.set(true);
      return;
    }
    const found = registered.get().flatMap((one) => one.current).findLast((one) => one.key === pressed);
    if (!found) return;
    event.preventDefault();
    found.run(event);
  });
}

const shownKey = (key: string): string =>
  key.replace("ArrowLeft", "←").replace("ArrowRight", "→").replace("ArrowUp", "↑").replace("ArrowDown", "↓");

export const showHelp = (): void => helpOpen.set(true);

export function KeyHelp() {
  const open = useStore(helpOpen);
  const all = useStore(registered);
  if (!open) return null;
  return (
    <Dialog title="Keys" onClose={() => helpOpen.set(false)}>
      <dl class="keys">
        {all.flatMap((one) => one.current).map((one) => (
          <div key={one.key}>
            <dt>{shownKey(one.key).split("+").map((part) => <kbd key={part}>{part}</kbd>)}</dt>
            <dd>{one.does}</dd>
          </div>
        ))}
        <div>
          <dt><kbd>Ctrl</kbd><kbd>Z</kbd></dt>
          <dd>Undo the last action, within ten seconds</dd>
        </div>
        <div>
          <dt><kbd>?</kbd></dt>
          <dd>Show this list</dd>
        </div>
      </dl>
    </Dialog>
  );
}
