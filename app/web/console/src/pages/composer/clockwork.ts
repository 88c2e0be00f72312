// Wall-clock times that a night of changed clocks skips or repeats. The server decides, and this asks ahead.
import { localText, offsetOf } from "../../core";

const MINUTE = 60_000;
const DAY = 86_400_000;

const minutesOf = (offset: string): number => {
  const [hours = 0, minutes = 0] = offset.slice(1).split(":").map(Number);
  return (hours * 60 + minutes) * (offset.startsWith("-") ? -1 : 1);
};

export interface Reading {
  /** The instants at which the zone's clock shows this time: one, or two. */
  instants: number[];
  /** Where it never shows it: the last second before the gap and the first after it, as wall-clock times. */
  gap: { before: string; after: string } | null;
}

/** Read a local time ("2027-03-28T02:30:00") in a zone. */
export function readLocal(local: string, zone: string): Reading | null {
  const plain = Date.parse(`${local}Z`);
  if (Number.isNaN(plain)) return null;
  const offsets = new Set([plain - DAY, plain + DAY].map((at) => minutesOf(offsetOf(at, zone))));
  const instants = [...offsets].map((minutes) => plain - minutes * MINUTE).filter((at) => localText(at, zone) === local);
  if (instants.length > 0) return { instants: instants.sort((a, b) => a - b), gap: null };
  return { instants: [], gap: gapAround(plain, zone) };
}

function gapAround(plain: number, zone: string): Reading["gap"] {
  let [low, high] = [plain - DAY, plain + DAY];
  const before = offsetOf(low, zone);
  while (high - low > 1000) {
    const half = Math.floor((low + high) / 2000) * 1000;
    if (half <= low) break;
    if (offsetOf(half, zone) === before) low = half;
    else high = half;
  }
  return { before: localText(high - 1000, zone), after: localText(high, zone) };
}
