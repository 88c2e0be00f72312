// Move or spread the selected posts. A dry run shows each new time before anything changes.
import { useState } from "preact/hooks";
import {
  clock, Dialog, instantText, localOf, localText, type Post, reasonOf, Select, shortened, ShowTheCall, specOf, TextField, viewerZone, type When,
  WhenFields, zoneFor,
} from "../../core";
import { type Operation, type Outcome, reasonOfRow, runBulk, timesOf } from "./bulk";
import { countText } from "./groups";

const UNITS = [
  { value: "M", text: "minutes" },
  { value: "H", text: "hours" },
  { value: "D", text: "days" },
  { value: "W", text: "weeks" },
];
const HOUR_MS = 3_600_000;

interface Props {
  kind: "move" | "spread";
  posts: Post[];
  onClose: () => void;
  onRun: (operations: Operation[], undo: Operation[]) => Promise<unknown>;
}

const whenOf = (ms: number): When => {
  const zone = viewerZone();
  const [date = "", time = ""] = localText(Math.ceil(ms / 60_000) * 60_000, zone).split("T");
  return { date, time, zone };
};

export function MoveDialog({ kind, posts, onClose, onRun }: Props) {
  const [amount, setAmount] = useState("1");
  const [unit, setUnit] = useState("H");
  const [first, setFirst] = useState(() => whenOf(clock.now() + HOUR_MS));
  const [last, setLast] = useState(() => whenOf(clock.now() + 25 * HOUR_MS));
  const [preview, setPreview] = useState<Outcome | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const changed = <T,>(set: (value: T) => void) => (value: T): void => {
    set(value);
    setPreview(null);
  };
  const operations = (): Operation[] | string => {
    if (kind === "move") {
      if (!/^-?[1-9]\d{0,3}$/.test(amount)) return "Give a whole number, for instance 2, or -2 for earlier.";
      const by = `${amount.startsWith("-") ? "-" : ""}P${unit === "M" || unit === "H" ? "T" : ""}${amount.replace("-", "")}${unit}`;
      return posts.map((post) => ({ op: "move", postId: post.id, by }));
    }
    const [from, until] = [localOf(first), localOf(last)];
    if (!from || !until) return "Give both dates, times and zones.";
    if (first.zone !== last.zone) return "Give both times in one zone.";
    return [{ op: "move", postIds: posts.map((post) => post.id), from, until, timeZone: first.zone } as Operation];
  };
  const planned = operations();
  const act = async (then: (wanted: Operation[]) => Promise<unknown>): Promise<void> => {
    if (typeof planned === "string") return setProblem(planned);
    setBusy(true);
    setProblem(null);
    try {
      await then(planned);
    } catch (error) {
      setProblem(reasonOf(error));
    } finally {
      setBusy(false);
    }
  };
  const good = preview?.done.size ?? 0;
  return (
    <Dialog title={kind === "move" ? `Move ${countText(posts.length)}` : `Spread ${countText(posts.length)}`} wide onClose={onClose}
      actions={
        <>
          <button type="button" class="button" onClick={onClose}>Close</button>
          <button type="button" class={preview ? "button" : "button primary"} disabled={busy}
            onClick={() => void act(async (wanted) => setPreview(await runBulk(wanted, true)))}>
            Preview
          </button>
          {preview && good > 0 && (
            <button type="button" class="button primary" disabled={busy} onClick={() => void act((wanted) => onRun(wanted, timesOf(posts)))}>
              {kind === "move" ? "Move" : "Spread"} {countText(good)}
            </button>
          )}
        </>
      }
    >
      {kind === "move" ? (
        <div class="move-by">
          <TextField label="Move each by" inputMode="numeric" value={amount} onInput={changed(setAmount)} hint="A negative number is earlier. Failed posts have no time to move: retry or spread them." />
          <Select label="Unit" value={unit} choices={UNITS} onInput={changed(setUnit)} />
        </div>
      ) : (
        <div class="spread">
          <fieldset><legend>From</legend><WhenFields value={first} onInput={changed(setFirst)} /></fieldset>
          <fieldset><legend>Until</legend><WhenFields value={last} onInput={changed(setLast)} /></fieldset>
          <p class="hint">The posts get equal distances, in their present order.</p>
        </div>
      )}
      {problem && <p class="error" role="alert">{problem}</p>}
      {preview && <Preview posts={posts} outcome={preview} />}
      {typeof planned !== "string" && <ShowTheCall call={specOf("POST", "/api/posts/bulk", { body: { operations: planned, dryRun: preview === null } as never })} />}
    </Dialog>
  );
}

function Preview({ posts, outcome }: { posts: Post[]; outcome: Outcome }) {
  const order = [...posts].sort((a, b) => (outcome.done.get(a.id)?.scheduledAt ?? "~").localeCompare(outcome.done.get(b.id)?.scheduledAt ?? "~"));
  return (
    <div class="spread-preview" role="status">
      <h3>{countText(outcome.done.size)} would change{outcome.refused.size ? `, ${countText(outcome.refused.size)} refused` : ""}</h3>
      <ol tabIndex={0}>
        {order.map((post) => {
          const done = outcome.done.get(post.id);
          const refused = outcome.refused.get(post.id);
          return (
            <li key={post.id} class={refused ? "refused" : undefined}>
              <span class="spread-preview-words">{shortened(post.content, 60)}</span>
              {done?.scheduledAt && <strong>{instantText(done.scheduledAt, zoneFor(post.timeZone ?? null))}</strong>}
              {refused && <span class="error">{reasonOfRow(refused)}</span>}
            </li>
          );
        })}
      </ol>
    </div>
  );
}
