// How the post will look in a feed, about: its text folds where the platform's feed folds it.
import { useEffect, useState } from "preact/hooks";
import { Icon, platformIcon } from "../../core";
import type { MediaItem } from "./form";
import type { Platform, PostType } from "./rules";

interface PreviewProps {
  platform: Platform;
  type: PostType;
  author: string;
  text: string;
  media: MediaItem[];
}

/** The part of a text before the fold, null where nothing is folded. */
export function folded(text: string, after: number, lines: number): string | null {
  const points = [...text];
  const byLines = text.split("\n").slice(0, lines).join("\n");
  const cut = points.length > after ? points.slice(0, after).join("") : text;
  const shorter = byLines.length < cut.length ? byLines : cut;
  return shorter.length < text.trimEnd().length ? shorter.trimEnd() : null;
}

const SETTLED_MS = 900;

/** The files once nobody types at their addresses: no half of an address is asked for. */
function useSettled(media: MediaItem[]): MediaItem[] {
  const [settled, setSettled] = useState(media);
  const key = JSON.stringify(media);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(media), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [key]);
  return settled;
}

/** Browsers show files of https, and in the local stack those of this machine. */
function canShow(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || (hostname === location.hostname && location.protocol === "http:");
}

export function Preview({ platform, type, author, text, media: typed }: PreviewProps) {
  const media = useSettled(typed);
  const [open, setOpen] = useState(false);
  const { foldAfter, foldLines } = platform.preview;
  const head = type.showsText && !open ? folded(text, foldAfter, foldLines) : null;
  return (
    <section class="feed-preview" aria-label="Preview">
      <h2>Preview</h2>
      <article class={`preview-card preview-${type.name}`}>
        <header>
          <span class="preview-face">
            <Icon name={platformIcon(platform.name)} />
          </span>
          <div>
            <p class="preview-author">{author}</p>
            <p class="quiet fine">{platform.label} · {type.name}</p>
          </div>
        </header>
        {type.showsText && text !== "" && (
          <p class="post-text">
            {head ?? text}
            {head !== null && (
              <button type="button" class="link-button" onClick={() => setOpen(true)}>
                …more
              </button>
            )}
          </p>
        )}
        {type.showsText && text === "" && media.length === 0 && <p class="quiet">Your text appears here.</p>}
        {media.length > 0 && (
          <div class={`preview-media preview-media-${Math.min(media.length, 4)}`}>
            {media.map((one, index) => (
              <Shown key={`${index} ${one.url}`} item={one} />
            ))}
          </div>
        )}
      </article>
      <p class="hint">
        Line breaks are kept. A long text folds after about {foldAfter} characters or {foldLines} lines, a little
        differently on each device.
      </p>
    </section>
  );
}

function Shown({ item }: { item: MediaItem }) {
  const [broken, setBroken] = useState(!canShow(item.url));
  if (item.type === "document" || broken) {
    return (
      <div class="preview-file">
        <Icon name={broken ? "alert" : "docs"} />
        <span>{broken ? "This file cannot be shown here." : (item.url.split(/[?#]/)[0]!.split("/").pop() ?? "Document")}</span>
      </div>
    );
  }
  if (item.type === "video") return <video src={item.url} controls muted preload="metadata" onError={() => setBroken(true)} />;
  return <img src={item.url} alt="" loading="lazy" referrerpolicy="no-referrer" onError={() => setBroken(true)} />;
}
