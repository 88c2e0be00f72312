// The grid itself: FullCalendar with our cards, our dates and no toolbar of its own.
import { Calendar as FullCalendar, type CalendarOptions, type EventApi } from "fullcalendar";
import dayGrid from "fullcalendar/daygrid";
import interaction, { Draggable } from "fullcalendar/interaction";
import list from "fullcalendar/list";
import classic from "fullcalendar/themes/classic";
import timeGrid from "fullcalendar/timegrid";
import { useLayoutEffect, useRef } from "preact/hooks";
import { clock, Icon, localText, type Post } from "../../core";
import { changes, postOf, type Target } from "./book";
import { Card } from "./Card";
import { Drawing } from "./drawing";
import { instantOf, type View } from "./place";

const VIEWS: Record<View, string> = {
  month: "dayGridMonth", week: "timeGridWeek", day: "timeGridDay", list: "listWeek",
};

/** The hours scroll in their own box, so that the days stay in sight. */
const heightOf = (view: View): string => (view === "week" || view === "day" ? "calc(100dvh - 9rem)" : "auto");

export interface Shown {
  title: string;
  from: number;
  to: number;
}

export interface GridProps {
  view: View;
  /** A day of the period, "2027-03-28". */
  date: string;
  zone: string;
  accountName: (post: Post) => string;
  onRange: (shown: Shown) => void;
  onOpen: (id: string) => void;
  onMove: (post: Post, target: Target) => void;
  /** A draft of the tray was dropped. `timed`: on a time, not on a whole day. */
  onDrop: (id: string, local: string, timed: boolean) => void;
  onDay: (date: string) => void;
  /** An empty time was chosen. */
  onNew: (local: string) => void;
  onDragging: (dragging: boolean) => void;
}

export interface GridHandle {
  go(step: -1 | 0 | 1): string;
}

// FullCalendar is told the wall clock of the zone as if it were UTC. Its own zones take a millisecond for each card.

/** The start of a day or of a time on the grid as the API reads it. */
const localOf = (text: string): string => (text.length === 10 ? `${text}T00:00:00` : text.slice(0, 19));

/** "+" of a day that is not over. */
function PlusLink({ date, zone }: { date: string; zone: string }) {
  const query = new URLSearchParams({ at: `${date}T09:00:00`, zone });
  return (
    <a class="cell-plus" href={`/console/posts/new?${query}`} aria-label={`New post on ${date}`} tabIndex={-1}>
      <Icon name="plus" size={16} />
    </a>
  );
}

/** The days of a title, short enough to stand beside the buttons: "23 – 29 Nov 2026". */
const DAYS = { day: "numeric", month: "short", year: "numeric" } as const;

const dayOf = (date: Date): string => date.toISOString().slice(0, 10);

// FullCalendar renders at once, in Preact's synchronous mode. Inside another render, in either direction, that breaks
// both trees. So each side calls the other only after it has ended.
const later = (action: () => void): void => queueMicrotask(action);

export function Grid(props: GridProps & { handle: (handle: GridHandle) => void }) {
  const element = useRef<HTMLDivElement>(null);
  const calendar = useRef<FullCalendar | null>(null);
  const drawing = useRef(new Drawing());
  const latest = useRef(props);
  latest.current = props;

  const act = (action: (made: FullCalendar) => void): void => later(() => calendar.current && action(calendar.current));
  useLayoutEffect(() => {
    let tray: Draggable | undefined;
    let stop = (): void => {};
    later(() => {
      if (!element.current) return;
      const made = new FullCalendar(element.current, optionsOf(latest, drawing.current));
      calendar.current = made;
      made.render();
      props.handle({ go: (step) => walk(made, step) });
      stop = changes.subscribe(() => act(() => drawing.current.update(made, latest.current)));
      tray = new Draggable(document.body, { itemSelector: "[data-draft]", eventData: () => ({ create: false }) });
    });
    return () => {
      stop();
      tray?.destroy();
      const gone = calendar.current;
      calendar.current = null;
      later(() => gone?.destroy());
    };
  }, [props.zone]); // another zone has another now, and every card another place
  useLayoutEffect(
    () =>
      act((made) => {
        if (made.view.type === VIEWS[props.view]) return;
        made.setOption("height", heightOf(props.view));
        made.changeView(VIEWS[props.view]);
      }),
    [props.view],
  );
  useLayoutEffect(() => act((made) => props.date && props.date !== dateOf(made) && made.gotoDate(props.date)), [props.date]);
  useLayoutEffect(() => act((made) => drawing.current.update(made, latest.current)), [props.accountName]);
  return <div class="grid" ref={element} />;
}

function walk(calendar: FullCalendar, step: -1 | 0 | 1): string {
  if (step === 0) calendar.today();
  else if (step > 0) calendar.next();
  else calendar.prev();
  return dateOf(calendar);
}

