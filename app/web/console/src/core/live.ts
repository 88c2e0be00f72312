// Polling: every 5 s, every second around a due post, never while the page is hidden, at once on return.
import { useEffect, useRef } from "preact/hooks";
import { clock } from "./clock";
import { createStore } from "./store";

/** True while a page reads what it is about. The frame asks its own questions after that. */
export const reading = createStore(false);

const USUAL_MS = 5_000;
const DUE_MS = 1_000;
/** The times around an instant at which its post changes: the alarm's lead, and n8n's answer. */
const BEFORE_MS = 5_000;
const AFTER_MS = 60_000;

export interface Live {
  /** Poll now, for instance after an action. */
  now(): void;
  stop(): void;
}

export interface LiveOptions {
  /** Instants of posts that are due, in milliseconds of the server's clock. Posts in flight name the present. */
  due?: () => Iterable<number>;
  /** True while nothing may change under the user's hands: rows are selected, a card is dragged. */
  paused?: () => boolean;
}

/** Call `poll` again and again. Its errors are its own: the next call comes at the usual time. */
export function live(poll: () => Promise<unknown>, options: LiveOptions = {}): Live {
  let timer: number | undefined;
  let running = false;
  let stopped = false;

  const isNear = (at: number): boolean => at - BEFORE_MS < clock.now() && clock.now() < at + AFTER_MS;
  const pause = (): number => ([...(options.due?.() ?? [])].some(isNear) ? DUE_MS : USUAL_MS);

  const plan = (delay: number): void => {
    clearTimeout(timer);
    if (!stopped && !document.hidden) timer = window.setTimeout(run, delay);
  };
  async function run(): Promise<void> {
    if (running || stopped || document.hidden) return;
    if (options.paused?.()) return plan(DUE_MS);
    running = true;
    try {
      await poll();
    } catch {
      // The banner of `reachable` tells it, or the page itself.
    } finally {
      running = false;
      plan(pause());
    }
  }
  const returned = (): void => (document.hidden ? clearTimeout(timer) : plan(0));
  document.addEventListener("visibilitychange", returned);
  window.addEventListener("online", returned);
  plan(0);
  return {
    now: () => plan(0),
    stop() {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", returned);
      window.removeEventListener("online", returned);
    },
  };
}

/** Poll while the component is mounted. The latest `poll` and `options` are used. Starts again as `key` changes. */
export function useLive(poll: () => Promise<unknown>, options: LiveOptions = {}, key: unknown = null): Live {
  const latest = useRef({ poll, options });
  latest.current = { poll, options };
  const handle = useRef<Live | null>(null);
  useEffect(() => {
    const started = live(() => latest.current.poll(), {
      due: () => latest.current.options.due?.() ?? [],
      paused: () => latest.current.options.paused?.() ?? false,
    });
    handle.current = started;
    return () => started.stop();
  }, [key]);
  return { now: () => handle.current?.now(), stop: () => handle.current?.stop() };
}
