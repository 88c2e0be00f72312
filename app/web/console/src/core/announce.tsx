// Words for screen readers: what has just happened, where the eye would see it.
import { createStore, useStore } from "./store";

const said = createStore({ text: "", count: 0 });

export const announce = (text: string): void => said.set({ text, count: said.get().count + 1 });

export function LiveRegion() {
  const { text, count } = useStore(said);
  // The same sentence twice must be read twice, so the text changes by a space that nobody hears.
  return (
    <div class="visually-hidden" role="status" aria-live="polite" data-announced>
      {text + (count % 2 ? "\u00a0" : "")}
    </div>
  );
}
