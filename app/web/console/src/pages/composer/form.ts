// What the composer holds, and how it becomes calls.
import { clock, localText, type Post, type Schemas, viewerZone, type When } from "../../core";

export type MediaItem = Schemas["MediaItem"];
export type Account = Schemas["AccountView"];

export interface Form {
  content: string;
  platform: NonNullable<Schemas["PostCreate"]["platform"]>;
  postType: NonNullable<Schemas["PostCreate"]["postType"]>;
  media: MediaItem[];
  /** Empty: none is chosen yet. */
  accountId: string;
  companyId: string | null;
  clientId: string | null;
  when: When;
  /** Which of two equal wall-clock times. Null: not chosen. */
  fold: 0 | 1 | null;
  /** The next free slot of the account, in place of the time. */
  slot: boolean;
}

const HOUR = 3_600_000;

/** A local date and time of an address or a field, cut to what the fields show. */
export function whenOf(local: string | null, zone: string): When {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?/.exec(local ?? "");
  return { date: match?.[1] ?? "", time: match?.[2] ?? "", zone };
}

/** The next full hour that is at least 15 minutes away. */
export function usualWhen(zone: string): When {
  const at = Math.ceil((clock.now() + HOUR / 4) / HOUR) * HOUR;
  return whenOf(localText(at, zone), zone);
}

export function emptyForm(at: string | null, zone: string | null): Form {
  const own = zone ?? viewerZone();
  const chosen = whenOf(at, own);
  const usual = usualWhen(own);
  return {
    content: "",
    platform: "linkedin",
    postType: "post",
    media: [],
    accountId: "",
    companyId: null,
    clientId: null,
    when: chosen.date ? { ...chosen, time: chosen.time || usual.time } : usual,
    fold: null,
    slot: false,
  };
}

/** The form of a post. The time is the post's own where it has one. */
export function formOf(post: Post): Form {
  const zone = post.timeZone ?? viewerZone();
  const media = post.media.length > 0 || post.imageUrl === null ? post.media : [{ url: post.imageUrl, type: "image" }];
  return {
    content: post.content,
    platform: post.platform as Form["platform"],
    postType: post.postType as Form["postType"],
    media: media as MediaItem[],
    accountId: post.socialAccountId ?? "",
    companyId: post.companyId,
    clientId: post.clientId,
    when: post.scheduledAt === null ? usualWhen(zone) : whenOf(localText(post.scheduledAt, zone), zone),
    fold: null,
    slot: false,
  };
}

const isUrl = (text: string): boolean => /^https?:\/\/\S+\.\S|^http:\/\/127\.0\.0\.1/.test(text);

/** The files with a whole address. One that is being typed is kept in the browser alone. */
export const wholeMedia = (form: Form): MediaItem[] => form.media.filter((one) => isUrl(one.url));

/** The image for workflows that are older than `media`: the first file, where it is an image. */
const imageUrlOf = (media: MediaItem[]): string | null => (media[0]?.type === "image" ? media[0].url : null);

/** What can change in a post that exists. */
export function editOf(form: Form): Schemas["PostEdit"] {
  const media = wholeMedia(form);
  const edit: Schemas["PostEdit"] = { content: form.content, media, imageUrl: imageUrlOf(media) };
  if (form.accountId) edit.socialAccountId = form.accountId;
  return edit;
}

export const createOf = (form: Form): Schemas["PostCreate"] => ({
  content: form.content,
  media: wholeMedia(form),
  imageUrl: imageUrlOf(wholeMedia(form)),
  platform: form.platform,
  postType: form.postType,
  socialAccountId: form.accountId || null,
  companyId: form.companyId,
  clientId: form.clientId,
});

/** What cannot change in a post that exists: another one is written then. */
export const kindOf = (form: Form): string =>
  JSON.stringify([form.platform, form.postType, form.companyId, form.clientId]);

export const isEmpty = (form: Form): boolean => form.content.trim() === "" && wholeMedia(form).length === 0;
