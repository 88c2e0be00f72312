// How operators read times and words.
import { timeText, viewerZone } from "../../core";

/** "12 ms", "1.4 s", "3 min", "2 h": three figures at most. */
export function msText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  const size = Math.abs(ms);
  if (size < 1) return `${ms.toFixed(1)} ms`;
  if (size < 1_000) return `${Math.round(ms)} ms`;
  if (size < 60_000) return `${(ms / 1_000).toFixed(size < 10_000 ? 1 : 0)} s`;
  if (size < 3_600_000) return `${(ms / 60_000).toFixed(size < 600_000 ? 1 : 0)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}

const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

export const axisText = (at: string, window: string): string => {
  if (window === "30d" || window === "7d") return days.format(new Date(at));
  return timeText(at, viewerZone());
};

export const words = (code: string): string => code.replaceAll("_", " ");

export const numberText = (value: number | null | undefined): string => (value === null || value === undefined ? "–" : value.toLocaleString("en"));
