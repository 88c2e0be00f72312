// A post on the grid, and the panel that opens from it.
import { useState } from "preact/hooks";
import {
  type ApiProblem, clock, Dialog, Icon, instantText, offsetOf, platformIcon, platformName, type Post, reasonOf,
  relativeText, shortened, ShowTheCall, specOf, Status, timeText, viewerZone, zoneFor,
} from "../../core";
import { moveOf, postOf } from "./book";
import { canMove, question, unschedule } from "./moves";
import { othersOf, shortRisk, weightOf, worstOf } from "./risks";

const FIRST_WORDS = 90;
const NOTICES = { grave: "bad", mild: "warn", note: "" };

export const firstWords = (post: Post): string => {
  return shortened(post.content.trim().replace(/\s+/g, " "), FIRST_WORDS) || "No text yet";
};

const city = (zone: string): string => zone.split("/").pop()!.replaceAll("_", " ");

/** "Berlin +01:00" */
export const shortZone = (at: string | number, zone: string): string =>
  zone === "UTC" ? "UTC" : `${city(zone)} ${offsetOf(at, zone)}`;

export function Clock({ at, zone }: { at: string; zone: string }) {
  return (
    <span class="clock">
      <b>{timeText(at, zone, true)}</b> <small>{shortZone(at, zone)}</small>
    </span>
  );
}

/** A time that the server has not confirmed yet. */
const PendingClock = ({ local, zone }: { local: string; zone: string }) => (
  <span class="clock pending">
    <b>{local.slice(11)}</b> <small>{city(zone)} · saving …</small>
  </span>
);

export function Card({ post, zone, account }: { post: Post; zone: string; account: string }) {
  const pending = moveOf(post.id);
  const worst = worstOf(post.risks);
  return (
    <span class={`post-card post-card-${post.status}${pending ? " saving" : ""}`}>
      <span class="post-card-line post-card-when">
        <Icon name={platformIcon(post.platform)} size={15} />
        <span class="visually-hidden">{platformName(post.platform)}</span>
        {pending ? <PendingClock {...pending} /> : post.scheduledAt && <Clock at={post.scheduledAt} zone={zone} />}
      </span>
      <span class="post-card-text">{firstWords(post)}</span>
      <span class="post-card-line quiet">
        <Status status={post.status} />
        <span class="post-card-account">{account}</span>
      </span>
      {worst && (
        <span class={`post-card-risk ${weightOf(worst.code)}`}>
          <Icon name={weightOf(worst.code) === "note" ? "clock" : "attention"} size={14} />
          <span>{shortRisk(worst.code)}</span>
          {othersOf(post.risks) > 0 && ` +${othersOf(post.risks)}`}
        </span>
      )}
    </span>
  );
}

export function Panel({ id, zone, account, onClose }: { id: string; zone: string; account: string; onClose: () => void }) {
  const [refusal, setRefusal] = useState<ApiProblem | null>(null);
  const [busy, setBusy] = useState(false);
  const post = postOf(id);
  if (!post) return null;
  const callOff = async (): Promise<void> => {
    setBusy(true);
    const reason = await unschedule(post);
    setBusy(false);
    setRefusal(reason);
    if (reason === null) onClose();
  };
  const ask = (): void => {
    onClose();
    question.set({ post, target: proposal(post, zone) });
  };
  const actions = (
    <>
      <a class="button" href={`/console/posts/new?from=${post.id}`}>
        Duplicate
      </a>
      {post.status === "scheduled" && (
        <button type="button" class="button" disabled={busy} onClick={() => void callOff()}>
          Unschedule
        </button>
      )}
      {canMove(post) && (
        <button type="button" class="button" onClick={ask}>
          Move …
        </button>
      )}
      <a class="button primary" href={`/console/posts/${post.id}`}>
        Open
      </a>
    </>
  );
  const call = specOf("post", "/api/posts/{post_id}/unschedule", { path: { post_id: post.id } });
  return (
    <Dialog title={`${platformName(post.platform)} · ${account}`} onClose={onClose} actions={actions}>
      <p class="panel-head">
        <Status status={post.status} />
        {post.scheduledAt && <span class="quiet">{relativeText(post.scheduledAt, clock.now())}</span>}
      </p>
      {post.scheduledAt && <Instants at={post.scheduledAt} own={post.timeZone} zone={zone} />}
      <p class="panel-text">{post.content || "No text yet"}</p>
      {post.errorMessage && <p class="notice bad">{post.errorMessage}</p>}
      {post.risks.map((risk) => (
        <div key={risk.code} class={`notice ${NOTICES[weightOf(risk.code)]}`}>
          <p>
            <b>{risk.message}</b>
          </p>
          <p>{risk.cure}</p>
        </div>
      ))}
      {post.externalUrl && (
        <p>
          <a href={post.externalUrl} target="_blank" rel="noreferrer">
            See it on {platformName(post.platform)}
          </a>
        </p>
      )}
      {refusal && (
        <p class="notice bad" role="alert">
          {reasonOf(refusal)}
        </p>
      )}
      {post.status === "scheduled" && <ShowTheCall call={call} />}
    </Dialog>
  );
}

/** The instant on each clock that matters: the grid's, the post's own, the viewer's, and UTC. */
export function Instants({ at, own, zone }: { at: string | number; own: string | null; zone: string }) {
  const zones = [...new Set([zone, own ?? zone, viewerZone(), "UTC"])];
  return (
    <ul class="instants">
      {zones.map((one, index) => (
        <li key={one} class={index ? "quiet" : ""}>
          {instantText(at, one)}
        </li>
      ))}
    </ul>
  );
}

/** What the dialog proposes: the present time of the post, or nine o'clock tomorrow. */
export function proposal(post: Post, zone: string) {
  const at = post.scheduledAt ?? new Date(clock.now() + 86_400_000).toISOString();
  const own = post.timeZone ? zoneFor(post.timeZone, "post") : zone;
  return { local: localIn(at, own, post.scheduledAt === null), zone: own };
}

function localIn(at: string, zone: string, morning: boolean): string {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
  return `${parts.format(new Date(at))}T${morning ? "09:00:00" : timeText(at, zone, true).slice(0, 8)}`;
}
