// The form beside its preview.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { platformName, type Post, Select, setQuery, TextArea, useStore } from "../../core";
import { accounts, rememberAccount, usableFor, withAccount } from "./accounts";
import type { Start } from "./Composer";
import { Counts } from "./Counts";
import { Finish } from "./Finish";
import { type Account, type Form, formOf, wholeMedia } from "./form";
import { MediaFields } from "./MediaFields";
import { Preview } from "./Preview";
import { platformOf, problemsOf, type Rules, typeOf } from "./rules";
import { SavedState } from "./SavedState";
import { Saver } from "./saver";
import { WhenChoice } from "./WhenChoice";

interface EditorProps {
  start: Start;
  rules: Rules;
  onCreated: (post: Post) => void;
  /** Begin again with what the server has. */
  onWithoutKept: () => void;
}

export type FieldErrors = Record<string, string>;

export function Editor({ start, rules, onCreated, onWithoutKept }: EditorProps) {
  const [form, setForm] = useState(start.form);
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState<FieldErrors>({});
  const status = start.post?.status ?? "draft";
  const isDraft = status === "draft";
  const latest = useRef(onCreated);
  latest.current = onCreated;
  const saver = useMemo(() => {
    const created = (post: Post): void => {
      latest.current(post);
      setQuery({ id: post.id, from: null, at: null, zone: null });
    };
    return new Saver(start.post, start.post === null ? start.form : formOf(start.post), isDraft, created);
  }, []);
  useEffect(() => () => saver.stop(), []);
  useEffect(() => {
    if (start.copy !== "conflict") saver.change(start.form); // text that was kept here has to reach the server
  }, []);

  const change = (next: Form): void => {
    setForm(next);
    setRefused({});
    saver.change(next);
  };
  const takeSaved = (): void => (saver.stop(), onWithoutKept());
  const platform = platformOf(rules, form.platform);
  const type = typeOf(platform, form.postType);
  const problems = problemsOf(form, rules);
  const all = useStore(accounts) ?? [];
  const author = all.find((one) => one.id === form.accountId)?.accountName ?? "No account chosen";
  const tooLong = problems.content !== null && form.content.trim() !== "";
  return (
    <section class="page composer">
      <header class="composer-head">
        <h1>{start.post === null || isDraft ? "New post" : "Edit post"}</h1>
        <SavedState saver={saver} isDraft={isDraft} onTakeSaved={takeSaved} />
      </header>
      {start.notice && (
        <p class="composer-notice" role="status">
          {start.notice}{" "}
          {(start.copy === "conflict" || (start.copy === "kept" && !isDraft)) && (
            <button type="button" class="button small" onClick={takeSaved}>
              Take the saved version
            </button>
          )}
        </p>
      )}
      <div class="composer-columns">
        <form class="composer-form" onSubmit={(event) => event.preventDefault()} noValidate>
          <Target form={form} all={all} rules={rules} fixed={!isDraft} tried={tried} refused={refused} onInput={change} />
          <div class="composer-text">
            <TextArea
              label="Text"
              value={form.content}
              rows={9}
              onInput={(content) => change({ ...form, content })}
              error={refused.content ?? (tooLong || tried ? problems.content : null)}
            />
            <Counts text={form.content} rules={platform.text} />
          </div>
          <MediaFields
            form={form}
            type={type}
            checks={rules.checksMedia}
            most={rules.maxMedia}
            error={refused.media ?? (form.media.length > 0 || tried ? problems.media : null)}
            errors={byIndex(refused)}
            onInput={(media) => change({ ...form, media })}
          />
          <WhenChoice form={form} error={refused.scheduledAt ?? null} onInput={(part) => change({ ...form, ...part })} />
          <Finish
            form={form}
            rules={rules}
            saver={saver}
            status={status}
            onTried={() => setTried(true)}
            onRefused={setRefused}
          />
        </form>
        <Preview platform={platform} type={type} author={author} text={form.content} media={wholeMedia(form)} />
      </div>
    </section>
  );
}

const byIndex = (refused: FieldErrors): Record<number, string> =>
  Object.fromEntries(
    Object.entries(refused).flatMap(([field, message]) => {
      const found = /^media\.(\d+)/.exec(field);
      return found ? [[Number(found[1]), message]] : [];
    }),
  );

interface TargetProps {
  form: Form;
  all: Account[];
  rules: Rules;
  fixed: boolean;
  tried: boolean;
  refused: FieldErrors;
  onInput: (form: Form) => void;
}

/** The account, and with it the platform, and the type of post. */
function Target({ form, all, rules, fixed, tried, refused, onInput }: TargetProps) {
  const usable = usableFor(form, all, fixed);
  const choices = usable.map((one) => ({
    value: one.id,
    text: `${platformName(one.platform)} · ${one.accountName}${one.status === "active" ? "" : " (reconnect needed)"}`,
  }));
  const chosen = usable.find((one) => one.id === form.accountId);
  if (!chosen) choices.unshift({ value: "", text: usable.length > 0 ? "Choose an account" : "No account yet" });
  const types = platformOf(rules, form.platform).postTypes.map((one) => ({ value: one.name, text: one.name }));
  const missing = tried && !chosen ? "Choose the account that publishes this post." : null;
  const warning =
    chosen && chosen.status !== "active" ? "This account has to be reconnected before the post can go out." : null;
  return (
    <div class="composer-target">
      <Select
        label="Account"
        value={chosen ? form.accountId : ""}
        choices={choices}
        error={refused.socialAccountId ?? missing ?? warning}
        hint={usable.length === 0 && <a href="/console/accounts">Connect an account</a>}
        onInput={(id) => {
          const account = usable.find((one) => one.id === id);
          if (!account) return;
          rememberAccount(account.id);
          onInput(fitting(withAccount(form, account), rules));
        }}
      />
      <Select
        label="Type of post"
        value={form.postType}
        choices={types.map((one) => ({ ...one, text: one.text[0]!.toUpperCase() + one.text.slice(1) }))}
        disabled={fixed}
        error={refused.postType ?? null}
        hint={fixed ? "Duplicate the post for another type." : null}
        onInput={(postType) => onInput({ ...form, postType: postType as Form["postType"] })}
      />
    </div>
  );
}

/** A platform may lack the type of post that was chosen for another one. */
function fitting(form: Form, rules: Rules): Form {
  return { ...form, postType: typeOf(platformOf(rules, form.platform), form.postType).name as Form["postType"] };
}
