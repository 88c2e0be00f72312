// The story as a list, oldest first.
import { dateText, type Post, timeText, zoneLabel } from "../../core";
import { storyOf, type Timeline } from "./sentences";

interface StoryProps {
  post: Post;
  timeline: Timeline;
  zone: string;
  me: string | null;
}

export function Story({ post, timeline, zone, me }: StoryProps) {
  const entries = storyOf(post, timeline, zone, me);
  let day = "";
  return (
    <section class="post-part story" aria-labelledby="story">
      <h2 id="story">Its story</h2>
      <ol>
        {entries.map((entry) => {
          const date = dateText(entry.at, zone);
          const isNew = date !== day;
          day = date;
          return (
            <li key={entry.key} class={`story-${entry.tone}`}>
              {isNew && <p class="story-day">{date} <span class="quiet">{zoneLabel(entry.at, zone)}</span></p>}
              <div class="story-entry">
                <time dateTime={entry.at}>{timeText(entry.at, zone, true)}</time>
                <div class="story-body">
                  <p class="story-text">{entry.text}</p>
                  {entry.attempt && <p class="story-facts">{entry.attempt.facts.join(" · ")}</p>}
                  {entry.attempt?.cause && <p>{entry.attempt.cause}</p>}
                  {entry.attempt?.next && <p class="quiet">{entry.attempt.next}</p>}
                  {entry.attempt?.raw && (
                    <details class="call">
                      <summary>The error as it came</summary>
                      <pre>{entry.attempt.raw}</pre>
                    </details>
                  )}
                </div>
              </div>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
