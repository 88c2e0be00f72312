// The question after an unknown outcome. Only a look at the platform can answer it.
import { useRef, useState } from "preact/hooks";
import { api, Icon, type Post, platformName, reasonOf, ShowTheCall, specOf, TextField, toast } from "../../core";
import { ACTIONS } from "./actions";

interface DoubtProps {
  post: Post;
  /** Runs the send with force, once. */
  onSend: () => void;
  busy: boolean;
  onAnswered: () => void;
}

export function Doubt({ post, onSend, busy, onAnswered }: DoubtProps) {
  const [url, setUrl] = useState("");
  const [error, setError] = useState<string | null>(null);
  const working = useRef(false);
  const platform = platformName(post.platform);
  const path = { post_id: post.id };
  const body = /^https?:/.test(url) ? { url } : { externalPostId: url };
  const attach = async (): Promise<void> => {
    if (working.current) return;
    if (!url) return setError(`Paste the post's link at ${platform}.`);
    working.current = true;
    try {
      await api.post("/api/posts/{post_id}/attach", { path, body });
      toast({ text: "It is settled: the post is published.", tone: "good" });
      onAnswered();
    } catch (failure) {
      setError(reasonOf(failure));
    } finally {
      working.current = false;
    }
  };
  return (
    <section class="post-part doubt" aria-labelledby="doubt">
      <h2 id="doubt">
        <Icon name="help" /> Is this post on {platform}?
      </h2>
      <p>
        It was sent, and no clear answer came back. Sending it again could publish it twice, so nothing happens until you
        have looked at the account.
      </p>
      <div class="doubt-answers">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void attach();
          }}
        >
          <h3>It is there</h3>
          <TextField
            label="Paste its link"
            value={url}
            placeholder="https://…"
            autocomplete="off"
            spellcheck={false}
            error={error}
            onInput={(text) => (setUrl(text.trim()), setError(null))}
          />
          <button type="submit" class="button primary">
            It is there: take this link
          </button>
          {url && <ShowTheCall call={specOf("POST", "/api/posts/{post_id}/attach", { path, body })} />}
        </form>
        <div>
          <h3>It is not there</h3>
          <p class="quiet">Then it can go out again now, with the same text.</p>
          <button type="button" class="button" disabled={busy} onClick={onSend}>
            {ACTIONS.retryByForce.label}
          </button>
          <ShowTheCall call={ACTIONS.retryByForce.call(post)} />
        </div>
      </div>
    </section>
  );
}
