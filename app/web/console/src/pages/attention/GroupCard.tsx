// One cause, its cure, and its posts.
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, instantText, platformIcon, platformName, type Post, shortened, Status, useStore, zoneFor, zoneMode } from "../../core";
import { canRetry, type Group, isUnknown, needsEdit, needsReconnect, titleOf } from "./groups";

const SHOWN = 8;

export interface GroupProps {
  group: Group;
  selected: ReadonlySet<string>;
  refusals: ReadonlyMap<string, string>;
  busy: boolean;
  pick: (ids: string[], on: boolean) => void;
  retry: (posts: Post[]) => unknown;
}

export function GroupCard({ group, selected, refusals, busy, pick, retry }: GroupProps) {
  const [open, setOpen] = useState(false);
  const shown = open ? group.posts : group.posts.slice(0, SHOWN);
  const ids = group.posts.map((post) => post.id);
  const number = ids.filter((id) => selected.has(id)).length;
  return (
    <article class="group" data-cause={group.code}>
      <header>
        <Every checked={number > 0 && number === ids.length} mixed={number > 0 && number < ids.length}
          label={`Select all: ${titleOf(group)}`} onChange={(on) => pick(ids, on)} disabled={ids.length === 0} />
        <div class="group-words">
          <h2>{titleOf(group)}</h2>
          <p class="quiet">{group.cure}</p>
        </div>
        <Cure group={group} busy={busy} retry={retry} />
      </header>
      <ul>
        {shown.map((post) => (
          <Row key={post.id} post={post} checked={selected.has(post.id)} refusal={refusals.get(post.id)} onChange={(on) => pick([post.id], on)} />
        ))}
      </ul>
      {group.posts.length > SHOWN && (
        <button type="button" class="button small group-more" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Show fewer" : `Show all ${group.posts.length}`}
        </button>
      )}
    </article>
  );
}

/** The one step that mends the group. */
function Cure({ group, busy, retry }: Pick<GroupProps, "group" | "busy" | "retry">) {
  const failed = group.posts.filter(canRetry);
  const again = failed.length > 0 && !isUnknown(group) && !needsEdit(group) && (
    <button type="button" class={needsReconnect(group) ? "button" : "button primary"} disabled={busy} onClick={() => void retry(failed)}>
      {failed.length === 1 ? "Retry it" : `Retry all ${failed.length}`}
    </button>
  );
  return (
    <div class="group-cure">
      {needsReconnect(group) && (
        <a class="button primary" href={`/console/accounts${group.account ? `?account=${group.account.id}` : ""}`}>
          {group.account ? "Reconnect" : "Go to the accounts"}
        </a>
      )}
      {again}
      {(isUnknown(group) || needsEdit(group)) && group.posts[0] && (
        <a class="button primary" href={`/console/posts/${group.posts[0].id}`}>
          {isUnknown(group) ? "Say what happened" : "Open the first"}
        </a>
      )}
    </div>
  );
}

function Row({ post, checked, refusal, onChange }: { post: Post; checked: boolean; refusal: string | undefined; onChange: (on: boolean) => void }) {
  useStore(zoneMode);
  const words = shortened(post.content.trim().split("\n")[0]!, 120) || "(no text)";
  return (
    <li class={refusal ? "row refused" : "row"} data-post={post.id}>
      <input type="checkbox" checked={checked} aria-label={`Select: ${words}`} onChange={(event) => onChange(event.currentTarget.checked)} />
      <Icon name={platformIcon(post.platform)} size={18} />
      <div class="row-words">
        <a href={`/console/posts/${post.id}`}>{words}</a>
        <p class="quiet">
          <span class="visually-hidden">{platformName(post.platform)}, </span>
          {post.scheduledAt ? instantText(post.scheduledAt, zoneFor(post.timeZone ?? null)) : "no time"}
        </p>
        {refusal && <p class="error">{refusal}</p>}
      </div>
      <Status status={post.status} />
    </li>
  );
}

function Every({ checked, mixed, label, onChange, disabled }: { checked: boolean; mixed: boolean; label: string; onChange: (on: boolean) => void; disabled: boolean }) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (box.current) box.current.indeterminate = mixed;
  }, [mixed]);
  return <input ref={box} type="checkbox" checked={checked} aria-label={label} disabled={disabled} onChange={(event) => onChange(event.currentTarget.checked)} />;
}
