// Drafts without a date. They are dragged onto a day, or scheduled by the dialog.
import { useState } from "preact/hooks";
import { Icon, platformIcon, platformName, type Post } from "../../core";
import { firstWords } from "./Card";

const FEW = 6;

export interface TrayProps {
  drafts: Post[];
  accountName: (post: Post) => string;
  onSchedule: (post: Post) => void;
}

export function Tray({ drafts, accountName, onSchedule }: TrayProps) {
  const [all, setAll] = useState(false);
  const shown = all ? drafts : drafts.slice(0, FEW);
  return (
    <section class="tray" aria-label="Drafts without a date">
      <h2>
        <Icon name="tray" /> Drafts <span class="quiet">{drafts.length}</span>
      </h2>
      {drafts.length === 0 ? (
        <p class="quiet">No drafts. A post without a date waits here.</p>
      ) : (
        <ul>
          {shown.map((post) => (
            <li key={post.id} data-draft={post.id}>
              <a href={`/console/posts/${post.id}`} draggable={false}>
                <Icon name={platformIcon(post.platform)} size={15} />
                <span class="visually-hidden">{platformName(post.platform)}</span>
                <span class="tray-text">{firstWords(post)}</span>
              </a>
              <span class="quiet tray-account">{accountName(post)}</span>
              <button type="button" class="button small" onClick={() => onSchedule(post)}>
                Schedule …
              </button>
            </li>
          ))}
        </ul>
      )}
      {drafts.length > FEW && (
        <button type="button" class="button small" onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show all ${drafts.length}`}
        </button>
      )}
    </section>
  );
}
