// Time zones: the viewer's, the post's own, or UTC. No clock is shown without its zone.
import { createStore } from "./store";

export type ZoneMode = "viewer" | "post" | "utc";

const KEY = "punctual.zone";
const MODES: ZoneMode[] = ["viewer", "post", "utc"];

const stored = localStorage.getItem(KEY) as ZoneMode | null;
export const zoneMode = createStore<ZoneMode>(stored !== null && MODES.includes(stored) ? stored : "viewer");

export const viewerZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

export function cycleZone(): ZoneMode {
  const next = MODES[(MODES.indexOf(zoneMode.get()) + 1) % MODES.length]!;
  localStorage.setItem(KEY, next);
  zoneMode.set(next);
  return next;
}

/** The zone in which a post's clock is shown. `own` is the post's zone, null where it has none. */
export function zoneFor(own: string | null, mode: ZoneMode = zoneMode.get()): string {
  if (mode === "utc") return "UTC";
  return mode === "post" && own !== null && isZone(own) ? own : viewerZone();
}

export function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export function zoneNames(): string[] {
  return ["UTC", ...Intl.supportedValuesOf("timeZone").filter((name) => name !== "UTC")];
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${name}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
    formats.set(key, found);
  }
  return found;
}

type Instant = string | number | Date;
const dateOf = (at: Instant): Date => (at instanceof Date ? at : new Date(at));

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const QUARTER_MS = 15 * MINUTE_MS; // no zone changes its offset within a quarter of an hour, or twice in a day
const offsets = new Map<string, number>();

/** Milliseconds to add to an instant for the zone's wall clock. A day without a change is asked for at its ends only. */
function offsetMs(at: Instant, zone: string): number {
  if (zone === "UTC") return 0;
  const time = dateOf(at).getTime();
  const day = Math.floor(time / DAY_MS) * DAY_MS;
  const first = offsetAt(day, zone);
  return first === offsetAt(day + DAY_MS, zone) ? first : offsetAt(Math.floor(time / QUARTER_MS) * QUARTER_MS, zone);
}

/** The offset at a unix time, in milliseconds. Cached, because a page shows hundreds of clocks. */
function offsetAt(time: number, zone: string): number {
  const key = `${zone} ${time}`;
  let found = offsets.get(key);
  if (found === undefined) {
    const parts = format(zone, "offset", { timeZoneName: "longOffset" }).formatToParts(time);
    const text = parts.find((part) => part.type === "timeZoneName")?.value ?? "";
    const [, sign, hours, minutes, seconds] = /([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(text.replace("−", "-")) ?? [];
    const size = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * MINUTE_MS + Number(seconds ?? 0) * 1000;
    found = sign === "-" ? -size : size;
    if (offsets.size > 20_000) offsets.clear();
    offsets.set(key, found);
  }
  return found;
}

/** The zone's wall clock as if it were UTC. */
const wallClock = (at: Instant, zone: string): Date => new Date(dateOf(at).getTime() + offsetMs(at, zone));

/** "+02:00", the offset of the zone at this instant. */
export function offsetOf(at: Instant, zone: string): string {
  const minutes = Math.round(offsetMs(at, zone) / MINUTE_MS);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

/** "Europe/Berlin +02:00", or "UTC". */
export const zoneLabel = (at: Instant, zone: string): string => (zone === "UTC" ? "UTC" : `${zone} ${offsetOf(at, zone)}`);

/** "09:00:07". Seconds are left out where they are zero, unless `seconds`. */
export function timeText(at: Instant, zone: string, seconds = false): string {
  const full = wallClock(at, zone).toISOString().slice(11, 19);
  return !seconds && full.endsWith(":00") ? full.slice(0, 5) : full;
}

/** "Mon 28 March 2027". */
export function dateText(at: Instant, zone: string): string {
  const options = { weekday: "short", day: "numeric", month: "long", year: "numeric" } as const;
  return format(zone, "date", options).format(dateOf(at)).replace(",", "");
}

/** "Mon 28 March 2027, 09:00:07 Europe/Berlin +02:00". */
export const instantText = (at: Instant, zone: string): string =>
  `${dateText(at, zone)}, ${timeText(at, zone, true)} ${zoneLabel(at, zone)}`;

/** "2027-03-28T09:00:07", the wall clock of the zone at this instant. */
export const localText = (at: Instant, zone: string): string => wallClock(at, zone).toISOString().slice(0, 19);

/** "in 3 minutes", "2 days ago". */
export function relativeText(at: Instant, now: number): string {
  const seconds = (dateOf(at).getTime() - now) / 1000;
  const units: [Intl.RelativeTimeFormatUnit, number][] = [["day", 86_400], ["hour", 3_600], ["minute", 60]];
  const names = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return names.format(Math.trunc(seconds / size), unit);
  }
  return names.format(Math.trunc(seconds), "second");
}

export interface Answers {
  /** `gap`: the clocks skip this time. `overlap`: they show it twice. */
  kind: "one" | "gap" | "overlap";
  /** The instants that the author may mean, earliest first. In a gap: the times before and after it. */
  instants: number[];
}

/** Return what the wall clock time "2027-03-28T02:30:00" can mean in a zone. */
export function answersOf(local: string, zone: string): Answers {
  const utc = Date.parse(`${local}Z`);
  const offsets = [...new Set([utc - DAY_MS, utc + DAY_MS].map((at) => Date.parse(`${localText(at, zone)}Z`) - at))];
  const instants = offsets.map((offset) => utc - offset).sort((a, b) => a - b);
  const real = instants.filter((at) => localText(at, zone) === local.slice(0, 19));
  if (real.length === 0) return { kind: "gap", instants };
  return { kind: real.length === 1 ? "one" : "overlap", instants: real };
}

/** Return the wall clock time so many days later, whatever the clocks do between. */
export const addDays = (local: string, days: number): string =>
  new Date(Date.parse(`${local}Z`) + days * DAY_MS).toISOString().slice(0, 19);
