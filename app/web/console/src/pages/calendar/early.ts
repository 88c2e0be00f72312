// The first read of the calendar begins with the page, beside the question for the session.
import { show } from "./book";
import { refreshDirectory } from "./directory";
import { readFilters } from "./filters";
import { PHONE, rangeOf, viewOf, zoneOf } from "./place";

/** Read what this address of the calendar will show. Without a session the calls are refused, and the page asks for one. */
export function readEarly(): void {
  if (location.pathname !== "/") return;
  const query = new URLSearchParams(location.search);
  show(rangeOf(viewOf(query, PHONE.matches), query.get("date") ?? "", zoneOf(query)), readFilters(query));
  refreshDirectory().catch(() => {}); // the calendar asks again
}