const dateOf = (calendar: FullCalendar): string => calendar.formatIso(calendar.getDate(), true).slice(0, 10);

function optionsOf(latest: { current: GridProps }, drawing: Drawing): CalendarOptions {
  const { view, date, zone } = latest.current;
  const rangeOf = (info: { startStr: string; endStr: string }) => ({
    from: instantOf(localOf(info.startStr), zone), to: instantOf(localOf(info.endStr), zone),
  });
  return {
    plugins: [dayGrid, timeGrid, list, interaction, classic],
    headerToolbar: false,
    initialView: VIEWS[view],
    ...(date && { initialDate: date }),
    timeZone: "UTC",
    locale: "en-GB",
    firstDay: 1,
    height: heightOf(view),
    fixedWeekCount: false,
    scrollTime: "07:00",
    slotHeaderFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
    dayCellTopInnerClass: "cell-top-outer",
    listItemEventBeforeClass: "list-dot",
    now: () => `${localText(clock.now(), zone)}Z`,
    nowIndicator: true,
    nowIndicatorLineClass: "now-line",
    views: {
      dayGrid: { scrollTimeReset: false }, // it does not scroll, and to try it costs a layout
      timeGrid: { titleFormat: DAYS }, list: { titleFormat: DAYS },
    },
    navLinks: true,
    navLinkDayClick: (day: Date) => later(() => latest.current.onDay(dayOf(day))),
    allDaySlot: false,
    displayEventEnd: false,
    defaultTimedEventDuration: "00:30",
    eventMinHeight: 62, // of a whole card, so that none covers the next one's words
    slotMinHeight: 32,
    eventMaxStack: 3,
    slotEventOverlap: false,
    slotDuration: "00:30",
    snapDuration: "00:15",
    dayMaxEvents: 3,
    moreLinkClass: "more-link",
    eventDisplay: "block",
    eventInteractive: true,
    droppable: true,
    dragRevertDuration: 150,
    longPressDelay: 300,
    noEventsContent: "No posts in this period.",
    events: (info, done) => done(drawing.all(rangeOf(info), latest.current)),
    datesSet: (info) => {
      const shown = { title: info.view.title, ...rangeOf(info) };
      later(() => latest.current.onRange(shown));
    },
    dayCellTopContent: (info) => (
      <span class="cell-top">
        <span class="cell-day">{info.text}</span>
        {!info.isPast && !info.inPopover && <PlusLink date={dayOf(info.date)} zone={latest.current.zone} />}
      </span>
    ),
    dayHeaderContent: (info) => (
      <span class="head-day">
        {info.text}
        {info.view.type.startsWith("timeGrid") && !info.isPast && (
          <PlusLink date={dayOf(info.date)} zone={latest.current.zone} />
        )}
      </span>
    ),
    dayHeaderDidMount: (info) => {
      // The name says what is to be read: "Mon 30/11".
      info.el.querySelector("[role=link]")?.setAttribute("aria-label", `${info.text}: go to this day`);
    },
    dateClick: (info) => {
      const local = localOf(info.dateStr);
      if (!info.allDay) later(() => latest.current.onNew(local));
    },
    dayLaneDidMount: (info) => {
      // The hours of days without posts scroll by keys too. One stop is enough for a week.
      if (info.view.type === VIEWS.day || info.date.getUTCDay() === 1) info.el.tabIndex = 0;
    },
    dayCellDidMount: (info) => info.el.removeAttribute("aria-label"),
    eventContent: (info) => {
      const post = postOf(info.event.id);
      return post ? <Card post={post} zone={latest.current.zone} account={latest.current.accountName(post)} /> : "";
    },
    eventDidMount: (info) => {
      info.el.dataset["post"] = info.event.id;
    },
    eventClick: (info) => {
      if (info.jsEvent.ctrlKey || info.jsEvent.metaKey || info.jsEvent.shiftKey) return;
      info.jsEvent.preventDefault();
      const { id } = info.event;
      later(() => latest.current.onOpen(id));
    },
    eventDragStart: () => later(() => latest.current.onDragging(true)),
    eventDragStop: () => later(() => latest.current.onDragging(false)),
    eventDrop: (info) => dropped(info.event, latest.current),
    drop: (info) => {
      const id = info.draggedEl.dataset["draft"];
      const { dateStr, allDay } = info;
      if (id) later(() => latest.current.onDrop(id, localOf(dateStr), !allDay));
    },
  };
}

function dropped(event: EventApi, { onMove, zone }: GridProps): void {
  const [post, local] = [postOf(event.id), localOf(event.startStr)];
  if (post) later(() => onMove(post, { local, zone }));
}
