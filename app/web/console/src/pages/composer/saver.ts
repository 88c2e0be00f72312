// Save a form as a draft on the server, soon after each change. One call at a time, so no older text overtakes a newer.
import { api, ApiProblem, createStore, type Post, reasonOf, type Schemas } from "../../core";
import { createOf, editOf, type Form, isEmpty, kindOf } from "./form";
import { forget, keep } from "./kept";

const PAUSE_MS = 700;
const AGAIN_MS = 5_000;

export interface SaveState {
  /** `conflict`: the post was changed elsewhere, and the person decides which text stays. */
  what: "clean" | "dirty" | "saving" | "saved" | "away" | "refused" | "conflict";
  reason: string | null;
}

interface Creation {
  key: string;
  body: Schemas["PostCreate"];
  kind: string;
}

export class Saver {
  readonly state = createStore<SaveState>({ what: "clean", reason: null });
  id: string | null;
  private post: Post | null;
  private form: Form;
  private saved: string;
  private kind: string | null;
  private timer: number | undefined;
  private running: Promise<void> | null = null;
  /** A creation whose answer was lost. It is repeated with its key, so no second draft is made. */
  private creation: Creation | null = null;

  /** `auto`: drafts save themselves. A scheduled post would go out half written, so it waits for an order. */
  constructor(
    post: Post | null,
    form: Form,
    private readonly auto: boolean,
    private readonly moved: (post: Post) => void,
  ) {
    this.post = post;
    this.id = post?.id ?? null;
    this.form = form;
    this.kind = post === null ? null : kindOf(form);
    this.saved = post === null ? "" : this.contentOf(form);
  }

  get dirty(): boolean {
    return this.contentOf(this.form) !== this.saved && !(this.id === null && isEmpty(this.form));
  }

  /** Take a changed form, or one that was kept in the browser. */
  change(form: Form): void {
    this.form = form;
    this.keepCopy();
    if (!this.dirty) {
      const { what } = this.state.get();
      if (what === "dirty" || what === "refused" || what === "conflict") this.state.set({ what: this.id === null ? "clean" : "saved", reason: null });
      return;
    }
    if (this.state.get().what !== "saving") this.state.set({ what: "dirty", reason: null });
    if (this.auto) this.plan(PAUSE_MS);
  }

  /** Save now. Returns the post's id. Raises: ApiProblem. */
  async flush(): Promise<string> {
    await this.idle();
    if (this.dirty || this.id === null) await this.run();
    return this.id!;
  }

  /** Save now, and make sure that the server has the text seen here and no other. Returns the post's id. Raises: ApiProblem. */
  async confirm(): Promise<string> {
    await this.idle();
    await this.run();
    return this.id!;
  }

  /** Save over what was changed elsewhere. */
  async overwrite(): Promise<void> {
    await this.idle();
    try {
      this.post = await api.get("/api/posts/{post_id}", { path: { post_id: this.id! } });
    } catch (error) {
      return this.failed(error);
    }
    await this.run().catch(() => undefined);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  /** Remove the copy in the browser: the work is done. */
  done(): void {
    this.stop();
    forget(this.id);
  }

  private async idle(): Promise<void> {
    clearTimeout(this.timer);
    while (this.running) await this.running.catch(() => undefined);
  }

  private plan(delay: number): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.flush().catch(() => undefined), delay);
  }

  private async run(): Promise<void> {
    this.running = this.save();
    try {
      await this.running;
    } finally {
      this.running = null;
    }
  }

  private async save(): Promise<void> {
    const form = this.form;
    this.state.set({ what: "saving", reason: null });
    try {
      const post = await this.send(form);
      this.post = post;
      this.saved = this.contentOf(form);
      this.state.set({ what: this.dirty ? "dirty" : "saved", reason: null });
    } catch (error) {
      this.failed(error);
      throw error;
    } finally {
      this.keepCopy();
    }
    if (this.auto && this.dirty) this.plan(PAUSE_MS);
  }

  private failed(error: unknown): void {
    const away = error instanceof ApiProblem && (error.offline || error.status === 401 || error.status >= 500 || error.status === 429);
    const conflict = error instanceof ApiProblem && error.code === "changed_meanwhile";
    this.state.set({ what: away ? "away" : conflict ? "conflict" : "refused", reason: reasonOf(error) });
    if (away && this.auto) this.plan(AGAIN_MS);
  }

  private async send(form: Form): Promise<Post> {
    if (this.id !== null && this.kind === kindOf(form)) return this.edit(form);
    const former = this.id;
    const [post, body] = await this.create(form);
    if (former !== null) await this.cancel(former);
    return JSON.stringify(body) === JSON.stringify(createOf(form)) ? post : this.send(form);
  }

  private edit(form: Form): Promise<Post> {
    return api.patch("/api/posts/{post_id}", { path: { post_id: this.id! }, body: this.editOfVersion(form) });
  }

  /** An edit of the version that was read last: another tab or person may have changed the post since. */
  private editOfVersion(form: Form): Schemas["PostEdit"] {
    return this.post === null ? editOf(form) : { ...editOf(form), ifUpdatedAt: this.post.updatedAt };
  }

  /** Create a draft. Returns it with its body, which is an older one where a lost call is repeated. */
  private async create(form: Form): Promise<[Post, Schemas["PostCreate"]]> {
    this.creation ??= { key: crypto.randomUUID(), body: createOf(form), kind: kindOf(form) };
    const { key, body, kind } = this.creation;
    try {
      const post = await api.post("/api/posts", { body, idempotencyKey: key });
      this.creation = null;
      forget(this.id);
      this.id = post.id;
      this.kind = kind;
      this.moved(post);
      return [post, body];
    } catch (error) {
      if (error instanceof ApiProblem && !error.offline && error.status < 500) this.creation = null;
      throw error;
    }
  }

  /** Cancel the draft in whose place another one was written. */
  private async cancel(former: string): Promise<void> {
    await api.delete("/api/posts/{post_id}", { path: { post_id: former } }).catch(() => undefined);
  }

  private contentOf(form: Form): string {
    return JSON.stringify([editOf(form), kindOf(form)]);
  }

  private keepCopy(): void {
    if (this.id === null && isEmpty(this.form)) return forget(null);
    keep(this.id, { form: this.form, dirty: this.dirty, base: this.post?.updatedAt ?? null, at: Date.now() });
  }
}
