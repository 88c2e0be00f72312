// Move a post to another time: the same fields and questions as in the composer.
import { useRef, useState } from "preact/hooks";
import { api, Dialog, instantText, type Post, ShowTheCall, specOf, toast, viewerZone } from "../../core";
import { refusalOf, timeOf, timeProblem } from "../composer/finishing";
import { formOf } from "../composer/form";
import { WhenChoice } from "../composer/WhenChoice";

interface MoveProps {
  post: Post;
  onClose: () => void;
  onMoved: () => void;
}

export function MoveDialog({ post, onClose, onMoved }: MoveProps) {
  const [form, setForm] = useState(() => formOf(post));
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const working = useRef(false);
  const path = { post_id: post.id };
  const problem = timeProblem(form);
  const move = async (): Promise<void> => {
    if (working.current) return;
    if (problem) return setError(problem);
    working.current = true;
    setBusy(true);
    try {
      const answer = await api.post("/api/posts/{post_id}/schedule", { path, body: timeOf(form) });
      const at = instantText(answer.scheduledAt, answer.timeZone ?? viewerZone());
      toast({ text: [`Scheduled for ${at}.`, ...answer.warnings.map((one) => one.message)].join(" "), tone: "good" });
      onMoved();
    } catch (failure) {
      const { fields, rest } = refusalOf(failure);
      setError(rest ?? Object.values(fields).join(" "));
    } finally {
      working.current = false;
      setBusy(false);
    }
  };
  const verb = post.status === "scheduled" ? "Move" : "Schedule";
  return (
    <Dialog
      title={verb}
      wide
      onClose={onClose}
      actions={
        <>
          <button type="button" class="button" onClick={onClose}>
            Leave it
          </button>
          <button type="button" class="button primary" disabled={busy} onClick={() => void move()}>
            {busy ? "Scheduling …" : verb === "Move" ? "Move it" : "Schedule it"}
          </button>
        </>
      }
    >
      <WhenChoice form={form} error={error} onInput={(part) => (setForm({ ...form, ...part }), setError(null))} />
      {problem === null && (
        <ShowTheCall call={specOf("POST", "/api/posts/{post_id}/schedule", { path, body: timeOf(form) })} />
      )}
    </Dialog>
  );
}
