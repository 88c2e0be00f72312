// The buttons below the form, and the questions before something is final.
import { useRef, useState } from "preact/hooks";
import {
  addressOf, announce, api, Ask, clock, instantText, navigate, platformName, reasonOf, ShowTheCall, toast, viewerZone,
} from "../../core";
import type { FieldErrors } from "./Editor";
import { forecast, refusalOf, timeOf, timeProblem, UNKNOWN_ZONE, wholeCall } from "./finishing";
import type { Form } from "./form";
import { neighbourWarnings } from "./neighbours";
import { problemsOf, type Rules, surprisesOf } from "./rules";
import type { Saver } from "./saver";

interface FinishProps {
  form: Form;
  rules: Rules;
  saver: Saver;
  status: string;
  onTried: () => void;
  onRefused: (errors: FieldErrors) => void;
}

type Question = { kind: "warnings"; warnings: string[] } | { kind: "publish"; warnings: string[] } | { kind: "discard" };

const pageOf = (id: string): string => addressOf("/console/posts/{id}", { id });

export function Finish({ form, rules, saver, status, onTried, onRefused }: FinishProps) {
  const [question, setQuestion] = useState<Question | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [busy, setBusy] = useState<string | null>(null);
  const working = useRef(false);
  const root = useRef<HTMLDivElement>(null);
  const isDraft = status === "draft";

  const showFirst = (): void => {
    requestAnimationFrame(() => root.current?.closest("form")?.querySelector<HTMLElement>("[aria-invalid], .question button, .question input")?.focus());
  };
  /** One action at a time: a second click while the first is on its way does nothing. */
  const run = async (name: string, action: () => Promise<void>): Promise<void> => {
    if (working.current) return;
    working.current = true;
    setBusy(name);
    setRefusal(null);
    try {
      await action();
    } catch (error) {
      const { fields, rest } = refusalOf(error);
      setQuestion(null);
      onRefused(fields);
      setRefusal(rest);
      announce(rest ?? Object.values(fields).join(" "));
      showFirst();
    } finally {
      working.current = false;
      setBusy(null);
    }
  };
  const isReady = (withTime: boolean): boolean => {
    onTried();
    const { content, media } = problemsOf(form, rules);
    const time = withTime ? timeProblem(form) : null;
    onRefused(time && time !== UNKNOWN_ZONE ? { scheduledAt: time } : {});
    const found = [content, media, time, form.accountId ? null : "Choose the account that publishes this post."].filter(Boolean);
    setRefusal(null);
    if (found.length === 0) return true;
    announce(found.join(" "));
    showFirst();
    return false;
  };

  const commit = async (): Promise<void> => {
    const id = await saver.confirm();
    const answer = await api.post("/api/posts/{post_id}/schedule", { path: { post_id: id }, body: timeOf(form) });
    saver.done();
    const at = instantText(answer.scheduledAt, answer.timeZone ?? viewerZone());
    toast({ text: `Scheduled for ${at}.`, tone: "good", ...(isDraft ? { undo: () => unschedule(id) } : {}) });
    navigate(pageOf(id));
  };
  const schedule = (): void => {
    if (!isReady(true)) return;
    void run("schedule", async () => {
      const id = await saver.confirm();
      const { warnings, problem } = await forecast(id, form);
      if (problem) throw problem;
      const all = [...new Set([...surprisesOf(form, rules), ...warnings])];
      if (all.length > 0) setQuestion({ kind: "warnings", warnings: all });
      else await commit();
    });
  };
  const save = (): void =>
    void run("save", async () => {
      const id = await saver.flush();
      saver.done();
      toast({ text: isDraft ? "The draft is saved." : "The changes are saved.", tone: "good" });
      navigate(pageOf(id));
    });
  const askToPublish = (): void => {
    if (!isReady(false)) return;
    void run("ask", async () => {
      const id = await saver.confirm();
      const near = await neighbourWarnings(id, form, clock.now()).catch(() => []); // a warning is a courtesy
      setQuestion({ kind: "publish", warnings: [...surprisesOf(form, rules), ...near] });
    });
  };
  const publish = (): void =>
    void run("publish", async () => {
      const id = await saver.confirm();
      await api.post("/api/posts/{post_id}/publish", { path: { post_id: id }, body: {} });
      saver.done();
      navigate(pageOf(id));
    });
  const discard = (): void =>
    void run("discard", async () => {
      saver.stop();
      if (saver.id !== null) await api.delete("/api/posts/{post_id}", { path: { post_id: saver.id } });
      saver.done();
      toast({ text: "The draft is discarded." });
      navigate("/");
    });
  const close = (): void => setQuestion(null);
  return (
    <div class="finish" ref={root}>
      {refusal && <p class="error" role="alert">{refusal}</p>}
      <div class="finish-buttons">
        <button type="button" class="button primary" disabled={busy !== null} onClick={schedule}>
          {busy === "schedule" ? "Scheduling …" : status === "scheduled" ? "Save and schedule" : "Schedule"}
        </button>
        <button type="button" class="button" disabled={busy !== null} onClick={askToPublish}>
          Publish now
        </button>
        <button type="button" class="button" disabled={busy !== null} onClick={save}>
          {isDraft ? "Save draft" : "Save text only"}
        </button>
        {isDraft && (
          <button type="button" class="button danger quiet-button" disabled={busy !== null} onClick={() => setQuestion({ kind: "discard" })}>
            Discard
          </button>
        )}
      </div>
      <ShowTheCall call={{ method: "POST", url: "/api/posts", body: wholeCall(form) }} />
      {question?.kind === "warnings" && (
        <Ask title="Before it is final" yes="Schedule anyway" no="Go back" busy={busy} onNo={close} onYes={() => void run("schedule", commit)}>
          <Warnings all={question.warnings} />
        </Ask>
      )}
      {question?.kind === "publish" && (
        <Ask title="Publish now?" yes="Yes, publish now" no="Not yet" busy={busy} onNo={close} onYes={publish}>
          <p>It goes out to {platformName(form.platform)} at once, and cannot be called back from here.</p>
          <Warnings all={question.warnings} />
        </Ask>
      )}
      {question?.kind === "discard" && (
        <Ask title="Discard this draft?" yes="Discard it" no="Keep it" danger busy={busy} onNo={close} onYes={discard}>
          <p>Its text and its files' addresses are gone then.</p>
        </Ask>
      )}
    </div>
  );
}

async function unschedule(id: string): Promise<void> {
  try {
    await api.post("/api/posts/{post_id}/unschedule", { path: { post_id: id } });
    toast({ text: "It is a draft again.", link: { href: `/console/posts/new?id=${id}`, text: "Edit it" } });
  } catch (error) {
    toast({ text: reasonOf(error), tone: "bad" });
  }
}

function Warnings({ all }: { all: string[] }) {
  if (all.length === 0) return null;
  return (
    <ul class="warnings">
      {all.map((one) => (
        <li key={one}>{one}</li>
      ))}
    </ul>
  );
}
