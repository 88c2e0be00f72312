// Which events FullCalendar has, and what has changed since. It makes new elements for events that it reads again, so
// a few changes are told one by one: elements stay, and with them the focus and a click that has begun.
import type { Calendar, EventInput } from "fullcalendar";
import { addDays, localText, type Post } from "../../core";
import { allPosts, isIn, moveOf, type Range } from "./book";
import { canMove } from "./moves";

/** More changes than these are read again as a whole: each one told costs a pass over all events. */
const FEW = 40;

/** The wall clock where the card is. */
function startOf(post: Post, zone: string): string | null {
  const pending = moveOf(post.id);
  if (pending && pending.zone === zone) return pending.local;
  return post.status === "draft" || post.scheduledAt === null ? null : localText(post.scheduledAt, zone);
}

/** All that a card shows. */
const signatureOf = (post: Post, start: string, account: string): string =>
  [start, post.updatedAt, post.status, account, moveOf(post.id) ? "pending" : "", ...post.risks.map((one) => one.code)].join("|");

export interface Look {
  zone: string;
  accountName: (post: Post) => string;
}

/** A card is as high as half an hour. At the end of a day it ends with the day, or it would stand on the next one too. */
function endOf(start: string): string | null {
  const [day, time] = [start.slice(0, 10), start.slice(11)];
  return time > "23:30" ? addDays(`${day}T00:00:00`, 1) : null;
}

function eventOf(post: Post, start: string): EventInput {
  const end = endOf(start);
  return {
    id: post.id,
    start,
    ...(end && { end }),
    title: post.content,
    url: `/console/posts/${post.id}`,
    startEditable: canMove(post),
    durationEditable: false,
  };
}

export class Drawing {
  private signatures = new Map<string, string>();
  private range: Range = { from: 0, to: 0 };

  /** Return every event of the range, for FullCalendar to read. */
  all(range: Range, look: Look): EventInput[] {
    this.range = range;
    const wanted = this.wanted(look);
    this.signatures = new Map([...wanted].map(([id, one]) => [id, one.signature]));
    return [...wanted.values()].map((one) => eventOf(one.post, one.start));
  }

  /** Bring FullCalendar up to date. */
  update(calendar: Calendar, look: Look): void {
    const wanted = this.wanted(look);
    const gone = [...this.signatures.keys()].filter((id) => !wanted.has(id));
    const changed = [...wanted].filter(([id, one]) => this.signatures.get(id) !== one.signature);
    if (gone.length + changed.length > FEW) return this.repeat(calendar);
    calendar.batchRendering(() => {
      for (const id of gone) calendar.getEventById(id)?.remove();
      for (const [id, one] of changed) change(calendar, id, one);
    });
    if (changed.some(([id]) => id === chosen)) refocus(); // on another day, the card is another element
    this.signatures = new Map([...wanted].map(([id, one]) => [id, one.signature]));
  }

  /** Let FullCalendar read everything again. */
  repeat(calendar: Calendar): void {
    calendar.refetchEvents();
    refocus();
  }

  private wanted({ zone, accountName }: Look): Map<string, { post: Post; start: string; signature: string }> {
    const found = new Map<string, { post: Post; start: string; signature: string }>();
    for (const post of allPosts()) {
      const start = isIn(post, this.range) || moveOf(post.id) ? startOf(post, zone) : null;
      if (start !== null) found.set(post.id, { post, start, signature: signatureOf(post, start, accountName(post)) });
    }
    return found;
  }
}

function change(calendar: Calendar, id: string, one: { post: Post; start: string; signature: string }): void {
  const event = calendar.getEventById(id);
  if (!event) {
    calendar.addEvent(eventOf(one.post, one.start), true);
    return;
  }
  event.setDates(one.start, endOf(one.start));
  event.setProp("startEditable", canMove(one.post));
  event.setExtendedProp("signature", one.signature); // a change of its own, so that the card is drawn again
}

const postIdOf = (target: EventTarget | null): string | null =>
  (target instanceof Element && target.closest<HTMLElement>("[data-post]")?.dataset["post"]) || null;

/** The post whose card has the focus, also while the card is drawn again. */
let chosen: string | null = null;

document.addEventListener("focusin", (event) => {
  if (!(event.target instanceof Element && event.target.closest("dialog"))) chosen = postIdOf(event.target);
});

export const chosenPost = (): string | null => chosen;

/** Give the focus back to the card that lost it by being drawn again. FullCalendar shows it after the next frame. */
function refocus(): void {
  if (chosen === null) return;
  const id = chosen;
  requestAnimationFrame(() => requestAnimationFrame(() => {
    if (document.activeElement === document.body) focusCard(id);
  }));
}

export function focusCard(id: string): void {
  document.querySelector<HTMLElement>(`[data-post="${CSS.escape(id)}"]`)?.focus();
}
