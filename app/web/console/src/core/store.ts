// A value that pages share. Pages read it with useStore, and other code with get.
import { useEffect, useState } from "preact/hooks";

export interface Store<T> {
  get(): T;
  set(next: T): void;
  subscribe(listener: () => void): () => void;
}

export function createStore<T>(first: T): Store<T> {
  let value = first;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useStore<T>(store: Store<T>): T {
  const [, render] = useState(0);
  const value = store.get();
  useEffect(() => {
    const changed = () => render((count) => count + 1);
    if (!Object.is(store.get(), value)) changed(); // between the render and this effect
    return store.subscribe(changed);
  }, [store]);
  return value;
}
