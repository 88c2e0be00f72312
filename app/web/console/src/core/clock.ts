// The server's clock. A laptop may be an hour wrong, and the posts go out by the server's time.

/** A sample is trusted for so long. A later one replaces it even if its answer was slower. */
const SAMPLE_LIFE_MS = 60_000;

let offset = 0;
let best = { trip: Infinity, at: -Infinity };

export const clock = {
  /** The server's time now, in milliseconds. The browser's own until the first answer. */
  now: (): number => Date.now() + offset,

  /** Learn from an answer: it was written between `sent` and now, as performance.now() tells. */
  observe(header: string | null, sent: number): void {
    const server = header === null ? NaN : Date.parse(header);
    if (Number.isNaN(server)) return;
    const received = performance.now();
    const trip = received - sent;
    if (trip > best.trip && received - best.at < SAMPLE_LIFE_MS) return;
    best = { trip, at: received };
    offset = server + trip / 2 - Date.now();
  },
};
