// The calendar: month, week, day or list, with everything that can be done to a post in time.
import "fullcalendar/skeleton.css";
import "fullcalendar/themes/classic/theme.css";
import "fullcalendar/themes/classic/palette.css";
import "./calendar.css";
import "./card.css";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import {
  announce, clock, cycleZone, localText, navigate, type Post, setQuery, toast, useKeys, useLive, useQuery, useStore,
  viewerZone, zoneLabel, zoneFor,
} from "../../core";
import { allPosts, changes, drafts, dueInstants, failure, isIn, loading, load, moveOf, poll, postOf, readAhead, show } from "./book";
import { Panel, proposal } from "./Card";
import { directory, refreshDirectory } from "./directory";
import { anyFilter, readFilters } from "./filters";
import { chosenPost, focusCard } from "./drawing";
import { Grid, type GridHandle, type Shown } from "./Grid";
import { canMove, moveOrExplain, nudge, placeOf, question } from "./moves";
import { MoveDialog } from "./MoveDialog";
import { PHONE, rangeOf, viewOf, viewsOf, zoneOf } from "./place";
import { FilterBar, Toolbar } from "./Toolbar";
import { Tray } from "./Tray";

/** How long a person looks at a period before its neighbours are read. */
const AHEAD_MS = 600;

function usePhone(): boolean {
  const [phone, setPhone] = useState(PHONE.matches);
  useEffect(() => {
    const changed = () => setPhone(PHONE.matches);
    PHONE.addEventListener("change", changed);
    return () => PHONE.removeEventListener("change", changed);
  }, []);
  return phone;
}

