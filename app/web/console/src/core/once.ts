// One call at a time, however often its button is pressed.
import { useRef } from "preact/hooks";

/** Return a function that runs an action, and does nothing while the action before is on its way. */
export function useOnce(): (action: () => Promise<unknown>) => Promise<void> {
  const running = useRef(false);
  return async (action) => {
    if (running.current) return;
    running.current = true;
    try {
      await action();
    } finally {
      running.current = false;
    }
  };
}
