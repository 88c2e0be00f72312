// One post: where it stands, its story, and what can be done.
import "./post.css";
import { useEffect, useRef, useState } from "preact/hooks";
import {
  announce, api, ApiProblem, Ask, clock, cycleZone, Icon, instantText, isOpen, platformIcon, platformName, type Post, reasonOf,
  session, Status, toast, useKeys, useLive, useStore, zoneFor, zoneMode,
} from "../../core";
import type { PageProps } from "../page";
import { type ActionName, ACTIONS, ASKED } from "./actions";
import { Buttons, Calls } from "./Buttons";
import { Doubt } from "./Doubt";
import { Lead, Risks, Shown } from "./Lead";
import { MoveDialog } from "./MoveDialog";
import { Story } from "./Story";
import { isInDoubt, type Timeline } from "./sentences";

interface Loaded {
  post: Post;
  timeline: Timeline;
}

export function PostPage({ params }: PageProps) {
  const id = params.id ?? "";
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const read = async (): Promise<void> => {
    try {
      const path = { post_id: id };
      const post = await api.get("/api/posts/{post_id}", { path });
      const same = loaded !== null && loaded.post.updatedAt === post.updatedAt && post.status !== "publishing";
      const timeline = same ? loaded.timeline : await wholeTimeline(id);
      setLoaded({ post, timeline });
      setFailure(null);
    } catch (error) {
      if (loaded === null || (error instanceof ApiProblem && error.status === 404)) setFailure(reasonOf(error));
    }
  };
  const due = (): number[] => {
    const post = loaded?.post;
    if (post?.status === "publishing") return [clock.now()];
    return post?.status === "scheduled" && post.nextAttemptAt ? [Date.parse(post.nextAttemptAt)] : [];
  };
  useLive(read, { due }, id);
  if (failure) {
    return (
      <section class="page">
        <h1>Post</h1>
        <p class="error" role="alert">{failure}</p>
        <p><a href="/">Go to the calendar</a></p>
      </section>
    );
  }
  if (loaded === null) return <section class="page"><h1>Post</h1><p class="quiet">Loading …</p></section>;
  return <Whole post={loaded.post} timeline={loaded.timeline} reread={read} />;
}

/** Every page of a timeline. */
async function wholeTimeline(id: string): Promise<Timeline> {
  const whole: Timeline = { attempts: [], transitions: [] };
  let cursor: string | undefined;
  do {
    const query = cursor ? { cursor } : {};
    const page = await api.get("/api/posts/{post_id}/timeline", { path: { post_id: id }, query });
    whole.attempts.push(...page.attempts);
    whole.transitions.push(...page.transitions);
    cursor = page.nextCursor;
  } while (cursor);
  return whole;
}

interface WholeProps extends Loaded {
  reread: () => Promise<void>;
}

function Whole({ post, timeline, reread }: WholeProps) {
  const mode = useStore(zoneMode);
  const user = useStore(session);
  const [asking, setAsking] = useState<ActionName | null>(null);
  const [moving, setMoving] = useState(false);
  const { busy, act } = useAction(post, reread);
  const zone = zoneFor(post.timeZone, mode);
  const inDoubt = isInDoubt(post, timeline);
  const sentAt = timeline.attempts.find((one) => one.attempt === post.attempt)?.sentAt ?? null;
  const editable = post.status === "draft" || post.status === "scheduled" || (post.status === "failed" && !inDoubt);
  useAnnounced(post);
  useKeys([
    { key: "z", does: "Show the times in your zone, the post's or UTC", run: () => announce(`Times in ${zoneName(cycleZone())}.`) },
    ...(editable ? [{ key: "m", does: "Move this post", run: () => setMoving(true) }] : []),
  ]);
  const start = (name: ActionName): void => (name in ASKED ? setAsking(name) : void act(name));
  const question = asking && ASKED[asking];
  return (
    <section class="page post-page">
      <header class="post-head">
        <p class="post-line">
          <Status status={post.status} />
          <span class="post-where"><Icon name={platformIcon(post.platform)} size={18} /> {platformName(post.platform)} · {post.postType}</span>
          <button type="button" class="button small" onClick={() => cycleZone()} title="Change the zone of all times (z)">
            <Icon name="globe" size={16} /> {zone}
          </button>
        </p>
        <h1><Lead post={post} zone={zone} inDoubt={inDoubt} sentAt={sentAt} /></h1>
        {(post.status === "failed" || post.status === "scheduled") && !inDoubt && post.errorMessage && <p class="post-cause">{post.errorMessage}</p>}
        <Buttons post={post} inDoubt={inDoubt} editable={editable} busy={busy} onAct={start} onMove={() => setMoving(true)} />
      </header>
      {inDoubt && <Doubt post={post} busy={busy} onSend={() => void act("retryByForce")} onAnswered={() => void reread()} />}
      <Risks post={post} />
      <div class="post-columns">
        <Story post={post} timeline={timeline} zone={zone} me={isOpen(user) ? user.userId : null} />
        <Shown post={post} />
      </div>
      <Calls post={post} inDoubt={inDoubt} />
      {moving && (
        <MoveDialog post={post} onClose={() => setMoving(false)} onMoved={() => (setMoving(false), void reread())} />
      )}
      {asking && question && (
        <Ask
          title={question.title}
          yes={question.yes}
          no={question.no}
          danger={asking !== "publish"}
          busy={busy ? asking : null}
          onNo={() => setAsking(null)}
          onYes={() => void act(asking).then(() => setAsking(null))}
        >
          <p>{question.text}</p>
        </Ask>
      )}
    </section>
  );
}

const zoneName = (mode: string): string => (mode === "utc" ? "UTC" : mode === "post" ? "the post's zone" : "your zone");

/** Run an action once, however often its button is pressed, and show its end. */
function useAction(post: Post, reread: () => Promise<void>): { busy: boolean; act: (name: ActionName) => Promise<void> } {
  const [busy, setBusy] = useState(false);
  const working = useRef(false);
  const act = async (name: ActionName): Promise<void> => {
    if (working.current) return;
    working.current = true;
    setBusy(true);
    try {
      await ACTIONS[name].run(post);
      toast({ text: ACTIONS[name].done, tone: "good" });
    } catch (error) {
      toast({ text: reasonOf(error), tone: "bad" });
    }
    await reread(); // the buttons come back with the new status
    working.current = false;
    setBusy(false);
  };
  return { busy, act };
}

/** Tell screen readers of a change of status that nobody here asked for. */
function useAnnounced(post: Post): void {
  const former = useRef(post.status);
  useEffect(() => {
    if (former.current === post.status) return;
    former.current = post.status;
    const at = post.publishedAt ?? post.nextAttemptAt;
    announce(`The post is ${post.status}${at ? `, ${instantText(at, zoneFor(post.timeZone))}` : ""}.`);
  }, [post.status]);
}
