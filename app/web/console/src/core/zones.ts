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

/** "+02:00", the offset of the zone at this instant. */
export function offsetOf(at: Instant, zone: string): string {
  const parts = format(zone, "offset", { timeZoneName: "longOffset" }).formatToParts(dateOf(at));
  const text = parts.find((part) => part.type === "timeZoneName")?.value.replace("GMT", "") ?? "";
  return text === "" ? "+00:00" : text.replace("−", "-");
}

/** "Europe/Berlin +02:00", or "UTC". */
export const zoneLabel = (at: Instant, zone: string): string => (zone === "UTC" ? "UTC" : `${zone} ${offsetOf(at, zone)}`);

/** "09:00:07". Seconds are left out where they are zero, unless `seconds`. */
export function timeText(at: Instant, zone: string, seconds = false): string {
  const full = format(zone, "time", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(dateOf(at));
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
export function localText(at: Instant, zone: string): string {
  const options = {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  } as const;
  const parts = format(zone, "local", options).formatToParts(dateOf(at));
  const value = (type: string): string => parts.find((part) => part.type === type)?.value ?? "";
  return `${value("year")}-${value("month")}-${value("day")}T${value("hour")}:${value("minute")}:${value("second")}`;
}

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

const DAY_MS = 86_400_000;

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
