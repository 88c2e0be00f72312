// The buttons of a post, and the calls behind them.
import { curlOf, Icon, type Post, platformName } from "../../core";
import { type ActionName, ACTIONS, actionsOf } from "./actions";

interface ButtonsProps {
  post: Post;
  inDoubt: boolean;
  editable: boolean;
  busy: boolean;
  onAct: (name: ActionName) => void;
  onMove: () => void;
}

export function Buttons({ post, inDoubt, editable, busy, onAct, onMove }: ButtonsProps) {
  const names = actionsOf(post, inDoubt);
  const first = names[0] === "retry";
  return (
    <div class="post-buttons">
      {post.externalUrl && (
        <a class="button primary" href={post.externalUrl} target="_blank" rel="noreferrer noopener">
          <Icon name="link" size={18} /> See it on {platformName(post.platform)}
        </a>
      )}
      {first && <Act name="retry" primary busy={busy} onAct={onAct} />}
      {editable && (
        <>
          <a class={post.status === "draft" ? "button primary" : "button"} href={`/console/posts/new?id=${post.id}`}>
            {post.status === "draft" ? "Edit and schedule" : "Edit"}
          </a>
          <button type="button" class="button" onClick={onMove}>
            <Icon name="clock" size={18} /> {post.status === "scheduled" ? "Move…" : "Schedule…"}
          </button>
        </>
      )}
      {names.filter((name) => name !== "retry").map((name) => (
        <Act key={name} name={name} busy={busy} onAct={onAct} />
      ))}
      <a class="button" href={`/console/posts/new?from=${post.id}`}>
        Duplicate
      </a>
    </div>
  );
}

interface ActProps {
  name: ActionName;
  primary?: boolean;
  busy: boolean;
  onAct: (name: ActionName) => void;
}

const Act = ({ name, primary = false, busy, onAct }: ActProps) => (
  <button
    type="button"
    class={primary ? "button primary" : name === "cancel" || name === "fail" ? "button danger" : "button"}
    disabled={busy}
    onClick={() => onAct(name)}
  >
    {ACTIONS[name].label}
  </button>
);

export function Calls({ post, inDoubt }: { post: Post; inDoubt: boolean }) {
  const read = { method: "GET", url: `/api/posts/${post.id}/timeline` };
  const calls = actionsOf(post, inDoubt).map((name) => ({ label: ACTIONS[name].label, spec: ACTIONS[name].call(post) }));
  return (
    <details class="call">
      <summary>Show the calls behind this page</summary>
      {[{ label: "Its story", spec: read }, ...calls].map(({ label, spec }) => (
        <div key={label}>
          <h3>{label}</h3>
          <pre>{curlOf(spec)}</pre>
        </div>
      ))}
    </details>
  );
}