/** The zone that most posts of the period are written in. */
function commonZone(shown: Shown | null): string | null {
  const count = new Map<string, number>();
  for (const post of allPosts()) {
    if (post.timeZone && shown && isIn(post, shown)) count.set(post.timeZone, (count.get(post.timeZone) ?? 0) + 1);
  }
  return [...count].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

export function Calendar() {
  const query = useQuery();
  const phone = usePhone();
  const version = useStore(changes);
  const names = useStore(directory);
  const busy = useStore(loading);
  const problem = useStore(failure);
  const asked = useStore(question);
  const [shown, setShown] = useState<Shown | null>(null);
  const [opened, setOpened] = useState<string | null>(null);
  const dragging = useRef(false);
  const grid = useRef<GridHandle | null>(null);
  const filters = readFilters(query);
  const filterKey = JSON.stringify(filters);
  const [filtersOpen, setFiltersOpen] = useState(anyFilter(filters));
  const view = viewOf(query, phone);
  const zone = zoneOf(query);

  const accountName = useMemo(() => {
    const known = new Map(names.accounts.map((one) => [one.id, one.name]));
    const other = names.read ? "Unknown account" : "…";
    return (post: Post) => (post.socialAccountId ? (known.get(post.socialAccountId) ?? other) : "No account chosen");
  }, [names]);

  useEffect(() => {
    if (shown) show({ from: shown.from, to: shown.to }, filters);
  }, [shown?.from, shown?.to, filterKey]);
  useEffect(() => {
    if (busy || problem || !shown) return;
    const day = localText((shown.from + shown.to) / 2, zone).slice(0, 10);
    const timer = setTimeout(() => void readAhead([1, -1].map((step) => rangeOf(view, day, zone, step))), AHEAD_MS);
    return () => clearTimeout(timer);
  }, [shown?.from, shown?.to, filterKey, busy, problem]);
  useLive(
    async () => {
      await poll();
      await refreshDirectory();
    },
    { due: dueInstants, paused: () => dragging.current },
  );

  const go = (step: -1 | 0 | 1): void => setQuery({ date: grid.current?.go(step) ?? null });
  const changeZone = (): void => {
    const mode = cycleZone();
    const next = mode === "post" ? (commonZone(shown) ?? viewerZone()) : zoneFor(null, mode);
    setQuery({ zone: mode === "viewer" ? null : next });
    announce(`Times are shown in ${zoneLabel(clock.now(), next)}.`);
  };
  const ask = useCallback((post: Post) => question.set({ post, target: proposal(post, zone) }), [zone]);
  const closeQuestion = (): void => {
    const id = asked?.post.id;
    question.set(null);
    if (id) requestAnimationFrame(() => focusCard(id));
  };
  const onDrop = (id: string, local: string, timed: boolean): void => {
    const post = postOf(id);
    if (!post) return;
    if (timed) void moveOrExplain(post, { local, zone });
    else question.set({ post, target: { local: `${local.slice(0, 10)}T09:00:00`, zone } });
  };

  /** The post whose card has the focus, if it can be moved. */
  const focused = (): Post | null => {
    const post = postOf(chosenPost() ?? "");
    if (!post) announce("Choose a post first: go to its card with the Tab key.");
    else if (!canMove(post)) toast({ text: `A post that is ${post.status} keeps its time.`, tone: "bad" });
    return post && canMove(post) ? post : null;
  };
  const step = (by: { days?: number; minutes?: number }) => (): void => {
    const post = focused();
    const from = post && placeOf(post, zone, moveOf(post.id));
    if (post && from) announce(nudge(post, from, zone, by));
  };
  useKeys([
    { key: "m", does: "Move the chosen post: date, time and zone", run: () => withPost(focused(), ask) },
    { key: "Alt+ArrowLeft", does: "Move the chosen post a day earlier", run: step({ days: -1 }) },
    { key: "Alt+ArrowRight", does: "Move the chosen post a day later", run: step({ days: 1 }) },
    { key: "Alt+ArrowUp", does: "Move the chosen post 15 minutes earlier", run: step({ minutes: -15 }) },
    { key: "Alt+ArrowDown", does: "Move the chosen post 15 minutes later", run: step({ minutes: 15 }) },
    { key: "z", does: "Show times in your zone, the posts' zone, or UTC", run: changeZone },
    { key: "n", does: "Write a new post", run: () => navigate(`/console/posts/new?${new URLSearchParams({ zone })}`) },
    { key: "t", does: "Go to today", run: () => go(0) },
    { key: "j", does: "Go to the next period", run: () => go(1) },
    { key: "k", does: "Go to the period before", run: () => go(-1) },
  ]);

  return (
    <section class={`calendar view-${view}`} data-version={version}>
      <Toolbar
        title={shown?.title ?? ""}
        view={view}
        views={viewsOf(phone)}
        zone={zone}
        at={shown ? (shown.from + shown.to) / 2 : clock.now()}
        busy={busy}
        filtering={anyFilter(filters)}
        open={filtersOpen}
        onGo={go}
        onView={(next) => setQuery({ view: next })}
        onZone={changeZone}
        onOpen={() => setFiltersOpen(!filtersOpen)}
      />
      {filtersOpen && <FilterBar filters={filters} directory={names} onChange={setQuery} />}
      {problem && (
        <p class="notice bad" role="alert">
          The posts could not be read. {problem}{" "}
          <button type="button" class="button small" onClick={() => void load()}>
            Try again
          </button>
        </p>
      )}
      <Grid
        view={view}
        date={query.get("date") ?? ""}
        zone={zone}
        accountName={accountName}
        handle={(handle) => (grid.current = handle)}
        onRange={setShown}
        onOpen={setOpened}
        onMove={(post, target) => void moveOrExplain(post, target)}
        onDrop={onDrop}
        onDay={(date) => setQuery({ view: "day", date })}
        onNew={(at) => navigate(`/console/posts/new?${new URLSearchParams({ at, zone })}`)}
        onDragging={(now) => (dragging.current = now)}
      />
      <Tray drafts={drafts()} accountName={accountName} onSchedule={ask} />
      {opened && <Opened id={opened} zone={zone} accountName={accountName} onClose={() => setOpened(null)} />}
      {asked && <MoveDialog key={asked.post.id} asked={asked} onClose={closeQuestion} />}
    </section>
  );
}

function withPost(post: Post | null, action: (post: Post) => void): void {
  if (post) action(post);
}

function Opened(props: { id: string; zone: string; accountName: (post: Post) => string; onClose: () => void }) {
  const post = postOf(props.id);
  if (!post) return null;
  return <Panel id={props.id} zone={props.zone} account={props.accountName(post)} onClose={props.onClose} />;
}
