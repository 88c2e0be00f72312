// What the address asks for: a view, a zone, and the instants that they show. The posts can be read before the grid is there.
import { addDays, answersOf, clock, isZone, localText, zoneFor, zoneMode } from "../../core";
import type { Range } from "./book";

export type View = "month" | "week" | "day" | "list";

export const PHONE = matchMedia("(width < 48rem)");

export const viewsOf = (phone: boolean): View[] => (phone ? ["list", "day"] : ["month", "week", "day", "list"]);

export function viewOf(query: URLSearchParams, phone: boolean): View {
  const wanted = query.get("view") as View;
  return viewsOf(phone).includes(wanted) ? wanted : phone ? "list" : "month";
}

export function zoneOf(query: URLSearchParams): string {
  const wanted = query.get("zone");
  return wanted && isZone(wanted) ? wanted : zoneFor(null, zoneMode.get());
}

/** The instant of a wall clock time, the first of two. */
export const instantOf = (local: string, zone: string): number => answersOf(local, zone).instants[0]!;

const DAYS: Record<View, number> = { month: 0, week: 7, day: 1, list: 7 };

const weekday = (midnight: string): number => (new Date(`${midnight}Z`).getUTCDay() + 6) % 7;
const mondayOf = (midnight: string): string => addDays(midnight, -weekday(midnight));

function nextMonth(first: string, step: number): string {
  const day = new Date(`${first}Z`);
  day.setUTCMonth(day.getUTCMonth() + step);
  return day.toISOString().slice(0, 19);
}

/** The instants of the period with this day, or of the `step`th one after it, as the grid shows them. */
export function rangeOf(view: View, day: string, zone: string, step = 0): Range {
  const midnight = `${/^\d{4}-\d\d-\d\d$/.test(day) ? day : localText(clock.now(), zone).slice(0, 10)}T00:00:00`;
  let [from, to] = [midnight, midnight];
  if (view === "month") {
    from = nextMonth(`${midnight.slice(0, 8)}01T00:00:00`, step);
    const last = addDays(nextMonth(from, 1), -1);
    [from, to] = [mondayOf(from), addDays(mondayOf(last), 7)];
  } else {
    from = addDays(view === "day" ? midnight : mondayOf(midnight), step * DAYS[view]);
    to = addDays(from, DAYS[view]);
  }
  return { from: instantOf(from, zone), to: instantOf(to, zone) };
}
